"""The demo's site: Kenney's CC0 art, packed in every way authors pack, among pages drawn by code.

Pages under other licences than CC0, and the broken ones, are drawn, so nobody's art is mislabelled.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from demo import furniture, small
from demo.archives import Members, rar_bytes, seven_zip_bytes, tar_gz_bytes, zip_bytes
from demo.builder import Draft, SiteBuilder, Upload
from demo.drawing import (
    Grid,
    Picture,
    atlas,
    fit,
    gif,
    opened,
    png,
    sheet,
    tileset_of_json,
    tileset_xml,
    tmx,
    tsx,
)
from demo.model import Author, Credit, SiteContent

_SEED = 7
_KENNEY = Author(4100, "kenney", "Kenney", "Kenney Vleugels")
_BY_HIM = Credit("kenney")
_FOR_HIM = Credit("inkwell", "Kenney", "http://www.kenney.nl/")
_UNLINKED = Credit("mum", "Kenney")
_DRAWN = (0, 1, 5, 6, 7, 8, 9, 10, 11)


@dataclass(frozen=True)
class Art:
    """The folder of images."""

    folder: Path

    def members(self, pattern: str, inside: str = "") -> Members:
        """Return the images matching a glob below ``images``, by name, the licence text at the end."""
        found = sorted((self.folder / "images").glob(pattern))
        licence = self.folder / "images" / "License.txt"
        return [(inside + path.name, path.read_bytes()) for path in [*found, licence]]

    def pictures(self, pattern: str) -> list[tuple[str, Picture]]:
        """Return the decoded images matching a glob, by name."""
        return [(name, opened(data)) for name, data in self.members(pattern)[:-1]]

    def bytes(self, path: str) -> bytes:
        """Return one file below ``images``."""
        return (self.folder / "images" / path).read_bytes()

    def cover(self, path: str) -> tuple[tuple[str, Picture], ...]:
        """Return one image as a preview."""
        return ((Path(path).name, opened(self.bytes(path))),)


def build_site(art: Path, out: Path) -> SiteContent:
    """Build the demo's site in the folder ``out`` from the images in ``art`` (see ``fetch_art``).

    The same Pillow and archive libraries give the same bytes on every run.
    """
    builder = SiteBuilder(out, (_KENNEY, *furniture.AUTHORS))
    source = Art(art)
    for make in _PAGES:
        builder.add(make(source))
    for number in _DRAWN:
        builder.add(small.TOUR[number](_SEED * 1_000_000 + number * 1_000))
    return furniture.finish(builder, source.bytes("items/star.png"), builder.pages[:6], builder.pages[0])


def _ground(name: str, pack: Callable[[Members], bytes], shown: str, credit: Credit) -> Callable[[Art], Draft]:
    def draft(art: Art) -> Draft:
        packed = pack(art.members(f"tiles/{name}*.png", f"{name}/"))
        return Draft(
            f"Platformer {name} tiles",
            credit,
            uploads=(Upload(shown, packed),),
            previews=art.cover(f"tiles/{name}Mid.png"),
            tags=("platformer", "Tiles", name),
            notice="Credit (Kenney or www.kenney.nl) would be nice but is not mandatory.",
        )

    return draft


def _tileset(art: Art) -> Draft:
    name, grid, count = tileset_of_json((art.folder / "tiled_maps" / "spritesheet.json").read_text(encoding="utf-8"))
    picture = art.bytes("spritesheets/tiles.png")
    described = tsx(name, "tiles.png", opened(picture).size, grid, count)
    packed = zip_bytes([("tiles.png", picture), ("tiles.tsx", described)])
    return Draft("Platformer tileset for Tiled", _BY_HIM, uploads=(Upload("tileset (Tiled).zip", packed),))


def _tilesheet(art: Art) -> Draft:
    sheet_png = art.bytes("spritesheets/tiles.png")
    return Draft("Platformer tilesheet", _FOR_HIM, uploads=(Upload("platformer.png", sheet_png),), tags=("Tiles",))


def _explosion(art: Art) -> Draft:
    return Draft(
        "Big explosion",
        _UNLINKED,
        uploads=(Upload("explosion.png", art.bytes("spritesheets/explosion.png")),),
        tags=("explosion", "animation"),
    )


def _cards(art: Art) -> Draft:
    cells = [picture for _, picture in art.pictures("cards/card[CDHS]*[0-9AJKQ].png")]
    cells = [fit(cell, 64) for cell in cells]
    return Draft(
        "Playing cards",
        _FOR_HIM,
        uploads=(
            Upload("cards_64x64.png", png(sheet(cells, Grid(13, 64)))),
            Upload("card backs.zip", zip_bytes(art.members("cards/cardBack*.png"))),
            Upload("all cards.7z", seven_zip_bytes(art.members("cards/*.png", "PNG/Cards/"))),
        ),
        previews=art.cover("cards/cardJoker.png"),
        tags=("cards", "board game"),
    )


def _items(art: Art) -> Draft:
    grid = Grid(8, 64, margin_px=4, spacing_px=2)
    cells = [picture for _, picture in art.pictures("items/*.png")]
    canvas = sheet(cells, grid)
    described = tsx("items", "items.png", canvas.size, grid, len(cells))
    return Draft(
        "Items with spacing",
        _BY_HIM,
        uploads=(Upload("items.zip", zip_bytes([("items.png", png(canvas)), ("items.tsx", described)])),),
        previews=art.cover("items/star.png"),
    )


def _loose_items(art: Art) -> Draft:
    names = ("gemBlue", "gemGreen", "gemRed", "gemYellow", "keyBlue", "keyGreen", "star")
    uploads = [Upload(f"{name}.png", art.bytes(f"items/{name}.png")) for name in names]
    return Draft("Gems & keys", _UNLINKED, uploads=uploads, previews=art.cover("items/gemBlue.png"), tags=("gem",))


def _enemies(art: Art) -> Draft:
    packed, xml = atlas(art.pictures("enemies/*.png"), "enemies.png", 768)
    return Draft(
        "Enemies, packed",
        _FOR_HIM,
        uploads=(Upload("enemies_atlas.zip", zip_bytes([("enemies.png", png(packed)), ("enemies.xml", xml)])),),
        tags=("Enemies", "monster"),
    )


def _moving_enemies(art: Art) -> Draft:
    uploads = []
    for name in ("frog", "slimeBlue", "wormGreen"):
        frames = [picture for _, picture in art.pictures(f"enemies/{name}.png")]
        frames += [picture for _, picture in art.pictures(f"enemies/{name}_move.png")]
        uploads.append(Upload(f"{name}.gif", gif(frames, 250)))
    return Draft("Enemies, moving", _BY_HIM, uploads=uploads, previews=art.cover("enemies/frog.png"))


def _tanks(art: Art) -> Draft:
    inner = zip_bytes(art.members("topdown_tanks/tankB*.png"))
    members = [*art.members("topdown_tanks/t[ar]*_*.png", "tanks/"), ("extra/bodies.zip", inner)]
    return Draft("Top-down tanks", _FOR_HIM, uploads=(Upload("Tanks + bodies.zip", zip_bytes(members)),))


def _battlefield(art: Art) -> Draft:
    grid = Grid(8, 64)
    cells = [picture for _, picture in art.pictures("topdown_tanks/tile*.png")]
    canvas = sheet(cells, grid)
    embedded = tileset_xml("battlefield", "battlefield.png", canvas.size, grid, len(cells))
    level = tmx(embedded, [[1 + (x * 3 + y * 5) % len(cells) for x in range(12)] for y in range(8)], grid.tile_px)
    packed = zip_bytes([("battlefield.png", png(canvas)), ("battlefield.tmx", level)])
    return Draft("Battlefield", _UNLINKED, uploads=(Upload("battlefield.zip", packed),), tags=("map", "Tiles"))


def _old_tanks(art: Art) -> Draft:
    packed = rar_bytes(art.members("topdown_tanks/tank_*.png", "Old Tanks/"))
    return Draft("Old tanks", _BY_HIM, uploads=(Upload("Old Tanks .rar", packed),), attribution="Kenney, no need.")


def _character(name: str, pack: Callable[[Members], bytes], extension: str) -> Callable[[Art], Draft]:
    def draft(art: Art) -> Draft:
        folder = f"animated_characters/{name}"
        walk = [picture for _, picture in art.pictures(f"{folder}/*_walk?.png")]
        return Draft(
            f"Character: {name.replace('_', ' ')}",
            _BY_HIM,
            uploads=(
                Upload(f"{name}.{extension}", pack(art.members(f"{folder}/*.png"))),
                Upload(f"{name} walking.gif", gif(walk)),
            ),
            previews=art.cover(f"{folder}/{_stem(name)}_idle.png"),
            tags=("character", "animation"),
        )

    return draft


def _stem(folder: str) -> str:
    # ``female_person`` holds ``femalePerson_idle.png``
    first, *rest = folder.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _character_sheet(art: Art) -> Draft:
    frames = [picture for _, picture in art.pictures("animated_characters/male_adventurer/*.png")]
    packed, xml = atlas(art.pictures("animated_characters/male_person/*.png"), "person.png", 512)
    return Draft(
        "Two men in sheets",
        _FOR_HIM,
        uploads=(
            Upload("adventurer_128x128.png", png(sheet(frames, Grid(5, 128)))),
            Upload("person.zip", zip_bytes([("person.png", png(packed)), ("person.xml", xml)])),
        ),
    )


def _space(art: Art) -> Draft:
    return Draft(
        "Space shooter",
        _UNLINKED,
        uploads=(
            Upload("space shooter.zip", zip_bytes(art.members("space_shooter/*.png", "space shooter/"))),
            Upload("ships [red & blue] 100%.zip", zip_bytes(art.members("space_shooter/playerShip*.png"))),
            Upload("ship, orange.png", art.bytes("space_shooter/playerShip1_orange.png")),
        ),
        tags=("space", "Sci-Fi"),
    )


def _aliens(art: Art) -> Draft:
    uploads = [
        Upload("Alien.png", art.bytes("alien/alienBlue_front.png")),
        Upload("alien.png", art.bytes("alien/alienBlue_jump.png")),
        Upload("Außerirdischer.png", art.bytes("alien/alienBlue_climb1.png"), label="The climbing one"),
        Upload("alien.walk.gif", gif([picture for _, picture in art.pictures("alien/*_walk?.png")])),
    ]
    return Draft("Alien — blue", _BY_HIM, slug="alien-—-blue", uploads=uploads)


_PAGES: tuple[Callable[[Art], Draft], ...] = (
    _ground("grass", zip_bytes, "platformer tiles.zip", _BY_HIM),
    _ground("snow", zip_bytes, "platformer tiles.zip", _FOR_HIM),
    _ground("sand", zip_bytes, "platformer tiles.zip", _UNLINKED),
    _ground("dirt", seven_zip_bytes, "dirt.7z", _BY_HIM),
    _ground("planet", rar_bytes, "planet.rar", _FOR_HIM),
    _ground("stone", tar_gz_bytes, "stone.tar.gz", _BY_HIM),
    _tileset,
    _tilesheet,
    _explosion,
    _cards,
    _items,
    _loose_items,
    _enemies,
    _moving_enemies,
    _tanks,
    _battlefield,
    _old_tanks,
    _character("robot", zip_bytes, "zip"),
    _character("zombie", seven_zip_bytes, "7z"),
    _character("female_person", rar_bytes, "rar"),
    _character("female_adventurer", tar_gz_bytes, "tar.gz"),
    _character_sheet,
    _space,
    _aliens,
)
