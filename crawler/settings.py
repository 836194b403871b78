"""Scrapy's settings: polite by default. Anything here may be overridden with `-s NAME=VALUE`."""

import gc

from scrapy.settings import default_settings

from crawler.optional import optional

# Imports make objects that stay: looking through them after every 700 takes a tenth of a crawl's start.
# The scheduler sets this back once everything is loaded.
usual_threshold = gc.get_threshold()
gc.set_threshold(50_000, 10, 10)

BOT_NAME = "artquarry"
SPIDER_MODULES = ["crawler.spiders"]
COMMANDS_MODULE = "crawler.commands"

# Where things go; None means QUARRY_CATALOG and QUARRY_BLOBS, then quarry-data/.
QUARRY_CATALOG = None
QUARRY_BLOBS = None
# Whom a site's operator can write to. Required for anything but the loopback interface.
QUARRY_CONTACT = None
USER_AGENT = "artquarry/0.1 (+https://github.com/artquarry/artquarry)"

# Polite: robots.txt with its Crawl-delay, one request at a time per host, never faster than one a second.
ROBOTSTXT_OBEY = True
CONCURRENT_REQUESTS_PER_DOMAIN = 1
DOWNLOAD_DELAY = 1.0
DOWNLOAD_DELAY_JITTER = 0.0  # Scrapy's jitter would also shorten the delay
QUARRY_FILE_MAXSIZE = 4 * 1024**3
DOWNLOAD_MAXSIZE = 32 * 1024**2  # pages; files go by QUARRY_FILE_MAXSIZE
DOWNLOAD_TIMEOUT = 60  # pages in total; for files the longest silence
DOWNLOAD_VERIFY_CERTIFICATES = True
COOKIES_ENABLED = False
DNSCACHE_ENABLED = False  # it never forgets: a crawl of two days outlives many an address

QUARRY_DELAY_JITTER = 0.0  # 0.2: wait up to 20 % longer than asked, never shorter
QUARRY_BREAKER_AFTER = 5  # so many refusals (401, 403, 429) or failures (5xx) in a row pause a host …
QUARRY_BREAKER_PAUSE = 600  # … for so many seconds
QUARRY_OUTAGE_AFTER = 3  # so many requests without any answer put a host in doubt: can its robots.txt be had?
QUARRY_OUTAGE_PAUSE = 600  # if not, it is left alone for 2, 4, 8 … at most so many seconds
QUARRY_OUTAGE_PATIENCE = 6 * 3600  # nothing answers for so many seconds: the crawl stops early, with nothing lost
QUARRY_DEAD_HOST_AFTER = 3600  # others do answer: what a silent host should have given fails after so many seconds
QUARRY_PAGE_MAX_AGE = 0  # do not fetch a content page that another crawl fetched so many seconds ago, or less
QUARRY_RESPECT_NOAI = False  # leave files alone whose page or headers say noai or noimageai

# Beside the catalog; None: not at all.
QUARRY_WARC = None
QUARRY_WARC_MAX_BYTES = 1024**3
QUARRY_METRICS_PORT = None
QUARRY_PROGRESS_S = 60  # off a terminal, a line of progress this often

# As Scrapy's, with less to do for each request.
DOWNLOADER = "crawler.downloader.PoliteDownloader"
STATS_CLASS = "crawler.downloader.Stats"

# The catalog is the queue, the memory and the retry list.
SCHEDULER = "crawler.scheduler.CatalogScheduler"
DUPEFILTER_CLASS = "scrapy.dupefilters.BaseDupeFilter"
RETRY_ENABLED = False
CONCURRENT_ITEMS = 1  # Scrapy would start a hundred tasks per response
SPIDER_MIDDLEWARES = {
    "crawler.recorder.Recorder": 50,
    # What a callback yields becomes frontier entries, so that nothing would come of what these do to requests.
    "scrapy.spidermiddlewares.referer.RefererMiddleware": None,
    "crawler.recorder.RefererOfRedirects": 700,
    "scrapy.spidermiddlewares.start.StartSpiderMiddleware": None,
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,
    "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
    "scrapy.spidermiddlewares.metacopy.MetaCopyDetectionMiddleware": None,
}
# What is listed there is imported even if it is turned off here.
DOWNLOADER_MIDDLEWARES_BASE = optional(default_settings.DOWNLOADER_MIDDLEWARES_BASE)
EXTENSIONS_BASE = optional(default_settings.EXTENSIONS_BASE)
DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    # What these look for, our spiders do not have: allowed_domains, http_user, download_timeout.
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
    "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": None,
    "scrapy.downloadermiddlewares.downloadtimeout.DownloadTimeoutMiddleware": None,
    "crawler.politeness.PoliteRobotsMiddleware": 100,
    "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,
    "crawler.downloader.MetaRefresh": 580,
    "crawler.warc.WarcMiddleware": 950,  # next to the network: bodies as received, before decompression
}
EXTENSIONS = {
    "crawler.waiting.HandBack": 10,
    "crawler.metrics.Metrics": 10,
    "scrapy.extensions.throttle.AutoThrottle": None,
    "crawler.politeness.PoliteThrottle": 0,
    "crawler.progress.Progress": 0,
}
DOWNLOAD_HANDLERS = {
    "http": "crawler.download.BlobDownloadHandler",
    "https": "crawler.download.BlobDownloadHandler",
    "ftp": None,
    "file": None,
    "s3": None,
    "data": None,
}

WARN_ON_GENERATOR_RETURN_VALUE = False  # it reads a callback's source for every response

URLLENGTH_LIMIT = 0  # a long URL is not a reason to lose a page

# A crawler is not a server.
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False
LOG_LEVEL = "WARNING"  # the progress line and the summary say the rest; -L INFO says more
LOG_FORMATTER = "crawler.progress.QuietFormatter"
