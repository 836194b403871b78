"""Builds the report: an index and a contact sheet for every page of the site.

Every picture is written once as PNG; tiles are windows onto their sheet's PNG, so a sheet of a thousand tiles is one
file. Pages work from `file://` and run no script.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined
from PIL import Image as PillowImage
from sqlalchemy import Connection, func, select

from db.catalog import Catalog
from db.models import File, Image, Licence, Page, Place, Sheet, Sighting, Tile
from db.status import read_status

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

    @property
    def cover(self) -> PictureView | None:
        """Return the picture that stands for the page."""
        return next(iter((*self.sheets, *self.pictures)), None)


def build_report(catalog: Catalog, out: Path, step: Callable[[], None] = lambda: None) -> Path:
    """Write the report into a folder; return its index. `step` is called after each page. Repeating it is safe."""
    (out / "img").mkdir(parents=True, exist_ok=True)
    templates = _templates()
    views = []
    for view in _pages(catalog):
        for picture in (*view.sheets, *view.pictures):
            _write_png(catalog, out, picture.image_id)
        _write(out / f"page-{view.id}.html", templates.get_template("page.html").render(page=view))
        views.append(view)
        step()
    status = read_status(catalog.database)
    index = out / "index.html"
    _write(index, templates.get_template("index.html").render(pages=views, status=status))
    return index


def _templates() -> Environment:
    folder = files("db.report") / "templates"
    loader = FunctionLoader(lambda name: (folder / name).read_text("utf-8"))
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _write_png(catalog: Catalog, out: Path, image_id: int) -> None:
    target = out / "img" / f"{image_id}.png"
    if not target.exists():  # an image id never changes its pixels
        part = target.with_name(f"{image_id}.part")
        PillowImage.fromarray(catalog.open(image_id), "RGBA").save(part, "PNG", compress_level=1)
        part.replace(target)


def _pages(catalog: Catalog) -> Iterator[PageView]:
    with catalog.database.read() as connection:
        ids = connection.scalars(select(Page.id).order_by(Page.title, Page.url)).all()
    for page_id in ids:
        with catalog.database.read() as connection:
            yield _page(connection, page_id)


def _page(connection: Connection, page_id: int) -> PageView:
    page = connection.execute(
        select(Page.id, Page.url, Page.title, Page.authors, Page.attribution, Page.withheld).where(Page.id == page_id)
    ).one()
    licences = connection.execute(
        select(Licence.name, Licence.url).where(Licence.page_id == page_id).order_by(Licence.position)
    ).all()
    pictures = list(_pictures(connection, page_id))
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
