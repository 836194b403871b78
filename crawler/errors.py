"""Errors of the crawl.

CrawlError
├── CrawlUsageError        what was asked cannot be done; says how to ask
├── PageShapeError         a page is not what it was taken for
├── DownloadError          a file could not be brought home
│   ├── FileTooLargeError      larger than QUARRY_FILE_MAXSIZE (for good)
│   ├── NoAnswerError          the server could not be reached, or hung up before it answered
│   └── TruncatedDownloadError fewer bytes than promised (worth another try)
└── NotSentError           a request was taken back before it went out; nothing is known of its URL
"""

from scrapy.exceptions import IgnoreRequest


class CrawlError(Exception):
    """Base of everything the crawler raises on purpose."""


class CrawlUsageError(CrawlError):
    """The spider's arguments or settings do not make sense."""


class PageShapeError(CrawlError):
    """The document lacks what makes it the kind of page it was taken for."""


class DownloadError(CrawlError):
    """A download failed."""


class FileTooLargeError(DownloadError):
    """The file is larger than the limit."""


class NoAnswerError(DownloadError):
    """The server could not be reached, or hung up before it said anything."""


class TruncatedDownloadError(DownloadError):
    """The connection ended before the promised length. `gained`: the next try can continue further on."""

    def __init__(self, message: str, *, gained: bool = False) -> None:
        super().__init__(message)
        self.gained = gained


class NotSentError(CrawlError, IgnoreRequest):
    """A request was taken back before it went out: its entry is due again, not before `until` (0: at any time)."""

    def __init__(self, why: str, until: float = 0.0) -> None:
        super().__init__(why)
        self.until = until
