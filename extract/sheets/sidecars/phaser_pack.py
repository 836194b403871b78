"""Phaser asset packs: JSON lists of files to load, of which those of type ``spritesheet`` state their frames.

Source: https://docs.phaser.io/api-documentation/class/loader-filetypes-spritesheetfile.
"""

from extract.sheets.model import SidecarSheet
from extract.sheets.sidecars.base import Format, entries, grid, picture_path, read_json, section, whole


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    found = []
    for part in read_json(data, name).values():
        for file in entries(section(part).get("files")) or entries(part):
            frame = section(file.get("frameConfig")) or file
            if file.get("type") == "spritesheet" and "frameWidth" in frame:
                found.append(_sheet(file, frame, name))
    return tuple(found)


def _sheet(file: dict[str, object], frame: dict[str, object], name: str) -> SidecarSheet:
    where = f"{name}: {str(file.get('key', ''))[:60]}"
    width = whole(frame.get("frameWidth"), where, 1)
    numbers = (
        width,
        whole(frame.get("frameHeight", width), where, 1),
        whole(frame.get("margin", 0), where),
        whole(frame.get("spacing", 0), where),
    )
    url = file.get("url") or file.get("textureURL") or file.get("key") or ""
    stated = str(url[0] if isinstance(url, list) and url else url)
    image = picture_path(stated if "." in stated.rpartition("/")[2] or not stated else f"{stated}.png", name)
    return SidecarSheet(image, grid=grid(numbers, where), format=PHASER_PACK.name)


PHASER_PACK = Format("phaser-pack", (".json",), (b'"spritesheet"',), _parse)
