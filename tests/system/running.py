"""A crawl that a test watches while it runs, and stops when it likes."""

import os
import signal
import subprocess
import threading

from demo.replica import Site
from tests.conftest import ROOT, Home


class Running:
    """A crawl whose log is read as it is written."""

    def __init__(self, command: list[str], home: Home) -> None:
        self.said: list[str] = []
        self._news = threading.Condition()
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=home.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stderr or ():
            with self._news:
                self.said.append(line)
                self._news.notify_all()

    def hears(self, words: str, times: int = 1) -> None:
        """Wait until the crawl has said something so often."""
        with self._news:
            heard = self._news.wait_for(lambda: sum(words in line for line in self.said) >= times, timeout=60)
        assert heard, "".join(self.said)

    def saw(self, site: Site, requests: int) -> None:
        """Wait until the site has answered so many requests."""
        while len(site.log()) < requests:
            assert self._process.poll() is None, "".join(self.said)

    def saw_or_ended(self, site: Site, requests: int) -> bool:
        """Wait until the site has answered so many requests; return False if the crawl ended before."""
        while self._process.poll() is None:
            if len(site.log()) >= requests:
                return True
        return False

    @property
    def code(self) -> int | None:
        """The exit code, once it has ended."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the crawl."""
        os.kill(self._process.pid, number)

    def ends(self) -> int:
        """Wait for the end and return the exit code."""
        code = self._process.wait(120)
        self._reader.join(10)
        if self._process.stderr is not None:
            self._process.stderr.close()
        return code
