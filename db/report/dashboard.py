"""The numbers of a report and their plots: bars as inline SVG, which need no script and work from `file://`."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

SHOWN_BARS = 16


@dataclass(frozen=True)
class Bar:
    """A label, its number, and its length as a share of the longest."""

    label: str
    number: int
    share: float


@dataclass(frozen=True)
class Plot:
    """Bars under a title; `more` counts those left out."""

    title: str
    bars: tuple[Bar, ...]
    more: int = 0


BY_TYPE = """
SELECT coalesce(nullif(p.art_type, ''), 'not stated'), count(DISTINCT s.image_id) FROM sighting s
JOIN place pl ON pl.id = s.place_id JOIN file f ON f.id = pl.file_id LEFT JOIN page p ON p.id = f.page_id
GROUP BY 1 ORDER BY 2 DESC, 1
"""
BY_LICENCE = """
SELECT coalesce(nullif(p.licence, ''), 'not stated'), count(DISTINCT s.image_id) FROM sighting s
JOIN place pl ON pl.id = s.place_id JOIN file f ON f.id = pl.file_id LEFT JOIN page p ON p.id = f.page_id
GROUP BY 1 ORDER BY 2 DESC, 1
"""
LONGER = "CASE WHEN width > height THEN width ELSE height END"
SIZES = (8, 16, 32, 64, 128, 256, 512, 1024, 2048)
BY_SIZE = (
    "SELECT CASE "  # noqa: S608 - our own numbers
    + " ".join(f"WHEN {LONGER} <= {size} THEN {number}" for number, size in enumerate(SIZES))
    + f" ELSE {len(SIZES)} END, count(*) FROM image GROUP BY 1 ORDER BY 1"
)
BY_DAY = """
SELECT substr(CAST(settled_at AS TEXT), 1, 10), count(*) FROM ledger WHERE settled_at IS NOT NULL GROUP BY 1 ORDER BY 1
"""
FETCHED_BY_DAY = """
SELECT substr(CAST(fetched_at AS TEXT), 1, 10), count(*) FROM file WHERE fetched_at IS NOT NULL GROUP BY 1 ORDER BY 1
"""


def plots(connection: Connection, problems: Sequence[tuple[str, int]]) -> list[Plot]:
    """Return the plots of a catalog; `problems` are causes and how often each occurred."""

    def ask(query: str) -> list[tuple[str, int]]:
        return [(str(label), int(number)) for label, number in connection.execute(text(query))]

    sizes = [(_size(int(label)), number) for label, number in ask(BY_SIZE)]
    found = (
        plot("Images by type", ask(BY_TYPE)),
        plot("Images by licence", ask(BY_LICENCE)),
        plot("Images by longer side, in pixels", sizes),
        plot("Failures by cause", sorted(problems, key=lambda each: (-each[1], each[0]))),
        plot("Files fetched by day", ask(FETCHED_BY_DAY)[-SHOWN_BARS:]),
        plot("Work settled by day", ask(BY_DAY)[-SHOWN_BARS:]),
    )
    return [each for each in found if each.bars]


def _size(number: int) -> str:
    if number == len(SIZES):
        return f"more than {SIZES[-1]}"
    return f"{SIZES[number - 1] + 1 if number else 1} to {SIZES[number]}"


def plot(title: str, numbers: Sequence[tuple[str, int]]) -> Plot:
    """Return a plot of the first numbers, in the order given."""
    most = max((number for _, number in numbers), default=1)
    bars = tuple(Bar(label, number, number / max(most, 1)) for label, number in numbers[:SHOWN_BARS])
    return Plot(title, bars, max(0, len(numbers) - SHOWN_BARS))
