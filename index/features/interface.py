"""What a feature is: a name, a version, a number of values, a distance, and a function from pictures to rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from db.pixels import Rgba

Rows = NDArray[Any]


class Distance(StrEnum):
    """How two rows are compared. All but COSINE give 0 for equal rows and more for others."""

    COSINE = "cosine"
    """Rows are scaled to length 1; the similarity is their product. Stored as float16."""

    HAMMING = "hamming"
    """Rows are bits, packed eight to a byte; the distance is the number of bits that differ."""

    L1 = "l1"
    """Sum of differences. Stored as float16."""

    NORMALIZED = "normalized"
    """|a - b| / (|a| + |b|), of small signed integers (Goldberg 2002). Stored as int8."""


@dataclass(frozen=True)
class Model:
    """What a feature is called in the catalog. Raising `version` makes every picture due again."""

    name: str
    version: int
    dimension: int
    distance: Distance

    @property
    def stored_dtype(self) -> "np.dtype[Any]":
        """The type of a stored value; of HAMMING a byte holds eight."""
        kinds = {Distance.HAMMING: np.uint8, Distance.NORMALIZED: np.int8}
        return np.dtype(kinds.get(self.distance, np.float16))

    @property
    def stored_length(self) -> int:
        """How many stored values a row has."""
        return self.dimension // 8 if self.distance is Distance.HAMMING else self.dimension


class Feature(Protocol):
    """Turns pictures into rows."""

    @property
    def model(self) -> Model:
        """Name, version, dimension, distance."""

    def compute(self, pictures: Sequence[Rgba]) -> Rows:
        """Return (n, stored_length) of (h, w, 4) uint8 RGBA pictures: float32, or the stored type of whole numbers."""


@runtime_checkable
class TextFeature(Feature, Protocol):
    """A feature that places words in the same space as pictures."""

    def compute_words(self, words: Sequence[str]) -> Rows:
        """Return (n, stored_length) float32."""


def unit(rows: Rows) -> NDArray[np.float32]:
    """Scale rows to length 1; rows of zeros stay."""
    rows = np.asarray(rows, np.float32)
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    scaled: NDArray[np.float32] = (rows / np.maximum(length, 1e-12)).astype(np.float32)
    return scaled
