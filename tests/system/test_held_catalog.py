"""A catalog that another program holds, or whose server goes away: the crawl stops early, and loses nothing."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Engine, NullPool, create_engine, text

from benchmarks.databases import new_database
from demo.replica import serve
from demo.small import small_site
from tests.conftest import Home
from tests.crawler.test_crawl import rows
from tests.snapshot import differences, snapshot
from tests.system.running import Running

IN_FLIGHT = 16


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    small_site(out, pages=30, files_per_page=2)
    return out


def assert_same(whole: Home, other: Home) -> None:
    with whole.open() as one, other.open() as two:
        assert differences(snapshot(one), snapshot(two)) == []
        assert list(one.blobs) == list(two.blobs)


def test_an_sqlite_catalog_that_is_locked(content: Path, tmp_path: Path) -> None:
    whole = Home(tmp_path / "whole")
    held = Home(tmp_path / "held", f"sqlite:///{tmp_path / 'held' / 'catalog.db'}?timeout=0.3")
    with serve(content) as site:
        assert whole.crawl(site.url).returncode == 1
        uninterrupted = len(site.log())
        site.reset()
        held.open().close()
        holder = sqlite3.connect(tmp_path / "held" / "catalog.db", isolation_level=None)
        for seen in (0, 15, 50):
            if not seen:
                holder.execute("BEGIN IMMEDIATE")
            run = Running(held.crawl_command(site.url), held)
            if seen:
                run.saw(site, seen)
                holder.execute("BEGIN IMMEDIATE")
            assert run.ends() == 3
            run.hears("end the other program that holds the catalog")
            assert not [line for line in run.said if "Traceback" in line]
            holder.execute("ROLLBACK")
        holder.close()
        assert rows(held, "SELECT count(*) FROM frontier WHERE attempts > 0 OR state = 'failed'") == [(0,)]
        assert held.crawl(site.url).returncode == 1
        assert len(site.log()) - uninterrupted <= 2 + 2 * IN_FLIGHT
    assert_same(whole, held)


def test_a_lock_that_is_let_go_in_time_is_waited_for(content: Path, tmp_path: Path, home: Home) -> None:
    with serve(content) as site:
        home.open().close()
        holder = sqlite3.connect(home.folder / "catalog.db", isolation_level=None)
        run = Running(home.crawl_command(site.url), home)
        run.saw(site, 20)
        holder.execute("BEGIN IMMEDIATE")
        known = len(site.log())
        run.saw(site, known)
        holder.execute("ROLLBACK")
        holder.close()
        assert run.ends() == 1


def others(engine: Engine, what: str = "pid") -> list[int]:
    """Return the server processes of everybody else who uses the catalog, or do something to them."""
    with engine.connect() as connection:
        query = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return list(connection.execute(text(f"SELECT {what} {query}")).scalars())


def test_a_postgresql_catalog_that_is_locked_or_throws_everybody_out(
    content: Path, tmp_path: Path, postgres_url: str
) -> None:
    whole = Home(tmp_path / "whole", new_database(postgres_url))
    held = Home(tmp_path / "held", f"{postgres_url}&options=-c%20lock_timeout%3D300")
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with serve(content) as site:
        assert whole.crawl(site.url).returncode == 1
        uninterrupted = len(site.log())
        site.reset()
        held.open().close()
        stopped = 0
        for seen, harm in ((10, "lock"), (30, "cut"), (50, "cut")):
            run = Running(held.crawl_command(site.url), held)
            run.saw(site, seen)
            if harm == "lock":
                with engine.connect().execution_options(isolation_level="READ COMMITTED") as holder, holder.begin():
                    holder.execute(text("LOCK TABLE frontier IN ACCESS EXCLUSIVE MODE"))
                    assert run.ends() == 3
                run.hears("end the other program that holds the catalog")
            else:
                others(engine, "pg_terminate_backend(pid)")
            code = run.ends()
            assert code in (1, 3)
            assert not [line for line in run.said if "Traceback" in line], "".join(run.said)
            stopped += code == 3
        assert rows(held, "SELECT count(*) FROM frontier WHERE state = 'failed' AND http_status IS NULL") == [(0,)]
        assert held.crawl(site.url).returncode == 1
        assert len(site.log()) - uninterrupted <= 3 + stopped * IN_FLIGHT
    assert_same(whole, held)
