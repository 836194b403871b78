"""How the replica misbehaves on demand.

``match`` is a regular expression searched in the raw path (with query). ``times`` counts the requests it strikes, -1
for ever; with ``per_path`` each path has its own count.
"""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Literal

from demo.errors import DemoError
from demo.model import decode


@dataclass(frozen=True)
class Abort:
    """Cut the connection after this many body bytes."""

    match: str
    after_bytes: int
    times: int = 1
    per_path: bool = False


@dataclass(frozen=True)
class Refuse:
    """Answer with an error status; ``Retry-After`` in seconds, as an HTTP date, or absent (None)."""

    match: str
    times: int = 1
    retry_after_s: int | None = None
    as_date: bool = False
    per_path: bool = False


@dataclass(frozen=True)
class WrongLength:
    """Announce ``delta_bytes`` more than are sent (positive) or cut the body to the smaller number (negative)."""

    match: str
    delta_bytes: int
    times: int = 1
    per_path: bool = False


@dataclass(frozen=True)
class Change:
    """Serve other bytes of the same length under a new ETag once a path was asked for ``after`` times."""

    match: str
    after: int = 1


@dataclass(frozen=True)
class Switches:
    """All switches; the defaults are a well-behaved site.

    ``shift_listing`` submissions are still to come: one enters at the top after each listing page served.
    ``slow_bytes_per_s`` slows files, ``latency_s`` delays every answer; ``gzip`` and ``page_etag`` concern pages only.
    """

    slow_bytes_per_s: float | None = None
    abort_after_bytes: Abort | None = None
    status_429: Refuse | None = None
    status_503: Refuse | None = None
    ignore_range: bool = False
    wrong_content_length: WrongLength | None = None
    change_midway: Change | None = None
    shift_listing: int = 0
    beyond_end: Literal["clamp", "empty"] = "clamp"
    latency_s: float = 0.0
    gzip: bool = False
    page_etag: bool = False


def parse_switches(text: str, base: Switches | None = None) -> Switches:
    """Read a JSON object of switches over ``base``. Raises ``DemoError`` on an unknown name or a wrong type."""
    try:
        given = json.loads(text)
        merged = dataclasses.asdict(base or Switches()) | given
        return decode(Switches, merged)
    except (TypeError, ValueError, StopIteration) as error:
        raise DemoError(f"switches not understood: {error}") from error


def switches_json(changes: dict[str, Any]) -> str:
    """Serialise switch values; dataclasses such as ``Abort`` may stand for their objects."""
    return json.dumps(changes, default=dataclasses.asdict)
