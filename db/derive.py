"""Recording what extraction found, and spreading it to every place where the same bytes or pixels were seen.

Facts about content (members, frames, tiles) are written once per blob or image. Where things were seen (place,
sighting) follows from them; `spread` brings that up to date, in the same transaction and in any order of events.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, literal, select, text, tuple_, update

from db import stages
from db.engine import among, among_keys, chunked, insert_new, insert_or_replace, upsert
from db.matching import note_new_sidecars
from db.models import Blob, Frame, Image, Member, Place, Sheet, Sidecar, Sighting, Tile
from db.records import FrameRecord, ImageRecord, ReadResult, SliceResult
from db.vocabulary import Outcome, Stage

MAX_NEW_PLACES = 200_000
MAX_DEPTH = 8
"""Archives in archives are followed this deep; it also ends an archive that holds itself."""


def record_read(connection: Connection, blob_id: int, result: ReadResult) -> None:
    """Settle the READ stage of a blob, replacing what an earlier version found."""
    record_reads(connection, [(blob_id, result)])


def record_reads(
    connection: Connection, results: Sequence[tuple[int, ReadResult]], asked: Mapping[int, int] | None = None
) -> None:
    """Settle the READ stage of several blobs at once: the same rows as one by one, with far fewer statements.

    `asked`: what the ledger said of each blob when its reading began (see `stages.Settled`). A reading that FAILED,
    which is our fault and says nothing of the bytes, leaves everything as it was known before.
    """
    blob_ids = [blob_id for blob_id, _ in results]
    failed = {blob_id for blob_id, result in results if result.outcome == Outcome.FAILED}
    # A place that is being recorded must see this, or be seen.
    for blob_id in stages.lock_all(connection, Stage.READ, blob_ids) - failed:
        _forget_reading(connection, blob_id)
    _record_members(connection, results)
    _record_sidecars(connection, results)
    _record_frames(connection, [(blob_id, frame) for blob_id, result in results for frame in result.frames])
    crowded = spread(connection, blob_ids)
    refused = _too_deep(connection, [blob_id for blob_id, result in results if result.members]) | crowded
    note_new_sidecars(connection, [blob_id for blob_id, result in results if result.sidecars])
    settled = [
        stages.Settled(
            blob_id,
            Outcome.REFUSED if blob_id in refused else result.outcome,
            result.version,
            result.format,
            refused.get(blob_id, result.reason),
            (asked or {}).get(blob_id, stages.ANY),
        )
        for blob_id, result in results
    ]
    stages.settle_all(connection, Stage.READ, settled)


def _too_deep(connection: Connection, archive_ids: Sequence[int]) -> dict[int, str]:
    """Say which archives lie so deep that what is in them is not followed; those that hold themselves all do."""
    reason = f"depth of archives in archives: saw {MAX_DEPTH + 1}, limit {MAX_DEPTH}"
    found: dict[int, str] = {}
    for chunk in chunked(archive_ids):
        deep = select(Place.blob_id).where(Place.blob_id.in_(chunk), Place.depth == MAX_DEPTH).distinct()
        found.update(dict.fromkeys(connection.scalars(deep), reason))
    return found


def _forget_reading(connection: Connection, blob_id: int) -> None:
    """Drop what hangs on an earlier reading: sightings below it, places of its members, frames, sidecars."""
    here = select(Place.id).where(Place.blob_id == blob_id)
    connection.execute(delete(Sighting).where(Sighting.place_id.in_(here)))
    places = list(connection.scalars(select(Place.id).where(Place.parent_id.in_(here))))
    while places:
        below: list[int] = []
        for chunk in chunked(places):
            below += connection.scalars(select(Place.id).where(Place.parent_id.in_(chunk)))
            connection.execute(delete(Sighting).where(Sighting.place_id.in_(chunk)))
            connection.execute(delete(Place).where(Place.id.in_(chunk)))
        places = below
    for table, column in ((Member, Member.archive_id), (Frame, Frame.blob_id), (Sidecar, Sidecar.blob_id)):
        connection.execute(delete(table).where(column == blob_id))


def _record_members(connection: Connection, archives: Sequence[tuple[int, ReadResult]]) -> None:
    """Write the members of archives, each with the id of its blob, and make what is in them due."""
    members = [(blob_id, member) for blob_id, result in archives for member in result.members]
    if not members:
        return
    sizes = {m.sha256: m.size_bytes or 0 for _, m in members if m.sha256 is not None}
    insert_new(connection, Blob, [{"sha256": sha, "size_bytes": size} for sha, size in sizes.items()])
    ids = stages.ids_by_key(connection, Blob.id, Blob.sha256, list(sizes))
    stages.due(connection, Stage.READ, list(ids.values()))
    stages.due_with_bytes(connection, list(ids.values()))
    rows = [
        {
            "archive_id": blob_id,
            "position": m.position,
            "raw_name": m.raw_name,
            "path": m.path,
            "fragment": "path=" + quote(m.path, safe="/", errors="surrogatepass"),
            "kind": m.kind,
            "state": m.state,
            "reason": m.reason,
            "size_bytes": m.size_bytes,
            "blob_id": None if m.sha256 is None else ids[m.sha256],
        }
        for blob_id, m in members
    ]
    insert_new(connection, Member, rows)


def _record_frames(connection: Connection, frames: Sequence[tuple[int, FrameRecord]]) -> None:
    """Write frames, each with the id of its blob."""
    ids = ensure_images(connection, [frame.image for _, frame in frames])
    rows = [
        {
            "blob_id": blob_id,
            "number": frame.number,
            "image_id": ids[frame.image.pixel_hash],
            "duration_ms": frame.duration_ms,
            "mode": frame.mode,
            "palette_size": frame.palette_size,
            "partial": frame.partial,
            "label": frame.label,
        }
        for blob_id, frame in frames
    ]
    insert_new(connection, Frame, rows)


def _record_sidecars(connection: Connection, results: Sequence[tuple[int, ReadResult]]) -> None:
    rows = [
        {
            "blob_id": blob_id,
            "position": position,
            "image_name": sidecar.image_name,
            "format": sidecar.format,
            "description": sidecar.description,
        }
        for blob_id, result in results
        for position, sidecar in enumerate(result.sidecars)
    ]
    insert_new(connection, Sidecar, rows)


def ensure_images(connection: Connection, images: Sequence[ImageRecord]) -> dict[bytes, int]:
    """Return image ids by pixel hash, making missing rows, and missing facts of those that are there."""
    records = {image.pixel_hash: image for image in images}
    rows = [
        {
            "pixel_hash": image.pixel_hash,
            "width": image.width,
            "height": image.height,
            "transparent": image.transparent,
            "featurized": False,
            "indexed": False,
            **_facts(image),
        }
        for image in records.values()
    ]
    insert_new(connection, Image, rows)
    ids: dict[bytes, int] = {}
    without = []
    for chunk in chunked(list(records)):
        known = select(Image.pixel_hash, Image.id, Image.alpha).where(among_keys(connection, Image.pixel_hash, chunk))
        for key, identity, alpha in connection.execute(known):
            ids[key] = identity
            if alpha is None and records[key].facts is not None:
                without.append({"of_image": identity, **_facts(records[key])})
    if without:
        connection.execute(update(Image).where(Image.id == bindparam("of_image")), without)
    return ids


def _facts(image: ImageRecord) -> dict[str, str | int | bytes | None]:
    facts = image.facts
    turned = {"orientation_hash": image.orientation_hash}
    if facts is None:
        return {"alpha": None, "colours": None, "upscale": None, **turned}
    return {"alpha": facts.alpha.value, "colours": facts.colours, "upscale": facts.upscale, **turned}


def record_slices(connection: Connection, image_id: int, result: SliceResult) -> None:
    """Settle the SLICE stage of an image; tiles that stay keep their ids."""
    record_all_slices(connection, [(image_id, result)])


def record_all_slices(
    connection: Connection, results: Sequence[tuple[int, SliceResult]], asked: Mapping[int, int] | None = None
) -> None:
    """Settle the SLICE stage of several images at once: the same rows as one by one, with far fewer statements.

    `asked`: what the ledger said of each image when its slicing began (see `stages.Settled`). A slicing that FAILED,
    which is our fault, leaves an earlier sheet and its tiles as they are.
    """
    settled_before = stages.lock_all(connection, Stage.SLICE, [image_id for image_id, _ in results])
    worked = [(image_id, result) for image_id, result in results if result.outcome != Outcome.FAILED]
    insert_or_replace(connection, Sheet, [_sheet_row(*each) for each in worked], ("image_id",))
    insert_new(connection, Sheet, [_sheet_row(i, r) for i, r in results if r.outcome == Outcome.FAILED])
    ids = ensure_images(connection, [tile.image for _, result in results for tile in result.tiles])
    rows = [
        {
            "sheet_id": image_id,
            "x": tile.x,
            "y": tile.y,
            "w": tile.w,
            "h": tile.h,
            "row": tile.row,
            "column": tile.column,
            "name": tile.name,
            "image_id": ids[tile.image.pixel_hash],
            "position": position,
            "orientation": tile.orientation,
            "tag": tile.tag,
            "alike_id": ids[(tile if tile.alike is None else result.tiles[tile.alike]).image.pixel_hash],
        }
        for image_id, result in results
        for position, tile in enumerate(result.tiles)
    ]
    for image_id, result in worked:
        if image_id in settled_before:
            _drop_stale_tiles(connection, image_id, {(t.x, t.y, t.w, t.h) for t in result.tiles})
    insert_or_replace(connection, Tile, rows, ("sheet_id", "x", "y", "w", "h"))
    for chunk in chunked(image_id for image_id, result in results if result.tiles):
        _see_tiles(connection, among(connection, Sighting.image_id, chunk))
    said = asked or {}
    settled = [stages.Settled(i, r.outcome, r.version, "", r.reason, said.get(i, stages.ANY)) for i, r in results]
    stages.settle_all(connection, Stage.SLICE, settled)


def _sheet_row(image_id: int, result: SliceResult) -> dict[str, Any]:
    tile, margin, spacing = (result.tile or (None, None), result.margin or (None, None), result.spacing or (None, None))
    return {
        "image_id": image_id,
        "kind": result.kind,
        "tile_width": tile[0],
        "tile_height": tile[1],
        "margin_x": margin[0],
        "margin_y": margin[1],
        "spacing_x": spacing[0],
        "spacing_y": spacing[1],
        "confidence": result.confidence,
        "source": result.source,
        "why": result.why,
        "candidates": [dataclasses.asdict(candidate) for candidate in result.candidates] or None,
        "upscale": result.upscale,
    }


def _drop_stale_tiles(connection: Connection, sheet_id: int, kept: set[tuple[int, int, int, int]]) -> None:
    known = connection.execute(select(Tile.id, Tile.x, Tile.y, Tile.w, Tile.h).where(Tile.sheet_id == sheet_id))
    stale = [row[0] for row in known if tuple(row[1:]) not in kept]
    for chunk in chunked(stale):
        connection.execute(delete(Sighting).where(Sighting.tile_id.in_(chunk)))
        connection.execute(delete(Tile).where(Tile.id.in_(chunk)))


def spread(connection: Connection, blob_ids: Sequence[int]) -> dict[int, str]:
    """Bring places and sightings up to date below every place of these blobs; return which archives not, and why.

    A few nested archives with many identical members can be seen in billions of places: that is refused, and noted
    in the ledger if the archive is not among those asked for.
    """
    refused: dict[int, str] = {}
    front = list(blob_ids)
    for _ in range(MAX_DEPTH + 1):
        reached: set[int] = set()
        for chunk in chunked(front):
            refusals, newest = _see_members(connection, chunk)
            refused |= refusals
            _see_frames(connection, chunk)
            held = select(Member.blob_id).where(among(connection, Member.archive_id, chunk)).distinct()
            members = [blob_id for blob_id in connection.scalars(held) if blob_id is not None]
            if newest is not None:
                note_new_sidecars(connection, members, newest)
            reached.update(members)
        front = sorted(reached)
    for archive_id, reason in refused.items():
        stages.refuse(connection, Stage.READ, archive_id, reason)
    return refused


def _see_members(connection: Connection, archive_ids: Sequence[int]) -> tuple[dict[int, str], int | None]:
    """Add the places of members; return why not of some archives, and the newest place before, if there may be new."""
    here = (among(connection, Place.blob_id, archive_ids), Place.depth < MAX_DEPTH, Member.blob_id.is_not(None))
    held = select(Place.id).join(Member, Member.archive_id == Place.blob_id).where(*here).limit(1)
    if connection.scalar(held) is None:
        return {}, None
    crowds = _crowds(connection, archive_ids)
    refused = {
        archive_id: f"places of members: saw {n}, limit {MAX_NEW_PLACES}" for (archive_id, _), n in crowds.items()
    }
    newest = connection.scalar(select(func.max(Place.id)))
    separator = text("CASE WHEN place.fragment <> '' THEN '&' ELSE '' END")
    slash = text("CASE WHEN place.path <> '' THEN '/' ELSE '' END")
    seen = (
        select(
            Place.file_id,
            Place.id,
            Member.id,
            Member.blob_id,
            Place.root_id,
            Place.depth + 1,
            Place.path.op("||")(slash).op("||")(Member.path),
            Place.fragment.op("||")(separator).op("||")(Member.fragment),
        )
        .join(Member, Member.archive_id == Place.blob_id)
        .where(*here)
    )
    if crowds:
        seen = seen.where(tuple_(Place.blob_id, Place.file_id).not_in(list(crowds)))
    columns = ["file_id", "parent_id", "member_id", "blob_id", "root_id", "depth", "path", "fragment"]
    connection.execute(upsert(connection, Place).from_select(columns, seen).on_conflict_do_nothing())
    return refused, newest


def _crowds(connection: Connection, archive_ids: Sequence[int]) -> dict[tuple[int, int], int]:
    """Return archives that would be seen with their members in too many places of a file, with that number.

    Of each file by itself: one archive may lie at any number of URLs.
    """
    inside = (among(connection, Member.archive_id, archive_ids), Member.blob_id.is_not(None))
    sizes = select(Member.archive_id, func.count().label("n")).where(*inside).group_by(Member.archive_id).subquery()
    places = func.count() * sizes.c.n
    found = connection.execute(
        select(Place.blob_id, Place.file_id, places)
        .join(sizes, sizes.c.archive_id == Place.blob_id)
        .where(among(connection, Place.blob_id, archive_ids), Place.depth < MAX_DEPTH)
        .group_by(Place.blob_id, Place.file_id, sizes.c.n)
        .having(places > MAX_NEW_PLACES)
    )
    return {(archive_id, file_id): number for archive_id, file_id, number in found}


def _see_frames(connection: Connection, blob_ids: Sequence[int]) -> None:
    """Add the sightings of decoded blobs, and make still images due for slicing: a new place may bring new hints."""
    unseen = ~(
        select(Sighting.id)
        .where(Sighting.place_id == Place.id, Sighting.frame == Frame.number, Sighting.tile_id == 0)
        .exists()
    )
    step = Frame.__table__.alias()
    animated = select(step.c.number).where(step.c.blob_id == Frame.blob_id, step.c.number > 0).exists()
    new = (
        select(Frame.image_id, Place.id, Frame.number, literal(0), animated)
        .join(Place, Place.blob_id == Frame.blob_id)
        .where(among(connection, Frame.blob_id, blob_ids), unseen)
    )
    fresh = connection.execute(new).all()
    if not fresh:
        return
    columns = ["image_id", "place_id", "frame", "tile_id"]
    insert_new(connection, Sighting, [dict(zip(columns, row[:4], strict=True)) for row in fresh])
    for chunk in chunked(sorted({row[0] for row in fresh})):
        _see_tiles(connection, among(connection, Sighting.image_id, chunk))
    stages.due_again(connection, Stage.SLICE, sorted({row[0] for row in fresh if not row[4]}))


def _see_tiles(connection: Connection, of_sheets: ColumnElement[bool]) -> None:
    seen = (
        select(Tile.image_id, Sighting.place_id, Sighting.frame, Tile.id)
        .join(Tile, Tile.sheet_id == Sighting.image_id)
        .where(of_sheets, Sighting.tile_id == 0)
    )
    columns = ["image_id", "place_id", "frame", "tile_id"]
    statement = upsert(connection, Sighting).from_select(columns, seen)
    # A tile that stays may show other pixels now: those of the same rectangle, turned upright.
    other = Sighting.image_id != statement.excluded.image_id
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["place_id", "frame", "tile_id"], set_={"image_id": statement.excluded.image_id}, where=other
        )
    )
