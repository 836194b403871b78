"""Totals that are known without counting, and how to count them anew."""

from sqlalchemy import Connection, bindparam, delete, func, insert, select, text, update

from db.bookkeeping import Tally
from db.counters import COUNTERS

NOTE = "_"
"""Rows whose names begin so are notes about the catalog as a whole, such as what it is a copy of."""
COPIED_FROM = NOTE + "copied_from"


def totals(connection: Connection, name: str) -> dict[str, int]:
    """Return a total by key; keys at zero are left out."""
    query = select(Tally.key, func.sum(Tally.number)).where(Tally.name == name).group_by(Tally.key)
    return {key: int(number) for key, number in connection.execute(query.order_by(Tally.key)) if number}


def frontier_totals(connection: Connection, crawl_id: int) -> dict[str, dict[str, int]]:
    """Return how many entries a crawl has by state, then kind."""
    counts: dict[str, dict[str, int]] = {}
    for key, number in totals(connection, "frontier").items():
        of, state, kind = key.split("/")
        if int(of) == crawl_id:
            counts.setdefault(state, {})[kind] = number
    return counts


def all_totals(connection: Connection) -> dict[tuple[str, str], int]:
    """Return every total by name and key; those at zero are left out."""
    query = select(Tally.name, Tally.key, func.sum(Tally.number)).group_by(Tally.name, Tally.key)
    found = connection.execute(query)
    return {(name, key): int(number) for name, key, number in found if number and not name.startswith(NOTE)}


def total(connection: Connection, name: str, key: str = "") -> int:
    """Return one total."""
    return int(connection.scalar(TOTAL, {"name": name, "key": key}) or 0)


TOTAL = select(func.sum(Tally.number)).where(Tally.name == bindparam("name"), Tally.key == bindparam("key"))
"""Built once, as everything a crawl asks with every commit: building takes longer than asking."""


def unfinished_copy_of(connection: Connection) -> str:
    """Return of what this catalog is a copy that was begun and not finished; '' if it is none."""
    begun = select(Tally.key).where(Tally.name == COPIED_FROM, Tally.number == 0)
    return connection.scalar(begun) or ""


def counted(connection: Connection) -> dict[tuple[str, str], int]:
    """Count everything the long way: what the totals should say. Takes as long as reading the catalog."""
    found: dict[tuple[str, str], int] = {}
    for counter in COUNTERS:
        where = f"WHERE {counter.where.format(r='r')}" if counter.where else ""
        query = (
            f"SELECT {counter.key.format(r='r')}, sum({counter.amount.format(r='r')}) FROM {counter.table} r {where}"  # noqa: S608 - our own text
        )
        for key, number in connection.execute(text(f"{query} GROUP BY 1")):
            if number:
                found[counter.name, key] = int(number)
    return found


def add_to_totals(connection: Connection, numbers: dict[tuple[str, str], int]) -> None:
    """Add to totals by name and key, as triggers do."""
    one_part = connection.dialect.name == "sqlite"
    for (name, key), number in numbers.items():
        bump = update(Tally).where(Tally.name == name, Tally.key == key).values(number=Tally.number + number)
        if not (one_part and connection.execute(bump).rowcount):
            connection.execute(insert(Tally).values(name=name, key=key, number=number))


def recount(connection: Connection) -> None:
    """Write the totals anew. The caller sees to it that nobody else writes meanwhile (see db.engine.alone)."""
    numbers = {(counter.name, ""): 0 for counter in COUNTERS if counter.key == "''"} | counted(connection)
    connection.execute(delete(Tally).where(~Tally.name.startswith(NOTE, autoescape=True)))
    rows = [{"name": name, "key": key, "number": number} for (name, key), number in numbers.items()]
    connection.execute(insert(Tally), rows)
