"""Small valid inputs to mutate, built by code: one list for each target."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial

import lz4.frame
import py7zr
import rars
import zstandard
from PIL import Image

FILES = {"a.txt": b"alpha " * 20, "d/b.png": bytes(range(200)), "empty": b""}


def _zip(method: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in FILES.items():
            archive.writestr(name, data)
    return stream.getvalue()


def _tar(format_: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format_) as archive:
        for name, data in FILES.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1.5
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def _sparse_tar() -> bytes:
    data = b"2\n0\n4\n996\n4\n".ljust(512, b"\0") + b"headtail"
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("s")
        info.size = len(data)
        info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "1000"}
        archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def _7z(filters: list[dict[str, int]] | None = None) -> bytes:
    stream = io.BytesIO()
    with py7zr.SevenZipFile(stream, "w", filters=filters) as archive:
        for name, data in FILES.items():
            archive.writestr(data, name)
    return stream.getvalue()


def _rar(format_: str, **options: object) -> bytes:
    builder = rars.RarBuilder(format=format_, **options)
    for name, data in FILES.items():
        builder.add_bytes(data, name)
    return bytes(builder.to_bytes())


def _picture(kind: str, mode: str = "RGBA") -> bytes:
    stream = io.BytesIO()
    picture = Image.effect_noise((12, 9), 80).convert(mode)
    picture.save(stream, kind)
    return stream.getvalue()


def _golden(format_: str) -> list[bytes]:
    """Return the golden files of an image format: whatever its decoder is known to read."""
    from tests.extract.images.cases import CASES  # from a checkout only, as everything here

    return [case.data for case in CASES if case.format == format_]


SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "zip": lambda: [_zip(0), _zip(8), _zip(12), _zip(14)],
    "tar": lambda: [_tar(tarfile.USTAR_FORMAT), _tar(tarfile.GNU_FORMAT), _tar(tarfile.PAX_FORMAT), _sparse_tar()],
    "7z": lambda: [_7z(), _7z([{"id": py7zr.FILTER_ZSTD, "level": 3}]), _7z([{"id": py7zr.FILTER_COPY}])],
    "rar": lambda: (
        [_rar(kind) for kind in ("rar14", "rar15", "rar20", "rar29", "rar50", "rar70")]
        + [_rar("rar50", solid=True), _rar("rar29", solid=True)]
    ),
    "stream": lambda: (
        [compress(b"picture " * 30) for compress in (gzip.compress, bz2.compress, lzma.compress, zstandard.compress)]
        + [lz4.frame.compress(b"picture " * 30), lzma.compress(b"picture " * 30, lzma.FORMAT_ALONE)]
    ),
    "image": lambda: (
        [_picture(kind) for kind in ("PNG", "GIF", "WEBP", "TIFF", "TGA", "ICO", "DDS")]
        + [_picture(kind, "RGB") for kind in ("JPEG", "BMP", "PCX", "PPM")]
    ),
    **{
        format_: partial(_golden, format_)
        for format_ in ("png", "gif", "svg", "heif", "jxl", "avif", "ico", "cur", "ani", "ora", "kra")
    },
    **{format_: partial(_golden, format_) for format_ in ("ase", "psd", "xcf")},
    "sidecar": lambda: [
        b'<?xml version="1.0"?><TextureAtlas imagePath="a.png"><SubTexture name="x" x="0" y="0" width="8" height="8"/>'
        b"</TextureAtlas>",
        b'{"frames":{"a.png":{"frame":{"x":0,"y":0,"w":8,"h":8}}},"meta":{"image":"a.png"}}',
        b'<tileset name="t" tilewidth="8" tileheight="8" tilecount="4" columns="2"><image source="a.png" width="16" '
        b'height="16"/></tileset>',
    ],
    "name": lambda: [b"..\\..\\a/b", "日本語/テスト.png".encode("cp932"), b"C:\\x", "Grüße".encode()],
}
