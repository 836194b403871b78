"""Make a catalog whose frontier is long: a few entries through the queue itself, then copies of them by SQL.

python -m benchmarks.crawl_frontier CATALOG_URL BLOBS SITE PENDING FINISHED
"""

import sys

from sqlalchemy import Connection, text

from crawler.spiders.opengameart import OpenGameArtSpider
from db import Catalog
from db.crawls import open_crawl
from db.frontier import FrontierQueue
from db.models import Frontier
from db.records import NewEntry
from db.vocabulary import EntryKind


def main(catalog_url: str, blobs: str, site: str, pending: int, finished: int) -> None:
    spider = OpenGameArtSpider(type="", site=site)
    with Catalog(catalog_url, blobs) as catalog:
        crawl = open_crawl(catalog.database, spider.name, spider.crawl_arguments, None)
        queue = FrontierQueue(catalog.database, crawl.id)
        if not pending + finished:
            return
        with catalog.database.write() as connection:
            queue.enqueue(connection, [NewEntry(spider.start_urls[0], EntryKind.LISTING, "parse_listing", {}, 20)])
            queue.enqueue(connection, _models(site, "finished"))
        for entry in queue.lease(3):
            with catalog.database.write() as connection:
                queue.settle(connection, entry.id, 200)
        with catalog.database.write() as connection:
            queue.enqueue(connection, _models(site, "pending"))
        queue.release()
        with catalog.database.write() as connection:
            for state, count in (("done", finished), ("pending", pending)):
                _multiply(connection, state, count // 2)


def _models(site: str, name: str) -> list[NewEntry]:
    return [
        NewEntry(f"{site}/content/{name}-", EntryKind.CONTENT, "parse_content", {}, 0),
        NewEntry(f"{site}/sites/default/files/{name}-", EntryKind.FILE, "parse_file", {}, 10),
    ]


def _multiply(connection: Connection, state: str, count: int) -> None:
    """Copy the page and the file in that state so often, each copy under its own URL and fingerprint."""
    changed = {"url": "url || number", "fingerprint": "randomblob(20)"}
    names = [column.name for column in Frontier.__table__.columns if column.name != "id"]
    columns = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(changed.get(name, f'"{name}"') for name in names)
    connection.execute(
        text(
            "WITH RECURSIVE counter(number) AS "
            "(SELECT 1 UNION ALL SELECT number + 1 FROM counter WHERE number < :count) "
            f"INSERT INTO frontier ({columns}) SELECT {values} FROM counter CROSS JOIN "
            "(SELECT * FROM frontier WHERE state = :state AND kind <> 'listing')"
        ),
        {"count": count, "state": state},
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
