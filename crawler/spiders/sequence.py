"""Numbered files: every URL that a template stands for.

scrapy crawl sequence -a url='https://example.org/full/{1..20000}.jpg' -s QUARRY_CONTACT=you@example.org
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from scrapy.http import Response
from w3lib.url import safe_url_string

from crawler.errors import CrawlUsageError
from crawler.pages.web import licence_of, usable
from crawler.spiders.base import CatalogSpider
from crawler.spiders.links import refuse_unknown
from db.records import FileLink, NewEntry, PageRecord, PersonRecord
from db.vocabulary import EntryKind, FileRole, PersonRole

RANGE = re.compile(r"\{(\d+)\.\.(\d+)(?:\.\.(\d+))?\}")
MOST = 10_000_000
"""More URLs than this are a slip of the keyboard: at one a second they take four months."""


@dataclass(frozen=True)
class Template:
    """A URL with ranges in it, as the shell writes them: `{1..9}`, `{001..250}` (padded), `{0..100..5}` (steps)."""

    text: str

    def __post_init__(self) -> None:
        fixed, ranges = self._parts()
        if not ranges or any("{" in part or "}" in part for part in fixed):
            raise CrawlUsageError(
                f"url={self.text!r} should have ranges like {{1..20000}}, {{001..250}} or {{0..100..5}} "
                "(in single quotes, or the shell takes them)"
            )
        for first, last, step in RANGE.findall(self.text):
            if int(last) < int(first) or int(step or 1) < 1:
                raise CrawlUsageError(f"url: {{{first}..{last}}} should count upwards, by steps from 1")
        count = math.prod((numbers.stop - 1 - numbers.start) // numbers.step + 1 for numbers, _ in ranges)
        if count > MOST:
            raise CrawlUsageError(f"url stands for {count} addresses, the limit is {MOST}; split it")
        if not usable("", self.first):
            raise CrawlUsageError(f"url={self.text!r} is no web address")

    def _parts(self) -> tuple[list[str], list[tuple[range, int]]]:
        """Return the text around the ranges, and each range's numbers with the digits of its first one."""
        ranges = [
            (range(int(first), int(last) + 1, int(step or 1) or 1), len(first))
            for first, last, step in RANGE.findall(self.text)
        ]
        return RANGE.split(self.text)[::4], ranges

    @property
    def first(self) -> str:
        """The first URL."""
        return next(self.urls())

    def urls(self) -> Iterator[str]:
        """Yield every URL, the last range counting fastest."""
        fixed, ranges = self._parts()
        tame = safe_url_string("".join(fixed)) == "".join(fixed)
        for url in _filled(fixed[0], ranges, fixed[1:]):
            yield url if tame else str(safe_url_string(url))

    def hosts(self) -> list[str]:
        """Return one URL of each host."""
        scheme, _, rest = self.text.partition("://")
        host, slash, path = rest.partition("/")
        tail = RANGE.sub(lambda found: found[1], slash + path)
        return list(Template(f"{scheme}://{host}{tail}").urls()) if RANGE.search(host) else [self.first]


def _filled(head: str, ranges: list[tuple[range, int]], tails: list[str]) -> Iterator[str]:
    if not ranges:
        yield head
        return
    numbers, digits = ranges[0]
    for number in numbers:
        yield from _filled(f"{head}{number:0{digits}d}{tails[0]}", ranges[1:], tails[1:])


class SequenceSpider(CatalogSpider):
    """Takes every file of a numbered sequence; numbers that are missing are normal.

    url (a template; required), title, author, licence (SPDX).
    """

    name = "sequence"
    absent_is_normal = True

    def __init__(self, url: str = "", title: str = "", author: str = "", licence: str = "", **kwargs: str) -> None:
        super().__init__()
        refuse_unknown(kwargs, ("url", "title", "author", "licence"))
        self.template = Template(url)
        self.start_urls = self.template.hosts()
        given = {"url": url, "title": title, "author": author, "licence": licence}
        self.crawl_arguments = {name: value for name, value in given.items() if value}
        self.page = PageRecord(
            url=url,
            site=urlsplit(self.template.first).netloc,
            title=title or url,
            people=(PersonRecord(PersonRole.AUTHOR, author),) if author else (),
            licences=(licence_of(licence),) if licence else (),
            links_from=0,
        )

    def seeds(self) -> Iterator[NewEntry | PageRecord]:
        """Begin with the template as the page of all files, and every number."""
        yield self.page
        for position, url in enumerate(self.template.urls()):
            yield replace(self.entry(url, EntryKind.FILE), data={"position": position})

    def parse_file(self, response: Response, position: int = 0) -> Iterator[Any]:
        """Link a file to the template once it is known to exist."""
        for fetched in super().parse_file(response):
            yield replace(self.page, files=(FileLink(fetched.url, FileRole.FILE),), links_from=position)
            yield fetched
