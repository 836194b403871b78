"""TexturePacker JSON (hash and array), which Aseprite, Phaser and PixiJS share.

Source: https://www.codeandweb.com/texturepacker/documentation and
https://github.com/aseprite/aseprite/blob/main/docs/gui.md. ``frame`` gives the size before the packer turned the
sprite, so a rotated frame covers height x width on the sheet. Several pages may stand in ``textures``.
"""

from extract.sheets.model import Rect, SidecarSheet
from extract.sheets.sidecars.base import Format, distinct, entries, picture_path, read_json, section, whole


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    content = read_json(data, name)
    pages = entries(content.get("textures")) or [{**section(content.get("meta")), "frames": content.get("frames")}]
    sheets = (_sheet(page, name) for page in pages)
    return tuple(sheet for sheet in sheets if sheet is not None)


def _sheet(page: dict[str, object], name: str) -> SidecarSheet | None:
    rects = [_rect(title, frame, name) for title, frame in _frames(page.get("frames")) if "frame" in frame]
    if not rects:
        return None
    size, stated = None, section(page.get("size"))
    if stated.get("w") and stated.get("h"):
        size = whole(stated["w"], f"{name}: width", 1), whole(stated["h"], f"{name}: height", 1)
    image = picture_path(str(page.get("image") or ""), name)
    return SidecarSheet(image, size, rects=distinct(rects, name), format=TEXTURE_PACKER.name)


def _frames(frames: object) -> list[tuple[str, dict[str, object]]]:
    if isinstance(frames, dict):
        return [(title, frame) for title, frame in frames.items() if isinstance(frame, dict)]
    return [(str(frame.get("filename", "")), frame) for frame in entries(frames)]


def _rect(title: str, frame: dict[str, object], name: str) -> Rect:
    where, place = f"{name}: frame {title[:60]!r}", section(frame["frame"])
    width, height = whole(place.get("w"), where, 1), whole(place.get("h"), where, 1)
    turned = frame.get("rotated") is True
    return Rect(
        whole(place.get("x"), where),
        whole(place.get("y"), where),
        height if turned else width,
        width if turned else height,
        title,
        rotated=turned,
    )


TEXTURE_PACKER = Format("texture-packer", (".json", ".jsona", ".jsonh"), (b'"frame', b'"textures"'), _parse)
