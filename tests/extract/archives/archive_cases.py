"""Golden archives, built by code: for every reader at least one archive it must read by itself.

A builder takes {name: bytes} and returns the archive's bytes. `GOLDEN` says which reader the case is for.
"""

import bz2
import gzip
import io
import lzma
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import py7zr
import rars
import zstandard

from extract.archives.sevenzip_tool import find_program

Files = Mapping[str, bytes]

FILES: Files = {
    "readme.txt": b"a pack\n",
    "tiles/grass.png": bytes(range(256)) * 40,
    "tiles/empty.dat": b"",
    "tiles/deep/er/water.png": b"\x89PNG" + b"water" * 3000,
    "Grüße/日本語.txt": b"names",
}


@dataclass(frozen=True)
class Golden:
    """One golden case: which reader (by name) must read what `build` makes of `files`, and as which format."""

    reader: str
    format: str
    build: Callable[[Files], bytes]
    files: Files = None  # type: ignore[assignment]  # FILES, set below

    def __post_init__(self) -> None:
        if self.files is None:
            object.__setattr__(self, "files", FILES)


def make_zip(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Make a ZIP."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def make_streamed_zip(files: Files) -> bytes:
    """Make a ZIP the way a pipe gets it: data descriptors behind the data."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, chunk: object, /) -> int:
            self.data += bytes(memoryview(chunk))  # type: ignore[arg-type]
            return len(memoryview(chunk))  # type: ignore[arg-type]

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        for name, data in files.items():
            archive.writestr(name, data)
    return bytes(pipe.data)


def without_directory(data: bytes) -> bytes:
    """Cut a ZIP inside the first record of its directory."""
    return data[: data.index(b"PK\x01\x02") + 20]


def make_tar(files: Files, format: int = tarfile.GNU_FORMAT) -> bytes:
    """Make a TAR."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def make_7z(files: Files, **options: object) -> bytes:
    """Make a 7z with py7zr."""
    stream = io.BytesIO()
    with py7zr.SevenZipFile(stream, "w", **options) as archive:
        for name, data in files.items():
            archive.writestr(data, name)
    return stream.getvalue()


def make_rar(files: Files, **options: object) -> bytes:
    """Make a RAR with rars."""
    builder = rars.RarBuilder(**options)
    for name, data in files.items():
        builder.add_bytes(data, name)
    return bytes(builder.to_bytes())


def make_with_tool(files: Files, ending: str, *switches: str) -> bytes:
    """Make an archive with 7zz in a scratch folder (test data, not untrusted)."""
    with TemporaryDirectory() as folder:
        root = Path(folder) / "in"
        for name, data in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        target = Path(folder) / f"out.{ending}"
        command = [str(find_program()), "a", "-bd", *switches, str(target), "."]
        subprocess.run(command, cwd=root, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        return target.read_bytes()


def make_zstd_7z(files: Files) -> bytes:
    """Make a 7z with one Zstandard folder of several frames, as multi-threaded writers do.

    py7zr writes one frame; its folder's bytes are replaced by frames of 1,000 bytes and the header is patched.
    """
    single = make_7z(files, filters=[{"id": py7zr.FILTER_ZSTD, "level": 3}])
    content = b"".join(files.values())
    packer = zstandard.ZstdCompressor()
    frames = b"".join(packer.compress(content[at : at + 1000]) for at in range(0, len(content), 1000))
    with py7zr.SevenZipFile(io.BytesIO(single)) as archive:
        header = io.BytesIO()
        archive.header.main_streams.packinfo.packsizes[0] = len(frames)
        archive.header.main_streams.packinfo.crcs = []
        archive.header.main_streams.packinfo.digestdefined = []
        archive.header.main_streams.packinfo.enable_digests = False
        archive.header.write(header, 0, encoded=False)
    plain = header.getvalue()
    start = len(frames).to_bytes(8, "little") + len(plain).to_bytes(8, "little") + _crc(plain)
    return b"7z\xbc\xaf\x27\x1c\x00\x04" + _crc(start) + start + frames + plain


def _crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "little")


def cpio(files: Files) -> bytes:
    """Make a cpio in the "new ASCII" format, which has no checksums."""

    def record(inode: int, name: str, data: bytes, mode: int) -> bytes:
        raw = name.encode() + b"\0"
        numbers = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
        head = b"070701" + b"".join(b"%08x" % number for number in numbers) + raw
        return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)

    parts = [record(inode, name, data, 0o100644) for inode, (name, data) in enumerate(files.items(), 1)]
    return b"".join(parts) + record(0, "TRAILER!!!", b"", 0)


