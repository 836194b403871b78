"""What a search returns: an image with its score, and where it comes from and whom to credit."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from db import Catalog
from db.catalog import SightingRow
from db.engine import chunked
from db.models import Sighting
from db.provenance import credited_sighting_of


@dataclass(frozen=True)
class Hit:
    """An image found. `duplicates` are images that look nearly the same and were folded into this one.

    `score` is 1 for equal, 0 for unrelated, None for a search by words alone. `url` leads to exactly these pixels.
    """

    image_id: int
    score: float | None
    tier: str
    duplicates: tuple[int, ...]
    width: int
    height: int
    kind: str
    url: str
    source_page: str | None
    title: str | None
    authors: str | None
    licence: str | None
    credit: str
    path: str
    sheet_id: int | None
    rectangle: tuple[int, int, int, int] | None
    sightings: int

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Ranked:
    """An image before its provenance is looked up."""

    image_id: int
    score: float | None
    tier: str = ""
    duplicates: tuple[int, ...] = ()


def credit_line(seen: SightingRow) -> str:
    """Return "title" by author licensed licence: page, as `quarry catalog credits` words it."""
    licence = (seen.licence or "no licence stated").replace(" OR ", " or ")
    return f'"{seen.title or seen.path or seen.url}" by {seen.authors or "unknown"} licensed {licence}: ' + (
        seen.source_page or seen.url
    )


MOST_LOOKED_AT = 50
"""An image may be seen at thousands of places; whom to credit is read off the first of them."""


def read_hits(catalog: Catalog, ranked: Sequence[Ranked]) -> list[Hit]:
    """Look up where each image was seen; images that are seen nowhere any more are left out."""
    with catalog.database.read() as connection:
        counts = _count_sightings(connection, [found.image_id for found in ranked])
    hits = []
    for found in ranked:
        sightings = _first_sightings(catalog, found.image_id)
        if sightings:
            hits.append(_hit(found, sightings, counts.get(found.image_id, len(sightings))))
    return hits


def _first_sightings(catalog: Catalog, image_id: int) -> list[SightingRow]:
    """Return the first places, and one that says whom to credit if there is one at all."""
    sightings = catalog.sightings(image_id, MOST_LOOKED_AT)
    if len(sightings) == MOST_LOOKED_AT and not any(s.source_page and s.authors for s in sightings):
        with catalog.database.read() as connection:
            credited = credited_sighting_of(connection, image_id)
        sightings += [] if credited is None else [credited]
    return sightings


def _count_sightings(connection: Connection, images: Sequence[int]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for chunk in chunked(images):
        query = select(Sighting.image_id, func.count()).where(Sighting.image_id.in_(chunk)).group_by(Sighting.image_id)
        counts.update((image_id, count) for image_id, count in connection.execute(query))
    return counts


def _hit(found: Ranked, sightings: Sequence[SightingRow], count: int) -> Hit:
    """Prefer a sighting that says whom to credit, and the image as a tile of its sheet."""
    seen = max(sightings, key=lambda s: (bool(s.source_page), bool(s.authors), s.kind == "tile"))
    return Hit(
        image_id=found.image_id,
        score=None if found.score is None else round(found.score, 4),
        tier=found.tier,
        duplicates=found.duplicates,
        width=seen.width,
        height=seen.height,
        kind=seen.kind,
        url=seen.url,
        source_page=seen.source_page,
        title=seen.title,
        authors=seen.authors,
        licence=seen.licence,
        credit=credit_line(seen),
        path=seen.path,
        sheet_id=seen.parent_image_id,
        rectangle=seen.rectangle,
        sightings=count,
    )
