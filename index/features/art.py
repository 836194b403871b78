"""The fused default for game art: 256 numbers from what a network, edges and colours say of the sprite itself.

EfficientNet-Lite0 (Tan and Le, ICML 2019) sees the canonical view on white and on black, and the whole picture on
grey; its last layer is kept and, coarsely, three inner ones. Oriented gradients (Dalal and Triggs, CVPR 2005) and the
palette (Swain and Ballard, 1991) see the canonical view. A linear head joins them: principal components, then the
directions in which a picture differs least from its altered selves (within-class whitening, as in linear discriminant
analysis; Fisher 1936).
The head is fitted by `python -m benchmarks.index_fit` on CC0 art named there.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from db.pixels import Rgba
from index.errors import WeightsError
from index.features.canonical import canonical_view
from index.features.canvas import BLACK, GREY, WHITE
from index.features.hog import Hog
from index.features.interface import Distance, Model, Rows, unit
from index.features.lite0 import SIZE as LITE0_SIZE
from index.features.lite0 import lite0_canvas
from index.features.lite0_graph import INNER, lite0_model
from index.features.onnx_graph import Floats, open_session
from index.features.palette import Palette

if TYPE_CHECKING:
    import onnxruntime

HEAD_FILE = Path(__file__).with_name("art_head.npz")
SIDE, SIZE = 128, 256
BATCH = 8
VIEWS = 3


class Art:
    """What `quarry index` searches with unless told otherwise."""

    model = Model("art", 2, SIZE, Distance.COSINE)

    def compute(self, pictures: Sequence[Rgba]) -> Rows:
        """Return (n, 256) float32, length 1."""
        mean, head = _head()
        return unit((fused(pictures) - mean) @ head)


def fused(pictures: Sequence[Rgba]) -> Floats:
    """Return everything the head is given, one block beside the other, each of length 1."""
    views = [canonical_view(picture) for picture in pictures]
    canvases = [
        canvas
        for picture, view in zip(pictures, views, strict=True)
        for canvas in (lite0_canvas(view, WHITE), lite0_canvas(view, BLACK), lite0_canvas(picture, GREY))
    ]
    blocks = [values[view::VIEWS] for values in _embed(canvases) for view in range(VIEWS)]
    blocks += [Hog().compute(views), Palette().compute(views)]
    return np.concatenate([unit(block) for block in blocks], 1)


def block_sizes() -> list[int]:
    """Return the widths of the blocks of `fused`."""
    layers = [LITE0_SIZE, *(channels * fields * fields for _, channels, fields in INNER)]
    return [size for size in layers for _ in range(VIEWS)] + [Hog.model.dimension, Palette.model.dimension]


def _embed(canvases: Sequence[NDArray[np.uint8]]) -> list[Floats]:
    """Return the network's last layer, and means of inner layers over a few fields."""
    pixels = ((np.stack(canvases).astype(np.float32) - 127) / 128).transpose(0, 3, 1, 2)
    batches = [np.ascontiguousarray(pixels[at : at + BATCH]) for at in range(0, len(pixels), BATCH)]
    found = [_session().run(None, {"input": batch}) for batch in batches]
    return [np.concatenate(parts).astype(np.float32) for parts in zip(*found, strict=True)]


@cache
def _session() -> "onnxruntime.InferenceSession":
    return open_session(lite0_model(SIDE, inner=True))


@cache
def _head() -> tuple[Floats, Floats]:
    if not HEAD_FILE.is_file():
        raise WeightsError(f"{HEAD_FILE} is missing: install artquarry again, or run benchmarks.index_fit")
    with np.load(HEAD_FILE, allow_pickle=False) as stored:
        # Whole numbers of a byte each, and a scale for each input: a third of the size, and no other order of hits.
        head = stored["head"].astype(np.float32) * stored["scale"].astype(np.float32)[:, None]
        return stored["mean"].astype(np.float32), head