_ASCII = {name: data for name, data in FILES.items() if name.isascii()}
_ONE = {"sheet.bmp": b"BM" + bytes(5000)}

GOLDEN: dict[str, Golden] = {
    "zip-deflate": Golden("zipfile", "zip", make_zip),
    "zip-stored": Golden("zipfile", "zip", lambda files: make_zip(files, zipfile.ZIP_STORED)),
    "zip-bzip2": Golden("zipfile", "zip", lambda files: make_zip(files, zipfile.ZIP_BZIP2)),
    "zip-lzma": Golden("zipfile", "zip", lambda files: make_zip(files, zipfile.ZIP_LZMA)),
    "zip-streamed": Golden("zipfile", "zip", make_streamed_zip),
    "zip-no-directory": Golden("zip local headers", "zip", lambda files: without_directory(make_zip(files))),
    "zip-streamed-no-directory": Golden(
        "zip local headers", "zip", lambda files: without_directory(make_streamed_zip(files))
    ),
    "zip-deflate64": Golden("7zz", "zip", lambda files: make_with_tool(files, "zip", "-mm=Deflate64"), _ASCII),
    "zip-ppmd": Golden("7zz", "zip", lambda files: make_with_tool(files, "zip", "-mm=PPMd"), _ASCII),
    "tar-gnu": Golden("tarfile", "tar", make_tar),
    "tar-pax": Golden("tarfile", "tar", lambda files: make_tar(files, tarfile.PAX_FORMAT)),
    "tar.gz": Golden("tarfile", "tar.gz", lambda files: gzip.compress(make_tar(files))),
    "tar.bz2": Golden("tarfile", "tar.bz2", lambda files: bz2.compress(make_tar(files))),
    "tar.xz": Golden("tarfile", "tar.xz", lambda files: lzma.compress(make_tar(files))),
    "tar.zst": Golden("tarfile", "tar.zst", lambda files: zstandard.compress(make_tar(files))),
    "gz": Golden("single stream", "gzip", lambda files: gzip.compress(_only(files)), _ONE),
    "bz2": Golden("single stream", "bzip2", lambda files: bz2.compress(_only(files)), _ONE),
    "xz": Golden("single stream", "xz", lambda files: lzma.compress(_only(files)), _ONE),
    "zst": Golden("single stream", "zstd", lambda files: zstandard.compress(_only(files)), _ONE),
    "rar5": Golden("rars", "rar", lambda files: make_rar(files, format="rar50")),
    "rar5-solid": Golden("rars", "rar", lambda files: make_rar(files, format="rar50", solid=True)),
    "rar4": Golden("rars", "rar", lambda files: make_rar(files, format="rar29"), _ASCII),
    "7z-lzma2": Golden("py7zr", "7z", make_7z),
    "7z-zstd": Golden("py7zr", "7z", lambda files: make_7z(files, filters=[{"id": py7zr.FILTER_ZSTD, "level": 3}])),
    "7z-zstd-frames": Golden("zstandard in 7z", "7z", make_zstd_7z),
    "7z-ppmd": Golden("7zz", "7z", lambda files: make_with_tool(files, "7z", "-m0=PPMd"), _ASCII),
    "7z-bcj2": Golden("7zz", "7z", lambda files: make_with_tool(files, "7z", "-mf=BCJ2", "-m0=LZMA"), _ASCII),
    "cpio": Golden("7zz", "cpio", cpio, _ASCII),
}


def _only(files: Files) -> bytes:
    (data,) = files.values()
    return data
