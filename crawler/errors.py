"""Errors of the crawl.

CrawlError
├── CrawlUsageError        what was asked cannot be done; says how to ask
├── PageShapeError         a page is not what it was taken for
└── DownloadError          a file could not be brought home
    ├── FileTooLargeError      larger than QUARRY_FILE_MAXSIZE (for good)
    └── TruncatedDownloadError fewer bytes than promised (worth another try)
"""


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


class TruncatedDownloadError(DownloadError):
    """The connection ended before the promised length."""
