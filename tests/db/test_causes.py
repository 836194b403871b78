"""Failures of one kind are one group, whatever sizes and names they mention."""

import pytest

from db import Catalog, stages
from db.status import cause, read_status
from db.vocabulary import Outcome, Stage


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("total bytes: saw 5,000,000, limit 10", "total bytes: saw 7.5, limit 10"),
        ("waits for other volumes: a.part2.rar, not fetched", "waits for other volumes: b.r07, not fetched"),
        ("3 of 9 members not read, first: password needed", "1 of 2 members not read, first: password needed"),
    ],
)
def test_what_varies_does_not_tell_causes_apart(one: str, other: str) -> None:
    assert cause(one) == cause(other)


def test_different_causes_stay_apart() -> None:
    assert cause("entries: saw 5, limit 4") != cause("seconds: saw 5, limit 4")


def test_a_group_counts_all_of_its_kind_and_shows_one_of_them(catalog: Catalog) -> None:
    ends = [stages.Settled(n, Outcome.REFUSED, 1, "zip", f"total bytes: saw {n},000, limit 10") for n in (1, 2, 3)]
    with catalog.database.write() as connection:
        stages.settle_all(connection, Stage.READ, [*ends, stages.Settled(4, Outcome.DAMAGED, 1, "png", "bad 7")])
    found = {(problem.outcome, problem.reason): problem.count for problem in read_status(catalog.database).problems}
    assert found == {("refused", "total bytes: saw N, limit N"): 3, ("damaged", "bad 7"): 1}
