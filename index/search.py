"""Search: by a picture, by words, by both; filtered, folded, ranked in tiers, with provenance.

from index.search import Query, Searcher
with Catalog() as catalog:
    for hit in Searcher(catalog).search(Query(words="castle wall")).hits:
        print(hit.score, hit.credit)
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from db import Catalog
from db.errors import CatalogError
from db.pixels import Rgba
from index import store
from index.engines import open_engine
from index.engines.interface import Near
from index.errors import SelectionError
from index.features import DEFAULT, open_feature
from index.features.interface import Distance, TextFeature
from index.features.signature import all_orientations
from index.filtered import Filtered
from index.hits import Hit, Ranked, read_hits
from index.selection import Selection, images_at
from index.tiers import Tier, structure, tier_of
from index.words import Words

NEAR_DUPLICATE = 0.95
CANDIDATES_PER_HIT = 4
MOST_CANDIDATES = 2000
MOST_WORD_IMAGES = 5000
RERANKED = 200


@dataclass(frozen=True)
class Query:
    """What somebody looks for: a picture, an image of the catalog, words, or words and one of the two.

    `orientations` also looks for the picture turned and mirrored; `recoloured` ranks by shape, colours aside; `fold`
    folds images that look nearly the same into one hit.
    """

    picture: Rgba | None = None
    image_id: int | None = None
    words: str = ""
    selection: Selection = field(default_factory=Selection)
    count: int = 24
    offset: int = 0
    orientations: bool = False
    recoloured: bool = False
    fold: bool = True


@dataclass(frozen=True)
class Found:
    """A page of hits; `more` tells whether another page follows."""

    hits: tuple[Hit, ...]
    more: bool
    seconds: float
    engine: str


class Searcher:
    """Searches one catalog with one feature."""

    def __init__(self, catalog: Catalog, feature: str = DEFAULT) -> None:
        self._catalog = catalog
        self._feature = open_feature(feature)
        self._model = self._feature.model
        self._engine = open_engine(catalog)
        self._words = Words(catalog)

    def search(self, query: Query) -> Found:
        """Return a page of hits. Raises SelectionError for a query that asks nothing, UnknownImageError."""
        start = time.perf_counter()
        picture = self._picture(query)
        wanted = query.offset + query.count + 1
        if picture is not None:
            ranked = self._by_picture(query, picture, wanted)
        elif query.words.strip() and isinstance(self._feature, TextFeature):
            ranked = self._by_meaning(self._feature, query, wanted)
        elif query.words.strip():
            ranked = self._by_words(query, wanted)
        else:
            raise SelectionError("give a picture, an image id or words")
        page = ranked[query.offset : query.offset + query.count]
        if picture is not None:
            page = [self._with_tier(found, picture) for found in page]
        hits = tuple(read_hits(self._catalog, page))
        more = len(ranked) > query.offset + query.count
        return Found(hits, more, time.perf_counter() - start, self._engine.name)

    def _picture(self, query: Query) -> Rgba | None:
        if query.picture is not None:
            return query.picture
        return None if query.image_id is None else self._catalog.open(query.image_id)

    def _by_picture(self, query: Query, picture: Rgba, wanted: int) -> list[Ranked]:
        model_id = self._model_id()
        count = min(MOST_CANDIDATES, max(wanted * CANDIDATES_PER_HIT, RERANKED if query.recoloured else 0))
        near = self._near(query, picture, model_id, count)
        if query.recoloured:
            near = self._reranked(near[:RERANKED], picture) + near[RERANKED:]
        if query.fold:
            return self._folded(near, model_id)
        return [Ranked(*found) for found in near]

    def _near(self, query: Query, picture: Rgba, model_id: int, count: int) -> list[Near]:
        filtered = self._filtered(query, model_id)
        pictures = list(all_orientations(picture)) if query.orientations else [picture]
        best: dict[int, float] = {}
        for row in self._feature.compute(pictures):
            for image_id, score in filtered.nearest(row, count):
                best[image_id] = max(score, best.get(image_id, score))
        return [Near(*pair) for pair in sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))]

    def _by_meaning(self, feature: TextFeature, query: Query, wanted: int) -> list[Ranked]:
        """Ask a model that reads words (CLIP, SigLIP) which pictures they describe."""
        model_id = self._model_id()
        row = feature.compute_words([query.words])[0]
        count = min(MOST_CANDIDATES, wanted * CANDIDATES_PER_HIT)
        near = self._filtered(replace(query, words=""), model_id).nearest(row, count)
        return self._folded(near, model_id) if query.fold else [Ranked(*found) for found in near]

    def _model_id(self) -> int:
        model_id = store.find_model(self._catalog.database, self._model)
        if model_id is None:
            raise SelectionError(f"nothing is indexed yet: quarry index featurize --model {self._model.name}")
        return model_id

    def _filtered(self, query: Query, model_id: int) -> Filtered:
        selection = query.selection
        if query.words.strip():
            selection = selection.at(self._words.places(query.words))
        return Filtered(self._catalog.database, self._engine, self._model, model_id, selection)

    def _by_words(self, query: Query, wanted: int) -> list[Ranked]:
        selection = query.selection.at(self._words.places(query.words))
        with self._catalog.database.read() as connection:
            images = images_at(connection, selection)[:MOST_WORD_IMAGES]
        if not query.fold:
            return [Ranked(image_id, None) for image_id in images]
        model_id = store.find_model(self._catalog.database, self._model)
        near = [Near(image_id, 0.0) for image_id in images[: wanted * CANDIDATES_PER_HIT * 4]]
        folded = self._folded(near, model_id) if model_id is not None else [Ranked(n.image_id, None) for n in near]
        return [replace(found, score=None) for found in folded]

    def _reranked(self, near: Sequence[Near], picture: Rgba) -> list[Near]:
        """Order candidates by shape, colours aside."""
        found = []
        for image_id, score in near:
            other = self._open(image_id)
            agreement = 0.0 if other is None else structure(picture, other)
            found.append(Near(image_id, max(score, agreement)))
        return sorted(found, key=lambda n: (-n.score, n.image_id))

    def _folded(self, near: Sequence[Near], model_id: int) -> list[Ranked]:
        """Fold each image into the first one before it that looks nearly the same."""
        if self._model.distance is not Distance.COSINE:
            return [Ranked(*found) for found in near]
        with self._catalog.database.read() as connection:
            rows = store.read_vectors(connection, self._model, model_id, [found.image_id for found in near])
        leaders: list[Near] = []
        followers: dict[int, list[int]] = {}
        matrix = np.zeros((len(near), self._model.dimension), np.float32)
        for found in near:
            row = rows.get(found.image_id)
            leader = None if row is None else _alike(matrix[: len(leaders)], row)
            if leader is not None:
                followers[leaders[leader].image_id].append(found.image_id)
                continue
            if row is not None:
                matrix[len(leaders)] = row
            leaders.append(found)
            followers[found.image_id] = []
        return [Ranked(f.image_id, f.score, duplicates=tuple(followers[f.image_id])) for f in leaders]

    def _with_tier(self, found: Ranked, picture: Rgba) -> Ranked:
        other = self._open(found.image_id)
        return found if other is None else replace(found, tier=tier_of(picture, other).value)

    def _open(self, image_id: int) -> Rgba | None:
        """Return pixels, or None where the blob is gone: a search goes on without it."""
        try:
            return self._catalog.open(image_id)
        except (CatalogError, OSError):
            return None


def _alike(rows: NDArray[np.float32], row: NDArray[np.float16]) -> int | None:
    if not len(rows):
        return None
    scores = rows @ row.astype(np.float32)
    best = int(np.argmax(scores))
    return best if scores[best] >= NEAR_DUPLICATE else None


__all__ = ["Found", "Hit", "Query", "Searcher", "Selection", "Tier"]
