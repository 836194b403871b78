"""What a search returns: an image with its score, and where it comes from and whom to credit."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from db import Catalog
from db.catalog import SightingRow


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


def read_hits(catalog: Catalog, ranked: Sequence[Ranked]) -> list[Hit]:
    """Look up where each image was seen; images that are seen nowhere any more are left out."""
    hits = []
    for found in ranked:
        sightings = catalog.sightings(found.image_id)
        if sightings:
            hits.append(_hit(found, sightings))
    return hits


def _hit(found: Ranked, sightings: Sequence[SightingRow]) -> Hit:
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
        sightings=len(sightings),
    )
