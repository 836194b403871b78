"""Our VGG16 against Keras' own, both with the same random weights. Nothing else needs Keras: `pip install keras jax`.

Keras flattens height, width, channel; torchvision, whose names and weights we read, channel first: the rows of the
first dense layer are put in Keras' order.
"""

import os

import numpy as np
import pytest

from index.features.onnx_graph import open_session, run_batches
from index.features.vgg16 import build_vgg16
from tests.index.test_networks import SMALL, random_vgg16

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras", reason="Keras is only a reference: pip install keras jax")


@pytest.mark.filterwarnings("ignore")  # of Keras and its backend
@pytest.mark.parametrize("seed", [1, 2])
def test_fc2_is_what_keras_applications_vgg16_computes(seed: int) -> None:
    chance = np.random.default_rng(seed)
    tensors = random_vgg16(chance)
    reference = keras.applications.VGG16(weights=None, input_shape=(SMALL, SMALL, 3), classes=10)
    convolutions = [layer for layer in reference.layers if "_conv" in layer.name]
    names = [name for name in tensors if name.startswith("features.") and name.endswith("weight")]
    assert len(convolutions) == len(names) == 13
    for layer, name in zip(convolutions, names, strict=True):
        layer.set_weights([tensors[name].transpose(2, 3, 1, 0), tensors[name.replace("weight", "bias")]])
    side = SMALL // 32
    first = tensors["classifier.0.weight"].reshape(4096, 512, side, side).transpose(0, 2, 3, 1).reshape(4096, -1)
    reference.get_layer("fc1").set_weights([first.T, tensors["classifier.0.bias"]])
    reference.get_layer("fc2").set_weights([tensors["classifier.3.weight"].T, tensors["classifier.3.bias"]])
    until_fc2 = keras.Model(reference.inputs, reference.get_layer("fc2").output)
    pictures = chance.normal(0, 1, (3, 3, SMALL, SMALL)).astype(np.float32)
    ours = run_batches(open_session(build_vgg16(tensors, SMALL)), pictures)
    theirs = np.asarray(until_fc2(pictures.transpose(0, 2, 3, 1)))
    assert ours.shape == theirs.shape == (3, 4096)
    assert np.abs(ours - theirs).max() / np.abs(theirs).max() < 1e-5
