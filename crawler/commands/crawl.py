"""`scrapy crawl`: as Scrapy's own, but the exit code says how it ended and a line per cause says what failed."""

import argparse

from scrapy.commands.crawl import Command as ScrapyCrawl
from scrapy.exceptions import UsageError

from crawler.errors import CrawlUsageError
from db.exit_codes import DONE, SOME_PROBLEMS, STOPPED


class Command(ScrapyCrawl):
    """Exit code 0: done. 1: done, with problems. 2: usage. 3: stopped early; the same command goes on."""

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Run a spider to its end."""
        if len(args) != 1:
            raise UsageError("name one spider, for example: scrapy crawl opengameart -a query=castle -a limit=20")
        # Scrapy imports every command whenever any is run, so what only this one needs is imported when it runs.
        from crawler.metrics import check_metrics
        from crawler.progress import Progress
        from crawler.spiders.base import CatalogSpider
        from crawler.warc import check_warc

        assert self.crawler_process is not None  # noqa: S101 - set by Scrapy before run()
        crawler = self._create_crawler(args[0])
        try:
            if issubclass(crawler.spidercls, CatalogSpider):
                crawler.spidercls.check(crawler.settings, opts.spargs)
            check_warc(crawler.settings)
            check_metrics(crawler.settings)
        except CrawlUsageError as error:
            raise UsageError(str(error), print_help=False) from error
        self.crawler_process.crawl(crawler, **opts.spargs)
        self.crawler_process.start()
        progress = None if self.crawler_process.bootstrap_failed else crawler.get_extension(Progress)
        if progress is None or progress.reason is None or progress.reason != "finished":
            self.exitcode = STOPPED
        else:
            self.exitcode = SOME_PROBLEMS if progress.failures else DONE
