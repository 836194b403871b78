"""Every feature: shape, type, repeatability; and what each promises of its own."""

import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import signal

from index.errors import UnknownFeatureError, WeightsError
from index.features import FEATURES, open_feature
from index.features.canonical import canonical_view, shrunk
from index.features.interface import Distance
from index.features.lite0_graph import EPSILON, STAGES, build_lite0, weights_file
from index.features.onnx_graph import open_session, run_batches
from index.features.pdq import pdq_hash
from index.features.signature import CUT_OFF, all_orientations, distance
from index.features.torch_file import read_tensors
from index.store import decode, encode
from tests.index.conftest import photograph, sprite

USER_GIVEN = {"vgg16", "clip", "siglip", "dinov2"}
OURS = sorted(set(FEATURES) - USER_GIVEN)


@pytest.mark.parametrize("name", OURS)
def test_a_feature_gives_the_rows_it_announces_and_the_same_again(name: str) -> None:
    feature = open_feature(name)
    pictures = [
        sprite(1),
        photograph(2),
        sprite(3, 16),
        np.zeros((9, 40, 4), np.uint8),
        np.full((1, 1, 4), 255, np.uint8),
    ]
    rows = feature.compute(pictures)
    assert rows.shape == (5, feature.model.stored_length)
    stored = encode(feature.model, rows)
    assert all(len(row) == feature.model.stored_length * feature.model.stored_dtype.itemsize for row in stored)
    alone = np.concatenate([feature.compute([picture]) for picture in pictures])
    np.testing.assert_allclose(
        decode(feature.model, stored), decode(feature.model, encode(feature.model, alone)), atol=2e-3
    )


@pytest.mark.parametrize("name", OURS)
def test_a_feature_tells_the_same_picture_enlarged_from_others(name: str) -> None:
    from index.engines.interface import similarities

    feature = open_feature(name)
    pictures = [sprite(seed) for seed in range(12)]
    rows = decode(feature.model, encode(feature.model, feature.compute(pictures)))
    query = feature.compute([pictures[5].repeat(3, 0).repeat(3, 1)])[0]
    assert int(np.argmax(similarities(feature.model, rows, query))) == 5


@pytest.mark.parametrize("name", OURS)
def test_every_feature_cites_where_it_comes_from(name: str) -> None:
    module = type(open_feature(name)).__module__
    text = __import__(module, fromlist=["_"]).__doc__
    assert any(year in text for year in map(str, range(1970, 2027)))


def test_an_unknown_feature_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownFeatureError, match="phash"):
        open_feature("nonsense")


# What the reference implementation (pdqhash 0.2.8) gives for these pictures.
PDQ = {
    (64, 64): "78713c7438f3e38ce38ee1a638713879385ae38ee38e62c138f13d261a5be2d8",
    (300, 200): "494b259c82b45beb0b1d35bd8adb4b6221e4959c4b716a638edb958d35243f27",
    (37, 190): "2e250e6364c8e4cc66c70e6166ce6461e7dae49c66ce0e617fa5c01ef1d94e67",
}


