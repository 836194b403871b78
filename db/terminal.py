"""Strangers' text on a terminal: nothing that moves the cursor or changes colours gets through."""

import unicodedata


def printable(value: str) -> str:
    r"""Replace control, format and surrogate characters by \xNN or \uNNNN."""
    return "".join(c if unicodedata.category(c) not in ("Cc", "Cf", "Cs") else _escape(c) for c in value)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
