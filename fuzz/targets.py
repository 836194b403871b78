"""What is fuzzed: functions of bytes that may raise nothing but what they promise.

A target checks more than "no crash": safe paths, sizes that are those of the bytes, problems of our own type.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from db.vocabulary import Outcome
from extract.archives.containers import locate
from extract.archives.interface import MIB, Limits, Name, Reader
from extract.archives.names import decode_names, safe_path
from extract.archives.rar_reader import RarReader
from extract.archives.sevenz_reader import SevenZipReader
from extract.archives.sevenz_zstd import SevenZipZstdReader
from extract.archives.sevenzip_tool import SevenZipTool
from extract.archives.single import SingleReader
from extract.archives.tar_reader import TarReader
from extract.archives.unpack import HashSink, unpack
from extract.archives.zip_local import ZipLocalReader
from extract.archives.zip_reader import ZipReader
from extract.errors import ArchiveProblem
from extract.images.decode import IMAGE_FORMATS, decode
from extract.images.interface import ImageLimits
from extract.sheets.errors import SidecarError
from extract.sheets.sidecars import may_be_sidecar, parse_sidecar
from extract.sniff import sniff

LIMITS = Limits(
    total_bytes=64 * MIB,
    member_bytes=16 * MIB,
    rar_member_bytes=16 * MIB,
    ratio_from_bytes=16 * MIB,
    entries=1000,
    dictionary_bytes=16 * MIB,
    seconds=10.0,
)

IMAGE_LIMITS = ImageLimits(frame_pixels=1 << 20, total_pixels=1 << 22, frames=200)
IMAGE_FAMILIES = ("png", "gif", "svg", "heif", "jxl", "avif", "ico", "cur", "ani", "ora", "kra", "ase", "psd", "xcf")
"""Formats with a target of their own: `image` would spend its time on inputs that are no image of any kind."""


@contextmanager
def _file(data: bytes) -> Iterator[Path]:
    folder = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  (only a faster place)
    with tempfile.NamedTemporaryFile(dir=folder) as stream:
        stream.write(data)
        stream.flush()
        yield Path(stream.name)


def _reader(reader: Reader, kind: str) -> Callable[[bytes], None]:
    def target(data: bytes) -> None:
        with _file(data) as path:
            source = locate(path, "pack", LIMITS)
            if source.format not in reader.formats:
                source = replace(source, format=kind)
            with suppress(ArchiveProblem):
                for entry in reader.entries(source, LIMITS):
                    with suppress(ArchiveProblem):
                        for chunk in entry.chunks() if entry.chunks else ():
                            check(isinstance(chunk, bytes), "chunks are bytes")

    return target


def check(holds: bool, promise: str) -> None:
    """Raise AssertionError when a promise is broken, whatever Python's flags."""
    if not holds:
        raise AssertionError(promise)


def whole(data: bytes) -> None:
    """Unpack with all readers in turn: never raises, and hands out only safe paths."""
    with _file(data) as path:
        for member in unpack(path, HashSink(), LIMITS).members:
            check(member.path == safe_path(member.path)[0], f"path {member.path!r} is safe")
            check((member.sha256 is None) == (member.size_bytes is None), "a hash has a size")


def image(data: bytes) -> None:
    """Decode: never raises; frames have pixels."""
    with _file(data) as path:
        format_ = sniff(data[: 64 * 1024], path)
        if format_ not in IMAGE_FORMATS:
            return
        decoded = decode(path, format_)
        check(decoded.outcome in Outcome, "an outcome")
        check(all(frame.image.width > 0 for frame in decoded.frames), "frames have pixels")


def _decoder(format_: str) -> Callable[[bytes], None]:
    """Decode as one format, whatever the first bytes say: never raises; frames have pixels."""

    def target(data: bytes) -> None:
        with _file(data) as path:
            decoded = decode(path, format_, IMAGE_LIMITS)
            check(decoded.outcome in Outcome, "an outcome")
            check(all(frame.image.width > 0 for frame in decoded.frames), "frames have pixels")

    return target


def sidecar(data: bytes) -> None:
    """Parse descriptions of sheets."""
    for name in ("a.json", "a.xml", "a.tsx", "a.txt", "a.plist", "a.atlas", "a.png.meta"):
        if may_be_sidecar(name, data):
            with suppress(SidecarError):
                parse_sidecar(data, name)


def name(data: bytes) -> None:
    """Make names safe."""
    for text in decode_names([Name(part) for part in data.split(b"\n")]):
        path, _ = safe_path(text)
        check(path == safe_path(path)[0], f"{path!r} is safe, and stays so")
        check(not path.startswith("/") and ".." not in path.split("/") and "\0" not in path, f"{path!r} is safe")


TARGETS: dict[str, tuple[Callable[[bytes], None], str]] = {
    "zipfile": (_reader(ZipReader(), "zip"), "zip"),
    "zip_local": (_reader(ZipLocalReader(), "zip"), "zip"),
    "tarfile": (_reader(TarReader(), "tar"), "tar"),
    "single": (_reader(SingleReader(), "gzip"), "stream"),
    "rars": (_reader(RarReader(), "rar"), "rar"),
    "py7zr": (_reader(SevenZipReader(), "7z"), "7z"),
    "sevenz_zstd": (_reader(SevenZipZstdReader(), "7z"), "7z"),
    "7zz": (_reader(SevenZipTool(), "7z"), "7z"),
    "unpack_zip": (whole, "zip"),
    "unpack_rar": (whole, "rar"),
    "unpack_7z": (whole, "7z"),
    "unpack_tar": (whole, "tar"),
    "image": (image, "image"),
    **{format_: (_decoder(format_), format_) for format_ in IMAGE_FAMILIES},
    "sidecar": (sidecar, "sidecar"),
    "name": (name, "name"),
}
"""Each target and the seeds it starts from."""
