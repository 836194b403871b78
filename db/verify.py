"""Does the catalog tell the truth? Rows against bytes and back, leases, the ledger, totals; and how to mend it.

Rows and blobs are compared in one pass over both, in the order of their hashes, so memory does not grow with the
catalog. `repair` changes nothing that cannot be had again: what is missing becomes due again, what is damaged is kept
in `damaged/`, what nothing speaks of is removed once it is old enough not to belong to a transaction under way.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import Connection, text, true, update

from db import bookkeeping, stages
from db.catalog import Catalog
from db.engine import alone, chunked
from db.errors import BlobMissingError
from db.models import Base, Frontier, Host
from db.owners import is_known_dead
from db.tallies import add_to_totals, all_totals, counted
from db.triggers import create_triggers, drop_triggers, missing_triggers
from db.urls import fingerprint
from db.vocabulary import EntryState, Stage

YOUNG_S = 3600.0


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be: what, which, and what mending it means."""

    what: str
    which: str
    way_out: str


@dataclass
class Report:
    """What was looked at and what was found; `mended` counts what `repair` put right."""

    blobs: int = 0
    findings: list[Finding] = field(default_factory=list)
    mended: int = 0

    def add(self, what: str, which: str, way_out: str) -> None:
        """Note a finding."""
        self.findings.append(Finding(what, which, way_out))


def verify(catalog: Catalog, *, repair: bool = False, hashes: bool = False, young_s: float = YOUNG_S) -> Report:
    """Look at everything; with `hashes` read all blobs; with `repair` mend what was found.

    Raises BlobStoreError when the store cannot be reached: that says nothing of what is in it.
    """
    report = Report()
    missing, orphans = _compare_blobs(catalog, report, repair)
    if hashes:
        missing += _check_hashes(catalog, report, repair)
    if repair:
        report.mended += _bring_back(catalog, missing) + _remove_orphans(catalog, orphans, young_s)
    for stray in catalog.blobs.strays():
        report.add("a file among the blobs that is none", stray, "look at it, and remove it")
    checks: tuple[Callable[[Catalog, Report, bool], int], ...] = (
        _check_leases,
        _check_ledger,
        _check_triggers,
        _check_totals,
    )
    for check in checks:
        report.mended += check(catalog, report, repair)
    _check_database(catalog, report)
    return report


def _compare_blobs(catalog: Catalog, report: Report, repair: bool) -> tuple[list[bytes], list[bytes]]:
    lost, orphans = [], []
    stored = catalog.blobs.sizes()
    here, size = next(stored, (None, 0))
    for sha256, size_bytes in _known(catalog):
        while here is not None and here < sha256:
            orphans.append(here)
            here, size = next(stored, (None, 0))
        report.blobs += 1
        if here != sha256:
            lost.append(sha256)
            report.add("missing bytes", sha256.hex(), "fetched or extracted again")
            continue
        if size != size_bytes and not _has_right_size(catalog, report, sha256, size, repair):
            lost.append(sha256)
        here, size = next(stored, (None, 0))
    orphans += [here, *(sha256 for sha256, _ in stored)] if here is not None else []
    for sha256 in orphans:
        report.add("bytes that no row speaks of", sha256.hex(), "removed, once an hour old")
    return lost, orphans


def _has_right_size(catalog: Catalog, report: Report, sha256: bytes, size: int, repair: bool) -> bool:
    """Tell whether the bytes are right, of a blob that is not as long as its row says; mend the one or the other."""
    try:
        good = catalog.blobs.is_sound(sha256)
    except BlobMissingError:
        return True  # discarded since it was listed
    if not good:
        _note_damage(catalog, report, sha256, repair)
        return False
    report.add("a wrong size of a blob", f"{sha256.hex()}: is {size}", "the row is put right")
    if repair:
        with catalog.database.write() as connection:
            right = text("UPDATE blob SET size_bytes = :size WHERE sha256 = :sha")
            report.mended += connection.execute(right, {"size": size, "sha": sha256}).rowcount
    return True


def _note_damage(catalog: Catalog, report: Report, sha256: bytes, repair: bool) -> None:
    report.add("bytes that are not what their name says", sha256.hex(), "moved to damaged/, and had again")
    if repair:
        catalog.blobs.set_aside(sha256)


