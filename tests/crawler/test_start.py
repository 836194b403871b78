"""A crawl starts without what it does not use, such as cookies."""

import sys
from typing import Any

import pytest
from scrapy.exceptions import NotConfigured
from scrapy.settings import Settings
from scrapy.utils.misc import load_object
from scrapy.utils.test import get_crawler

from crawler.optional import STANDS_IN_FOR, Cookies, RemoteControl
from tests.conftest import Home


@pytest.mark.parametrize("stand_in", [Cookies, RemoteControl])  # a telnet console wants a running reactor
def test_what_is_optional_is_scrapys_own_when_it_is_wanted(stand_in: Any) -> None:
    own = load_object(stand_in.path)
    assert isinstance(stand_in.from_crawler(get_crawler(settings_dict={stand_in.setting: True})), own)
    with pytest.raises(NotConfigured):
        stand_in.from_crawler(get_crawler(settings_dict={stand_in.setting: False}))


@pytest.mark.parametrize("name", ["DOWNLOADER_MIDDLEWARES_BASE", "EXTENSIONS_BASE"])
def test_our_components_are_scrapys_in_their_places(name: str) -> None:
    settings = Settings()
    scrapys = dict(settings[name])
    settings.setmodule("crawler.settings")
    assert dict(settings[name]) == {STANDS_IN_FOR.get(path, path): order for path, order in scrapys.items()}
    assert dict(settings[name]) != scrapys


OF_NO_USE = {
    *("requests", "tldextract", "aiohttp.web", "twisted.conch", "yaml"),
    *("numpy", "PIL", "rich.console", "warcio", "bs4"),
}


def test_a_crawl_starts_without_what_it_does_not_use(home: Home) -> None:
    asked = "import sys\nfrom scrapy.cmdline import execute\ntry: execute()\nfinally: print(*sys.modules)"
    words = ["crawl", "opengameart", "-a", "site=http://127.0.0.1:9", "-s", "CLOSESPIDER_TIMEOUT=1"]
    done = home.run([sys.executable, "-c", asked, *words])
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "sqlalchemy" in loaded
    assert loaded & OF_NO_USE == set()
