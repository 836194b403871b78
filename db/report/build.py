"""Builds the report: an index and a contact sheet for every page of the site.

Every picture is written once as PNG; tiles are windows onto their sheet's PNG, so a sheet of a thousand tiles is one
file. Pages work from `file://`, run no script, and load a picture when it comes into view.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from PIL import Image as PillowImage
from sqlalchemy import Connection, func, select, text

from db.catalog import Catalog
from db.cells import tame
from db.models import File, Image, Licence, Page, Place, Sheet, Sighting, Tile
from db.report.dashboard import plots
from db.report.failures import read_cause
from db.selection import EVERYTHING, Selection, selected_pages
from db.status import read_status

CARDS = 120
"""Content pages in a listing."""

SHOWN_TILES = 400
SHOWN_IMAGES = 400
"""Per sheet and page; the catalog has them all, a browser should not have to."""


@dataclass(frozen=True)
class TileView:
    """A tile as a window onto its sheet, in pixels of the sheet."""

    image_id: int
    x: int
    y: int
    w: int
    h: int
    name: str


@dataclass(frozen=True)
class PictureView:
    """An image where it was seen. `sheet` kinds carry how they were cut, and their tiles."""

    image_id: int
    width: int
    height: int
    where: str
    frame: int
    kind: str
    cut: str
    tile_count: int
    tiles: tuple[TileView, ...]


@dataclass(frozen=True)
class PageView:
    """A content page with what was found on it."""

    id: int
    url: str
    title: str
    authors: str
    licences: tuple[tuple[str, str], ...]
    attribution: str
    withheld: str
    sheets: tuple[PictureView, ...]
    pictures: tuple[PictureView, ...]
    hidden: int

    def card(self) -> "CardView":
        """Return what a listing shows of the page."""
        cover = next(iter((*self.sheets, *self.pictures)), None)
        tiles = sum(sheet.tile_count for sheet in self.sheets)
        pictures = len(self.pictures) + self.hidden
        counts = (len(self.sheets), tiles, pictures)
        return CardView(self.id, self.title, self.authors, self.licences, self.withheld, cover, *counts)


@dataclass(frozen=True)
class CardView:
    """A page as a listing shows it: a cover and numbers."""

    id: int
    title: str
    authors: str
    licences: tuple[tuple[str, str], ...]
    withheld: str
    cover: PictureView | None
    sheets: int
    tiles: int
    pictures: int


@dataclass(frozen=True)
class Listing:
    """One of the pages that list the content pages; the first is the index."""

    number: int
    last: int
    total: int
    cards: tuple[CardView, ...]

    @staticmethod
    def name(number: int) -> str:
        """Return a listing's file name."""
        return "index.html" if number == 1 else f"index-{number}.html"


