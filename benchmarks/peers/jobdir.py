"""Make a JOBDIR as stock Scrapy leaves it after a pause: requests on disk, and the fingerprints of all it has seen.

python -m benchmarks.peers.jobdir FOLDER SITE PENDING FINISHED
"""

import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.core.scheduler import Scheduler
from scrapy.utils.test import get_crawler

from benchmarks.peers.stock import StockSpider


def main(folder: Path, site: str, pending: int, finished: int) -> None:
    crawler = get_crawler(StockSpider, {"JOBDIR": str(folder)})
    crawler.spider = spider = StockSpider.from_crawler(crawler, site=site)
    # The disk queue asks the engine only which host a request is for.
    downloader = SimpleNamespace(slots={}, get_slot_key=lambda request: urlsplit(request.url).netloc)
    crawler.engine = SimpleNamespace(downloader=downloader)
    scheduler = Scheduler.from_crawler(crawler)
    scheduler.open(spider)
    for number in range(pending):
        scheduler.enqueue_request(Request(f"{site}/content/pending-{number}", spider.parse_content))
    for number in range(finished):
        scheduler.df.request_seen(Request(f"{site}/content/finished-{number}"))
    scheduler.close("paused")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
