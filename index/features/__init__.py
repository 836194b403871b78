"""Features: one file each. To add one, write its file and name it in FEATURES."""

import importlib
from functools import cache
from typing import TYPE_CHECKING

from index.errors import UnknownFeatureError

if TYPE_CHECKING:
    from index.features.interface import Feature

FEATURES = {
    "art": "art:Art",
    "lite0": "lite0:Lite0",
    "hog": "hog:Hog",
    "thumbnail": "thumbnail:Thumbnail",
    "palette": "palette:Palette",
    "patches": "patches:Patches",
    "phash": "phash:PHash",
    "dhash": "dhash:DHash",
    "pdq": "pdq:Pdq",
    "image-match": "signature:ImageMatch",
    "colour-layout": "colour_layout:ColourLayout",
    "vgg16": "vgg16:Vgg16",
    "clip": "user_onnx:Clip",
    "siglip": "user_onnx:SigLip",
    "dinov2": "user_onnx:DinoV2",
}

DEFAULT = "art"
"""The feature that `quarry index` uses unless told otherwise, and that sets the flag `featurized`."""


@cache
def open_feature(name: str) -> "Feature":
    """Return the feature of this name. Raises UnknownFeatureError; weights are looked for on first use."""
    if name not in FEATURES:
        raise UnknownFeatureError(f"no feature {name!r}; there are {', '.join(sorted(FEATURES))}")
    module, _, attribute = FEATURES[name].partition(":")
    feature: Feature = getattr(importlib.import_module(f"index.features.{module}"), attribute)()
    return feature