def pdq_picture(height: int, width: int) -> np.ndarray:
    chance = np.random.default_rng(height * width)
    small = Image.fromarray(chance.integers(0, 256, (6, 5, 3)).astype(np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("size", PDQ)
def test_pdq_is_the_reference_implementations(size: tuple[int, int]) -> None:
    assert pdq_hash(pdq_picture(*size))[0].tobytes().hex() == PDQ[size]


def test_image_match_distance_and_orientations() -> None:
    feature = open_feature("image-match")
    one, other = photograph(1), photograph(2)
    a, b, bigger = feature.compute([one, other, one.repeat(2, 0).repeat(2, 1)])
    assert distance(a, a) == 0
    assert distance(a, bigger) < CUT_OFF < distance(a, b)
    assert set(np.unique(a)) <= {-2, -1, 0, 1, 2}
    turned = np.ascontiguousarray(np.rot90(one)[:, ::-1])
    seen = feature.compute(list(all_orientations(turned)))
    assert len(seen) == 8
    assert min(float(distance(row, a)) for row in seen) == 0


@given(st.integers(0, 50), st.integers(2, 6), st.integers(1, 9), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_the_canonical_view_undoes_frame_margin_and_enlargement(seed: int, scale: int, margin: int, frame: int) -> None:
    rgba = sprite(seed)
    plain = canonical_view(rgba)
    dressed = np.pad(rgba.repeat(scale, 0).repeat(scale, 1), ((margin, margin), (margin, margin), (0, 0)))
    assert np.array_equal(canonical_view(dressed), canonical_view(rgba.repeat(scale, 0).repeat(scale, 1)))
    assert np.array_equal(shrunk(plain.repeat(scale, 0).repeat(scale, 1)), shrunk(plain))
    framed = np.zeros((rgba.shape[0] + 2 * frame + 8, rgba.shape[1] + 2 * frame + 8, 4), np.uint8)
    framed[:] = (250, 0, 250, 255)
    framed[frame:-frame, frame:-frame] = 0
    framed[frame + 4 : -frame - 4, frame + 4 : -frame - 4] = rgba
    assert np.array_equal(canonical_view(framed), plain)


@pytest.mark.parametrize("rgba", [np.zeros((5, 5, 4), np.uint8), np.full((30, 30, 4), 255, np.uint8), sprite(1)[:1]])
def test_the_canonical_view_of_nothing_is_something(rgba: np.ndarray) -> None:
    assert canonical_view(rgba).size > 0


def test_lite0_computes_what_the_layers_say() -> None:
    """The same network, written a second time with numpy and SciPy."""
    tensors = read_tensors(weights_file())
    picture = np.random.default_rng(0).normal(0, 0.7, (1, 3, 64, 64)).astype(np.float32)
    ours = run_batches(open_session(build_lite0(tensors, 64)), picture)[0]
    reference = lite0_by_hand(tensors, picture[0].astype(np.float64))
    assert np.abs(ours - reference).max() / np.abs(reference).max() < 1e-4


def test_lite0_knows_a_cat() -> None:
    data = pytest.importorskip("skimage.data", reason="scikit-image brings the photograph")
    cat = Image.fromarray(data.chelsea()).resize((224, 224), Image.Resampling.BILINEAR)
    pixels = ((np.asarray(cat, np.float32) - 127) / 128).transpose(2, 0, 1)[None]
    tensors = read_tensors(weights_file())
    logits = run_batches(open_session(build_lite0(tensors, 224, classes=True)), np.ascontiguousarray(pixels))[0]
    assert int(np.argmax(logits)) in (281, 282, 285)  # ImageNet's tabby, tiger cat, Egyptian cat


def lite0_by_hand(tensors: dict[str, np.ndarray], value: np.ndarray) -> np.ndarray:  # noqa: C901 - a second opinion
    def norm(x: np.ndarray, name: str) -> np.ndarray:
        mean, variance = (tensors[f"{name}.running_{part}"][:, None, None] for part in ("mean", "var"))
        x = (x - mean) / np.sqrt(variance + EPSILON)
        return x * tensors[f"{name}.weight"][:, None, None] + tensors[f"{name}.bias"][:, None, None]

    def conv(x: np.ndarray, weight: np.ndarray, stride: int, *, depthwise: bool) -> np.ndarray:
        kernel, (height, width) = weight.shape[-1], x.shape[1:]
        total = [max(kernel - stride if n % stride == 0 else kernel - n % stride, 0) for n in (height, width)]
        padded = np.pad(x, ((0, 0), *((t // 2, t - t // 2) for t in total)))
        rows = []
        for number, filters in enumerate(weight):
            inputs = padded[number : number + 1] if depthwise else padded
            planes = [
                signal.correlate2d(p, f, "valid")[::stride, ::stride] for p, f in zip(inputs, filters, strict=True)
            ]
            rows.append(np.sum(planes, 0))
        return np.stack(rows)

    def pointwise(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
        return np.einsum("oi,ihw->ohw", weight[:, :, 0, 0].astype(np.float64), x)

    def relu6(x: np.ndarray) -> np.ndarray:
        return np.clip(x, 0, 6)

    value = relu6(norm(conv(value, tensors["_conv_stem.weight"], 2, depthwise=False), "_bn0"))
    number, channels = 0, 32
    for repeats, _, first_stride, outputs in STAGES:
        for repeat in range(repeats):
            name, before = f"_blocks.{number}.", value
            stride = first_stride if repeat == 0 else 1
            if f"{name}_expand_conv.weight" in tensors:
                value = relu6(norm(pointwise(value, tensors[f"{name}_expand_conv.weight"]), f"{name}_bn0"))
            value = conv(value, tensors[f"{name}_depthwise_conv.weight"], stride, depthwise=True)
            value = norm(
                pointwise(relu6(norm(value, f"{name}_bn1")), tensors[f"{name}_project_conv.weight"]), f"{name}_bn2"
            )
            value = value + before if stride == 1 and channels == outputs else value
            number, channels = number + 1, outputs
    return relu6(norm(pointwise(value, tensors["_conv_head.weight"]), "_bn1")).mean((1, 2))


@dataclass(frozen=True)
class Touch:
    """Pickled so that loading it makes a file."""

    path: Path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


def test_a_pickle_that_wants_to_run_something_is_refused(tmp_path: Path) -> None:
    evil = tmp_path / "evil.pth"
    mark = tmp_path / "ran"
    evil.write_bytes(pickle.dumps(Touch(mark), protocol=2))
    with pytest.raises(WeightsError, match=r"\.touch|pathlib|getattr"):
        read_tensors(evil)
    assert not mark.exists()
    evil.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(WeightsError, match="STRING"):
        read_tensors(evil)


def names_of_pytorch(monkeypatch: pytest.MonkeyPatch) -> tuple[type, object]:
    """Make the two names that a file of weights speaks of; only the names are written."""
    made = {"torch": "FloatStorage", "torch._utils": "_rebuild_tensor_v2"}
    found = []
    for module, name in made.items():
        stand_in = type(name, (), {"__module__": module, "__qualname__": name})
        monkeypatch.setitem(sys.modules, module, types.ModuleType(module))
        monkeypatch.setattr(sys.modules[module], name, stand_in, raising=False)
        found.append(stand_in)
    return found[0], found[1]


def test_the_zip_layout_is_read_with_views_and_offsets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file as PyTorch 1.6 and later write it, made without PyTorch."""
    torch, tools = types.ModuleType("torch"), types.ModuleType("torch._utils")

    class FloatStorage:
        pass

    def rebuild(*_: object) -> None:
        """Stands in for PyTorch's own; only its name is written."""

    FloatStorage.__module__, FloatStorage.__qualname__ = "torch", "FloatStorage"
    rebuild.__module__, rebuild.__qualname__, rebuild.__name__ = (
        "torch._utils",
        "_rebuild_tensor_v2",
        "_rebuild_tensor_v2",
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", tools)
    monkeypatch.setattr(torch, "FloatStorage", FloatStorage, raising=False)
    monkeypatch.setattr(tools, "_rebuild_tensor_v2", rebuild, raising=False)

    class Tensor:
        def __init__(self, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
            self.parts = (offset, shape, strides)

        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return rebuild, (STORAGE, *self.parts, False, OrderedDict())

    class Writer(pickle.Pickler):
        def persistent_id(self, value: object) -> object:
            return ("storage", FloatStorage, "0", "cpu", 12) if value is STORAGE else None

    def write(**tensors: Tensor) -> Path:
        out = io.BytesIO()
        Writer(out, protocol=2).dump(OrderedDict(tensors))
        with zipfile.ZipFile(tmp_path / "model.pth", "w") as archive:
            archive.writestr("model/data.pkl", out.getvalue())
            archive.writestr("model/data/0", np.arange(12, dtype=np.float32).tobytes())
        return tmp_path / "model.pth"

    with pytest.raises(WeightsError, match="leaves its storage"):
        read_tensors(write(far=Tensor(10, (3,), (1,))))
    found = read_tensors(write(whole=Tensor(0, (3, 4), (4, 1)), turned=Tensor(2, (2, 2), (1, 4))))
    np.testing.assert_array_equal(found["whole"], np.arange(12).reshape(3, 4))
    np.testing.assert_array_equal(found["turned"], [[2, 6], [3, 7]])


STORAGE = object()


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_bytes_that_are_no_weights_are_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.pth"
    path.write_bytes(data)
    with pytest.raises(WeightsError):
        read_tensors(path)


def test_distances_have_names_that_the_catalog_keeps() -> None:
    assert {d.value for d in Distance} == {"cosine", "hamming", "l1", "normalized"}
