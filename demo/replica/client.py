"""Runs a replica as a child process, and talks to its control paths."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import demo
from demo.errors import DemoError
from demo.replica.switches import Switches, switches_json

_STOP_WITHIN_S = 5
_ANSWER_WITHIN_S = 10


class Site:
    """A running replica."""

    def __init__(self, url: str) -> None:
        self.url = url

    def log(self) -> list[dict[str, Any]]:
        """Return every finished request in order of arrival.

        Keys: time, method, path, status, range, bytes, user_agent, violation.
        """
        entries: list[dict[str, Any]] = json.loads(self._call("GET", "log"))
        return entries

    def violations(self) -> list[dict[str, Any]]:
        """Return the logged requests that broke a rule of the site."""
        return [entry for entry in self.log() if entry["violation"]]

    def switch(self, **changes: Any) -> None:
        """Change switches (see ``Switches``); the others stay, all counts start afresh. Raises ``DemoError``."""
        self._call("POST", "switches", switches_json(changes))

    def reset(self) -> None:
        """Forget log, counts and arrivals; go back to the switches of the start."""
        self._call("POST", "reset")

    def _call(self, method: str, name: str, body: str | None = None) -> str:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=_ANSWER_WITHIN_S)
        try:
            connection.request(method, f"/__replica__/{name}", body=body)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        if response.status != 200:
            raise DemoError(text)
        return text


@contextmanager
def serve(
    content_dir: Path,
    *,
    crawl_delay: float = 0.0,
    switches: Switches | None = None,
    log: Path | None = None,
    port: int = 0,
) -> Iterator[Site]:
    """Serve a content folder on a loopback port while the context lasts. Raises ``DemoError`` if it cannot start."""
    command = [sys.executable, "-m", "demo.replica", "--content", str(content_dir), "--port", str(port)]
    command += ["--crawl-delay", str(crawl_delay)]
    if switches:
        command += ["--switches", switches_json(asdict(switches))]
    if log:
        command += ["--log", str(log)]
    roots = [str(Path(demo.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, roots))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                raise DemoError(f"the replica did not start on port {port}; its message is above")
            yield Site(url)
        finally:
            _stop(process)


def _stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
