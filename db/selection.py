"""Which images are meant: by licence, author, tag, type, kind, size, date; the same for every way out."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, select, text

from db.licences import is_allowed
from db.models import Page

Condition = tuple[list[str], dict[str, Any]]


@dataclass(frozen=True)
class Selection:
    """What to take; everything given must hold, and of several values in one field any.

    `licences`: SPDX identifiers you accept; an offer of "A OR B" is taken if you accept either. `types`: the site's
    art types. `kinds`: image, sheet, tile. Sizes are of the longer side, in pixels. Dates are ISO 8601, of the page.
    """

    licences: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    min_px: int = 0
    max_px: int = 0
    since: str = ""
    until: str = ""
    current: bool = False

    @property
    def of_images(self) -> bool:
        """Tell whether anything but the page matters."""
        return bool(self.kinds or self.min_px or self.max_px or self.current)

    @property
    def of_pages(self) -> bool:
        """Tell whether anything about the page matters."""
        return bool(self.licences or self.authors or self.tags or self.types or self.since or self.until)

    def key(self) -> str:
        """Return a text that is the same for the same selection."""
        return json.dumps(asdict(self), sort_keys=True)

    def where(self, connection: Connection) -> Condition:
        """Return SQL conditions on a row `v` of image_catalog, and their values."""
        conditions, values = self._where_image()
        if self.of_pages:
            of_page, more = self.where_page(connection)
            conditions.append(f"v.source_page IN (SELECT p.url FROM page p WHERE {' AND '.join(of_page)})")  # noqa: S608
            values |= more
        return conditions, values

    def _where_image(self) -> Condition:
        conditions: list[str] = []
        values: dict[str, Any] = {}
        if self.kinds:
            conditions.append(_any_of("v.kind", "kind", self.kinds, values))
        longer = "CASE WHEN v.width > v.height THEN v.width ELSE v.height END"
        if self.min_px:
            conditions.append(f"{longer} >= :min_px")
            values["min_px"] = self.min_px
        if self.max_px:
            conditions.append(f"{longer} <= :max_px")
            values["max_px"] = self.max_px
        if self.current:
            conditions.append("v.is_current = 1")
        return conditions, values

    def where_page(self, connection: Connection) -> Condition:
        """Return SQL conditions on a row `p` of page, and their values."""
        values: dict[str, Any] = {}
        conditions = ["1 = 1"]
        if self.licences:
            taken = [
                offer
                for offer in connection.scalars(select(Page.licence).distinct())
                if is_allowed(offer, self.licences)
            ]
            conditions.append(_any_of("p.licence", "licence", tuple(taken), values))
        if self.authors:
            named = _any_of("lower(x.name)", "author", tuple(name.lower() for name in self.authors), values)
            credited = "x.role IN ('author', 'collaborator')"
            conditions.append(f"EXISTS (SELECT 1 FROM person x WHERE x.page_id = p.id AND {credited} AND {named})")  # noqa: S608
        if self.tags:
            named = _any_of("lower(x.name)", "tag", tuple(name.lower() for name in self.tags), values)
            conditions.append(f"EXISTS (SELECT 1 FROM tag x WHERE x.page_id = p.id AND {named})")  # noqa: S608
        if self.types:
            conditions.append(_any_of("lower(p.art_type)", "type", tuple(name.lower() for name in self.types), values))
        if self.since:
            conditions.append("p.posted_at >= :since")
            values["since"] = self.since
        if self.until:
            conditions.append("substr(p.posted_at, 1, length(:until)) <= :until")
            values["until"] = self.until
        return conditions, values


def _any_of(column: str, name: str, wanted: tuple[str, ...], values: dict[str, Any]) -> str:
    if not wanted:
        return "1 = 0"
    values |= {f"{name}_{number}": value for number, value in enumerate(wanted)}
    return f"{column} IN ({', '.join(f':{name}_{number}' for number in range(len(wanted)))})"


EVERYTHING = Selection()


def selected_pages(connection: Connection, selection: Selection) -> Iterator[int]:
    """Yield the ids of pages that something selected comes from, by title."""
    conditions, values = selection.where_page(connection)
    if selection.of_images:
        of_image, more = selection.where(connection)
        conditions.append(f"p.url IN (SELECT v.source_page FROM image_catalog v WHERE {' AND '.join(of_image)})")  # noqa: S608
        values |= more
    query = f"SELECT p.id FROM page p WHERE {' AND '.join(conditions)} ORDER BY p.title, p.url"  # noqa: S608
    yield from connection.scalars(text(query), values).all()
