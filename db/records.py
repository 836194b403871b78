"""Values that the wings hand to the catalog: what a page says, what a download brought, what a blob holds."""

from dataclasses import dataclass, field
from typing import Any

from db.vocabulary import AlphaKind, EntryKind, FileRole, Outcome, PersonRole


@dataclass(frozen=True)
class NewEntry:
    """A URL to put into the frontier. `callback` names the spider's method, `data` its keyword arguments (JSON)."""

    url: str
    kind: EntryKind
    callback: str
    data: dict[str, Any] = field(default_factory=dict)
    priority: int = 0


@dataclass(frozen=True)
class PersonRecord:
    """Somebody to credit."""

    role: PersonRole
    name: str
    url: str = ""


@dataclass(frozen=True)
class LicenceRecord:
    """A licence as the site names it, and its SPDX identifier (`LicenseRef-…` where SPDX has none)."""

    name: str
    url: str
    spdx: str


@dataclass(frozen=True)
class CollectionRecord:
    """A collection that a page belongs to."""

    url: str
    title: str


@dataclass(frozen=True)
class FileLink:
    """A page's link to a file. `declared_bytes` is what the page claims; `extra` is kept as JSON."""

    url: str
    role: FileRole
    original_name: str = ""
    label: str = ""
    site_file_id: str | None = None
    media_type: str = ""
    declared_bytes: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PageRecord:
    """A content page. `posted_at` is ISO 8601 in the site's own, unknown zone; `withheld`: why no files.

    `links_from`: `files` are only some of the page's links, from this position on; those recorded before stay.
    """

    url: str
    site: str
    title: str
    site_id: str | None = None
    art_type: str = ""
    people: tuple[PersonRecord, ...] = ()
    licences: tuple[LicenceRecord, ...] = ()
    tags: tuple[str, ...] = ()
    collections: tuple[CollectionRecord, ...] = ()
    files: tuple[FileLink, ...] = ()
    description: str = ""
    attribution: str = ""
    posted_at: str | None = None
    favourites: int | None = None
    withheld: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    links_from: int | None = None


@dataclass(frozen=True)
class FetchedFile:
    """A download that reached the blob store."""

    url: str
    sha256: bytes
    size_bytes: int
    content_type: str = ""
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True)
class MemberRecord:
    """An entry of an archive; `sha256` and `size_bytes` where its bytes were stored."""

    position: int
    raw_name: bytes
    path: str
    kind: str
    state: str
    reason: str = ""
    sha256: bytes | None = None
    size_bytes: int | None = None


@dataclass(frozen=True)
class ImageFacts:
    """What pixels say of themselves: functions of the canonical pixels alone, whatever file they came from.

    `colours`: distinct RGBA values, counted up to 65,536. `upscale`: the largest k such that the image is a k-fold
    enlargement by whole pixels.
    """

    alpha: AlphaKind
    colours: int
    upscale: int


@dataclass(frozen=True)
class ImageRecord:
    """Distinct pixels (see db.pixels for the hash); `facts` where somebody looked for them."""

    pixel_hash: bytes
    width: int
    height: int
    transparent: bool
    facts: ImageFacts | None = None
    orientation_hash: bytes | None = None


@dataclass(frozen=True)
class FrameRecord:
    """A frame of a decoded blob, and how it is stored there.

    `mode`: kind of sample, in Pillow's words. `palette_size`: colours in the stored palette. `partial`: some of its
    pixels could not be decoded or verified. `label`: what the file calls it.
    """

    number: int
    image: ImageRecord
    duration_ms: int | None = None
    mode: str = ""
    palette_size: int | None = None
    partial: bool = False
    label: str = ""


@dataclass(frozen=True)
class SidecarRecord:
    """What a sidecar says of one image, as JSON that `extract.sheets` understands."""

    image_name: str
    format: str
    description: dict[str, Any]


@dataclass(frozen=True)
class ReadResult:
    """What the READ stage made of a blob: members of an archive, frames of an image, or sidecar descriptions.

    `fresh`: which of the members' bytes the blob store did not have before.
    """

    outcome: Outcome
    version: int
    format: str
    reason: str = ""
    members: tuple[MemberRecord, ...] = ()
    frames: tuple[FrameRecord, ...] = ()
    sidecars: tuple[SidecarRecord, ...] = ()
    fresh: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """A way to cut a sheet that was considered: `tile`, `margin`, `spacing` (x, y) for a grid, `rects` for an atlas.

    `confidence` is the probability (0 to 1) that it is the intended one, `why` one sentence for a person.
    """

    kind: str
    confidence: float
    why: str
    tile: tuple[int, int] | None = None
    margin: tuple[int, int] = (0, 0)
    spacing: tuple[int, int] = (0, 0)
    rects: tuple[tuple[int, int, int, int], ...] = ()


@dataclass(frozen=True)
class ChoiceRecord:
    """How a person wants an image sliced: `single`, `atlas`, or `grid` with `tile`, `margin`, `spacing` in pixels."""

    kind: str
    tile: tuple[int, int] | None = None
    margin: tuple[int, int] = (0, 0)
    spacing: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class TileRecord:
    """A tile of a sheet: its rectangle in pixels and its own pixels, upright.

    `orientation` as in EXIF; `alike`: which tile of the result stands for this one (its place in `tiles`).
    """

    x: int
    y: int
    w: int
    h: int
    image: ImageRecord
    row: int | None = None
    column: int | None = None
    name: str = ""
    orientation: int = 1
    tag: str = ""
    alike: int | None = None


@dataclass(frozen=True)
class SliceResult:
    """What the SLICE stage made of an image. `tile`, `margin`, `spacing` are (x, y) in pixels, for grids only."""

    outcome: Outcome
    version: int
    kind: str
    confidence: float
    source: str
    why: str
    reason: str = ""
    tile: tuple[int, int] | None = None
    margin: tuple[int, int] | None = None
    spacing: tuple[int, int] | None = None
    tiles: tuple[TileRecord, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    upscale: int = 1
