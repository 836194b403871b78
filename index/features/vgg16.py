"""VGG16's second fully connected layer (`fc2`): 4096 numbers.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015. The weights are
torchvision's (VGG16_Weights.IMAGENET1K_V1), which a person downloads; the graph is ours. Pictures are laid on white and
resized to 224 × 224; colours are scaled by ImageNet's means and deviations, as torchvision's weights expect.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from db.pixels import Rgba
from index.features.canvas import flatten, resized
from index.features.interface import Distance, Model, Rows, unit
from index.features.onnx_graph import Floats, GraphBuilder, open_session, run_batches
from index.features.torch_file import read_tensors
from index.features.weights import find_weights

if TYPE_CHECKING:
    import onnxruntime

FILE, SHA256 = "vgg16-397923af.pth", "397923af"
HOW_TO_GET = (
    f"VGG16 needs torchvision's weights: download {FILE} (528 MB) from download.pytorch.org/models, "
    "or name another VGG16 file so and put its digest beside it."
)
SIDE, SIZE = 224, 4096
PLAN = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
"""Output channels of each convolution; 0 is a pooling that halves the sides."""
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


class Vgg16:
    """What the pioneer of this kind of search used."""

    model = Model("vgg16", 1, SIZE, Distance.COSINE)

    def compute(self, pictures: Sequence[Rgba]) -> Rows:
        """Return (n, 4096) float32, length 1. Raises WeightsError without the weights."""
        return unit(run_batches(_session(), np.stack([prepared(picture) for picture in pictures]), batch=4))


def prepared(rgba: Rgba) -> Floats:
    """Return (3, 224, 224), as torchvision's transforms make it."""
    rgb = resized(flatten(rgba), SIDE, SIDE).astype(np.float32) / 255
    return np.ascontiguousarray(((rgb - MEAN) / DEVIATION).transpose(2, 0, 1))


def build_vgg16(tensors: dict[str, NDArray[np.float32]], side: int = SIDE) -> bytes:
    """Return the graph up to `fc2` (with its ReLU), from tensors named as torchvision names them."""
    graph = GraphBuilder(3, side)
    layer = 0
    for channels in PLAN:
        if channels:
            graph.conv(tensors[f"features.{layer}.weight"], tensors[f"features.{layer}.bias"])
            graph.add("Relu")
        else:
            graph.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        layer += 2 if channels else 1
    graph.add("Flatten")
    for number in (0, 3):
        graph.dense(tensors[f"classifier.{number}.weight"], tensors[f"classifier.{number}.bias"])
        graph.add("Relu")
    return graph.build()


@cache
def _session() -> "onnxruntime.InferenceSession":
    return open_session(build_vgg16(read_tensors(find_weights(FILE, HOW_TO_GET, SHA256))))
