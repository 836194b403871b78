"""What a run did, counted: outcomes and causes for the report, rates for those who watch."""

from collections import Counter
from dataclasses import dataclass, field

from db.records import ReadResult, SliceResult
from db.vocabulary import Outcome, Stage

Result = ReadResult | SliceResult


def rows_of(result: Result) -> int:
    """Tell about how many rows a result becomes."""
    return 1 + (len(result.members) + len(result.frames) if isinstance(result, ReadResult) else len(result.tiles))


@dataclass
class Summary:
    """Outcomes of one run by stage, and problems by cause."""

    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    problems: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def add(self, stage: Stage, result: Result, problems: frozenset[Outcome]) -> None:
        """Count a settled result."""
        self.outcomes.setdefault(stage.value, Counter())[result.outcome.value] += 1
        if result.outcome in problems:
            self.problems[stage.value, result.outcome.value, result.reason] += 1

    @property
    def settled(self) -> int:
        """Return how many units of work were settled."""
        return sum(sum(counter.values()) for counter in self.outcomes.values())


@dataclass
class Tally:
    """What a stage went through, for people who watch."""

    archives: int = 0
    members: int = 0
    images: int = 0

    def add(self, result: Result) -> None:
        """Count a settled result."""
        if isinstance(result, ReadResult):
            self.archives += bool(result.members)
            self.members += len(result.members)
            self.images += len(result.frames)
        else:
            self.images += 1

    def rates(self, seconds: float) -> str:
        """Say how many of each a second; nothing of what did not occur."""
        counts = (("archives", self.archives), ("members", self.members), ("images", self.images))
        return ", ".join(f"{count / max(seconds, 0.1):,.1f} {what}/s" for what, count in counts if count)
