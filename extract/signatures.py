"""Signatures of images, and of what holds no raster: its type is worth naming.

`signature` is asked before the archives' magic numbers, so it must be sure: every entry is at least three bytes long
or held against a second field. Sources: the formats' own specifications, as listed by the `file` magic database.
"""

import re
import struct
from collections.abc import Callable

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    # images
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "jp2"),
    (0, b"\xff\x4f\xff\x51\0", "jp2"),
    (0, b"icns", "icns"),
    (0, b"II+\0\x08\0\0\0", "tiff"),
    (0, b"MM\0+\0\x08\0\0", "tiff"),
    (0, b"\xb1\x68\xde\x3a", "dcx"),
    (0, b"\x59\xa6\x6a\x95", "sun"),
    (0, b"/* XPM */", "xpm"),
    # no raster, or none that is a picture of its own
    (0, b"ASEF\0\1\0\0", "swatches"),
    (0, b"%!PS-Adobe", "postscript"),
    (0, b"\xc5\xd0\xd3\xc6", "postscript"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole2"),
    (0, b"GIMP Palette", "palette"),
    (0, b"JASC-PAL", "palette"),
    (20, b"GIMP", "brush"),
    (20, b"GPAT", "pattern"),
    # 3D
    (0, b"glTF", "gltf"),
    (0, b"Kaydara FBX Binary", "fbx"),
    (0, b"; FBX ", "fbx"),
    (0, b"IDP2", "md2"),
    (0, b"IDP3", "md3"),
    (0, b"MS3D000000", "ms3d"),
    (0, b"BB3D", "b3d"),
    (0, b"INTERQUAKEMODEL", "iqm"),
    (0, b"xof 0", "x"),
    (0, b"PXR-USDC", "usd"),
    (0, b"ply\n", "ply"),
    (0, b"ply\r\n", "ply"),
    (0, b"VOX \x96", "vox"),
    # fonts
    (0, b"OTTO\0", "font"),
    (0, b"ttcf\0", "font"),
    (0, b"wOFF", "font"),
    (0, b"wOF2", "font"),
    (0, b"\0\1\0\0\0", "font"),
    (0, b"true\0", "font"),
    # sound
    (0, b"MThd\0\0\0\6", "midi"),
    (0, b"Extended Module: ", "xm"),
    (0, b"IMPM", "it"),
    (0x2C, b"SCRM", "s3m"),
    (0x438, b"M.K.", "mod"),
    (0, b"#!AMR", "amr"),
    (0, b"wvpk", "wavpack"),
    # films and the rest
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    (0, b"FLV\1", "flv"),
    (0, b"\0\0\1\xba", "mpeg"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (0, b"SQLite format 3\0", "sqlite"),
    (0, b"\xca\xfe\xba\xbe", "java"),
    (0, b"\xab\x4b\x54\x58\x20", "ktx"),
)
_HEIF = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})
_RIFF = {b"ACON": "ani", b"AVI ": "avi"}
_FORM = {b"AIFF": "aiff", b"AIFC": "aiff", b"ILBM": "ilbm", b"PBM ": "ilbm"}
_PAINTED = {b"application/x-kra": "kra", b"application/x-krita": "kra", b"image/openraster": "ora"}


def signature(head: bytes) -> str | None:
    """Return the format that a file's first bytes are sure of, or None."""
    for offset, magic, name in _MAGIC:
        if head.startswith(magic, offset):
            return name
    return _boxes(head) or _chunks(head) or _painted(head) or _small_headers(head)


def _boxes(head: bytes) -> str | None:
    """Tell pictures from films among ISO base media files (ISO/IEC 14496-12): by their brands."""
    if head[4:8] != b"ftyp":
        return None
    size = struct.unpack_from(">I", head)[0]
    brands = {head[8:12]} | {head[at : at + 4] for at in range(16, min(size, 256), 4)}
    if brands & {b"avif", b"avis"}:
        return "avif"
    return "heif" if brands & _HEIF else "mp4"


def _chunks(head: bytes) -> str | None:
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    return _FORM.get(head[8:12]) if head[:4] == b"FORM" else None


def _painted(head: bytes) -> str | None:
    """Tell Krita and OpenRaster from other zip files: their first member, stored, is `mimetype`."""
    if not head.startswith(b"PK\x03\x04") or head[30:38] != b"mimetype":
        return None
    extra = struct.unpack_from("<H", head, 28)[0]
    said = head[38 + extra : 38 + extra + 64]
    return next((name for mime, name in _PAINTED.items() if said.startswith(mime)), None)


def _small_headers(head: bytes) -> str | None:
    """Tell formats whose magic number is short, by a second field."""
    if len(head) < 16:
        return None
    return next((name for name, holds in _SMALL if holds(head)), None) or _portable(head)


def _is_fli(head: bytes) -> bool:
    return len(head) >= 128 and head[4:6] in (b"\x11\xaf", b"\x12\xaf") and head[12:14] in (b"\x08\0", b"\0\0")


def _is_cursor(head: bytes) -> bool:
    return head[:4] == b"\0\0\2\0" and len(head) >= 22 and head[4] > 0 and head[5] == 0 and head[9] == 0


def _is_pcx(head: bytes) -> bool:
    known = head[:1] == b"\x0a" and head[1] in (0, 2, 3, 4, 5) and head[2] == 1 and head[3] in (1, 2, 4, 8)
    return known and len(head) >= 128 and head[64] == 0


def _is_3ds(head: bytes) -> bool:
    """TIFF begins with MM too."""
    return head[:2] == b"MM" and head[2:4] not in (b"\0*", b"\0+") and head[6:8] in (b"\x02\0", b"\x3d\x3d")


def _is_mp3(head: bytes) -> bool:
    return head[:2] in (b"\xff\xfb", b"\xff\xf3", b"\xff\xf2") and head[2] >> 4 not in (0, 15)


_SMALL: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("ase", lambda head: len(head) >= 128 and head[4:6] == b"\xe0\xa5"),
    ("fli", _is_fli),
    ("jxl", lambda head: head[:2] == b"\xff\x0a" and head[2:4] != b"\xff\xff"),
    ("cur", _is_cursor),
    ("sgi", lambda head: head[:2] == b"\x01\xda" and head[2] in (0, 1) and head[3] in (1, 2) and len(head) > 512),
    ("pcx", _is_pcx),
    ("3ds", _is_3ds),
    ("mp3", _is_mp3),
)


def _portable(head: bytes) -> str | None:
    """Tell the netpbm formats: a letter P, a digit, and then numbers in text. Pillow reads the first six."""
    if re.match(rb"P[1-6]\s+(#[^\n]*\n\s*)*\d+\s+(#[^\n]*\n\s*)*\d+\s", head[:2048]):
        return "ppm"
    return "pam" if re.match(rb"P7\n(#[^\n]*\n)*WIDTH \d|P[Ff]\s+\d+\s+\d+\s", head[:2048]) else None
