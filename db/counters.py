"""What is counted: each total as a table, a condition, a key and an amount, from which triggers and recounts follow."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Counter:
    """A total over a table, by key. `where`, `key` and `amount` are SQL about a row called `{r}`.

    `watched` are the columns that may change in a row and change the total; others never do, or do not matter.
    """

    name: str
    table: str
    where: str = ""
    key: str = "''"
    amount: str = "1"
    watched: tuple[str, ...] = ()


COUNTERS = (
    Counter("pages", "page"),
    Counter("files_known", "file"),
    Counter("files", "file", where="{r}.blob_id IS NOT NULL", watched=("blob_id",)),
    Counter("blobs", "blob"),
    Counter("blob_bytes", "blob", amount="{r}.size_bytes"),
    Counter("members", "member"),
    Counter("images", "image"),
    Counter("featurized", "image", where="{r}.featurized", watched=("featurized",)),
    Counter("indexed", "image", where="{r}.indexed", watched=("indexed",)),
    Counter("sheets", "sheet", where="{r}.kind <> 'single'", watched=("kind",)),
    Counter("tiles", "tile"),
    Counter("sightings", "sighting"),
    Counter("todo", "consumer_todo", key="CAST({r}.consumer_id AS TEXT)"),
    Counter(
        "frontier",
        "frontier",
        key="CAST({r}.crawl_id AS TEXT) || '/' || {r}.state || '/' || {r}.kind",
        watched=("state",),
    ),
    Counter("ledger", "ledger", key="{r}.stage || '/' || {r}.outcome", watched=("outcome",)),
    Counter(
        "settled",
        "ledger",
        where="{r}.outcome <> 'pending'",
        key="{r}.stage || '/' || CAST({r}.version AS TEXT) || '/' || {r}.format",
        watched=("outcome", "version", "format"),
    ),
)


def counters_of(table: str) -> list[Counter]:
    """Return the totals over a table."""
    return [counter for counter in COUNTERS if counter.table == table]


COUNTED_TABLES = tuple(dict.fromkeys(counter.table for counter in COUNTERS))
