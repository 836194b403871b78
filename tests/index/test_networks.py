"""Networks that need files of other people: our graphs against a second implementation, on random weights."""

from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from index.errors import WeightsError
from index.features import open_feature, vgg16, weights
from index.features.onnx_graph import open_session, run_batches
from index.features.user_onnx import Clip, DinoV2
from index.features.vgg16 import DEVIATION, MEAN, PLAN, build_vgg16, prepared
from tests.index.conftest import photograph

SMALL = 32
"""The graph is the same at any size; only the first dense layer grows with it."""


def random_vgg16(chance: np.random.Generator) -> dict[str, np.ndarray]:
    """Return weights as torchvision names them, of the right shapes for 32 × 32 pictures."""
    tensors, layer, inputs = {}, 0, 3
    for channels in PLAN:
        if channels:
            spread = np.sqrt(2 / (inputs * 9))
            tensors[f"features.{layer}.weight"] = chance.normal(0, spread, (channels, inputs, 3, 3)).astype(np.float32)
            tensors[f"features.{layer}.bias"] = chance.normal(0, 0.1, channels).astype(np.float32)
            inputs = channels
        layer += 2 if channels else 1
    for number, count in ((0, 512 * (SMALL // 32) ** 2), (3, 4096)):
        tensors[f"classifier.{number}.weight"] = chance.normal(0, np.sqrt(2 / count), (4096, count)).astype(np.float32)
        tensors[f"classifier.{number}.bias"] = chance.normal(0, 0.1, 4096).astype(np.float32)
    return tensors


def vgg16_by_hand(tensors: dict[str, np.ndarray], value: np.ndarray) -> np.ndarray:
    """VGG16 up to fc2 as the paper's table has it, with numpy."""
    layer = 0
    for channels in PLAN:
        if channels:
            padded = np.pad(value, ((0, 0), (1, 1), (1, 1)))
            windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
            value = np.einsum("ihwyx,oiyx->ohw", windows, tensors[f"features.{layer}.weight"], optimize=True)
            value = np.maximum(value + tensors[f"features.{layer}.bias"][:, None, None], 0)
        else:
            depth, height, width = value.shape
            value = value.reshape(depth, height // 2, 2, width // 2, 2).max((2, 4))
        layer += 2 if channels else 1
    row = value.ravel()
    for number in (0, 3):
        row = np.maximum(tensors[f"classifier.{number}.weight"] @ row + tensors[f"classifier.{number}.bias"], 0)
    return row


def test_vgg16_computes_what_the_paper_says() -> None:
    chance = np.random.default_rng(1)
    tensors = random_vgg16(chance)
    picture = chance.normal(0, 1, (3, SMALL, SMALL)).astype(np.float32)
    ours = run_batches(open_session(build_vgg16(tensors, SMALL)), picture[None])[0]
    reference = vgg16_by_hand({name: t.astype(np.float64) for name, t in tensors.items()}, picture.astype(np.float64))
    assert ours.shape == (4096,)
    assert np.abs(ours - reference).max() / np.abs(reference).max() < 2e-5


def test_a_convolution_is_scipys() -> None:
    """So that the two implementations above do not share a mistake in what a convolution is."""
    chance = np.random.default_rng(2)
    tensors = random_vgg16(chance)
    plane = chance.normal(0, 1, (3, 8, 8))
    padded = np.pad(plane, ((0, 0), (1, 1), (1, 1)))
    kernel = tensors["features.0.weight"][5].astype(np.float64)
    expected = sum(signal.correlate2d(p, k, "valid") for p, k in zip(padded, kernel, strict=True))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    np.testing.assert_allclose(np.einsum("ihwyx,iyx->hw", windows, kernel), expected)


def test_vgg16_pictures_are_prepared_as_torchvision_prepares_them() -> None:
    rgba = photograph(1, 224, 224)
    expected = (rgba[..., :3].astype(np.float64) / 255 - MEAN) / DEVIATION
    np.testing.assert_allclose(prepared(rgba), expected.transpose(2, 0, 1), atol=1e-5)


def test_absent_or_other_weights_are_refused_with_the_way_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARRY_WEIGHTS", str(tmp_path))
    vgg16._session.cache_clear()
    with pytest.raises(WeightsError, match=r"torchvision's weights: download vgg16-397923af\.pth"):
        open_feature("vgg16").compute([photograph(1)])
    (tmp_path / vgg16.FILE).write_bytes(b"something else")
    with pytest.raises(WeightsError, match="expected 397923af"):
        open_feature("vgg16").compute([photograph(1)])
    (tmp_path / "clip-image.onnx").write_bytes(b"x")
    with pytest.raises(WeightsError, match=r"clip-image\.onnx\.sha256 is missing"):
        _ = Clip().model


def pinned(path: Path) -> None:
    import hashlib

    path.with_name(path.name + ".sha256").write_text(hashlib.sha256(path.read_bytes()).hexdigest() + "  it\n")


def tiny_model(path: Path, kind: str) -> None:
    """Write an ONNX model as exports of such models look: means of colours, or of a table of words, times a matrix."""
    from onnx import TensorProto, helper, numpy_helper, save

    chance = np.random.default_rng(3)
    weights_ = [numpy_helper.from_array(chance.normal(0, 1, (3, 6)).astype(np.float32), "w")]
    if kind == "image":
        nodes = [
            helper.make_node("ReduceMean", ["pixel_values"], ["m"], axes=[2, 3], keepdims=0),
            helper.make_node("MatMul", ["m", "w"], ["image_embeds"]),
        ]
        inputs = [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["n", 3, 16, 16])]
        output = "image_embeds"
    elif kind == "tokens":
        nodes = [
            helper.make_node("ReduceMean", ["pixel_values"], ["m"], axes=[3], keepdims=0),
            helper.make_node("Transpose", ["m"], ["t"], perm=[0, 2, 1]),
            helper.make_node("MatMul", ["t", "w"], ["last_hidden_state"]),
        ]
        inputs = [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["n", 3, "h", "w"])]
        output = "last_hidden_state"
    else:
        table = chance.normal(0, 1, (10, 3)).astype(np.float32)
        weights_.append(numpy_helper.from_array(table, "table"))
        nodes = [
            helper.make_node("Gather", ["table", "input_ids"], ["g"]),
            helper.make_node("ReduceMean", ["g"], ["m"], axes=[1], keepdims=0),
            helper.make_node("MatMul", ["m", "w"], ["text_embeds"]),
        ]
        inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n", "length"])]
        output = "text_embeds"
    graph = helper.make_graph(
        nodes, "tiny", inputs, [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)], initializer=weights_
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    pinned(path)


def test_a_given_clip_places_pictures_and_words_in_one_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="words need the tokenizers library")
    monkeypatch.setenv("QUARRY_WEIGHTS", str(tmp_path))
    tiny_model(tmp_path / "clip-image.onnx", "image")
    tiny_model(tmp_path / "clip-text.onnx", "text")
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"castle": 1, "wall": 2, "?": 3}, unk_token="?"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    words.save(str(tmp_path / "clip-tokenizer.json"))
    pinned(tmp_path / "clip-tokenizer.json")
    clip = Clip()
    assert (clip.model.name, clip.model.dimension) == ("clip", 6)
    rows = clip.compute([photograph(n) for n in range(6)])
    assert rows.shape == (6, 6)
    said = clip.compute_words(["castle wall", "castle " * 200, "wall"])
    assert said.shape == (3, 6)
    np.testing.assert_allclose(np.linalg.norm(said, axis=1), 1, atol=1e-5)
    assert not np.allclose(said[0], said[2])


def test_a_given_dinov2_gives_its_first_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARRY_WEIGHTS", str(tmp_path))
    tiny_model(tmp_path / "dinov2-image.onnx", "tokens")
    dino = DinoV2()
    assert dino.model.dimension == 6
    assert dino.compute([photograph(1)]).shape == (1, 6)


def test_weights_are_looked_for_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QUARRY_WEIGHTS", str(tmp_path / "there"))
    assert weights.weights_folder() == tmp_path / "there"
