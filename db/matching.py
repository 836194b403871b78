"""Which sidecar speaks of which image: by path in the same archive, else by name there, else by name on the same page.

A sidecar whose own picture lies where it says speaks of no other. When a sidecar is found, or found in a new place, its
file becomes due in the stage MATCH; `match_sidecars` then makes the images it speaks of due for slicing again, so that
it does not matter in which order a page's files came home.
"""

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from db import stages
from db.engine import Database, chunked
from db.models import File, Frame, Ledger, Place, Sidecar, Sighting
from db.vocabulary import Outcome, Stage

MATCH_VERSION = 1
MAX_NAMED = 3
"""So many missing pictures are named in a reason; the rest are counted."""


@dataclass(frozen=True)
class SeenImage:
    """An image at a place. `folder` and `name` are those inside the archive, or of the loose file."""

    image_id: int
    file_id: int
    page_id: int | None
    folder: str
    name: str

    @property
    def path(self) -> str:
        """Return folder and name in lower case: what a sidecar wrote on Windows names the same file elsewhere."""
        return posixpath.join(self.folder, self.name).lower()


@dataclass(frozen=True)
class SeenSidecar:
    """What a sidecar at a place says of one image. `alone`: it speaks of no other image."""

    blob_id: int
    position: int
    file_id: int
    page_id: int | None
    folder: str
    stem: str
    image_name: str
    alone: bool

    @property
    def target(self) -> str:
        """Return the path of the image it names, in lower case."""
        return posixpath.normpath(posixpath.join(self.folder, self.image_name)).lower()


class Described:
    """Finds the sidecars that speak of an image among those of its files and pages."""

    def __init__(self, sidecars: Iterable[SeenSidecar], at_home: frozenset[tuple[int, str]]) -> None:
        """Take sidecars in the order of their worth, and which (file, target) of theirs exist."""
        self._by_path: defaultdict[tuple[int, str], list[SeenSidecar]] = defaultdict(list)
        self._by_stem: defaultdict[tuple[int, str], list[SeenSidecar]] = defaultdict(list)
        self._by_name: defaultdict[str, list[SeenSidecar]] = defaultdict(list)
        for sidecar in sidecars:
            self._by_path[sidecar.file_id, sidecar.target].append(sidecar)
            if sidecar.alone:
                self._by_stem[sidecar.file_id, posixpath.join(sidecar.folder, sidecar.stem).lower()].append(sidecar)
            if (sidecar.file_id, sidecar.target) not in at_home:
                self._by_name[posixpath.basename(sidecar.target)].append(sidecar)

    def of(self, image: SeenImage) -> list[SeenSidecar]:
        """Return the nearest sidecars that speak of the image: those of one kind of nearness, or none."""
        path = image.path
        folder, name = posixpath.split(path)
        near = self._by_path.get((image.file_id, path)) or self._by_path.get(
            (image.file_id, posixpath.join(folder, "*" + posixpath.splitext(name)[1]))
        )
        near = near or self._by_stem.get((image.file_id, posixpath.splitext(path)[0]))
        if near:
            return near
        named = self._by_name.get(name, [])
        here = [sidecar for sidecar in named if sidecar.file_id == image.file_id]
        ending = [sidecar for sidecar in here if f"/{path}".endswith(f"/{_relative(sidecar)}")]
        page = [s for s in named if s.page_id is not None and s.page_id == image.page_id]
        return ending or here or page

    def astray(self, file_id: int) -> list[SeenSidecar]:
        """Return the sidecars of a file whose picture is not where they say."""
        return [sidecar for named in self._by_name.values() for sidecar in named if sidecar.file_id == file_id]


def _relative(sidecar: SeenSidecar) -> str:
    """Return the path that a sidecar wrote, without the way up to a root that is not known."""
    return posixpath.normpath("/" + sidecar.image_name.lower()).lstrip("/")


