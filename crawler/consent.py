"""`noai` and `noimageai`: what a site says in X-Robots-Tag or a robots meta element about use by machines.

Not a standard; as introduced by DeviantArt in 2022 and read by img2dataset. Heeded with `-s QUARRY_RESPECT_NOAI=1`.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from scrapy import Request
from scrapy.http import Response, TextResponse

from crawler.pages.document import attribute, parse_html
from crawler.session import as_entry
from db.records import NewEntry, PageRecord
from db.vocabulary import EntryKind

REFUSALS = frozenset({"noai", "noimageai"})


def refusal_in(directives: str) -> str:
    """Return the first refusal among comma-separated directives (an agent's name before a colon counts for all)."""
    words = [word.rpartition(":")[2].strip().lower() for word in directives.split(",")]
    return next((word for word in words if word in REFUSALS), "")


def refusal_of(response: Response) -> str:
    """Return `noai` or `noimageai` if the response asks for it, in its headers or its document."""
    headers = ", ".join(value.decode("latin-1") for value in response.headers.getlist(b"X-Robots-Tag"))
    if found := refusal_in(headers):
        return found
    if not isinstance(response, TextResponse):
        return ""
    metas = [m for m in parse_html(response.text).iterdescendants("meta") if attribute(m, "name").lower() == "robots"]
    return next((word for word in (refusal_in(attribute(meta, "content")) for meta in metas) if word), "")


def withhold(response: Response, yielded: Sequence[Any]) -> list[Any]:
    """Drop the files of a page that refuses, and say so on the page; leave everything else as it is."""
    refusal = refusal_of(response)
    if not refusal:
        return list(yielded)
    kept = [y for y in yielded if not (isinstance(y, Request | NewEntry) and as_entry(y).kind is EntryKind.FILE)]
    return [dataclasses.replace(y, withheld=y.withheld or refusal) if isinstance(y, PageRecord) else y for y in kept]
