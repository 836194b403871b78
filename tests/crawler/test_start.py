"""A crawl starts without what it does not use, such as cookies."""

import sys

import pytest
from scrapy.downloadermiddlewares.cookies import CookiesMiddleware
from scrapy.exceptions import NotConfigured
from scrapy.settings import Settings
from scrapy.utils.test import get_crawler

from crawler.cookies import Cookies
from tests.conftest import Home


def test_cookies_are_scrapys_own_when_they_are_wanted() -> None:
    assert isinstance(Cookies.from_crawler(get_crawler(settings_dict={"COOKIES_ENABLED": True})), CookiesMiddleware)
    with pytest.raises(NotConfigured):
        Cookies.from_crawler(get_crawler(settings_dict={"COOKIES_ENABLED": False}))


def test_our_middlewares_are_scrapys_but_for_the_cookies() -> None:
    settings = Settings()
    scrapys = dict(settings["DOWNLOADER_MIDDLEWARES_BASE"])
    settings.setmodule("crawler.settings")
    ours = dict(settings["DOWNLOADER_MIDDLEWARES_BASE"])
    cookies = "scrapy.downloadermiddlewares.cookies.CookiesMiddleware"
    assert ours.pop("crawler.cookies.Cookies") == scrapys.pop(cookies)
    assert ours == scrapys


def test_a_crawl_starts_without_what_it_does_not_use(home: Home) -> None:
    asked = "import sys\nfrom scrapy.cmdline import execute\ntry: execute()\nfinally: print(*sys.modules)"
    words = ["crawl", "opengameart", "-a", "site=http://127.0.0.1:9", "-s", "CLOSESPIDER_TIMEOUT=1"]
    done = home.run([sys.executable, "-c", asked, *words])
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "sqlalchemy" in loaded
    assert loaded & {"requests", "tldextract", "yaml", "numpy", "PIL", "rich.console", "warcio", "bs4"} == set()
