"""What one running replica knows: the content, the switches, who asked for what."""

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from aiohttp import web

from demo import names
from demo.model import BLOB_FOLDER, Article, Author, Collection, SiteContent, SiteFile, SitePage, load
from demo.replica.switches import Abort, Refuse, Switches, WrongLength


@dataclasses.dataclass(frozen=True)
class Logged:
    """One request as served. ``time`` is its arrival in unix seconds; ``path`` is raw, with query.

    ``violation`` names a rule of the site the request broke: ``dlcounter`` or ``robots``.
    """

    time: float
    method: str
    path: str
    status: int
    range: str | None
    bytes: int
    user_agent: str | None
    violation: str | None


class Replica:
    """The site's state; one event loop uses it, so nothing is locked."""

    def __init__(self, folder: Path, crawl_delay: float, switches: Switches, log_file: IO[str] | None = None) -> None:
        self.folder = folder
        self.crawl_delay = crawl_delay
        self.start_switches = switches
        self.log_file = log_file
        self.open_requests = 0
        self.content: SiteContent = load(folder)
        self.authors: dict[str, Author] = {author.slug: author for author in self.content.authors}
        self.collections: dict[str, Collection] = {item.slug: item for item in self.content.collections}
        self.articles: dict[str, Article] = {item.slug: item for item in self.content.articles}
        self.redirects = {item.source: item.target for item in self.content.redirects}
        self.reset()

    def reset(self) -> None:
        """Go back to the start: its content and switches, nothing logged, nothing counted."""
        self.log: list[Logged] = []
        self.pages: dict[str, SitePage] = {page.slug: page for page in self.content.pages}
        self.files: dict[str, SiteFile] = {file.stored: file for file in self.content.extras}
        for page in self.content.pages:
            # a hold hides the links; the bytes stay where they were
            self.files.update((file.stored, file) for file in page.files)
        self._arrived = 0
        self.set_switches(self.start_switches)

    def set_switches(self, switches: Switches) -> None:
        """Use these switches from now on; their counts start afresh."""
        self.switches = switches
        self._strikes: Counter[tuple[str, str]] = Counter()
        self._asked: Counter[str] = Counter()
        self._to_arrive = switches.shift_listing

    def record(self, entry: Logged, log: list[Logged]) -> None:
        """Append to the given log, and to the log file at once."""
        log.append(entry)
        if self.log_file:
            self.log_file.write(json.dumps(dataclasses.asdict(entry)) + "\n")
            self.log_file.flush()

    def strikes(self, switch: str, fault: Abort | Refuse | WrongLength, path: str) -> bool:
        """Tell whether the fault hits this request; count the hit."""
        if not re.search(fault.match, path):
            return False
        key = (switch, path if fault.per_path else "")
        if 0 <= fault.times <= self._strikes[key]:
            return False
        self._strikes[key] += 1
        return True

    def asked(self, path: str) -> int:
        """Count a request for a path; return how many came before it."""
        self._asked[path] += 1
        return self._asked[path] - 1

    def read(self, file: SiteFile) -> bytes:
        """Return a file's bytes."""
        return (self.folder / BLOB_FOLDER / file.blob).read_bytes()

    def by_nid(self, nid: int) -> str | None:
        """Return the content path of a node."""
        nodes: Mapping[str, Any] = self.pages | self.collections | self.articles
        return next(("/content/" + names.encode_path(slug) for slug, node in nodes.items() if node.nid == nid), None)

    def let_one_arrive(self) -> None:
        """Publish one new submission, newer than all others, if ``shift_listing`` has any left."""
        if not self._to_arrive:
            return
        self._to_arrive -= 1
        self._arrived += 1
        model = next(page for page in self.content.pages if page.files)
        name = f"New arrival {self._arrived}.png"
        file = dataclasses.replace(model.files[0], fid=900_000 + self._arrived, stored=name, shown=name)
        newest = max(self.pages.values(), key=lambda page: page.created)
        page = dataclasses.replace(
            model,
            nid=99_000 + self._arrived,
            slug=f"new-arrival-{self._arrived}",
            title=f"New arrival {self._arrived}",
            created=newest.created + 60,
            files=(file,),
            comments=(),
        )
        self.pages[page.slug] = page
        self.files[file.stored] = page.files[0]


REPLICA = web.AppKey("replica", Replica)
