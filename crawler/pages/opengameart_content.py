"""A content page of OpenGameArt: one submission with its people, licences, tags and files."""

import re
from datetime import datetime
from urllib.parse import urlsplit

from bs4 import Tag

from crawler.errors import PageShapeError
from crawler.pages.licences import spdx_of
from crawler.pages.soup import absolute, attribute, file_url, parse_html, text_of
from db.records import CollectionRecord, FileLink, LicenceRecord, PageRecord, PersonRecord
from db.vocabulary import FileRole, PersonRole

FILES_PATH = "/default/files/"
NOT_ART = re.compile(r"/default/files/(styles|license_images|pictures|medals|medal_images|audio_preview|css|js)/")
POSTED = "%A, %B %d, %Y - %H:%M"


def is_art(html: str) -> bool:
    """Tell a submission from the collections, FAQ and blog posts that share `/content/`."""
    soup = parse_html(html)
    return soup.select_one(".node-art.view-mode-full .field-name-field-art-type") is not None


def read_content(html: str, url: str) -> PageRecord:
    """Read a submission. Raises PageShapeError when the page is none."""
    soup = parse_html(html)
    node = soup.select_one(".node-art.view-mode-full")
    if node is None or node.select_one(".field-name-field-art-type") is None:
        raise PageShapeError(f"{url} is not a submission")
    return PageRecord(
        url=url,
        site=urlsplit(url).netloc,
        site_id=_node_id(soup),
        title=_title(soup, node),
        art_type=text_of(node.select_one(".field-name-field-art-type a")),
        people=tuple(_people(node, url)),
        licences=tuple(_licences(node, url)),
        tags=tuple(dict.fromkeys(text_of(a) for a in node.select(".field-name-field-art-tags .field-item a"))),
        collections=tuple(_collections(node, url)),
        files=tuple(_files(soup, node, url)),
        description=text_of(node.select_one(".field-name-body .field-item")),
        attribution=_attribution(node),
        posted_at=_posted(node),
        favourites=_number(text_of(node.select_one(".field-name-favorites .field-item"))),
        withheld=_withheld(node),
    )


def _node_id(soup: Tag) -> str | None:
    body = attribute(soup.select_one("body"), "class")
    flag = attribute(soup.select_one("[class*=flag-favorites-]"), "class")
    link = attribute(soup.select_one("link[rel=shortlink]"), "href")
    for pattern, value in ((r"page-node-(\d+)", body), (r"flag-favorites-(\d+)", flag), (r"node/(\d+)", link)):
        if found := re.search(pattern, value):
            return found[1]
    return None


def _title(soup: Tag, node: Tag) -> str:
    shown = text_of(node.select_one(".field-name-title h2"))
    meta = attribute(soup.select_one("meta[property='og:title']"), "content").strip()
    return shown or meta or text_of(soup.select_one("title")).removesuffix(" | OpenGameArt.org")


def _people(node: Tag, url: str) -> "list[PersonRecord]":
    """Read author, collaborators and submitter; the author's box has three shapes (see the tests' pages)."""
    people: list[PersonRecord] = []
    box = node.select_one(".field-name-author-submitter .field-item")
    if box is not None:
        named = box.select_one(".username")
        people.append(PersonRecord(PersonRole.AUTHOR, text_of(named), absolute(url, named and named.select_one("a"))))
        submitter = box.select_one("strong a")
        if submitter is not None:
            people.append(PersonRecord(PersonRole.SUBMITTER, text_of(submitter), absolute(url, submitter)))
    for link in node.select(".field-name-field-collaborators .field-item a"):
        people.append(PersonRecord(PersonRole.COLLABORATOR, text_of(link), absolute(url, link)))
    return [person for person in people if person.name]


def _licences(node: Tag, url: str) -> "list[LicenceRecord]":
    found = []
    for icon in node.select(".field-name-field-art-licenses .license-icon"):
        name, deed = text_of(icon.select_one(".license-name")), absolute(url, icon.select_one("a"))
        found.append(LicenceRecord(name, deed, spdx_of(name, deed)))
    return found


def _collections(node: Tag, url: str) -> "list[CollectionRecord]":
    links = node.select(".field-name-collect .collect-container a[href^='/content/']:not(.collect-remove)")
    return [CollectionRecord(absolute(url, link), text_of(link)) for link in links]


def _attribution(node: Tag) -> str:
    notice = node.select_one(".field-name-field-copyright-notice .field-item")
    return text_of(notice or node.select_one(".field-name-field-art-attribution .field-item"))


def _posted(node: Tag) -> str | None:
    said = text_of(node.select_one(".group-left .field-name-post-date .field-item"))
    try:
        return datetime.strptime(said, POSTED).isoformat()
    except ValueError:
        return said or None


def _number(said: str) -> int | None:
    digits = said.replace(",", "")
    return int(digits) if digits.isdigit() else None


def _withheld(node: Tag) -> str:
    """Return why a submission shows no files, if it says so in place of the field."""
    for label in node.select(".field-label"):
        if text_of(label).startswith("File(s):") and label.find_parent(class_="field-name-field-art-files") is None:
            return text_of(label.find_next_sibling("div"))
    return ""


def _files(soup: Tag, node: Tag, url: str) -> "list[FileLink]":
    """Read every link below `/default/files/` once per role: offered files, previews, and mere mentions."""
    links = [_offered(span, url) for span in node.select(".field-name-field-art-files span.file")]
    known = {link.url for link in links if link}
    found = [link for link in links if link is not None and link.url]
    for anchor in soup.select(f"a[href*='{FILES_PATH}']"):
        target = file_url(url, attribute(anchor, "href"))
        if not target or target in known or NOT_ART.search(target):
            continue
        known.add(target)
        preview = anchor.find_parent(class_="field-name-field-art-preview") is not None
        role = FileRole.PREVIEW if preview else FileRole.MENTION
        found.append(FileLink(target, role, label=text_of(anchor)))
    return found


def _offered(span: Tag, url: str) -> FileLink | None:
    anchor = span.select_one("a[href]")
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
