"""What surrounds blobs and images, for the stages that look at more than bytes: names, titles, sidecars."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, or_, select

from db.models import Blob, File, Frame, Page, Place, Sidecar, Sighting

MAX_PLACES = 32
"""An image seen in more places than this says nothing new in the rest."""


@dataclass(frozen=True)
class ImageContext:
    """An image's blob, the names it goes by, and the sidecars that speak of it (JSON, in a stable order)."""

    image_id: int
    sha256: bytes
    size_bytes: int
    names: tuple[str, ...]
    sidecars: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class _Seen:
    file_id: int
    page_id: int | None
    folder: str
    name: str
    title: str


def blob_names(connection: Connection, blob_ids: Sequence[int]) -> dict[int, str]:
    """Return a path or file name for each blob: the first by alphabet, whatever was found first."""
    name = func.min(func.coalesce(func.nullif(Place.path, ""), File.name))
    rows = connection.execute(
        select(Place.blob_id, name)
        .join(File, File.id == Place.file_id)
        .where(Place.blob_id.in_(blob_ids))
        .group_by(Place.blob_id)
    )
    return dict(rows.all())


def image_contexts(connection: Connection, image_ids: Sequence[int]) -> list[ImageContext]:
    """Return the context of images that are the only frame of some blob, in the order asked."""
    sources = {}
    for image_id, sha256, size in connection.execute(
        select(Frame.image_id, Blob.sha256, Blob.size_bytes)
        .join(Blob, Blob.id == Frame.blob_id)
        .where(Frame.image_id.in_(image_ids), Frame.number == 0)
        .order_by(Blob.sha256.desc())
    ):
        sources[image_id] = (sha256, size)
    seen = _places(connection, image_ids)
    sidecars = _sidecars(connection, [place for places in seen.values() for place in places])
    return [
        ImageContext(
            image_id,
            *sources[image_id],
            names=_names(seen.get(image_id, [])),
            sidecars=_matching(seen.get(image_id, []), sidecars),
        )
        for image_id in image_ids
        if image_id in sources
    ]


def _places(connection: Connection, image_ids: Sequence[int]) -> dict[int, list[_Seen]]:
    rows = connection.execute(
        select(Sighting.image_id, Place.file_id, File.page_id, Place.path, File.name, Page.title)
        .join(Place, Place.id == Sighting.place_id)
        .join(File, File.id == Place.file_id)
        .outerjoin(Page, Page.id == File.page_id)
        .where(Sighting.image_id.in_(image_ids), Sighting.tile_id == 0)
        .order_by(Sighting.image_id, File.url, Place.path)
    )
    seen: dict[int, list[_Seen]] = {}
    for image_id, file_id, page_id, path, file_name, title in rows:
        places = seen.setdefault(image_id, [])
        if len(places) < MAX_PLACES:
            folder, name = posixpath.split(path or file_name)
            places.append(_Seen(file_id, page_id, folder, name, title or ""))
    return seen


def _names(places: Sequence[_Seen]) -> tuple[str, ...]:
    said = [posixpath.join(place.folder, place.name) for place in places] + [place.title for place in places]
    return tuple(dict.fromkeys(name for name in said if name))


@dataclass(frozen=True)
class _SidecarSeen:
    file_id: int
    page_id: int | None
    loose: bool
    target: str
    stem: str
    description: dict[str, Any]


def _sidecars(connection: Connection, places: Sequence[_Seen]) -> list[_SidecarSeen]:
    files = sorted({place.file_id for place in places})
    pages = sorted({place.page_id for place in places if place.page_id is not None})
    rows = connection.execute(
        select(Place.file_id, File.page_id, Place.path, File.name, Sidecar.image_name, Sidecar.description)
        .join(Place, Place.blob_id == Sidecar.blob_id)
        .join(File, File.id == Place.file_id)
        .where(or_(Place.file_id.in_(files), (Place.depth == 0) & File.page_id.in_(pages)))
        .order_by(File.url, Place.path, Sidecar.position)
    )
    found = []
    for file_id, page_id, path, file_name, image_name, description in rows:
        folder, name = posixpath.split(path or file_name)
        target = posixpath.normpath(posixpath.join(folder, image_name)).lower()
        stem = posixpath.join(folder, posixpath.splitext(name)[0]).lower()
        found.append(_SidecarSeen(file_id, page_id, path == "", target, stem, description))
    return found


def _matching(places: Sequence[_Seen], sidecars: Sequence[_SidecarSeen]) -> tuple[dict[str, Any], ...]:
    return tuple(s.description for s in sidecars if any(_speaks_of(s, place) for place in places))


def _speaks_of(sidecar: _SidecarSeen, place: _Seen) -> bool:
    """Match in the same archive by path, or by the same name but for the suffix; loose files of one page by name."""
    path = posixpath.join(place.folder, place.name).lower()
    if sidecar.file_id == place.file_id:
        return path == sidecar.target or posixpath.splitext(path)[0] == sidecar.stem
    if not sidecar.loose or place.folder or sidecar.page_id is None or sidecar.page_id != place.page_id:
        return False
    return place.name.lower() == posixpath.basename(sidecar.target)