def described(connection: Connection, file_ids: Sequence[int], page_ids: Sequence[int]) -> Described:
    """Load what the sidecars of these files and pages are about (not what they say)."""
    other = Sidecar.__table__.alias()
    count = select(func.count()).where(other.c.blob_id == Sidecar.blob_id).scalar_subquery()
    found: dict[tuple[int, int, int, str], SeenSidecar] = {}
    # Two queries with an index each; one with OR would look at every place of the catalog.
    for within, ids in ((Place.file_id, file_ids), (File.page_id, page_ids)):
        for chunk in chunked(ids):
            rows = connection.execute(
                select(
                    Sidecar.blob_id,
                    Sidecar.position,
                    Place.file_id,
                    File.page_id,
                    func.coalesce(func.nullif(Place.path, ""), File.name),
                    Sidecar.image_name,
                    count,
                )
                .select_from(Sidecar)
                .join(Place, Place.blob_id == Sidecar.blob_id)
                .join(File, File.id == Place.file_id)
                .where(within.in_(chunk))
                .order_by(File.url, Place.path, Sidecar.position)
            )
            for blob_id, position, file_id, page_id, path, image_name, described_there in rows:
                folder, name = posixpath.split(path)
                stem = posixpath.splitext(name)[0]
                seen = SeenSidecar(blob_id, position, file_id, page_id, folder, stem, image_name, described_there == 1)
                found.setdefault((blob_id, position, file_id, path), seen)
    return Described(found.values(), _at_home(connection, list(found.values())))


def _at_home(connection: Connection, sidecars: list[SeenSidecar]) -> frozenset[tuple[int, str]]:
    """Return which of the (file, target) that sidecars name are there."""
    wanted: defaultdict[int, set[str]] = defaultdict(set)
    for sidecar in sidecars:
        wanted[sidecar.file_id].add(sidecar.target)
    there: set[tuple[int, str]] = set()
    for file_id, targets in wanted.items():
        for chunk in chunked(sorted(targets)):
            path = func.lower(func.coalesce(func.nullif(Place.path, ""), File.name))
            rows = connection.execute(
                select(Place.file_id, path)
                .select_from(Place)
                .join(File, File.id == Place.file_id)
                .where(Place.file_id == file_id, path.in_(chunk))
            )
            there.update((row[0], row[1]) for row in rows)
    return frozenset(there)


def note_new_sidecars(connection: Connection, blob_ids: Sequence[int], after_place: int = 0) -> None:
    """Make the files due for MATCH where these blobs, if they are sidecars, were seen at places above `after_place`."""
    for chunk in chunked(blob_ids):
        files = connection.scalars(
            select(Place.file_id)
            .join(Sidecar, Sidecar.blob_id == Place.blob_id)
            .where(Place.blob_id.in_(chunk), Place.id > after_place)
            .distinct()
        ).all()
        stages.due_again(connection, Stage.MATCH, files)


def match_sidecars(database: Database) -> int:
    """Make images due for slicing of which a sidecar speaks that is new; return how many. One file a transaction."""
    woken = 0
    while True:
        with database.write() as connection:
            due = connection.execute(
                select(Ledger.subject_id, Ledger.asked)
                .where(Ledger.stage == Stage.MATCH, Ledger.outcome == Outcome.PENDING)
                .order_by(Ledger.subject_id)
                .limit(1)
            ).first()
            if due is None:
                return woken
            woken += _match(connection, *due)


def _match(connection: Connection, file_id: int, asked: int) -> int:
    page_id = connection.scalar(select(File.page_id).where(File.id == file_id))
    pages = [] if page_id is None else [page_id]
    known = described(connection, [file_id], pages)
    woken = _spoken_of(connection, file_id, page_id, known)
    stages.due_again(connection, Stage.SLICE, woken)
    reason = _missing(connection, file_id, page_id, known)
    settled = stages.Settled(file_id, Outcome.OK, MATCH_VERSION, reason=reason, asked=asked)
    stages.settle_all(connection, Stage.MATCH, [settled])
    return len(woken)


