"""Strangers' text in files that people open: no spreadsheet takes it for a formula, no terminal for a command.

A file is shown in a terminal sooner or later, whatever it was written for, so control characters leave it written out.
Where a spreadsheet splits at other characters than ours (semicolons, say), what follows them is a cell, too.
"""

import json
import re
from typing import Any

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_FORMULA = re.compile(r'(?:^|(?<=[;\t\r\n]))(?=[\t\r\n]|"*[=+\-@＝＋－＠])')
_CELL_START = re.compile(r'(?:^|(?<=[;,]))[=+\-@＝＋－＠"]')
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_BREAKS = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def escape(character: str) -> str:
    r"""Return a character as \xNN or \uNNNN."""
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def tame(value: str) -> str:
    r"""Write out, as \xNN or \uNNNN, what steers a terminal: controls but tab and line ends, and turns of direction."""
    return _CONTROL.sub(lambda found: escape(found[0]), value)


def harmless(value: str) -> str:
    """Return text for a cell of a CSV: tame, and with an apostrophe before what would be run (OWASP: CSV injection)."""
    return tame(_FORMULA.sub("'", value))


def tsv_cell(value: str) -> str:
    r"""Return text for a cell of a TSV; \t \n \r \\ \xNN \uNNNN give back what was there."""
    return _CELL_START.sub(lambda found: escape(found[0]), tame(value.translate(_BREAKS)))


def json_line(value: Any) -> str:
    """Return JSON in one line, in which no terminal sees a control character: they are escaped as JSON does it."""
    text = json.dumps(value, ensure_ascii=False)
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
