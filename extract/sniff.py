"""Formats by content, never by extension.

`sniff` looks at the first 64 KiB. With a path it may look deeper: for an archive behind a program (SFX) or behind
other bytes in front (ZIP keeps its directory at the end). Sources: the formats' own specifications as listed by the
`file` magic database; TAR from POSIX.1-1988 (ustar) and the header checksum, which older TARs without magic have too.
"""

import re
import struct
from pathlib import Path

from extract.signatures import signature

HEAD_BYTES = 64 * 1024
_SFX_BYTES = 4 << 20
_TAIL_BYTES = 66 * 1024

ARCHIVE_FORMATS: frozenset[str] = frozenset(
    [
        "zip",
        "rar",
        "7z",
        "tar",
        "gzip",
        "bzip2",
        "xz",
        "lzma",
        "zstd",
        "lz4",
        "compress",
        "iso",
        "cab",
        "ar",
        "cpio",
        "rpm",
        "lzh",
        "arj",
        "wim",
        "xar",
        "squashfs",
    ]
)

_PNG = b"\x89PNG\r\n\x1a\n"
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"PK\x03\x04", "zip"),
    (0, b"PK\x05\x06", "zip"),
    (0, b"PK\x06\x06", "zip"),
    (0, b"PK\x07\x08PK\x03\x04", "zip"),
    (0, b"PK00PK\x03\x04", "zip"),
    (0, b"Rar!\x1a\x07\x00", "rar"),
    (0, b"Rar!\x1a\x07\x01\x00", "rar"),
    (0, b"RE~^", "rar"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"\x1f\x8b\x08", "gzip"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ\x00", "xz"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"\x04\x22\x4d\x18", "lz4"),
    (0, b"\x1f\x9d", "compress"),
    (0, b"MSCF\0\0\0\0", "cab"),
    (0, b"!<arch>\n", "ar"),
    (0, b"070701", "cpio"),
    (0, b"070702", "cpio"),
    (0, b"070707", "cpio"),
    (0, b"\xc7\x71", "cpio"),
    (0, b"\xed\xab\xee\xdb", "rpm"),
    (0, b"\x60\xea", "arj"),
    (0, b"MSWIM\0\0\0", "wim"),
    (0, b"xar!", "xar"),
    (0, b"hsqs", "squashfs"),
    (2, b"-lh", "lzh"),
    (2, b"-lz", "lzh"),
    (0x8001, b"CD001", "iso"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"BM", "bmp"),
    (0, b"8BPS", "psd"),
    (0, b"gimp xcf ", "xcf"),
    (0, b"II*\0", "tiff"),
    (0, b"MM\0*", "tiff"),
    (0, b"\0\0\1\0", "ico"),
    (0, b"DDS ", "dds"),
    (0, b"qoif", "qoi"),
    (0, b"BLENDER", "blend"),
    (0, b"%PDF-", "pdf"),
    (0, b"FWS", "swf"),
    (0, b"CWS", "swf"),
    (0, b"ZWS", "swf"),
    (0, b"OggS", "ogg"),
    (0, b"fLaC", "flac"),
    (0, b"ID3", "mp3"),
    (4, b"ftyp", "mp4"),
    (0, b"\x7fELF", "elf"),
    (0, b"MZ", "exe"),
)
_WEAK = frozenset({"bmp", "ico", "compress", "arj", "cpio", "exe", "swf", "lzh", "bzip2"})
_SHELLS = frozenset({"exe", "elf", "unknown", "text"})


def sniff(head: bytes, path: Path | None = None) -> str:
    """Return the format of a file from its first 64 KiB: a word such as 'zip', 'png', 'text', 'unknown' or 'empty'.

    With `path`, programs and unknown files are searched for an archive behind them. Raises OSError from reading it.
    """
    if not head:
        return "empty"
    if head.startswith(_PNG):
        return "png"  # most of what we meet, and nothing is surer than its eight bytes
    found = signature(head) or _by_magic(head) or _by_riff(head)
    if found is None or found in _WEAK:
        found = "tar" if is_tar_header(head) else found
    found = found or _by_weaker_signs(head)
    if path is not None and found in _SHELLS:
        return _deeper(path) or found
    return found


def _by_magic(head: bytes) -> str | None:
    for offset, magic, name in _MAGIC:
        if head.startswith(magic, offset) and (name not in _WEAK or _weak_holds(name, head)):
            return name
    return None


