"""Numbers of groups that lie one after the other in one array, without a loop over the groups."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """How many values (0 or more) each group has; arrays of values hold the first group, then the second, and so on."""

    counts: Ints

    @cached_property
    def first(self) -> Ints:
        """Tell where each group begins."""
        return np.asarray(np.cumsum(self.counts) - self.counts)

    @cached_property
    def group(self) -> Ints:
        """Tell for each value to which group it belongs."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @cached_property
    def place(self) -> Ints:
        """Tell for each value how many of its group come before it."""
        return np.asarray(np.arange(len(self.group)) - self.first[self.group])

    def spread(self, per_group: NDArray[Any]) -> NDArray[Any]:
        """Repeat what is given once for each group for all its values."""
        return np.repeat(per_group, self.counts)

    def sum(self, values: NDArray[Any]) -> Floats:
        """Add up the values of each group; 0 for a group without any."""
        total = np.zeros(len(self.counts))
        some = self.counts > 0
        if some.any():
            # `reduceat` gives an empty group the value of the next one: those are left out.
            total[some] = np.add.reduceat(values, self.first[some], dtype=np.float64)
        return total

    def mean(self, values: NDArray[Any]) -> Floats:
        """Average the values of each group; 0 for a group without any."""
        return self.sum(values) / np.maximum(self.counts, 1)

    def std(self, values: NDArray[Any]) -> Floats:
        """Give the standard deviation of each group; 0 for a group without any value."""
        off = values - self.spread(self.mean(values))
        return np.asarray(np.sqrt(self.mean(off * off)))

    def different(self, marks: NDArray[np.uint64]) -> Ints:
        """Count the different marks of each group."""
        ordered = marks.copy()
        for begin, count in zip(self.first.tolist(), self.counts.tolist(), strict=True):
            ordered[begin : begin + count].sort()
        new = np.ones(len(ordered), dtype=bool)
        new[1:] = (ordered[1:] != ordered[:-1]) | (self.group[1:] != self.group[:-1])
        return np.asarray(self.sum(new), dtype=np.int64)

    def where(self, kept: NDArray[np.bool_]) -> "Groups":
        """Give the groups of the values that are kept."""
        return Groups(np.asarray(self.sum(kept), dtype=np.int64))
