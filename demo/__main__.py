"""`python -m demo`: the whole pipeline on a local replica of an art site, and a report to look at.

Everything lives in `.demo/`. The site's port is kept there, since a page's URL is its identity: the second run visits
the same site and finds nothing left to do.
"""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.art import fetch_art
from demo.errors import DemoError
from demo.packs import build_site
from demo.replica import serve

HOME = Path(".demo")
CRAWL_DELAY_S = 0.1
"""What the replica's robots.txt asks for. The real site asks for 10 s; the crawler obeys either."""

REAL_SITE = """\
The same against the real site (it asks for one request every 10 s, so 20 pages take some minutes):

  {bin}/scrapy crawl opengameart -a query=castle -a licence=cc0 -a limit=20 -s QUARRY_CONTACT=you@example.org
  {bin}/quarry extract run
  {bin}/quarry catalog status
  {bin}/quarry catalog report --out quarry-report
"""


def main() -> int:
    """Run the demo; return the exit code."""
    console = Console(highlight=False, soft_wrap=True)
    start = time.monotonic()
    try:
        port = _port()
        art = _said(console, "art", lambda: fetch_art(HOME / "cache"))
        content = HOME / "site"
        site = _said(console, "site", lambda: build_site(art, content))
        home = HOME / f"catalog-{port}"
        with serve(content, crawl_delay=CRAWL_DELAY_S, port=port) as replica:
            before = len(replica.log())
            _run_pipeline(console, replica.url, home)
            requests = len(replica.log()) - before
    except DemoError as error:
        console.print(f"[red]{error}[/]")
        return 1
    del site
    _sum_up(console, home, requests, time.monotonic() - start)
    return 0


def _said(console: Console, name: str, work: Any) -> Any:
    start = time.monotonic()
    result = work()
    console.print(f"{name}: {time.monotonic() - start:.1f} s")
    return result


def _port() -> int:
    """Return the port of the last run, or a free one; another one when somebody took it meanwhile."""
    HOME.mkdir(exist_ok=True)
    note = HOME / "port"
    for wanted in (int(note.read_text()) if note.exists() else 0, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            port = int(probe.getsockname()[1])
            note.write_text(str(port))
            return port
    raise DemoError("no free port on the loopback interface")


def _run_pipeline(console: Console, url: str, home: Path) -> None:
    env = {**os.environ, "QUARRY_CATALOG": f"sqlite:///{home / 'catalog.db'}", "QUARRY_BLOBS": str(home / "blobs")}
    crawl = [
        "scrapy",
        "crawl",
        "opengameart",
        "-a",
        f"site={url}",
        "-a",
        "type=",
        "-a",
        "per_page=12",
        "-s",
        "DOWNLOAD_DELAY=0",
    ]
    for command in (
        crawl,
        ["quarry", "extract", "run"],
        ["quarry", "catalog", "report", "--out", str(HOME / "report")],
    ):
        console.print(f"\n[bold]$ {' '.join(command)}[/]")
        code = subprocess.run([sys.executable, "-m", *command], env=env, check=False).returncode
        if code not in (0, 1):  # 1: some of the input is broken, as the site has it
            raise DemoError(f"`{' '.join(command)}` ended with exit code {code}")


def _sum_up(console: Console, home: Path, requests: int, seconds: float) -> None:
    status = [
        sys.executable,
        "-m",
        "quarry",
        "catalog",
        "status",
        "--json",
        "--catalog",
        f"sqlite:///{home / 'catalog.db'}",
        "--blobs",
        str(home / "blobs"),
    ]
    found = json.loads(subprocess.run(status, check=True, capture_output=True).stdout)
    table = Table("what", "number", title="\nThe catalog", title_justify="left")
    for name in ("pages", "files", "members", "images", "sheets", "tiles", "sightings"):
        table.add_row(name, f"{found['totals'][name]:,}")
    table.add_row("failures, each with its cause", str(sum(problem["count"] for problem in found["problems"])))
    console.print(table)
    again = "; nothing was done twice: everything was there already" if requests <= 1 else ""
    console.print(f"{requests} requests to the site in this run{again}. {seconds:.0f} s.\n")
    console.print(f"[bold]Look at it:[/] {(HOME / 'report' / 'index.html').absolute().as_uri()}\n")
    console.print(REAL_SITE.format(bin=Path(sys.executable).parent))


if __name__ == "__main__":
    sys.exit(main())