def _known(catalog: Catalog) -> Iterator[tuple[bytes, int]]:
    last = b""
    query = text("SELECT sha256, size_bytes FROM blob WHERE sha256 > :last ORDER BY sha256 LIMIT 5000")
    while True:
        with catalog.database.read() as connection:
            found = [(bytes(sha256), size) for sha256, size in connection.execute(query, {"last": last})]
        yield from found
        if not found:
            return
        last = found[-1][0]


def _check_hashes(catalog: Catalog, report: Report, repair: bool) -> list[bytes]:
    wrong = []
    known = {finding.which for finding in report.findings}
    for sha256, _ in _known(catalog):
        if sha256.hex() in known:
            continue
        try:
            good = catalog.blobs.is_sound(sha256)
        except BlobMissingError:
            continue  # discarded since they were listed
        if not good:
            wrong.append(sha256)
            _note_damage(catalog, report, sha256, repair)
    return wrong


def _bring_back(catalog: Catalog, hashes: list[bytes]) -> int:
    """Make due again whatever once brought these bytes: the download, or the reading of the archive around them."""
    lost = [sha256 for sha256 in hashes if not catalog.blobs.keep(sha256)]
    count = len(hashes) - len(lost)
    for chunk in chunked(lost):
        with catalog.database.write() as connection:
            for sha256 in chunk:
                count += 1 if _due_again(connection, sha256) else 0
    return count


def _due_again(connection: Connection, sha256: bytes) -> bool:
    archives = text(
        "UPDATE ledger SET outcome = 'pending', asked = asked + 1 WHERE stage = 'read' AND subject_id IN"
        " (SELECT m.archive_id FROM member m JOIN blob b ON b.id = m.blob_id WHERE b.sha256 = :sha)"
    )
    urls = text(
        "SELECT f.url FROM file_version v JOIN file f ON f.id = v.file_id JOIN blob b ON b.id = v.blob_id"
        " WHERE b.sha256 = :sha"
    )
    found = connection.execute(archives, {"sha": sha256}).rowcount
    # Without etag and date, so that the server cannot answer that nothing has changed.
    again = {"state": EntryState.PENDING, "attempts": 0, "not_before": 0.0, "etag": "", "last_modified": ""}
    for url in connection.scalars(urls, {"sha": sha256}).all():
        entry = (Frontier.fingerprint == fingerprint(url), Frontier.state != EntryState.LEASED)
        found += connection.execute(update(Frontier).where(*entry).values(**again)).rowcount
        connection.execute(text("UPDATE file SET etag = '', last_modified = '' WHERE url = :url"), {"url": url})
    return bool(found)


def _remove_orphans(catalog: Catalog, hashes: list[bytes], young_s: float) -> int:
    """Remove what no row speaks of even now: whoever found it in the store since made it young, or named it."""
    count = 0
    named = text("SELECT 1 FROM blob WHERE sha256 = :sha")
    for sha256 in hashes:
        with catalog.database.read() as connection:
            if connection.scalar(named, {"sha": sha256}) is not None:
                continue
        if catalog.blobs.modified_at(sha256) <= time.time() - young_s:
            catalog.blobs.discard(sha256)
            count += 1
    return count


def _check_leases(catalog: Catalog, report: Report, repair: bool) -> int:
    found, now = [], time.time()
    with catalog.database.snapshot() as connection:
        for table, leased in LEASED.items():
            name = table.__tablename__
            query = text(f"SELECT owner, max(lease_until) FROM {name} WHERE {leased} GROUP BY owner")  # noqa: S608
            for owner, until in connection.execute(query).all():
                if until < now or is_known_dead(owner):
                    report.add(f"leases of a {name} whose owner is gone", owner, "handed back")
                    found.append((table, owner))
    return _hand_back(catalog, found, now) if repair and found else 0


LEASED: dict[type[Frontier] | type[Host], str] = {Frontier: "state = 'leased'", Host: "owner IS NOT NULL"}


def _hand_back(catalog: Catalog, found: list[tuple[type[Frontier] | type[Host], str]], now: float) -> int:
    mended = 0
    with catalog.database.write() as connection:
        for table, owner in found:
            free = {"state": EntryState.PENDING} if table is Frontier else {"lease_until": 0.0}
            # Unless it was renewed meanwhile.
            over = true() if is_known_dead(owner) else table.lease_until < now
            held = update(table).where(table.owner == owner, text(LEASED[table]), over)
            changed = connection.execute(held.values(owner=None, **free))
            mended += 1 if changed.rowcount else 0
    return mended


