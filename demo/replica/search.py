"""The advanced search: its parameters, filters and order, as pure functions over pages."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from demo.model import ART_TYPES, LICENCES, Author, SitePage
from demo.names import encode_path

_PAGE_SIZES = (6, 12, 24, 48, 72, 96, 144)
_TAG_OPERATORS = ("or", "and", "not", "empty", "not empty")
_SORTS = ("score", "created", "count", "totalcount")
_INDEXED = re.compile(r"(field_art_type_tid|field_art_licenses_tid)(\[\d*\])?")


class IllegalChoice(Exception):  # noqa: N818 - named as the site words it
    """A parameter holds a value the form does not offer; the message is what the page shows."""


@dataclass(frozen=True)
class Query:
    """One advanced search, checked."""

    keys: str = ""
    title: str = ""
    name: str = ""
    tags_op: str = "or"
    tags: str = ""
    types: tuple[int, ...] = ()
    licences: tuple[int, ...] = ()
    sort_by: str = "created"
    sort_order: str = "DESC"
    items_per_page: int = 24
    collection: str = ""

    def parameters(self) -> str:
        """Return the query string the form and the pager repeat, ``page`` left out."""
        pairs = [
            ("keys", self.keys),
            ("title", self.title),
            ("field_art_tags_tid_op", self.tags_op),
            ("field_art_tags_tid", self.tags),
            ("name", self.name),
            *((f"field_art_type_tid[{n}]", str(tid)) for n, tid in enumerate(self.types)),
            *((f"field_art_licenses_tid[{n}]", str(tid)) for n, tid in enumerate(self.licences)),
            ("sort_by", self.sort_by),
            ("sort_order", self.sort_order),
            ("items_per_page", str(self.items_per_page)),
            ("Collection", self.collection),
        ]
        return "&".join(f"{quote(name, safe='')}={encode_path(value)}" for name, value in pairs)


def parse_query(pairs: Iterable[tuple[str, str]]) -> Query:
    """Read decoded GET parameters; every index spelling of the lists counts. Raises ``IllegalChoice``."""
    plain: dict[str, str] = {}
    lists: dict[str, list[int]] = {"field_art_type_tid": [], "field_art_licenses_tid": []}
    for name, value in pairs:
        indexed = _INDEXED.fullmatch(name)
        if indexed:
            lists[indexed[1]].append(_tid(indexed[1], value))
        else:
            plain[name] = value
    return Query(
        keys=plain.get("keys", ""),
        title=plain.get("title", ""),
        name=plain.get("name", ""),
        tags_op=_choice("Tags operator", plain.get("field_art_tags_tid_op", "or"), _TAG_OPERATORS),
        tags=plain.get("field_art_tags_tid", ""),
        types=tuple(lists["field_art_type_tid"]),
        licences=tuple(lists["field_art_licenses_tid"]),
        sort_by=_choice("Sort by", plain.get("sort_by", "created"), _SORTS),
        sort_order=_choice("Order", plain.get("sort_order", "DESC"), ("ASC", "DESC")),
        items_per_page=int(_choice("Items per page", plain.get("items_per_page", "24"), [str(n) for n in _PAGE_SIZES])),
        collection=plain.get("Collection", ""),
    )


def search(pages: Sequence[SitePage], authors: Mapping[str, Author], query: Query) -> list[SitePage]:
    """Return the matching pages in the query's order; ties fall to the node number, so the order is stable."""
    tests: list[Callable[[SitePage], bool]] = [
        lambda page: _contains(query.keys, page.title, page.body, *page.tags),
        lambda page: _contains(query.title, page.title),
        lambda page: _contains(query.name, authors[page.credit.submitter].name),
        lambda page: not query.types or page.art_type in query.types,
        lambda page: not query.licences or bool(set(query.licences) & set(page.licences)),
        lambda page: _tags_match(query, page),
    ]
    found = [page for page in pages if all(test(page) for test in tests)]
    return sorted(found, key=_ORDER[query.sort_by], reverse=query.sort_order == "DESC")


_ORDER: dict[str, Callable[[SitePage], tuple[int, int]]] = {
    "score": lambda page: (page.nid, 0),
    "created": lambda page: (page.created, page.nid),
    "count": lambda page: (page.favourites, page.nid),
    "totalcount": lambda page: (page.views, page.nid),
}


def _contains(wanted: str, *texts: str) -> bool:
    return not wanted or any(wanted.casefold() in text.casefold() for text in texts)


def _tags_match(query: Query, page: SitePage) -> bool:
    if query.tags_op in ("empty", "not empty"):
        return bool(page.tags) == (query.tags_op == "not empty")
    wanted = {tag.strip().casefold() for tag in query.tags.split(",") if tag.strip()}
    having = {tag.casefold() for tag in page.tags}
    if not wanted:
        return True
    if query.tags_op == "and":
        return wanted <= having
    return bool(wanted & having) == (query.tags_op == "or")


def _tid(name: str, value: str) -> int:
    type_field = name == "field_art_type_tid"
    known = [str(tid) for tid in (ART_TYPES if type_field else [licence.tid for licence in LICENCES])]
    return int(_choice("Art Type" if type_field else "License(s)", value, known))


def _choice(label: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise IllegalChoice(f"Illegal choice {value} in {label} element.")
    return value
