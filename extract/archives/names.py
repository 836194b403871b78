"""Member names: from the bytes an archive holds to a path that is safe to keep.

Two steps, both pure. `decode_names` reads all undeclared names of an archive together, because one short name says
too little about its encoding. `safe_path` then makes a path that cannot leave a folder; it loses no member. Decoding
comes first: 0x5C, the backslash, is the second byte of common kana and kanji in Shift_JIS.
"""

import re
from collections.abc import Sequence

import chardet

from extract.archives.interface import Name

SAMPLE_BYTES = 64 * 1024
MAX_PATH_CHARS = 4096
_ENCODINGS = re.compile(
    r"(?i)(cp|windows-?|ibm|mac|iso-?8859|koi8|shift_?jis|sjis|euc|gb|big5|johab|tis|hz|uhc|viscii)"
)


def decode_names(names: Sequence[Name]) -> list[str]:
    """Return each name as text: what the format declares, else UTF-8 if valid, else one guess for all, else cp437."""
    guess: str | None = None
    unknown = [name.raw for name in names if name.text is None and not _is_utf8(name.raw)]
    if unknown:
        guess = _guess_encoding(unknown)
    return [name.text if name.text is not None else _decode(name.raw, guess) for name in names]


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _guess_encoding(raws: Sequence[bytes]) -> str | None:
    """Return the encoding chardet finds plausible for all names together, if it can decode every one of them."""
    sample = b"\n".join(dict.fromkeys(raws))[:SAMPLE_BYTES]
    encoding = chardet.detect(sample)["encoding"]
    if encoding is None or not _ENCODINGS.match(encoding):
        return None
    try:
        if b"/.png".decode(encoding) != "/.png":
            return None  # EBCDIC
        for raw in raws:
            raw.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None
    return encoding


def _decode(raw: bytes, guess: str | None) -> str:
    if _is_utf8(raw):
        return raw.decode("utf-8")
    return raw.decode(guess or "cp437")


def safe_path(name: str) -> tuple[str, str]:
    """Return a safe path and what had to be changed ('' when nothing worth noting).

    The path is relative, separated by `/`, without empty, `.` or `..` parts, drives or NUL; never empty. A path that
    came out of here comes out unchanged.
    """
    notes: list[str] = []
    text = name.encode("utf-8", "replace").decode("utf-8")
    if "\0" in text:
        notes.append("NUL in name")
        text = text.partition("\0")[0]
    text = text.replace("\\", "/")
    if text.startswith("/"):
        notes.append("absolute name")
    path = _relative(text, notes)
    if len(path) > MAX_PATH_CHARS:
        notes.append(f"name of {len(path)} characters, limit {MAX_PATH_CHARS}")
        path = _relative(path[-MAX_PATH_CHARS:].partition("/")[2] or path[-255:], notes)
    return path or "unnamed", ", ".join(dict.fromkeys(notes))


def _relative(text: str, notes: list[str]) -> str:
    """Drop `.`, `..` and drives, as often as it takes: `C:..` is a drive in front of a step up."""
    while True:
        parts = [part for part in text.split("/") if part not in ("", ".")]
        if ".." in parts:
            notes.append("climbing name")
            parts = [part for part in parts if part != ".."]
        path = "/".join(parts)
        if not (drive := re.match(r"[A-Za-z]:", path)):
            return path
        notes.append("drive in name")
        text = path[drive.end() :]
