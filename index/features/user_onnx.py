"""CLIP, SigLIP and DINOv2 from ONNX files that a person gives; the first two also place words.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021; Zhai et al.,
"Sigmoid Loss for Language Image Pre-Training", ICCV 2023; Oquab et al., "DINOv2: Learning Robust Visual Features
without Supervision", TMLR 2024. Any export will do whose image model takes (n, 3, side, side) and gives rows, or
tokens of which the first stands for the picture; whose text model takes `input_ids` (and perhaps `attention_mask`).
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from db.pixels import Rgba
from index.errors import ExtraMissingError, WeightsError
from index.features.canvas import flatten, resized, square
from index.features.interface import Distance, Model, Rows, unit
from index.features.onnx_graph import Floats, open_session
from index.features.weights import find_weights

if TYPE_CHECKING:
    import onnxruntime

BATCH = 4
DEFAULT_SIDE = 224
OUTPUTS = ("image_embeds", "text_embeds", "pooler_output")


class UserOnnx:
    """A model whose file is `NAME-image.onnx` in the folder of weights."""

    name = ""
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    deviation: tuple[float, float, float] = (0.229, 0.224, 0.225)

    @cached_property
    def _image_session(self) -> "onnxruntime.InferenceSession":
        how = f"{self.name} needs the image half of the model as {self.name}-image.onnx."
        return open_session(find_weights(f"{self.name}-image.onnx", how))

    @cached_property
    def model(self) -> Model:
        """Name, version, and the dimension that the file gives. Raises WeightsError without the file."""
        side = self._side
        row = _rows(self._image_session, {self._image_session.get_inputs()[0].name: np.zeros((1, 3, side, side), "f4")})
        return Model(self.name, 1, row.shape[1], Distance.COSINE)

    @property
    def _side(self) -> int:
        side = self._image_session.get_inputs()[0].shape[-1]
        return side if isinstance(side, int) else DEFAULT_SIDE

    def compute(self, pictures: Sequence[Rgba]) -> Rows:
        """Return (n, dimension) float32, length 1."""
        pixels = np.stack([self._prepared(picture) for picture in pictures])
        name = self._image_session.get_inputs()[0].name
        parts = [_rows(self._image_session, {name: pixels[i : i + BATCH]}) for i in range(0, len(pixels), BATCH)]
        return unit(np.concatenate(parts))

    def _prepared(self, rgba: Rgba) -> Floats:
        rgb = resized(square(flatten(rgba)), self._side, self._side).astype(np.float32) / 255
        scaled = (rgb - np.array(self.mean, np.float32)) / np.array(self.deviation, np.float32)
        return np.ascontiguousarray(scaled.transpose(2, 0, 1))


class UserOnnxWithText(UserOnnx):
    """Also reads words: `NAME-text.onnx` and the `NAME-tokenizer.json` of the tokenizers library."""

    length = 77
    pad = 0

    @cached_property
    def _text_session(self) -> "onnxruntime.InferenceSession":
        how = f"Words need the text half of the model as {self.name}-text.onnx."
        return open_session(find_weights(f"{self.name}-text.onnx", how))

    @cached_property
    def _tokenizer(self) -> Any:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise ExtraMissingError("tokenizers") from error
        path = find_weights(f"{self.name}-tokenizer.json", "Words need the model's tokenizer.json.")
        return Tokenizer.from_file(str(path))

    def compute_words(self, words: Sequence[str]) -> Rows:
        """Return (n, dimension) float32, length 1."""
        ids = np.full((len(words), self.length), self.pad, np.int64)
        mask = np.zeros_like(ids)
        for row, text in enumerate(words):
            found = self._tokenizer.encode(text).ids
            if len(found) > self.length:
                found = [*found[: self.length - 1], found[-1]]
            ids[row, : len(found)] = found
            mask[row, : len(found)] = 1
        wanted = {"input_ids": ids, "attention_mask": mask}
        names = {entry.name for entry in self._text_session.get_inputs()}
        if not names <= set(wanted):
            raise WeightsError(f"{self.name}-text.onnx asks for {', '.join(sorted(names - set(wanted)))}")
        return unit(_rows(self._text_session, {name: wanted[name] for name in names}))


class Clip(UserOnnxWithText):
    """CLIP."""

    name = "clip"
    mean = (0.48145466, 0.4578275, 0.40821073)
    deviation = (0.26862954, 0.26130258, 0.27577711)


class SigLip(UserOnnxWithText):
    """SigLIP."""

    name = "siglip"
    mean = (0.5, 0.5, 0.5)
    deviation = (0.5, 0.5, 0.5)
    length = 64
    pad = 1


class DinoV2(UserOnnx):
    """DINOv2: pictures only."""

    name = "dinov2"


def _rows(session: "onnxruntime.InferenceSession", inputs: dict[str, NDArray[Any]]) -> Floats:
    """Run a model and return its (n, dimension) output: a named one, or the first token of a sequence."""
    names = [output.name for output in session.get_outputs()]
    chosen = next((name for name in OUTPUTS if name in names), names[0])
    found = np.asarray(session.run([chosen], inputs)[0], np.float32)
    if found.ndim == 3:
        found = found[:, 0]
    if found.ndim != 2:
        raise WeightsError(f"output {chosen} has {found.ndim} dimensions; rows of numbers are needed")
    return found
