"""Filters: which images may be found at all."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from db.engine import chunked
from db.vocabulary import IMAGE_KINDS
from index.errors import SelectionError

_FROM = """
FROM sighting s
JOIN image i ON i.id = s.image_id
JOIN place pl ON pl.id = s.place_id
JOIN file f ON f.id = pl.file_id
LEFT JOIN page p ON p.id = f.page_id
LEFT JOIN sheet sh ON sh.image_id = s.image_id
"""
_SEEN = """
FROM sighting s
JOIN place pl ON pl.id = s.place_id
JOIN file f ON f.id = pl.file_id
LEFT JOIN page p ON p.id = f.page_id
LEFT JOIN sheet sh ON sh.image_id = s.image_id
"""
_FROM_PAGES = """
FROM page p
CROSS JOIN file f
CROSS JOIN place pl
CROSS JOIN sighting s
CROSS JOIN image i
LEFT JOIN sheet sh ON sh.image_id = s.image_id
"""
"""In this order: SQLite keeps to it, and would else begin with the millions of sightings; PostgreSQL chooses itself."""
_FROM_SHEETS = """
FROM sheet sh
CROSS JOIN sighting s
CROSS JOIN image i
CROSS JOIN place pl
CROSS JOIN file f
LEFT JOIN page p ON p.id = f.page_id
"""
_SHEETS_JOINED = (
    "sh.kind IN ('grid', 'atlas')",
    "s.image_id = sh.image_id",
    "i.id = s.image_id",
    "pl.id = s.place_id",
    "f.id = pl.file_id",
)
_JOINED = ("f.page_id = p.id", "pl.file_id = f.id", "s.place_id = pl.id", "i.id = s.image_id")
_OF_PAGES = ("licence", "author", "tag", "art_type", "since", "until")
_KIND = "CASE WHEN s.tile_id > 0 THEN 'tile' WHEN sh.kind IN ('grid', 'atlas') THEN 'sheet' ELSE 'image' END"


@dataclass(frozen=True)
class Selection:
    """What somebody wants to see. Empty values do not filter.

    `licence` is an SPDX identifier or its beginning (`CC-BY` also means CC-BY-SA); sizes are the larger side in pixels;
    dates are `YYYY-MM-DD`, of the posting; `art_type` and `tag` are the site's own words.
    """

    licence: str = ""
    kind: str = ""
    author: str = ""
    tag: str = ""
    art_type: str = ""
    min_size: int = 0
    max_size: int = 0
    since: str = ""
    until: str = ""
    places: tuple[int, ...] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.kind and self.kind not in IMAGE_KINDS:
            raise SelectionError(f"kind {self.kind!r} is not known; there is {', '.join(IMAGE_KINDS)}")

    @property
    def everything(self) -> bool:
        """Tell whether nothing is filtered."""
        return all(getattr(self, entry.name) == entry.default for entry in fields(self))

    def at(self, places: list[int]) -> "Selection":
        """Return the same selection, at some places only."""
        return replace(self, places=tuple(places))

    def conditions(self) -> tuple[list[str], dict[str, Any]]:
        """Return SQL conditions and their values; `places` is not among them."""
        where, values = [], {}
        texts = {
            "licence": (
                "EXISTS (SELECT 1 FROM licence l WHERE l.page_id = p.id AND lower(l.spdx) LIKE :licence ESCAPE '\\')",
                f"{_escaped(self.licence)}%",
            ),
            "author": (
                "EXISTS (SELECT 1 FROM person a WHERE a.page_id = p.id AND lower(a.name) LIKE :author ESCAPE '\\')",
                f"%{_escaped(self.author)}%",
            ),
            "tag": ("EXISTS (SELECT 1 FROM tag t WHERE t.page_id = p.id AND lower(t.name) = :tag)", self.tag.lower()),
            "art_type": ("lower(p.art_type) LIKE :art_type ESCAPE '\\'", f"%{_escaped(self.art_type)}%"),
            "kind": (f"{_KIND} = :kind", self.kind),
            "min_size": ("(CASE WHEN i.width > i.height THEN i.width ELSE i.height END) >= :min_size", self.min_size),
            "max_size": ("(CASE WHEN i.width > i.height THEN i.width ELSE i.height END) <= :max_size", self.max_size),
            "since": ("p.posted_at >= :since", self.since),
            "until": ("substr(p.posted_at, 1, 10) <= :until", self.until),
        }
        for name, (condition, value) in texts.items():
            if getattr(self, name):
                where.append(condition)
                values[name] = value
        return where, values


def _escaped(value: str) -> str:
    return "".join("\\" + c if c in "\\%_" else c for c in value.lower())


def selected_images(connection: Connection, selection: Selection) -> NDArray[np.int64]:
    """Return the sorted ids of the images that pass."""
    where, values = selection.conditions()
    if selection.places is None:
        if any(getattr(selection, name) for name in _OF_PAGES):
            return np.unique(_ids(connection, [*_JOINED, *where], values, _FROM_PAGES))
        if selection.kind == "sheet":
            return np.unique(_ids(connection, [*_SHEETS_JOINED, *where], values, _FROM_SHEETS))
        return np.unique(_ids(connection, where, values))
    parts = [_ids(connection, [*where, _among(chunk)], values) for chunk in chunked(selection.places)]
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)


def passing_images(connection: Connection, selection: Selection, images: Sequence[int]) -> set[int]:
    """Return those of some images that pass; an image passes by any of the places where it was seen."""
    where, values = selection.conditions()
    found: set[int] = set()
    for chunk in chunked(images):
        among = f"i.id IN ({', '.join(str(int(image)) for image in chunk)})"
        seen = f"EXISTS (SELECT 1 {_SEEN} WHERE {' AND '.join(['s.image_id = i.id', *where])})"
        query = f"SELECT i.id FROM image i WHERE {among} AND {seen}"  # noqa: S608 - numbers and our own words
        found.update(connection.scalars(text(query), values))
    return found


def images_at(connection: Connection, selection: Selection) -> list[int]:
    """Return the images at the selection's places that pass its filters, in the order of the places."""
    where, values = selection.conditions()
    found: dict[int, None] = {}
    for chunk in chunked(selection.places or ()):
        query = f"SELECT s.place_id, s.image_id {_FROM} WHERE {' AND '.join([*where, _among(chunk)])} ORDER BY s.id"
        at: dict[int, list[int]] = {}
        for place, image in connection.execute(text(query), values):
            at.setdefault(place, []).append(image)
        for place in chunk:
            found.update(dict.fromkeys(at.get(place, ())))
    return list(found)


def _among(places: list[int]) -> str:
    return f"s.place_id IN ({', '.join(str(int(place)) for place in places)})"


def _ids(connection: Connection, where: list[str], values: dict[str, Any], tables: str = _FROM) -> NDArray[np.int64]:
    condition = f"WHERE {' AND '.join(where)}" if where else ""
    rows = connection.execute(text(f"SELECT DISTINCT s.image_id {tables} {condition}"), values)
    return np.fromiter((row[0] for row in rows), np.int64)
