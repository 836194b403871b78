"""A content page of OpenGameArt: one submission with its people, licences, tags and files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

from lxml import etree
from lxml.etree import _Element as Element

from crawler.errors import PageShapeError
from crawler.pages.document import (
    absolute,
    attribute,
    classes,
    file_url,
    first,
    first_with_class,
    inside,
    parse_html,
    text_of,
    with_class,
)
from crawler.pages.licences import spdx_of
from db.records import CollectionRecord, FileLink, LicenceRecord, PageRecord, PersonRecord
from db.vocabulary import FileRole, PersonRole

FILES_PATH = "/default/files/"
NOT_ART = re.compile(r"/default/files/(styles|license_images|pictures|medals|medal_images|audio_preview|css|js)/")
POSTED = "%A, %B %d, %Y - %H:%M"


FLAG = "flag-favorites-"
FIELD = "field-name-"
WITHHELD = "File(s):"
SUBMISSIONS = etree.XPath("descendant::*[contains(@class, 'node-art')]")
FIELDS = etree.XPath(f"descendant::*[contains(@class, '{FIELD}')]")
FLAGS = etree.XPath(f"descendant::*[contains(@class, '{FLAG}')]")

Fields = dict[str, list[Element]]
"""The fields of a submission by name, in the page's order."""


@dataclass(frozen=True)
class Submission:
    """A page, the element in it that is the submission, and its fields."""

    page: Element
    node: Element
    fields: Fields


def is_art(html: str) -> bool:
    """Tell a submission from the collections, FAQ and blog posts that share `/content/`."""
    return _open(html) is not None


def read_content(html: str, url: str) -> PageRecord:
    """Read a submission. Raises PageShapeError when the page is none."""
    found = _open(html)
    if found is None:
        raise PageShapeError(f"{url} is not a submission")
    page, fields = found.page, found.fields
    return PageRecord(
        url=url,
        site=urlsplit(url).netloc,
        site_id=_node_id(page),
        title=_title(page, fields),
        art_type=text_of(next(_links(fields, "field-art-type"), None)),
        people=tuple(_people(fields, url)),
        licences=tuple(_licences(fields, url)),
        tags=tuple(dict.fromkeys(text_of(a) for item in _items(fields, "field-art-tags") for a in _all(item, "a"))),
        collections=tuple(_collections(fields, url)),
        files=tuple(_files(page, fields, url)),
        description=_text(fields, "body"),
        attribution=_text(fields, "field-copyright-notice") or _text(fields, "field-art-attribution"),
        posted_at=_posted(fields),
        favourites=_number(_text(fields, "favorites")),
        withheld=_withheld(found.node),
    )


@lru_cache(maxsize=1)
def _open(html: str) -> Submission | None:
    """Find the submission in a page, if it is one."""
    page = parse_html(html)
    nodes = (node for node in SUBMISSIONS(page) if {"node-art", "view-mode-full"} <= set(classes(node)))
    node = next(nodes, None)
    if node is None:
        return None
    fields: Fields = {}
    for element in FIELDS(node):
        for name in {name for name in classes(element) if name.startswith(FIELD)}:
            fields.setdefault(name.removeprefix(FIELD), []).append(element)
    return Submission(page, node, fields) if "field-art-type" in fields else None


def _field(fields: Fields, name: str) -> list[Element]:
    return fields.get(name, [])


def _all(element: Element, tag: str) -> Iterator[Element]:
    found: Iterator[Element] = element.iterdescendants(tag)
    return found


def _items(fields: Fields, name: str) -> Iterator[Element]:
    """Yield the items of a field."""
    return (item for field in _field(fields, name) for item in with_class(field, "field-item"))


def _links(fields: Fields, name: str) -> Iterator[Element]:
    """Yield the links in a field."""
    return (link for field in _field(fields, name) for link in _all(field, "a"))


def _text(fields: Fields, name: str) -> str:
    """Return the text of a field's first item; '' for none."""
    return text_of(next(_items(fields, name), None))


def _node_id(page: Element) -> str | None:
    """Return the site's number of a submission: nearly always in the body's class, elsewhere on some old pages."""
    return next((found[1] for pattern, value in _numbered(page) if (found := pattern.search(value))), None)


def _numbered(page: Element) -> Iterator[tuple[re.Pattern[str], str]]:
    yield NODE_BODY, attribute(first(page, "body"), "class")
    yield NODE_FLAG, next((name for element in FLAGS(page) for name in classes(element) if name.startswith(FLAG)), "")
    links = (link for link in _all(page, "link") if attribute(link, "rel") == "shortlink")
    yield NODE_LINK, attribute(next(links, None), "href")


