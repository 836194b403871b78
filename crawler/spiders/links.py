"""Any web site: pages that link to pages, and the files that they link to.

scrapy crawl links -a start=https://example.org/gallery/ -a follow=/gallery/ -s QUARRY_CONTACT=you@example.org
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scrapy.http import HtmlResponse, Response
from scrapy.linkextractors import IGNORED_EXTENSIONS

from crawler.errors import CrawlUsageError, PageShapeError
from crawler.pages.web import WebPage, read_web_page, usable
from crawler.spiders.base import PRIORITY, CatalogSpider
from db.records import FileLink, NewEntry, PageRecord
from db.urls import host_of
from db.vocabulary import EntryKind, FileRole

IMAGES = "png|jpe?g|gif|bmp|webp|avif|tiff?|tga|svg|ico|dds|qoi|psd|xcf|kra|ora|ase|aseprite"
ARCHIVES = "zip|rar|7z|tar|tar\\.\\w+|t[gbx]z2?|gz|bz2|xz|zst|lzma|cab|lha|lzh|arj"
COLLECT = rf"(?i)^https?://[^/?#]+/[^?#]*\.({IMAGES}|{ARCHIVES})(\?|$)"
NO_PAGE = re.compile(rf"(?i)\.({'|'.join(map(re.escape, IGNORED_EXTENSIONS))})$")
NO = frozenset({"", "0", "no", "false"})


@dataclass(frozen=True)
class PageRules:
    """Which links of a page matter. `depth`: how many links may lie between a start and a page."""

    allow: tuple[str, ...]
    collect: re.Pattern[str]
    follow: re.Pattern[str]
    depth: int
    images: bool
    all_images: bool

    def allows(self, url: str) -> bool:
        """Tell whether a URL is on a host to stay on."""
        return any(fnmatchcase(host_of(url), host) for host in self.allow)

    def collects(self, url: str) -> bool:
        """Tell whether a link is a file to take."""
        return self.allows(url) and self.collect.search(url) is not None

    def follows(self, url: str) -> bool:
        """Tell whether a link is a page to read."""
        page = self.allows(url) and self.collect.search(url) is None and NO_PAGE.search(urlsplit(url).path) is None
        return page and self.follow.search(url) is not None


class LinksSpider(CatalogSpider):
    """Reads pages from `start`, at most `depth` links away, and takes the files that they link to.

    start (URLs), follow, collect (regular expressions), allow (more hosts), depth, images=1, limit (pages); or config,
    a YAML file with the same names.
    """

    name = "links"
    rules: PageRules

    def __init__(self, config: str = "", **arguments: str) -> None:
        super().__init__()
        known = ("start", "follow", "collect", "allow", "depth", "images", "limit")
        given = {**(_read_config(config) if config else {}), **arguments}
        refuse_unknown(given, known)
        starts = web_urls("start", given.get("start", ""))
        self.obey(given, starts, depth="2")
        self.seed_urls = starts
        self.crawl_arguments = {name: given[name] for name in known if given.get(name) and name != "limit"}

    def obey(self, given: dict[str, str], starts: list[str], depth: str) -> None:
        """Take the arguments that this spider shares with the sitemap's."""
        begun = sorted({host_of(url) for url in starts})
        more = [host.lower() for host in words(given.get("allow", "")) if host.lower() not in begun]
        images = given.get("images", "").lower() not in NO
        self.rules = PageRules(
            allow=(*begun, *more),
            collect=pattern("collect", given.get("collect") or COLLECT),
            follow=pattern("follow", given.get("follow", "")),
            depth=whole("depth", given.get("depth") or depth, least=0),
            images=images,
            all_images=images and not given.get("collect"),
        )
        self.page_limit = whole("limit", given["limit"], least=1) if given.get("limit") else None
        self.start_urls = [*starts, *(f"https://{host}/" for host in more)]

    def seeds(self) -> Iterator[NewEntry | PageRecord]:
        """Begin with the start pages."""
        for url in self.seed_urls:
            yield self.entry(url, EntryKind.CONTENT)

    def parse_content(self, response: Response, depth: int = 0) -> Iterator[Any]:
        """Record a page, take its files, follow its links."""
        if not self.rules.allows(response.url):
            if depth == 0:
                raise PageShapeError(f"it leads to {response.url}; add -a allow={host_of(response.url)} to read that")
            return
        if not isinstance(response, HtmlResponse):
            return
        page = read_web_page(response.text, response.url)
        files = tuple(self._files(page))
        yield PageRecord(
            url=response.url,
            site=urlsplit(response.url).netloc,
            title=page.title,
            people=page.people,
            licences=page.licences,
            files=files,
        )
        for link in files:
            yield self.file(link.url)
        if depth < self.rules.depth:
            yield from self._follow(page, depth + 1)

    def _files(self, page: WebPage) -> Iterator[FileLink]:
        taken = set()
        for link in page.links:
            if self.rules.collects(link.url):
                taken.add(link.url)
                yield FileLink(link.url, FileRole.FILE, original_name=link.name, label=link.label)
        for image in page.images if self.rules.images else ():
            wanted = self.rules.allows(image.url) if self.rules.all_images else self.rules.collects(image.url)
            if wanted and image.url not in taken:
                yield FileLink(image.url, FileRole.PREVIEW, label=image.label)

    def _follow(self, page: WebPage, depth: int) -> Iterator[Any]:
        """Ask for the pages that a page links to: near ones first, so that `depth` counts the shortest way."""
        for link in page.links:
            if self.rules.follows(link.url):
                nearer_first = PRIORITY[EntryKind.CONTENT] - depth
                yield self.content(link.url).replace(cb_kwargs={"depth": depth}, priority=nearer_first)


def refuse_unknown(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise CrawlUsageError for arguments that a spider does not have."""
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise CrawlUsageError(f"unknown arguments {', '.join(unknown)}; there are {', '.join(known)}")


def words(text: str) -> list[str]:
    """Split at commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def web_urls(name: str, text: str) -> list[str]:
    """Return the URLs of a comma-separated argument; a comma inside a URL is left alone."""
    found = [part.strip() for part in re.split(r",\s*(?=https?://)", text) if part.strip()]
    wrong = next((part for part in found if not usable("", part)), None)
    if wrong is not None or not found:
        said = f"{name}={wrong!r} is no web address" if wrong else f"{name} is missing"
        raise CrawlUsageError(f"{said}; say for example -a {name}=https://example.org/gallery/")
    return list(dict.fromkeys(usable("", part) for part in found))


def pattern(name: str, text: str) -> re.Pattern[str]:
    """Compile a regular expression, to be searched for in whole URLs."""
    try:
        return re.compile(text)
    except re.error as error:
        raise CrawlUsageError(f"{name}={text!r} is no regular expression: {error}") from None


def whole(name: str, text: str, least: int) -> int:
    """Read a whole number."""
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise CrawlUsageError(f"{name}={text!r} should be a whole number from {least}")
    return int(text)


def _read_config(path: str) -> dict[str, str]:
    import yaml  # every crawl imports every spider

    try:
        said = yaml.safe_load(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CrawlUsageError(f"config={path!r} cannot be read: {error}") from None
    if not isinstance(said, dict):
        raise CrawlUsageError(f"config={path!r} should hold lines like `start: https://example.org/gallery/`")
    return {str(name): _text(value) for name, value in said.items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(_text(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
