"""Writers for what nothing at hand writes any more: old ZIP methods, CAB, and ISO through pycdlib."""

import io
import struct
import zlib
from collections.abc import Mapping

import pycdlib


def zip_with_method(files: Mapping[str, tuple[bytes, bytes]], method: int, flags: int = 0, version: int = 20) -> bytes:
    """Make a ZIP of {name: (data, packed data)} whose entries claim one method."""
    body, directory = b"", b""
    for name, (data, packed) in files.items():
        fields = (version, flags, method, 0, 0x21, zlib.crc32(data), len(packed), len(data), len(name), 0)
        directory += b"PK\x01\x02" + struct.pack("<H", version) + struct.pack("<5H3I2H", *fields)
        directory += struct.pack("<3H2I", 0, 0, 0, 0, len(body)) + name.encode()
        body += b"PK\x03\x04" + struct.pack("<5H3I2H", *fields) + name.encode() + packed
    count = len(files)
    return body + directory + b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, count, count, len(directory), len(body), 0)


class _Bits:
    """Bits, least significant first."""

    def __init__(self) -> None:
        self.value = self.length = 0

    def put(self, value: int, bits: int) -> None:
        self.value |= value << self.length
        self.length += bits

    def to_bytes(self) -> bytes:
        return self.value.to_bytes((self.length + 7) // 8, "little")


def shrink(data: bytes) -> bytes:
    """Method 1 with literals only: every byte one code of 9 bits."""
    bits = _Bits()
    for byte in data:
        bits.put(byte, 9)
    return bits.to_bytes()


def implode(data: bytes) -> bytes:
    """Method 6 with literals only, without a literal tree: flat length and distance trees, then 1 + 8 bits a byte."""
    bits = _Bits()
    for byte in data:
        bits.put(1, 1)
        bits.put(byte, 8)
    flat = b"\x03" + b"\xf5" * 4
    return flat + flat + bits.to_bytes()


def cab(files: Mapping[str, bytes]) -> bytes:
    """Make a CAB of one folder without compression (MS-CAB)."""
    data = b"".join(files.values())
    blocks = [data[at : at + 32768] for at in range(0, len(data), 32768)]
    entries, start = b"", 0
    for name, content in files.items():
        entries += struct.pack("<IIHHHH", len(content), start, 0, 0x21, 0, 0x20) + name.encode() + b"\0"
        start += len(content)
    files_at = 36 + 8
    data_at = files_at + len(entries)
    packed = b"".join(struct.pack("<IHH", 0, len(block), len(block)) + block for block in blocks)
    header = b"MSCF" + struct.pack(
        "<IIIIIBBHHHHH", 0, data_at + len(packed), 0, files_at, 0, 3, 1, 1, len(files), 0, 0, 0
    )
    return header + struct.pack("<IHH", data_at, len(blocks), 0) + entries + packed


def iso(files: Mapping[str, bytes]) -> bytes:
    """Make an ISO 9660 image with Joliet names."""
    image = pycdlib.PyCdlib()
    image.new(joliet=3)
    for number, (name, data) in enumerate(files.items()):
        image.add_fp(io.BytesIO(data), len(data), f"/F{number}.;1", joliet_path=f"/{name}")
    stream = io.BytesIO()
    image.write_fp(stream)
    image.close()
    return stream.getvalue()
