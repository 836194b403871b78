"""A synthetic site, drawn by code, for tests: small, quick to build, the same bytes every time.

The first twelve pages are a tour of what the real site has; later ones repeat plain shapes, and from page 30 on only
single tiny pictures, so that thousands of pages stay affordable.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from demo import flaws, furniture
from demo.archives import Members, rar_bytes, seven_zip_bytes, tar_gz_bytes, zip_bytes
from demo.builder import Draft, SiteBuilder, Upload
from demo.drawing import Grid, atlas, gif, ground, png, sheet, sprite, tileset_xml, tmx, tsx
from demo.model import SiteContent

_TINY_FROM_PAGE = 30
_LICENCE_CHOICES = ((4,), (2, 3), (17981,), (10310, 3, 6), (17982,), (4, 31772))
_TAGS = ("Cave", "cave floor", "pixel art", "RPG", "monster", "16x16")


def small_site(out: Path, pages: int = 12, files_per_page: int = 2, seed: int = 1) -> SiteContent:
    """Build a site of ``pages`` submissions in the folder ``out`` and return it.

    Each page that has files offers at least ``files_per_page``; the tour's pages may offer more. The same arguments
    give the same bytes.
    """
    builder = SiteBuilder(out, furniture.AUTHORS)
    for number in range(pages):
        first_seed = seed * 100_000_000 + number * 1_000
        draft = _draft(number, first_seed)
        builder.add(replace(draft, uploads=_filled(draft, number, files_per_page, first_seed)))
    return furniture.finish(builder, png(sprite(seed)), builder.pages[:3], builder.pages[0])


def _draft(number: int, seed: int) -> Draft:
    if number < len(TOUR):
        return TOUR[number](seed)
    if number < _TINY_FROM_PAGE:
        return _plain(number, seed)
    return Draft(f"Tiny picture {number}", furniture.CREDITS[number % 3], licences=_licences(number))


def _filled(draft: Draft, number: int, count: int, seed: int) -> Sequence[Upload]:
    """Return the draft's uploads, topped up with distinct little pictures."""
    if draft.body == _NO_FILES:
        return ()
    tops = range(max(0, count - len(draft.uploads)))
    size_px = 8 if number >= _TINY_FROM_PAGE else 16
    extra = [Upload(f"tile_{number}_{n}.png", png(sprite(seed + 500 + n, size_px))) for n in tops]
    return (*draft.uploads, *extra)


def _licences(number: int) -> tuple[int, ...]:
    return _LICENCE_CHOICES[number % len(_LICENCE_CHOICES)]


def _sprites(seed: int, count: int, folder: str = "") -> Members:
    return [(f"{folder}creature_{n}.png", png(sprite(seed + n))) for n in range(count)]


def _terrain(seed: int, grid: Grid, count: int = 16) -> bytes:
    return png(sheet([ground(seed + n, grid.tile_px) for n in range(count)], grid))


def _plain(number: int, seed: int) -> Draft:
    members = _sprites(seed, 4, f"set {number}/")
    choices = (
        Upload(f"set_{number}.zip", zip_bytes(members)),
        Upload(f"sheet_{number}_16x16.png", _terrain(seed, Grid(4, 16))),
        Upload("creature.png", members[0][1]),
    )
    return Draft(
        f"Plain set {number}",
        furniture.CREDITS[number % 3],
        uploads=(choices[number % 3],),
        tags=(_TAGS[number % len(_TAGS)],),
        licences=_licences(number),
    )


def _loose(seed: int) -> Draft:
    return Draft(
        "Mossy cave creatures",
        furniture.OWN,
        uploads=(
            Upload("mossy cave.png", png(sprite(seed, 32, 2))),
            Upload("Moss & Stone (v1.2) + extra #2.png", png(sprite(seed + 1)), label="The second one"),
        ),
        previews=(("mossy cave.png", sprite(seed, 32, 2)), ("all of them.png", sprite(seed + 2, 64, 4))),
        tags=("Cave", "cave floor", "pixel art"),
        collaborators=("inkwell", "mum"),
        body=furniture.MENTIONS,
        notice="Credit PebblePaw & friends.",
        comments=3,
    )


def _sheets(seed: int) -> Draft:
    grid = Grid(4, 16, margin_px=2, spacing_px=1)
    spaced = _terrain(seed + 20, grid)
    described = zip_bytes([("cave.png", spaced), ("cave.tsx", tsx("cave", "cave.png", (71, 71), grid, 16))])
    return Draft(
        "Cave tiles",
        furniture.LINKED,
        uploads=(Upload("cave_16x16.png", _terrain(seed, Grid(4, 16))), Upload("cave_tileset.zip", described)),
        previews=(("cave_16x16.png", ground(seed, 64)),),
        art_type=14,
        tags=("cave floor", "16x16"),
        licences=(2, 3),
    )