UNKNOWN_TO_THE_LEDGER = {
    "read": "SELECT b.id FROM blob b LEFT JOIN ledger l ON l.stage = 'read' AND l.subject_id = b.id"
    " WHERE l.subject_id IS NULL",
    "slice": "SELECT DISTINCT f.image_id FROM frame f LEFT JOIN ledger l ON l.stage = 'slice'"
    " AND l.subject_id = f.image_id WHERE l.subject_id IS NULL AND f.number = 0 AND NOT EXISTS"
    " (SELECT 1 FROM frame g WHERE g.blob_id = f.blob_id AND g.number > 0)"
    " AND EXISTS (SELECT 1 FROM place p WHERE p.blob_id = f.blob_id)",
}
UNSEEN = (
    "SELECT f.blob_id FROM frame f JOIN place p ON p.blob_id = f.blob_id LEFT JOIN sighting s"
    " ON s.place_id = p.id AND s.frame = f.number AND s.tile_id = 0 WHERE s.id IS NULL"
)


def _check_ledger(catalog: Catalog, report: Report, repair: bool) -> int:
    """Find settles that only half happened: no transaction of ours leaves any, a hand at the database may."""
    with catalog.database.snapshot() as connection:
        unknown = {stage: list(connection.scalars(text(query))) for stage, query in UNKNOWN_TO_THE_LEDGER.items()}
        unseen = sorted(set(connection.scalars(text(UNSEEN))))
    for stage, subjects in unknown.items():
        for subject in subjects:
            report.add(f"something that stage {stage} does not know of", str(subject), "made due")
    for blob_id in unseen:
        report.add("frames that are seen nowhere though their blob is", str(blob_id), "read again")
    if not repair or not (unseen or any(unknown.values())):
        return 0
    with catalog.database.write() as connection:
        for stage, subjects in unknown.items():
            stages.due(connection, Stage(stage), subjects)
        stages.due_again(connection, Stage.READ, unseen)
    return len(unseen) + sum(map(len, unknown.values()))


def _check_triggers(catalog: Catalog, report: Report, repair: bool) -> int:
    with catalog.database.read() as connection:
        missing = missing_triggers(connection)
    for name in missing:
        report.add("a trigger that is not there", name, "made anew")
    if missing and repair:
        with catalog.database.write() as connection:
            alone(connection, *_counted_tables())
            drop_triggers(connection)
            create_triggers(connection)
        _check_totals(catalog, Report(), repair)  # nobody counted without them
    return len(missing) if repair else 0


def _check_totals(catalog: Catalog, report: Report, repair: bool) -> int:
    """Compare totals in one view, without holding anybody up.

    Triggers add to totals whatever happens meanwhile, so what was missing then is missing still.
    """
    with catalog.database.snapshot() as connection:
        right, said = counted(connection), all_totals(connection)
    keys = sorted(right.keys() | said.keys())
    lacking = {key: right.get(key, 0) - said.get(key, 0) for key in keys if right.get(key, 0) != said.get(key, 0)}
    for name, key in lacking:
        numbers = f"{name} {key}: says {said.get((name, key), 0)}, is {right.get((name, key), 0)}"
        report.add("a wrong total", numbers, "counted anew")
    if lacking and repair:
        with catalog.database.write() as connection:
            add_to_totals(connection, lacking)
    return len(lacking) if repair else 0


def _counted_tables() -> list[type[Base]]:
    from db.counters import COUNTED_TABLES

    return [bookkeeping.Tally, *(Base.by_name[name] for name in COUNTED_TABLES)]


def _check_database(catalog: Catalog, report: Report) -> None:
    """Let SQLite check its own pages and references; PostgreSQL holds to references by itself."""
    with catalog.database.read() as connection:
        if connection.dialect.name != "sqlite":
            return
        for (said,) in connection.exec_driver_sql("PRAGMA quick_check"):
            if said != "ok":
                report.add(
                    "a damaged database file", str(said), "restore a backup, or `quarry catalog copy` what is left"
                )
        for row in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            report.add("a row that refers to nothing", f"{row[0]} row {row[1]}", "restore a backup")
