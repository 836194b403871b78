"""A content page of OpenGameArt: one submission with its people, licences, tags and files."""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

from bs4 import Tag
from lxml.etree import _Element as Element

from crawler.errors import PageShapeError
from crawler.pages.licences import spdx_of
from crawler.pages.soup import Index, absolute, attribute, classes, file_url, parse_parts, tags_in, text_of
from db.records import CollectionRecord, FileLink, LicenceRecord, PageRecord, PersonRecord
from db.vocabulary import FileRole, PersonRole

FILES_PATH = "/default/files/"
NOT_ART = re.compile(r"/default/files/(styles|license_images|pictures|medals|medal_images|audio_preview|css|js)/")
POSTED = "%A, %B %d, %Y - %H:%M"


FIELDS = frozenset(
    f"field-name-{name}"
    for name in (
        "title",
        "author-submitter",
        "post-date",
        "field-collaborators",
        "field-art-type",
        "field-art-tags",
        "field-art-licenses",
        "collect",
        "favorites",
        "body",
        "field-copyright-notice",
        "field-art-attribution",
        "field-art-files",
    )
)
FLAG = "flag-favorites-"
WITHHELD = "File(s):"

Fields = dict[str, list[Tag]]
"""The elements of a submission by the names in their `class`."""


def is_art(html: str) -> bool:
    """Tell a submission from the collections, FAQ and blog posts that share `/content/`."""
    return _open(html)[2] is not None


def read_content(html: str, url: str) -> PageRecord:
    """Read a submission. Raises PageShapeError when the page is none."""
    whole, node, fields = _open(html)
    if node is None or fields is None:
        raise PageShapeError(f"{url} is not a submission")
    return PageRecord(
        url=url,
        site=urlsplit(url).netloc,
        site_id=_node_id(whole),
        title=_title(whole, fields),
        art_type=text_of(next(_links(fields, "field-art-type"), None)),
        people=tuple(_people(fields, url)),
        licences=tuple(_licences(fields, url)),
        tags=tuple(dict.fromkeys(text_of(a) for item in _items(fields, "field-art-tags") for a in item.find_all("a"))),
        collections=tuple(_collections(fields, url)),
        files=tuple(_files(whole, fields, url)),
        description=_text(fields, "body"),
        attribution=_text(fields, "field-copyright-notice") or _text(fields, "field-art-attribution"),
        posted_at=_posted(fields),
        favourites=_number(_text(fields, "favorites")),
        withheld=_withheld(node),
    )


@lru_cache(maxsize=1)
def _open(html: str) -> tuple[Index, Tag | None, Fields | None]:
    """Return the page's elements, its submission, and the elements of that, if it is one."""
    whole = Index.of(parse_parts(html, _parts))
    node = next((tag for tag in whole.by_class.get("node-art", ()) if "view-mode-full" in classes(tag)), None)
    fields = None if node is None else Index.of(node).by_class
    return whole, node, fields if fields is not None and "field-name-field-art-type" in fields else None


def _parts(root: Element) -> Iterator[Element]:
    """Find what is read of a page; comments, menus and the sidebar are most of it, and are not."""
    for element in root.iter("title", "meta", "link", "a"):
        if (
            element.tag == "title"
            or element.get("property") == "og:title"
            or element.get("rel") == "shortlink"
            or FILES_PATH in element.get("href", "")
        ):
            yield element
    for element in root.iter("*"):
        names = element.get("class")
        if names is None or ("field-" not in names and FLAG not in names):
            continue
        if FLAG in names or not FIELDS.isdisjoint(names.split()):
            yield element
        elif "field-label" in names and WITHHELD in "".join(element.itertext()):
            yield element.getparent()


def _field(fields: Fields, name: str) -> list[Tag]:
    return fields.get(f"field-name-{name}", [])


def _items(fields: Fields, name: str) -> Iterator[Tag]:
    """Yield the items of a field."""
    return (tag for field in _field(fields, name) for tag in tags_in(field) if "field-item" in classes(tag))


def _links(fields: Fields, name: str) -> Iterator[Tag]:
    """Yield the links in a field."""
    return (link for field in _field(fields, name) for link in field.find_all("a"))


def _text(fields: Fields, name: str) -> str:
    """Return the text of a field's first item; '' for none."""
    return text_of(next(_items(fields, name), None))


