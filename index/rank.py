"""Orders crawled pictures by structural similarity to small crops: the photographs a mosaic is made of.

A stored thumbnail of each picture leaves a few hundred candidates; those are opened and compared exactly, at the crop's
size, stretched to it and cut to its shape, and the better of the two counts.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
from PIL import Image

from db import Catalog
from db.errors import CatalogError
from db.pixels import Rgba
from index import store
from index.compare import structural_similarity
from index.engines.exact import ExactEngine
from index.errors import SelectionError
from index.features import open_feature
from index.hits import Hit, Ranked, read_hits
from index.selection import Selection, selected_images
from index.words import Words

FEATURE = "thumbnail"
THREADS = 2


def rank_crops(
    catalog: Catalog,
    crops: Sequence[Rgba],
    selection: Selection,
    *,
    words: str = "",
    keep: int = 200,
    count: int = 10,
) -> list[list[Hit]]:
    """Return for each crop the pictures most like it, best first; `score` is the SSIM of the worst band.

    Raises SelectionError if nothing is selected or nothing has a thumbnail yet.
    """
    feature = open_feature(FEATURE)
    model_id = store.find_model(catalog.database, feature.model)
    if model_id is None:
        raise SelectionError(f"no picture has a thumbnail yet: quarry index featurize --model {FEATURE}")
    if words:
        selection = replace(selection, places=tuple(Words(catalog).places(words)))
    allowed = None
    if not selection.everything:
        with catalog.database.read() as connection:
            allowed = selected_images(connection, selection)
        if not len(allowed):
            raise SelectionError("no picture is selected")
    engine = ExactEngine(catalog)
    found = []
    for crop, row in zip(crops, feature.compute(crops), strict=True):
        near = engine.search(feature.model, model_id, row, keep, allowed)
        with ThreadPoolExecutor(THREADS) as threads:
            scores = list(threads.map(partial(_score, catalog, crop), [entry.image_id for entry in near]))
        ranked = sorted(zip(scores, (n.image_id for n in near), strict=True), key=lambda pair: (-pair[0], pair[1]))
        found.append(read_hits(catalog, [Ranked(image_id, score) for score, image_id in ranked[:count]]))
    return found


def _score(catalog: Catalog, crop: Rgba, image_id: int) -> float:
    try:
        picture = catalog.open(image_id)
    except (CatalogError, OSError):
        return 0.0
    height, width = crop.shape[:2]
    shapes = (picture, _cut(picture, width / height))
    return max(structural_similarity(_resized(shape, width, height), crop) for shape in shapes)


def _cut(picture: Rgba, ratio: float) -> Rgba:
    """Return the middle of a picture in another shape (width / height)."""
    height, width = picture.shape[:2]
    if width / height > ratio:
        kept = max(1, round(height * ratio))
        return picture[:, (width - kept) // 2 : (width - kept) // 2 + kept]
    kept = max(1, round(width / ratio))
    return picture[(height - kept) // 2 : (height - kept) // 2 + kept]


def _resized(picture: Rgba, width: int, height: int) -> Rgba:
    return np.asarray(Image.fromarray(np.ascontiguousarray(picture)).resize((width, height), Image.Resampling.BOX))
