"""What licences allow and ask for: SPDX expressions, with OR meaning that you may choose.

Expressions are read by the `license-expression` library. `GPL-2.0-or-later` may be used as any later GPL, so whoever
allows `GPL-3.0-only` can take it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

VERSIONED = re.compile(r"(?P<family>.+?)-(?P<version>\d+(?:\.\d+)*)(?P<later>-or-later|-only|\+)?$")


@lru_cache(maxsize=4096)
def parse(expression: str) -> Any:
    """Return the tree of an SPDX expression, None where there is none or it makes no sense."""
    from license_expression import ExpressionError, Licensing

    try:
        return Licensing().parse(expression)
    except ExpressionError:
        return None


def is_allowed(expression: str, allowed: Sequence[str]) -> bool:
    """Tell whether an offer can be taken by somebody who accepts these licences (case does not matter)."""
    tree = parse(expression)
    return tree is not None and _holds(tree, frozenset(name.lower() for name in allowed))


def _holds(tree: Any, allowed: frozenset[str]) -> bool:
    from license_expression import AND, OR

    if isinstance(tree, OR):
        return any(_holds(part, allowed) for part in tree.args)
    if isinstance(tree, AND):
        return all(_holds(part, allowed) for part in tree.args)
    return any(_covers(name, str(tree).lower()) for name in allowed)


def _covers(accepted: str, offered: str) -> bool:
    if accepted == offered:
        return True
    mine, theirs = VERSIONED.match(accepted), VERSIONED.match(offered)
    if theirs is not None and accepted == theirs["family"]:
        return True  # any version
    if mine is None or theirs is None or mine["family"] != theirs["family"]:
        return False
    if theirs["later"] in ("-or-later", "+"):
        return _number(mine["version"]) >= _number(theirs["version"])
    # The site writes "GPL 2.0", people write GPL-2.0: both mean that version.
    return mine["version"] == theirs["version"] and {mine["later"], theirs["later"]} <= {None, "-only"}


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@dataclass(frozen=True)
class Duties:
    """What taking a work under a licence asks of you. `unknown`: we cannot tell; read the licence."""

    attribution: bool
    share_alike: bool = False
    changes: bool = False
    source: bool = False
    unknown: bool = False

    @property
    def weight(self) -> int:
        """Return how much is asked: the lightest of several licences comes first."""
        return 16 * self.unknown + 8 * self.share_alike + 4 * self.source + 2 * self.attribution + self.changes


NOTHING = Duties(attribution=False)
UNKNOWN = Duties(attribution=True, unknown=True)
FAMILIES = (
    (re.compile(r"(?i)^(cc0-|cc-pddc|unlicense|0bsd|wtfpl|licenseref-public-domain)"), NOTHING),
    (re.compile(r"(?i)^cc-by-(nc-)?sa-"), Duties(attribution=True, share_alike=True, changes=True)),
    (re.compile(r"(?i)^cc-by(-nc)?(-nd)?-\d"), Duties(attribution=True, changes=True)),
    (re.compile(r"(?i)^licenseref-oga-by-"), Duties(attribution=True, changes=True)),
    (re.compile(r"(?i)^(a|l)?gpl-"), Duties(attribution=True, share_alike=True, changes=True, source=True)),
    (re.compile(r"(?i)^(mit|bsd-|apache-|isc|zlib|ofl-)"), Duties(attribution=True)),
)


def duties(spdx: str) -> Duties:
    """Return what one licence asks for, or what the lightest choice of an expression does."""
    from license_expression import AND, OR

    tree = parse(spdx)
    if tree is None:
        return UNKNOWN
    if isinstance(tree, OR):
        return min((duties(str(part)) for part in tree.args), key=lambda each: each.weight)
    if isinstance(tree, AND):
        return _both(duties(str(part)) for part in tree.args)
    return next((asked for pattern, asked in FAMILIES if pattern.match(spdx)), UNKNOWN)


def _both(several: Iterable[Duties]) -> Duties:
    parts = list(several)
    return Duties(
        attribution=any(part.attribution for part in parts),
        share_alike=any(part.share_alike for part in parts),
        changes=any(part.changes for part in parts),
        source=any(part.source for part in parts),
        unknown=any(part.unknown for part in parts),
    )