def _zips(seed: int) -> Draft:
    inner = zip_bytes(_sprites(seed + 10, 3, "inner/"))
    return Draft(
        "Monster pack",
        furniture.UNLINKED,
        uploads=(
            Upload("monsters.zip", zip_bytes(_sprites(seed, 4))),
            Upload("monsters.zip", zip_bytes([*_sprites(seed, 2), ("more.zip", inner)])),
        ),
        tags=("monster",),
        licences=(10310, 3, 6),
    )


def _other_packers(seed: int) -> Draft:
    return Draft(
        "Monster pack",
        furniture.OWN,
        uploads=(
            Upload("monsters.7z", seven_zip_bytes(_sprites(seed, 4))),
            Upload("HeavyLoad.tar.gz", tar_gz_bytes(_sprites(seed + 10, 4, "heavy/"))),
            Upload("credits.txt.zip", zip_bytes([("credits.txt", b"by PebblePaw\n")])),
        ),
        tags=("monster", "RPG"),
    )


def _rar(seed: int) -> Draft:
    return Draft(
        "Legacy monsters",
        furniture.LINKED,
        uploads=(Upload("legacy.rar", rar_bytes(_sprites(seed, 4, "legacy/"))),),
        attribution="Please name the Old Cartographer.",
        licences=(5, 6),
    )


_NO_FILES = "<p>Files will follow.</p>"


def _empty(_seed: int) -> Draft:
    return Draft("Work in progress", furniture.OWN, body=_NO_FILES, licences=())


def _held(seed: int) -> Draft:
    return Draft(
        "Suspicious plumber",
        furniture.UNLINKED,
        uploads=(Upload("plumber.png", png(sprite(seed))),),
        on_hold=True,
        comments=1,
    )


def _damaged(seed: int) -> Draft:
    zipped = zip_bytes(_sprites(seed, 8))
    return Draft("Upload trouble", furniture.OWN, uploads=flaws.damaged(zipped, png(ground(seed, 32))))


def _refused(seed: int) -> Draft:
    return Draft("Members only", furniture.LINKED, uploads=flaws.refused(png(sprite(seed))), licences=(17981,))


def _names(seed: int) -> Draft:
    shown = ("Crate.png", "crate.png", "Höhle.png", "Mantis_200%.png", "space before .png", "SHOUT.PNG", "кот.png")
    return Draft(
        "Слизни",
        furniture.UNLINKED,
        slug="слизни",
        uploads=[Upload(name, png(sprite(seed + n))) for n, name in enumerate(shown)],
        previews=(("Höhle.png", sprite(seed + 2)), ("Mantis_200%.png", sprite(seed + 3))),
        tags=("Улитка & slime",),
        licences=(17982,),
    )


def _music(seed: int) -> Draft:
    return Draft(
        "Cave theme",
        furniture.OWN,
        uploads=(Upload("cover.png", png(ground(seed, 32))),),
        audio_preview="cave_theme.wav",
        art_type=12,
        comments=120,
    )


def _described(seed: int) -> Draft:
    named = [(f"creature_{n}.png", sprite(seed + n, 16 + 8 * (n % 3))) for n in range(8)]
    packed, xml = atlas(named, "creatures.png", 128)
    grid = Grid(4, 16)
    embedded = tileset_xml("ground", "ground.png", (64, 64), grid, 16)
    level = tmx(embedded, [[1 + (x + y) % 16 for x in range(8)] for y in range(4)], 16)
    return Draft(
        "Atlas, map & animation",
        furniture.LINKED,
        uploads=(
            Upload("atlas.zip", zip_bytes([("creatures.png", png(packed)), ("creatures.xml", xml)])),
            Upload("level.zip", zip_bytes([("ground.png", _terrain(seed + 30, grid)), ("level.tmx", level)])),
            Upload("walk.gif", gif([sprite(seed + 60 + n) for n in range(4)])),
        ),
        licences=(4, 31772),
    )


TOUR: tuple[Callable[[int], Draft], ...] = (
    _loose,
    _sheets,
    _zips,
    _other_packers,
    _rar,
    _empty,
    _held,
    _damaged,
    _refused,
    _names,
    _music,
    _described,
)