def _weak_holds(name: str, head: bytes) -> bool:
    """Hold a short magic against a second field of the same header."""
    if name == "bmp":
        return len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in (12, 16, 40, 52, 56, 64, 108, 124)
    if name == "ico":
        return len(head) >= 22 and 0 < struct.unpack_from("<H", head, 4)[0] <= 256 and head[9] == 0
    if name == "lzh":
        return len(head) >= 22 and head[6:7] == b"-"
    if name == "bzip2":
        return head[3:4] in b"123456789" and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90")
    if name == "compress":
        return len(head) >= 3 and 9 <= head[2] & 0x1F <= 16 and not head[2] & 0x60
    if name == "swf":
        return len(head) >= 8 and 0 < head[3] < 60
    return len(head) >= 30


def _by_riff(head: bytes) -> str | None:
    if head[:4] == b"RIFF":
        return {b"WEBP": "webp", b"WAVE": "wav"}.get(head[8:12])
    if len(head) >= 13 and head[:3] == b"\x5d\0\0" and head[5:13] == b"\xff" * 8:
        return "lzma"
    return None


def is_tar_header(head: bytes) -> bool:
    """Tell whether the first 512 bytes are a TAR header: its checksum is right, signed or unsigned, and not blank.

    An archive of nothing but zero blocks is an empty TAR: true for a head of at least two whole blocks of zeros.
    """
    block = head[:512]
    if len(block) < 512:
        return False
    if not block.strip(b"\0"):
        return 1024 <= len(head) <= 20480 and len(head) % 512 == 0 and not head.strip(b"\0")
    if not re.fullmatch(rb"[ \0]*[0-7]+[ \0]*", block[148:156]):
        return False
    claimed = int(block[148:156].strip(b" \0"), 8)
    rest = block[:148] + b" " * 8 + block[156:]
    unsigned = sum(rest)
    return claimed in (unsigned, unsigned - 256 * sum(byte > 127 for byte in rest))


def _by_weaker_signs(head: bytes) -> str:
    """Tell text from the rest, and a TGA by its header (it has no magic at the start)."""
    start = head[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] == b"<":
        return _markup(start)
    if start[:1] in (b"{", b"[") and _is_text(head):
        return "json"
    if _is_text(head):
        return "text"
    return "tga" if _is_tga(head) else "unknown"


def _markup(start: bytes) -> str:
    lower = start.lower()
    if b"<svg" in lower:
        return "svg"
    if lower.startswith((b"<!doctype html", b"<html")):
        return "html"
    return "xml" if lower.startswith(b"<?xml") or re.match(rb"<[a-z_][\w:.-]*[\s/>]", lower) else "text"


def _is_text(head: bytes) -> bool:
    sample = head[:4096]
    return not re.search(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]", sample)


def _is_tga(head: bytes) -> bool:
    if len(head) < 18:
        return False
    palette, kind, first, _, depth = struct.unpack_from("<BBHHB", head, 1)
    width, height, bits, flags = struct.unpack_from("<HHBB", head, 12)
    palette_right = (palette == 1 and kind in (1, 9) and depth in (15, 16, 24, 32)) or (
        palette == 0 and kind in (2, 3, 10, 11) and first == 0
    )
    return palette_right and bits in (8, 15, 16, 24, 32) and width > 0 and height > 0 and not flags & 0xC0


def _deeper(path: Path) -> str | None:
    """Return the archive format behind a program or other bytes."""
    with path.open("rb") as stream:
        front = stream.read(_SFX_BYTES)
        size = stream.seek(0, 2)
        stream.seek(max(0, size - _TAIL_BYTES))
        tail = stream.read()
    if has_zip_directory(tail, size):
        return "zip"
    for magic, name in (
        (b"7z\xbc\xaf\x27\x1c\0", "7z"),
        (b"Rar!\x1a\x07\x01\x00", "rar"),
        (b"Rar!\x1a\x07\x00", "rar"),
    ):
        if magic in front:
            return name
    return None


def has_zip_directory(tail: bytes, size_bytes: int) -> bool:
    """Tell whether a file's last 66 KiB hold an end of central directory whose numbers fit the file's size."""
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        return False
    count, size, offset, comment = struct.unpack_from("<HIIH", tail, at + 10)
    end = size_bytes - len(tail) + at
    fits = offset + size <= end or 0xFFFFFFFF in (size, offset)
    return fits and at + 22 + comment <= len(tail) and (count > 0 or size == 0)