NODE_BODY = re.compile(r"page-node-(\d+)")
NODE_FLAG = re.compile(r"flag-favorites-(\d+)")
NODE_LINK = re.compile(r"node/(\d+)")


def _title(page: Element, fields: Fields) -> str:
    shown = text_of(next((h2 for field in _field(fields, "title") for h2 in _all(field, "h2")), None))
    shared = (meta for meta in _all(page, "meta") if attribute(meta, "property") == "og:title")
    return (
        shown
        or attribute(next(shared, None), "content").strip()
        or text_of(first(page, "title")).removesuffix(" | OpenGameArt.org")
    )


def _people(fields: Fields, url: str) -> "list[PersonRecord]":
    """Read author, collaborators and submitter; the author's box has three shapes (see the tests' pages)."""
    people: list[PersonRecord] = []
    box = next(_items(fields, "author-submitter"), None)
    if box is not None:
        named = first_with_class(box, "username")
        people.append(PersonRecord(PersonRole.AUTHOR, text_of(named), absolute(url, first(named, "a"))))
        submitter = next((link for strong in _all(box, "strong") for link in _all(strong, "a")), None)
        if submitter is not None:
            people.append(PersonRecord(PersonRole.SUBMITTER, text_of(submitter), absolute(url, submitter)))
    for item in _items(fields, "field-collaborators"):
        for link in _all(item, "a"):
            people.append(PersonRecord(PersonRole.COLLABORATOR, text_of(link), absolute(url, link)))
    return [person for person in people if person.name]


def _licences(fields: Fields, url: str) -> "list[LicenceRecord]":
    found = []
    for field in _field(fields, "field-art-licenses"):
        for icon in with_class(field, "license-icon"):
            name, deed = text_of(first_with_class(icon, "license-name")), absolute(url, first(icon, "a"))
            found.append(LicenceRecord(name, deed, spdx_of(name, deed)))
    return found


def _collections(fields: Fields, url: str) -> "list[CollectionRecord]":
    boxes = [box for field in _field(fields, "collect") for box in with_class(field, "collect-container")]
    links = [link for box in boxes for link in _all(box, "a") if "collect-remove" not in classes(link)]
    return [
        CollectionRecord(absolute(url, link), text_of(link))
        for link in links
        if attribute(link, "href").startswith("/content/")
    ]


def _posted(fields: Fields) -> str | None:
    dates = (field for field in _field(fields, "post-date") if inside(field, "group-left"))
    said = text_of(next((item for field in dates for item in with_class(field, "field-item")), None))
    try:
        return datetime.strptime(said, POSTED).isoformat()
    except ValueError:
        return said or None


def _number(said: str) -> int | None:
    digits = said.replace(",", "")
    return int(digits) if digits.isdigit() else None


def _withheld(node: Element) -> str:
    """Return why a submission shows no files, if it says so in place of the field."""
    for label in with_class(node, "field-label"):
        if text_of(label).startswith(WITHHELD) and not inside(label, f"{FIELD}field-art-files"):
            return text_of(next(label.itersiblings("div"), None))
    return ""


def _files(page: Element, fields: Fields, url: str) -> "list[FileLink]":
    """Read every link below `/default/files/` once per role: offered files, previews, and mere mentions."""
    spans = (span for field in _field(fields, "field-art-files") for span in with_class(field, "file", "span"))
    links = [_offered(span, url) for span in spans]
    known = {link.url for link in links if link}
    found = [link for link in links if link is not None and link.url]
    for anchor in _all(page, "a"):
        link = anchor.get("href")
        if link is None or FILES_PATH not in link:
            continue
        target = file_url(url, link)
        if not target or target in known or NOT_ART.search(target):
            continue
        known.add(target)
        role = FileRole.PREVIEW if inside(anchor, f"{FIELD}field-art-preview") else FileRole.MENTION
        found.append(FileLink(target, role, label=text_of(anchor)))
    return found


def _offered(span: Element, url: str) -> FileLink | None:
    anchor = next((link for link in _all(span, "a") if link.get("href") is not None), None)
    if anchor is None:
        return None
    media_type, _, length = attribute(anchor, "type").partition("; length=")
    label = text_of(anchor)
    return FileLink(
        url=file_url(url, attribute(anchor, "href")),
        role=FileRole.FILE,
        original_name=attribute(anchor, "download") or attribute(anchor, "title") or label,
        label=label,
        site_file_id=attribute(anchor, "data-fid") or None,
        media_type=media_type,
        declared_bytes=_number(length),
    )
