"""Small ONNX graphs, written layer by layer, and the sessions that run them on one core.

Weights come from files of other frameworks; the graph is ours, so that nothing but onnxruntime is needed at run time.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from index.errors import ExtraMissingError, WeightsError

if TYPE_CHECKING:
    import onnxruntime

Floats = NDArray[np.float32]


class GraphBuilder:
    """Adds one layer after another; `last` names the newest value."""

    def __init__(self, channels: int, side: int) -> None:
        try:
            from onnx import helper, numpy_helper
        except ImportError as error:
            raise ExtraMissingError("onnx") from error
        self._helper, self._numpy_helper = helper, numpy_helper
        self._input = ("input", ["n", channels, side, side])
        self._nodes: list[Any] = []
        self._outputs: list[str] = []
        self._side, self._stride = side, 1
        self._weights: list[Any] = []
        self.last = "input"

    def _weight(self, value: NDArray[Any]) -> str:
        name = f"w{len(self._weights)}"
        self._weights.append(self._numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Append a node that reads `last` (and `inputs`), and return the name of its value."""
        name = f"v{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(operator, [self.last, *inputs], [name], **attributes))
        self.last = name
        return name

    def conv(self, weight: Floats, bias: Floats, *, stride: int = 1, groups: int = 1) -> None:
        """Add a convolution, padded as TensorFlow does: the output is the input divided by the stride."""
        self._stride *= stride
        self.add(
            "Conv",
            self._weight(weight),
            self._weight(bias),
            kernel_shape=list(weight.shape[2:]),
            strides=[stride, stride],
            group=groups,
            auto_pad="SAME_UPPER",
        )

    def clip(self, low: float, high: float) -> None:
        """Add a clamp (ReLU6 is 0, 6)."""
        self.add("Clip", self._weight(np.array(low, np.float32)), self._weight(np.array(high, np.float32)))

    def dense(self, weight: Floats, bias: Floats) -> None:
        """Add a fully connected layer; `weight` is (outputs, inputs)."""
        self.add("Gemm", self._weight(weight), self._weight(bias), transB=1)

    def output_means(self, fields: int) -> None:
        """Also give the means of each channel over `fields` × `fields` parts of the picture, as a row."""
        before = self.last
        part = -(-self._side // self._stride) // fields
        self.add("AveragePool", kernel_shape=[part, part], strides=[part, part])
        self._outputs.append(self.add("Flatten"))
        self.last = before

    def build(self) -> bytes:
        """Return the model; its first output is called `output`."""
        helper, kind = self._helper, 1  # 1: float32
        self.add("Identity")
        self._nodes[-1].output[0] = "output"
        graph = helper.make_graph(
            self._nodes,
            "feature",
            [helper.make_tensor_value_info(self._input[0], kind, self._input[1])],
            [helper.make_tensor_value_info(name, kind, None) for name in ("output", *self._outputs)],
            initializer=self._weights,
        )
        opset = helper.make_opsetid("", 17)
        model: bytes = helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()
        return model


def open_session(model: bytes | Path) -> "onnxruntime.InferenceSession":
    """Open a model on one core: several pictures are spread over processes, not one over threads."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ExtraMissingError("onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        source = model if isinstance(model, bytes) else str(model)
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors share no base class
        raise WeightsError(f"the model cannot be opened by onnxruntime: {error}") from error


def run_batches(session: "onnxruntime.InferenceSession", pixels: Floats, batch: int = 16) -> Floats:
    """Run (n, channels, height, width) through a session of one input, a few at a time."""
    name = session.get_inputs()[0].name
    parts = [session.run(None, {name: pixels[i : i + batch]})[0] for i in range(0, len(pixels), batch)]
    return np.concatenate(parts).astype(np.float32)
