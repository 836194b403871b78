"""Little pictures drawn by code, and images assembled into sheets, atlases, tilesets and animations.

Images are Pillow RGBA images, straight alpha. Everything is a pure function of its arguments, so a seed names a picture
for good.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image

Picture = Image.Image


@dataclass(frozen=True)
class Grid:
    """How cells lie on a sheet, in pixels."""

    columns: int
    tile_px: int
    margin_px: int = 0
    spacing_px: int = 0


def sprite(seed: int, size_px: int = 16, block_px: int = 1) -> Picture:
    """Draw one mirrored creature, ``size_px`` square, in a few colours on a transparent ground."""
    rng = np.random.default_rng(seed)
    cells = size_px // block_px
    half = rng.integers(0, 4, size=(cells, (cells + 1) // 2), dtype=np.uint8)
    body = np.concatenate([half, half[:, : cells // 2][:, ::-1]], axis=1)
    palette = np.zeros((4, 4), np.uint8)
    palette[1:, :3] = rng.integers(40, 256, size=(3, 3), dtype=np.uint8)
    palette[1:, 3] = 255
    body[0] = body[-1] = body[:, 0] = body[:, -1] = 0
    pixels = palette[body].repeat(block_px, axis=0).repeat(block_px, axis=1)
    return Image.fromarray(pixels)


def ground(seed: int, size_px: int = 16) -> Picture:
    """Draw one opaque terrain tile: a base colour with speckles."""
    rng = np.random.default_rng(seed)
    base = rng.integers(40, 216, size=3, dtype=np.uint8)
    noise = rng.integers(0, 40, size=(size_px, size_px, 1), dtype=np.uint8)
    pixels = np.full((size_px, size_px, 4), 255, np.uint8)
    pixels[:, :, :3] = base + noise
    return Image.fromarray(pixels)


def sheet(cells: Sequence[Picture], grid: Grid) -> Picture:
    """Lay the cells out row by row; a cell of another size is fitted into the tile, its proportions kept."""
    rows = -(-len(cells) // grid.columns)
    step = grid.tile_px + grid.spacing_px
    width, height = (2 * grid.margin_px + n * step - grid.spacing_px for n in (grid.columns, rows))
    canvas = Image.new("RGBA", (width, height))
    for number, cell in enumerate(cells):
        row, column = divmod(number, grid.columns)
        canvas.paste(fit(cell, grid.tile_px), (grid.margin_px + column * step, grid.margin_px + row * step))
    return canvas


def fit(image: Picture, size_px: int) -> Picture:
    """Return the image on a transparent square of ``size_px``, shrunk if larger, centred."""
    copy = image.convert("RGBA")
    copy.thumbnail((size_px, size_px))
    square = Image.new("RGBA", (size_px, size_px))
    square.paste(copy, ((size_px - copy.width) // 2, (size_px - copy.height) // 2))
    return square


def atlas(named: Sequence[tuple[str, Picture]], image_name: str, width_px: int = 256) -> tuple[Picture, bytes]:
    """Pack pictures of any size in shelves; return the image and its Starling ``TextureAtlas`` XML."""
    places: list[tuple[str, Picture, int, int]] = []
    x = y = shelf = 0
    for name, picture in named:
        if x + picture.width > width_px:
            x, y, shelf = 0, y + shelf + 2, 0
        places.append((name, picture, x, y))
        x, shelf = x + picture.width + 2, max(shelf, picture.height)
    canvas = Image.new("RGBA", (width_px, y + shelf))
    lines = [f"<TextureAtlas imagePath={quoteattr(image_name)}>"]
    for name, picture, left, top in places:
        canvas.paste(picture.convert("RGBA"), (left, top))
        place = f'x="{left}" y="{top}" width="{picture.width}" height="{picture.height}"'
        lines.append(f"\t<SubTexture name={quoteattr(name)} {place}/>")
    return canvas, "\n".join([*lines, "</TextureAtlas>", ""]).encode()


def tileset_xml(name: str, source: str, size: tuple[int, int], grid: Grid, count: int) -> str:
    """Describe a sheet as Tiled does: one ``tileset`` element without the XML declaration."""
    return (
        f"<tileset {_tileset_name(name)} tilewidth={_n(grid.tile_px)} tileheight={_n(grid.tile_px)} "
        f"spacing={_n(grid.spacing_px)} margin={_n(grid.margin_px)} tilecount={_n(count)} columns={_n(grid.columns)}>\n"
        f" <image source={quoteattr(source)} width={_n(size[0])} height={_n(size[1])}/>\n</tileset>\n"
    )


def tsx(name: str, source: str, size: tuple[int, int], grid: Grid, count: int) -> bytes:
    """Return a whole ``.tsx`` file."""
    body = tileset_xml(name, source, size, grid, count).replace("<tileset ", '<tileset version="1.4" ', 1)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode()


def tmx(tileset: str, rows: Sequence[Sequence[int]], tile_px: int) -> bytes:
    """Return a ``.tmx`` map that embeds the tileset; ``rows`` hold global tile ids."""
    width, height = len(rows[0]), len(rows)
    csv = ",\n".join(",".join(str(gid) for gid in row) for row in rows)
    embedded = tileset.replace("<tileset ", '<tileset firstgid="1" ', 1)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<map version="1.4" orientation="orthogonal" renderorder="right-down" width="{width}" height="{height}" '
        f'tilewidth="{tile_px}" tileheight="{tile_px}" infinite="0" nextlayerid="2" nextobjectid="1">\n'
        f'{embedded}<layer id="1" name="ground" width="{width}" height="{height}">\n'
        f'<data encoding="csv">\n{csv}\n</data>\n</layer>\n</map>\n'
    ).encode()


def tileset_of_json(text: str) -> tuple[str, Grid, int]:
    """Read name, grid and tile count of a Tiled JSON tileset."""
    data = json.loads(text)
    grid = Grid(data["columns"], data["tilewidth"], data["margin"], data["spacing"])
    return data["name"], grid, data["tilecount"]


def png(image: Picture) -> bytes:
    """Encode as PNG."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def gif(frames: Sequence[Picture], frame_ms: int = 120) -> bytes:
    """Encode an endless animation; the frames share one size."""
    buffer = io.BytesIO()
    first, *rest = [frame.convert("RGBA") for frame in frames]
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=frame_ms, loop=0, disposal=2)
    return buffer.getvalue()


def opened(data: bytes) -> Picture:
    """Decode an image to RGBA."""
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGBA")


def _tileset_name(name: str) -> str:
    return f"name={quoteattr(name)}"


def _n(number: int) -> str:
    return f'"{number}"'
