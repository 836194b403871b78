"""What many tests need: an empty catalog, a small site to crawl, and commands to run as a user would."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from db import Catalog
from demo.replica import Site, serve
from demo.small import small_site

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(f"sqlite:///{tmp_path / 'catalog.db'}", str(tmp_path / "blobs")) as opened:
        yield opened


@pytest.fixture(scope="session")
def small_content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("small-site")
    small_site(out)
    return out


@pytest.fixture
def site(small_content: Path) -> Iterator[Site]:
    with serve(small_content) as served:
        yield served


@dataclass(frozen=True)
class Home:
    """A folder with a catalog, and the commands that work on it, run as a user runs them."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "QUARRY_CATALOG": f"sqlite:///{self.folder / 'catalog.db'}",
            "QUARRY_BLOBS": str(self.folder / "blobs"),
            "PYTHONPATH": str(ROOT),
            **self.env,
        }

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", *words]

    def crawl_command(self, site_url: str, *more: str) -> list[str]:
        words = ("scrapy", "crawl", "opengameart", "-a", f"site={site_url}", "-a", "type=")
        return self.command(*words, "-s", "DOWNLOAD_DELAY=0", *more)

    def run(self, command: list[str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=240
        )

    def start(self, command: list[str]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def crawl(self, site_url: str, *more: str) -> "subprocess.CompletedProcess[str]":
        return self.run(self.crawl_command(site_url, *more))

    def quarry(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return self.run(self.command("quarry", *words))

    def open(self) -> Catalog:
        env = self.environment
        return Catalog(env["QUARRY_CATALOG"], env["QUARRY_BLOBS"])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")
