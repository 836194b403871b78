"""The progress bar of a crawl, for terminals: a bar with lines of text below it."""

from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text


class CrawlBar(Progress):
    """A bar on stderr; what is said meanwhile appears above it."""

    def __init__(self) -> None:
        columns = (TextColumn("crawl"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._below = ""
        super().__init__(*columns, console=Console(stderr=True))
        self._crawl = self.add_task("crawl", total=None)

    def show(self, done: int, total: int, below: str) -> None:
        """Show how many entries are done of how many, and lines of text."""
        self._below = below
        self.update(self._crawl, completed=done, total=total)

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the bar, then the lines."""
        yield from super().get_renderables()
        yield Text(self._below, no_wrap=True, overflow="ellipsis")
