"""Scrapy's cookies, telnet console and remote control, imported only by a crawl that wants them.

Scrapy imports what its settings list whether it is turned on or not; these take longer than opening a catalog.
"""

from typing import Any, ClassVar

from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.utils.misc import build_from_crawler, load_object


class _Optional:
    """Stands in for a component of Scrapy's until its setting is seen."""

    setting: ClassVar[str]
    path: ClassVar[str]

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Any:
        """Build Scrapy's own. Raises NotConfigured unless it is wanted."""
        if not crawler.settings.getbool(cls.setting):
            raise NotConfigured
        return build_from_crawler(load_object(cls.path), crawler)


class Cookies(_Optional):
    """By COOKIES_ENABLED."""

    setting, path = "COOKIES_ENABLED", "scrapy.downloadermiddlewares.cookies.CookiesMiddleware"


class TelnetConsole(_Optional):
    """By TELNETCONSOLE_ENABLED."""

    setting, path = "TELNETCONSOLE_ENABLED", "scrapy.extensions.telnet.TelnetConsole"


class RemoteControl(_Optional):
    """By REMOTE_CONTROL_ENABLED."""

    setting, path = "REMOTE_CONTROL_ENABLED", "scrapy.extensions.remote_control.RemoteControl"


STANDS_IN_FOR = {each.path: f"{__name__}.{each.__name__}" for each in (Cookies, TelnetConsole, RemoteControl)}


def optional(components: dict[str, int]) -> dict[str, int]:
    """Put these in the places of Scrapy's own."""
    return {STANDS_IN_FOR.get(path, path): order for path, order in components.items()}
