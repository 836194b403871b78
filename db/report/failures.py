"""The failures of a report: a page for each cause, with the places where it was met."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from db.status import Problem

SHOWN = 1000


@dataclass(frozen=True)
class Cause:
    """A cause of failures, the page that tells of it, and URLs where it was met."""

    number: int
    problem: Problem
    urls: tuple[str, ...]


OF_BLOBS = """
SELECT DISTINCT url FROM blob_catalog WHERE outcome = :outcome AND reason = :reason ORDER BY url LIMIT :count
"""
OF_IMAGES = """
SELECT DISTINCT v.url FROM ledger l JOIN image_catalog v ON v.image_id = l.subject_id
WHERE l.stage = 'slice' AND l.outcome = :outcome AND l.reason = :reason ORDER BY v.url LIMIT :count
"""
OF_CRAWL = "SELECT url FROM frontier WHERE state = :outcome AND reason = :reason ORDER BY url LIMIT :count"


def read_cause(connection: Connection, number: int, problem: Problem) -> Cause:
    """Return a cause with the first places where it was met."""
    query = {"read": OF_BLOBS, "slice": OF_IMAGES, "crawl": OF_CRAWL}[problem.stage]
    values = {"outcome": problem.outcome, "reason": problem.reason, "count": SHOWN}
    return Cause(number, problem, tuple(connection.scalars(text(query), values)))