def build_report(
    catalog: Catalog, out: Path, step: Callable[[], None] = lambda: None, selection: Selection = EVERYTHING
) -> Path:
    """Write the report into a folder; return its index. `step` is called after each page. Repeating it is safe.

    Memory holds one listing of cards, however large the catalog is. Pictures that cannot be opened are left out, and
    noted as `catalog.unreadable`.
    """
    (out / "img").mkdir(parents=True, exist_ok=True)
    templates = _templates()
    with catalog.database.read() as connection:
        ids = list(selected_pages(connection, selection))
    last = max(1, -(-len(ids) // CARDS))
    dashboard = _dashboard(catalog, templates, out)
    for number in range(last, 0, -1):  # the index comes last: when it is there, all it leads to is
        cards = []
        for page_id in ids[(number - 1) * CARDS : number * CARDS]:
            cards.append(_write_page(catalog, templates, out, page_id, selection))
            step()
        listing = Listing(number, last, len(ids), tuple(cards))
        _write(out / Listing.name(number), templates.get_template("index.html").render(listing=listing, **dashboard))
    return out / "index.html"


def _dashboard(catalog: Catalog, templates: Environment, out: Path) -> dict[str, Any]:
    status = read_status(catalog.database)
    with catalog.database.read() as connection:
        causes = [read_cause(connection, number, problem) for number, problem in enumerate(status.problems, 1)]
        shown = plots(connection, [(problem.reason, problem.count) for problem in status.problems])
    for cause in causes:
        _write(out / f"failure-{cause.number}.html", templates.get_template("failure.html").render(cause=cause))
    return {"status": status, "causes": causes, "plots": shown}


def _write_page(catalog: Catalog, templates: Environment, out: Path, page_id: int, selection: Selection) -> CardView:
    with catalog.database.read() as connection:
        wanted = _wanted(connection, page_id, selection)
        view = _page(connection, page_id, wanted)
    there = {each.image_id for each in (*view.sheets, *view.pictures) if _write_png(catalog, out, each.image_id)}
    sheets = tuple(each for each in view.sheets if each.image_id in there)
    view = replace(view, sheets=sheets, pictures=tuple(each for each in view.pictures if each.image_id in there))
    _write(out / f"page-{view.id}.html", templates.get_template("page.html").render(page=view))
    return view.card()


def _wanted(connection: Connection, page_id: int, selection: Selection) -> set[int] | None:
    """Return the whole images of a page that were selected, or whose tiles were; None for all."""
    if not selection.of_images:
        return None
    conditions, values = selection.where(connection)
    where = " AND ".join([*conditions, "v.source_page = (SELECT url FROM page WHERE id = :page)"])
    query = f"SELECT DISTINCT coalesce(v.parent_image_id, v.image_id) FROM image_catalog v WHERE {where}"  # noqa: S608
    return set(connection.scalars(text(query), {**values, "page": page_id}))


def _templates() -> Environment:
    folder = files("db.report") / "templates"
    loader = FunctionLoader(lambda name: (folder / name).read_text("utf-8"))
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _write(path: Path, page: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(tame(page), encoding="utf-8")
    part.replace(path)


def _write_png(catalog: Catalog, out: Path, image_id: int) -> bool:
    """Write a picture unless it is there; tell whether it could be opened."""
    target = out / "img" / f"{image_id}.png"
    if target.exists():  # an image id never changes its pixels
        return True
    for _, rgba in catalog.open_many([image_id], leave_out=True):
        part = target.with_name(f"{image_id}.part")
        PillowImage.fromarray(rgba, "RGBA").save(part, "PNG", compress_level=1)
        part.replace(target)
    return target.exists()


def _page(connection: Connection, page_id: int, wanted: set[int] | None) -> PageView:
    page = connection.execute(
        select(Page.id, Page.url, Page.title, Page.authors, Page.attribution, Page.withheld).where(Page.id == page_id)
    ).one()
    licences = connection.execute(
        select(Licence.name, Licence.url).where(Licence.page_id == page_id).order_by(Licence.position)
    ).all()
    pictures = [each for each in _pictures(connection, page_id) if wanted is None or each.image_id in wanted]
    sheets = tuple(picture for picture in pictures if picture.tiles)
    plain = [picture for picture in pictures if not picture.tiles]
    return PageView(
        page.id,
        page.url,
        page.title,
        page.authors,
        tuple(licences),
        page.attribution,
        page.withheld,
        sheets,
        tuple(plain[:SHOWN_IMAGES]),
        max(0, len(plain) - SHOWN_IMAGES),
    )


def _pictures(connection: Connection, page_id: int) -> Iterator[PictureView]:
    """Yield each distinct image of a page once, where it was seen first."""
    rows = connection.execute(
        select(
            Image.id,
            Image.width,
            Image.height,
            File.name,
            Place.path,
            Sighting.frame,
            Sheet.kind,
            Sheet.tile_width,
            Sheet.tile_height,
            Sheet.source,
            Sheet.confidence,
            Sheet.why,
        )
        .join(Sighting, Sighting.image_id == Image.id)
        .join(Place, Place.id == Sighting.place_id)
        .join(File, File.id == Place.file_id)
        .outerjoin(Sheet, Sheet.image_id == Image.id)
        .where(File.page_id == page_id, Sighting.tile_id == 0)
        .order_by(Image.id, File.name, Place.path)
    )
    for image_id, seen in groupby(rows, key=lambda row: row.id):
        row = next(seen)
        tiles, count = _tiles(connection, image_id) if row.kind in ("grid", "atlas") else ((), 0)
        size = f" {row.tile_width}×{row.tile_height}" if row.tile_width else ""
        cut = f"{row.kind}{size}, {row.source}, {row.confidence:.0%}: {row.why}" if row.kind else ""
        where = f"{row.name} / {row.path}" if row.path else row.name
        yield PictureView(image_id, row.width, row.height, where, row.frame, row.kind or "image", cut, count, tiles)


def _tiles(connection: Connection, sheet_id: int) -> tuple[tuple[TileView, ...], int]:
    count = connection.scalar(select(func.count()).select_from(Tile).where(Tile.sheet_id == sheet_id)) or 0
    rows = connection.execute(
        select(Tile.image_id, Tile.x, Tile.y, Tile.w, Tile.h, Tile.name)
        .where(Tile.sheet_id == sheet_id)
        .order_by(Tile.y, Tile.x)
        .limit(SHOWN_TILES)
    )
    return tuple(TileView(*row) for row in rows), count
