"""Reads the tensors of a PyTorch file without PyTorch, and without running what a pickle asks to run.

A pickle is a program. This one may only make ordered dictionaries and tensors; any other name it asks for, and any
instruction that files of weights do not use, is refused.
Two layouts exist: the one of before PyTorch 1.6 (four pickles, then the storages one after another) and a zip archive
(`data.pkl` and a file for each storage).
"""

import collections
import pickle
import pickletools
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from index.errors import WeightsError

MAGIC = 0x1950A86A20F9469CFC6C
INSTRUCTIONS = frozenset(
    [
        "PROTO",
        "FRAME",
        "MARK",
        "STOP",
        "GLOBAL",
        "REDUCE",
        "BUILD",
        "BINPERSID",
        "NONE",
        "NEWTRUE",
        "NEWFALSE",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG1",
        "BINFLOAT",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "EMPTY_DICT",
        "EMPTY_LIST",
        "EMPTY_TUPLE",
        "TUPLE",
        "TUPLE1",
        "TUPLE2",
        "TUPLE3",
        "APPEND",
        "APPENDS",
        "SETITEM",
        "SETITEMS",
        "BINPUT",
        "LONG_BINPUT",
        "BINGET",
        "LONG_BINGET",
        "MEMOIZE",
        "STACK_GLOBAL",
    ]
)
"""What PyTorch's own files are written with."""
DTYPES: dict[str, type[np.generic]] = {
    "FloatStorage": np.float32,
    "DoubleStorage": np.float64,
    "HalfStorage": np.float16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
}


@dataclass
class _Storage:
    key: str
    dtype: type[np.generic]
    length: int
    values: NDArray[Any] | None = None


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> NDArray[Any]:
        values = self.storage.values
        if values is None:
            raise WeightsError(f"storage {self.storage.key} is not in the file")
        count = 1 + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True)) if self.shape else 1
        if 0 in self.shape:
            return np.empty(self.shape, values.dtype)
        if min((self.offset, *self.strides)) < 0 or self.offset + count > len(values):
            raise WeightsError(f"a tensor of shape {self.shape} leaves its storage of {len(values)} values")
        part = values[self.offset : self.offset + count]
        strides = tuple(s * values.itemsize for s in self.strides)
        return np.ascontiguousarray(np.lib.stride_tricks.as_strided(part, self.shape, strides, writeable=False))


def _rebuild(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _TensorUnpickler(pickle.Unpickler):
    def __init__(self, stream: IO[bytes], storages: dict[str, _Storage]) -> None:
        super().__init__(stream)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        allowed: dict[tuple[str, str], Callable[..., Any]] = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
        }
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        if (module, name) not in allowed:
            raise WeightsError(f"the file asks for {module}.{name}: it is not a plain file of weights, not loaded")
        return allowed[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _location, length, *_ = pid
        if kind != "storage":
            raise WeightsError(f"the file refers to a {kind!r}, not to a storage")
        return self._storages.setdefault(str(key), _Storage(str(key), dtype, int(length)))


def _load(stream: IO[bytes], storages: dict[str, _Storage]) -> Any:
    """Look at every instruction of a pickle, then follow them."""
    start = stream.tell()
    for instruction, _, _ in pickletools.genops(stream):
        if instruction.name not in INSTRUCTIONS:
            raise WeightsError(f"the file uses {instruction.name}: it is not a plain file of weights, not loaded")
    stream.seek(start)
    return _TensorUnpickler(stream, storages).load()


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Return a file's tensors by name. Raises WeightsError for whatever is not a plain file of weights."""
    try:
        found = _read_zip(path) if zipfile.is_zipfile(path) else _read_stream(path)
    except WeightsError:
        raise
    except Exception as error:  # a broken pickle leads to errors of every kind, also of memory
        raise WeightsError(f"{path} cannot be read as weights: {error}") from error
    if not isinstance(found, dict):
        raise WeightsError(f"{path} holds a {type(found).__name__}, not weights by name")
    return {str(name): value.array() for name, value in found.items() if isinstance(value, _Tensor)}


def _read_zip(path: Path) -> Any:
    storages: dict[str, _Storage] = {}
    with zipfile.ZipFile(path) as archive:
        (data,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        with archive.open(data) as stream:
            found = _load(stream, storages)
        for storage in storages.values():
            raw = archive.read(f"{data.removesuffix('data.pkl')}data/{storage.key}")
            storage.values = np.frombuffer(raw, storage.dtype, storage.length)
    return found


def _read_stream(path: Path) -> Any:
    storages: dict[str, _Storage] = {}
    with path.open("rb") as stream:
        if _load(stream, {}) != MAGIC:
            raise WeightsError(f"{path} is no PyTorch file")
        for _ in ("protocol version", "sizes on the machine that wrote it"):
            _load(stream, {})
        found = _load(stream, storages)
        for key in _load(stream, {}):
            storage = storages[str(key)]
            length = int.from_bytes(stream.read(8), "little")
            if length != storage.length:
                raise WeightsError(f"storage {key} has {length} values, {storage.length} were announced")
            size = length * np.dtype(storage.dtype).itemsize
            storage.values = np.frombuffer(stream.read(size), storage.dtype, length)
    return found
