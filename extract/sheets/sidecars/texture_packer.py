"""TexturePacker JSON (hash and array), which Aseprite, Phaser (also multi-atlas) and PixiJS share.

Source: https://www.codeandweb.com/texturepacker/documentation,
https://github.com/aseprite/aseprite/blob/main/docs/gui.md and
https://pixijs.com/8.x/guides/components/assets#spritesheets. ``frame`` gives the size before the packer turned the
sprite, so a rotated frame covers height x width on the sheet. Several pages may stand in ``textures``. Aseprite's
``frameTags`` and PixiJS's ``animations`` become tags.
"""

from extract.sheets.errors import SidecarError
from extract.sheets.model import MAX_CELLS, Rect, SidecarSheet
from extract.sheets.sidecars.base import (
    TURNED_RIGHT,
    Format,
    distinct,
    entries,
    picture_path,
    read_json,
    section,
    whole,
)


def _parse(data: bytes, name: str) -> tuple[SidecarSheet, ...]:
    content = read_json(data, name)
    whole_file = {**section(content.get("meta")), "frames": content.get("frames")}
    pages = entries(content.get("textures")) or [whole_file]
    animations = section(content.get("animations"))
    sheets = (_sheet(page, animations, name) for page in pages)
    return tuple(sheet for sheet in sheets if sheet is not None)


def _sheet(page: dict[str, object], animations: dict[str, object], name: str) -> SidecarSheet | None:
    frames = _frames(page.get("frames"))
    tags = _tags(page, animations, [title for title, _ in frames], name)
    rects = [
        _rect(title, frame, tag, name) for (title, frame), tag in zip(frames, tags, strict=True) if "frame" in frame
    ]
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


def _tags(page: dict[str, object], animations: dict[str, object], titles: list[str], name: str) -> list[str]:
    """Name the animation of each frame: by number in Aseprite's tags, by title in PixiJS's."""
    tags = [""] * len(titles)
    by_title = {
        str(title): animation for animation, members in animations.items() if isinstance(members, list)
        for title in members
    }  # fmt: skip
    for number, title in enumerate(titles):
        tags[number] = by_title.get(title, "")
    tagged = 0
    for tag in entries(page.get("frameTags")):
        first = whole(tag.get("from"), f"{name}: frame tag")
        last = whole(tag.get("to"), f"{name}: frame tag")
        places = range(first, min(last + 1, len(tags)))
        tagged += len(places)
        if tagged > MAX_CELLS:
            raise SidecarError(f"{name}: tags on {tagged} frames, limit {MAX_CELLS}")
        for number in places:
            tags[number] = tags[number] or str(tag.get("name", ""))
    return tags


def _rect(title: str, frame: dict[str, object], tag: str, name: str) -> Rect:
    where, place = f"{name}: frame {title[:60]!r}", section(frame["frame"])
    width, height = whole(place.get("w"), where, 1), whole(place.get("h"), where, 1)
    turned = frame.get("rotated") is True
    return Rect(
        whole(place.get("x"), where),
        whole(place.get("y"), where),
        height if turned else width,
        width if turned else height,
        title,
        orientation=TURNED_RIGHT if turned else 1,
        tag=tag,
    )


TEXTURE_PACKER = Format("texture-packer", (".json", ".jsona", ".jsonh"), (b'"frame', b'"textures"'), _parse)
