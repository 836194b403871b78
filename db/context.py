"""What surrounds blobs and images, for the stages that look at more than bytes: names, texts, sidecars, choices."""

import posixpath
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select, tuple_

from db.choices import choices_of
from db.engine import chunked
from db.matching import SeenImage, described
from db.models import Blob, File, Frame, Page, Place, Sidecar, Sighting
from db.records import ChoiceRecord

MAX_PLACES = 32
"""An image seen in more places than this says nothing new in the rest."""

MAX_SIDECARS = 64
MAX_TEXT = 4000
"""So much of a page's description is looked at, in characters."""


@dataclass(frozen=True)
class ImageContext:
    """What is known of an image besides its pixels.

    Its blob, the names it goes by (archive and path), what its pages say (title, tags, description), the nearest
    sidecars that speak of it (JSON, in a stable order), and how a person wants it sliced.
    """

    image_id: int
    sha256: bytes
    size_bytes: int
    names: tuple[str, ...]
    said: tuple[str, ...]
    sidecars: tuple[dict[str, Any], ...]
    choice: ChoiceRecord | None


@dataclass(frozen=True)
class _Seen:
    image: SeenImage
    file_name: str
    said: tuple[str, ...]

    @property
    def name(self) -> str:
        inside = posixpath.join(self.image.folder, self.image.name)
        return inside if inside == self.file_name else posixpath.join(self.file_name, inside)


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
    """Return the context of images that are the first frame of some blob, in the order asked."""
    sources = {}
    for image_id, sha256, size in connection.execute(
        select(Frame.image_id, Blob.sha256, Blob.size_bytes)
        .join(Blob, Blob.id == Frame.blob_id)
        .where(Frame.image_id.in_(image_ids), Frame.number == 0)
        .order_by(Blob.sha256.desc())
    ):
        sources[image_id] = (sha256, size)
    seen = _places(connection, image_ids)
    sidecars = _sidecars(connection, seen)
    chosen = choices_of(connection, image_ids)
    return [
        ImageContext(
            image_id,
            *sources[image_id],
            names=tuple(dict.fromkeys(place.name for place in seen[image_id])),
            said=tuple(dict.fromkeys(text for place in seen[image_id] for text in place.said if text)),
            sidecars=sidecars.get(image_id, ()),
            choice=chosen.get(image_id),
        )
        for image_id in image_ids
        if image_id in sources
    ]


def _places(connection: Connection, image_ids: Sequence[int]) -> defaultdict[int, list[_Seen]]:
    rows = connection.execute(
        select(
            Sighting.image_id,
            Place.file_id,
            File.page_id,
            Place.path,
            File.name,
            Page.title,
            Page.tags,
            func.substr(Page.description, 1, MAX_TEXT),
        )
        .join(Place, Place.id == Sighting.place_id)
        .join(File, File.id == Place.file_id)
        .outerjoin(Page, Page.id == File.page_id)
        .where(Sighting.image_id.in_(image_ids), Sighting.tile_id == 0)
        .order_by(Sighting.image_id, File.url, Place.path)
    )
    seen: defaultdict[int, list[_Seen]] = defaultdict(list)
    for image_id, file_id, page_id, path, file_name, *said in rows:
        if len(seen[image_id]) < MAX_PLACES:
            image = SeenImage(image_id, file_id, page_id, *posixpath.split(path or file_name))
            seen[image_id].append(_Seen(image, file_name, tuple(text or "" for text in said)))
    return seen


def _sidecars(connection: Connection, seen: dict[int, list[_Seen]]) -> dict[int, tuple[dict[str, Any], ...]]:
    """Find the sidecars of every image, and then load what those say: archives hold thousands that do not matter."""
    images = [place.image for places in seen.values() for place in places]
    files = sorted({image.file_id for image in images})
    pages = sorted({image.page_id for image in images if image.page_id is not None})
    known = described(connection, files, pages)
    wanted: dict[int, dict[tuple[int, int], None]] = {}
    for image in images:
        keys = wanted.setdefault(image.image_id, {})
        keys |= dict.fromkeys((sidecar.blob_id, sidecar.position) for sidecar in known.of(image))
    said: dict[tuple[int, int], dict[str, Any]] = {}
    for chunk in chunked(sorted({key for keys in wanted.values() for key in keys})):
        rows = connection.execute(
            select(Sidecar.blob_id, Sidecar.position, Sidecar.description).where(
                tuple_(Sidecar.blob_id, Sidecar.position).in_(chunk)
            )
        )
        said |= {(blob_id, position): description for blob_id, position, description in rows}
    return {
        image_id: tuple(said[key] for key in list(keys)[:MAX_SIDECARS] if key in said)
        for image_id, keys in wanted.items()
    }