def _node_id(whole: Index) -> str | None:
    body = "".join(attribute(tag, "class") for tag in whole.by_name.get("body", ())[:1])
    flag = next((name for name in whole.by_class if name.startswith(FLAG)), "")
    links = (tag for tag in whole.by_name.get("link", ()) if attribute(tag, "rel") == "shortlink")
    link = attribute(next(links, None), "href")
    for pattern, value in ((r"page-node-(\d+)", body), (r"flag-favorites-(\d+)", flag), (r"node/(\d+)", link)):
        if found := re.search(pattern, value):
            return found[1]
    return None


def _title(whole: Index, fields: Fields) -> str:
    shown = text_of(next((h2 for field in _field(fields, "title") for h2 in field.find_all("h2")), None))
    shared = (tag for tag in whole.by_name.get("meta", ()) if attribute(tag, "property") == "og:title")
    meta = attribute(next(shared, None), "content").strip()
    title = text_of(next(iter(whole.by_name.get("title", ())), None))
    return shown or meta or title.removesuffix(" | OpenGameArt.org")


def _people(fields: Fields, url: str) -> "list[PersonRecord]":
    """Read author, collaborators and submitter; the author's box has three shapes (see the tests' pages)."""
    people: list[PersonRecord] = []
    box = next(_items(fields, "author-submitter"), None)
    if box is not None:
        named = next((tag for tag in tags_in(box) if "username" in classes(tag)), None)
        people.append(PersonRecord(PersonRole.AUTHOR, text_of(named), absolute(url, named and named.find("a"))))
        submitter = next((link for strong in box.find_all("strong") for link in strong.find_all("a")), None)
        if submitter is not None:
            people.append(PersonRecord(PersonRole.SUBMITTER, text_of(submitter), absolute(url, submitter)))
    for item in _items(fields, "field-collaborators"):
        for link in item.find_all("a"):
            people.append(PersonRecord(PersonRole.COLLABORATOR, text_of(link), absolute(url, link)))
    return [person for person in people if person.name]


def _licences(fields: Fields, url: str) -> "list[LicenceRecord]":
    found = []
    for icon in (tag for field in _field(fields, "field-art-licenses") for tag in tags_in(field)):
        if "license-icon" in classes(icon):
            named = next((tag for tag in tags_in(icon) if "license-name" in classes(tag)), None)
            name, deed = text_of(named), absolute(url, icon.find("a"))
            found.append(LicenceRecord(name, deed, spdx_of(name, deed)))
    return found


def _collections(fields: Fields, url: str) -> "list[CollectionRecord]":
    boxes = [
        tag for field in _field(fields, "collect") for tag in tags_in(field) if "collect-container" in classes(tag)
    ]
    links = [link for box in boxes for link in box.find_all("a") if "collect-remove" not in classes(link)]
    return [
        CollectionRecord(absolute(url, link), text_of(link))
        for link in links
        if attribute(link, "href").startswith("/content/")
    ]


def _posted(fields: Fields) -> str | None:
    dates = (field for field in _field(fields, "post-date") if _inside(field, "group-left"))
    said = text_of(next((tag for field in dates for tag in tags_in(field) if "field-item" in classes(tag)), None))
    try:
        return datetime.strptime(said, POSTED).isoformat()
    except ValueError:
        return said or None


def _inside(element: Tag, class_name: str) -> bool:
    return any(class_name in classes(parent) for parent in element.parents)


def _number(said: str) -> int | None:
    digits = said.replace(",", "")
    return int(digits) if digits.isdigit() else None


def _withheld(node: Tag) -> str:
    """Return why a submission shows no files, if it says so in place of the field."""
    for label in tags_in(node):
        said = "field-label" in classes(label) and text_of(label).startswith(WITHHELD)
        if said and not _inside(label, "field-name-field-art-files"):
            return text_of(label.find_next_sibling("div"))
    return ""


def _files(whole: Index, fields: Fields, url: str) -> "list[FileLink]":
    """Read every link below `/default/files/` once per role: offered files, previews, and mere mentions."""
    spans = (span for field in _field(fields, "field-art-files") for span in field.find_all("span"))
    links = [_offered(span, url) for span in spans if "file" in classes(span)]
    known = {link.url for link in links if link}
    found = [link for link in links if link is not None and link.url]
    for anchor in whole.by_name.get("a", ()):
        href = attribute(anchor, "href")
        target = file_url(url, href) if FILES_PATH in href else ""
        if not target or target in known or NOT_ART.search(target):
            continue
        known.add(target)
        role = FileRole.PREVIEW if _inside(anchor, "field-name-field-art-preview") else FileRole.MENTION
        found.append(FileLink(target, role, label=text_of(anchor)))
    return found


def _offered(span: Tag, url: str) -> FileLink | None:
    anchor = span.find("a", href=True)
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
