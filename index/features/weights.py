"""Where weights that a person gives are, and that they are the ones meant.

A folder (QUARRY_WEIGHTS, or `quarry-data/weights`) holds each file under its known name. A file whose digest is not
known to us needs a file NAME.sha256 beside it with the digest that its publisher states: weights decide what is found,
and an ONNX file is half a program.
"""

import hashlib
import os
from pathlib import Path

from index.errors import WeightsError


def weights_folder() -> Path:
    """Return the folder that is asked for weights."""
    return Path(os.environ.get("QUARRY_WEIGHTS") or "quarry-data/weights")


def find_weights(name: str, how_to_get: str, known_sha256: str = "") -> Path:
    """Return a file of the folder after checking its digest (`known_sha256` may be its beginning).

    Raises WeightsError that says how to get the file, or what is wrong with it.
    """
    path = weights_folder() / name
    if not path.is_file():
        raise WeightsError(f"{path} is not there. {how_to_get} Put it there, or set QUARRY_WEIGHTS to its folder.")
    pin = path.with_name(path.name + ".sha256")
    expected = pin.read_text().split()[0].lower() if pin.is_file() else known_sha256
    if not expected:
        raise WeightsError(f"{pin} is missing: put the SHA-256 that the publisher states for {name} into it")
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if not digest.startswith(expected):
        raise WeightsError(f"{path} has SHA-256 {digest}, expected {expected}: it is not the file meant")
    return path