def _spoken_of(connection: Connection, file_id: int, page_id: int | None, known: Described) -> list[int]:
    """Return the images of a file and its page of which a sidecar in the file speaks."""
    images = _images_of(connection, file_id, page_id)
    return sorted({image.image_id for image in images if any(s.file_id == file_id for s in known.of(image))})


def leave_page(connection: Connection, file_ids: Sequence[int]) -> None:
    """Make the images due for slicing of which sidecars in these files speak, before another page takes the files."""
    for file_id, page_id in _pages(connection, file_ids):
        known = described(connection, [file_id], [] if page_id is None else [page_id])
        stages.due_again(connection, Stage.SLICE, _spoken_of(connection, file_id, page_id, known))


def come_to_page(connection: Connection, file_ids: Sequence[int]) -> None:
    """Make due what files mean to another page: its sidecars are matched anew, and their own pictures sliced anew."""
    pages = dict(_pages(connection, file_ids))
    for file_id in pages:
        stages.due_again(connection, Stage.SLICE, sorted({i.image_id for i in _images_of(connection, file_id, None)}))
    for page_id in sorted({page for page in pages.values() if page is not None}):
        with_sidecars = (
            select(Place.file_id)
            .join(Sidecar, Sidecar.blob_id == Place.blob_id)
            .join(File, File.id == Place.file_id)
            .where(File.page_id == page_id)
        )
        stages.due_again(connection, Stage.MATCH, connection.scalars(with_sidecars.distinct()).all())


def _pages(connection: Connection, file_ids: Sequence[int]) -> list[tuple[int, int | None]]:
    found: list[tuple[int, int | None]] = []
    for chunk in chunked(file_ids):
        found += connection.execute(select(File.id, File.page_id).where(File.id.in_(chunk)).order_by(File.id)).all()
    return found


def _images_of(connection: Connection, file_id: int, page_id: int | None) -> list[SeenImage]:
    """Return the images of a file and its page, also those that are due: somebody may be slicing them right now."""
    seen = {
        place_id: (file, posixpath.split(path))
        for place_id, file, path in _picture_places(connection, file_id, page_id)
    }
    found: list[SeenImage] = []
    for chunk in chunked(seen):
        rows = connection.execute(
            select(Sighting.place_id, Sighting.image_id)
            .join(Ledger, (Ledger.subject_id == Sighting.image_id) & (Ledger.stage == Stage.SLICE))
            .where(Sighting.place_id.in_(chunk), Sighting.tile_id == 0)
        )
        for place_id, image_id in rows:
            file, path = seen[place_id]
            found.append(SeenImage(image_id, file, page_id, *path))
    return found


def _picture_places(connection: Connection, file_id: int, page_id: int | None) -> set[tuple[int, int, str]]:
    """Return (place, file, path) of the pictures in a file and on its page."""
    found: set[tuple[int, int, str]] = set()
    of_page = [] if page_id is None else [File.page_id == page_id]
    for within in (Place.file_id == file_id, *of_page):
        rows = connection.execute(
            select(Place.id, Place.file_id, func.coalesce(func.nullif(Place.path, ""), File.name))
            .select_from(Place)
            .join(File, File.id == Place.file_id)
            .join(Frame, (Frame.blob_id == Place.blob_id) & (Frame.number == 0))
            .where(within)
        )
        found.update((place_id, file, path) for place_id, file, path in rows)
    return found


def _missing(connection: Connection, file_id: int, page_id: int | None, known: Described) -> str:
    """Say which pictures the sidecars of a file name that are neither in it nor on its page."""
    names = {sidecar.target: posixpath.basename(sidecar.target) for sidecar in known.astray(file_id)}
    places = _picture_places(connection, file_id, page_id) if names else set()
    there = {posixpath.basename(path).lower() for _, _, path in places}
    missing = sorted(target for target, name in names.items() if name not in there and not name.startswith("*"))
    if not missing:
        return ""
    more = f" and {len(missing) - MAX_NAMED} more" if len(missing) > MAX_NAMED else ""
    return f"sidecars name pictures that are not here: {', '.join(missing[:MAX_NAMED])}{more}"
