"""What a replica site consists of, as values.

A content folder holds ``content.json`` (one ``SiteContent``) and ``blobs/<sha256>``. Bytes are addressed by hash, so
names differing only in case, or holding any character, never meet the file system.
"""

import dataclasses
import json
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from demo.errors import DemoError
from demo.names import file_path

CONTENT_FILE = "content.json"
BLOB_FOLDER = "blobs"

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Licence:
    """A licence term: taxonomy id, the name shown, the deed's address and the icon's stored name."""

    tid: int
    name: str
    href: str
    icon: str


@dataclasses.dataclass(frozen=True)
class Author:
    """A site user; the slug is decoded text."""

    uid: int
    slug: str
    name: str
    real_name: str | None = None


@dataclasses.dataclass(frozen=True)
class Credit:
    """Who a page names as author.

    Without ``outside_name`` the submitter is the author; with it, the author is someone else, linked if
    ``outside_url`` is given.
    """

    submitter: str
    outside_name: str | None = None
    outside_url: str | None = None


@dataclasses.dataclass(frozen=True)
class SiteFile:
    """One path under ``/sites/default/files/``.

    ``stored`` is decoded; ``shown`` is the uploader's name; ``blob`` is the content's sha256 in hex; ``mtime`` unix
    seconds. ``status`` 404 or 403 means the site offers the link but refuses the bytes. ``flaw`` says in a word what
    is wrong with the bytes, for tests and reports; the site never shows it.
    """

    fid: int
    stored: str
    shown: str
    mime: str
    size_bytes: int
    blob: str
    mtime: int
    downloads: int = 0
    label: str | None = None
    status: int = 200
    flaw: str | None = None

    @property
    def path(self) -> str:
        """The encoded URL path."""
        return file_path(self.stored)


@dataclasses.dataclass(frozen=True)
class Preview:
    """A preview on a page: stored names of the full copy and its derivatives, or of the audio rendition."""

    full: str
    medium: str
    thumbnail: str
    ogg: str | None = None
    mp3: str | None = None


@dataclasses.dataclass(frozen=True)
class Comment:
    """One comment; ``author`` is a user slug, or None for an anonymous visitor."""

    cid: int
    author: str | None
    created: int
    body: str


@dataclasses.dataclass(frozen=True)
class SitePage:
    """One submission (an art node). ``body`` is HTML; ``https://opengameart.org`` in it becomes the server's origin."""

    nid: int
    slug: str
    title: str
    credit: Credit
    created: int
    art_type: int
    tags: tuple[str, ...] = ()
    licences: tuple[int, ...] = (4,)
    collaborators: tuple[str, ...] = ()
    favourites: int = 0
    views: int = 0
    previews: tuple[Preview, ...] = ()
    body: str = ""
    notice: str | None = None
    attribution: str | None = None
    files: tuple[SiteFile, ...] = ()
    on_hold: bool = False
    comments: tuple[Comment, ...] = ()


@dataclasses.dataclass(frozen=True)
class Collection:
    """A user's collection of submissions, served under ``/content/`` like art."""

    nid: int
    slug: str
    title: str
    collector: str
    created: int
    members: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Article:
    """A page under ``/content/`` that is no art: FAQ, blog, advert."""

    nid: int
    slug: str
    title: str
    body: str


@dataclasses.dataclass(frozen=True)
class Redirect:
    """A former address; both ends are root-relative, encoded paths."""

    source: str
    target: str


@dataclasses.dataclass(frozen=True)
class SiteContent:
    """Everything the replica serves. ``extras`` are files no page offers: previews, derivatives, mentioned files."""

    authors: tuple[Author, ...]
    pages: tuple[SitePage, ...]
    extras: tuple[SiteFile, ...] = ()
    collections: tuple[Collection, ...] = ()
    articles: tuple[Article, ...] = ()
    redirects: tuple[Redirect, ...] = ()

    def offered(self) -> Iterator[tuple[SitePage, SiteFile]]:
        """Yield every file a page visibly offers, in page order; files on licensing hold are left out."""
        for page in self.pages:
            if not page.on_hold:
                for file in page.files:
                    yield page, file


LICENCES = (
    Licence(2, "CC-BY 3.0", "http://creativecommons.org/licenses/by/3.0/", "cc-by.png"),
    Licence(3, "CC-BY-SA 3.0", "http://creativecommons.org/licenses/by-sa/3.0/", "cc-by-sa.png"),
    Licence(4, "CC0", "http://creativecommons.org/publicdomain/zero/1.0/", "cc0.png"),
    Licence(5, "GPL 2.0", "http://www.gnu.org/licenses/old-licenses/gpl-2.0.html", "gpl.png"),
    Licence(6, "GPL 3.0", "http://www.gnu.org/licenses/gpl-3.0.html", "gpl.png"),
    Licence(7, "LGPL 2.1", "http://www.gnu.org/licenses/lgpl-2.1.html", "lgpl.png"),
    Licence(8, "LGPL 3.0", "http://www.gnu.org/licenses/lgpl-3.0.html", "lgpl.png"),
    Licence(10310, "OGA-BY 3.0", "http://opengameart.org/content/oga-by-30-faq", "oga-by.png"),
    Licence(17981, "CC-BY 4.0", "https://creativecommons.org/licenses/by/4.0/", "cc-by_0.png"),
    Licence(17982, "CC-BY-SA 4.0", "http://creativecommons.org/licenses/by-sa/4.0/", "cc-by-sa_0.png"),
    Licence(31772, "OGA-BY 4.0", "https://opengameart.org/content/oga-by-40-faq", "oga-by_0.png"),
)
ART_TYPES = {
    9: "2D Art",
    10: "3D Art",
    7273: "Concept Art",
    14: "Texture",
    12: "Music",
    13: "Sound Effect",
    11: "Document",
}
TEXT_TYPES = (11, 12, 13)


def to_json(content: SiteContent) -> str:
    """Serialise; the same content always gives the same text."""
    return json.dumps(dataclasses.asdict(content), ensure_ascii=False, indent=1)


def from_json(text: str) -> SiteContent:
    """Inverse of ``to_json``. Raises ``DemoError`` when the text does not describe a site."""
    try:
        return decode(SiteContent, json.loads(text))
    except (TypeError, ValueError, KeyError) as error:
        raise DemoError(f"{CONTENT_FILE} is not a site description ({error}); build the content again") from error


def save(content: SiteContent, folder: Path) -> None:
    """Write ``content.json`` into the folder."""
    (folder / CONTENT_FILE).write_text(to_json(content) + "\n", encoding="utf-8")


def load(folder: Path) -> SiteContent:
    """Read the folder's ``content.json``. Raises ``DemoError`` when it is missing or broken."""
    path = folder / CONTENT_FILE
    if not path.is_file():
        raise DemoError(f"{path} does not exist; build the content first")
    return from_json(path.read_text(encoding="utf-8"))


def decode(kind: type[T], value: object) -> T:
    """Rebuild a typed value (dataclass, tuple, optional, plain) from parsed JSON.

    Raises ``TypeError`` on an unknown field or a value of the wrong type.
    """
    result: T = _decode(kind, value)
    return result


def _decode(kind: Any, value: Any) -> Any:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise TypeError(f"{kind} wants an object, got {value!r}")
        hints = get_type_hints(kind)
        unknown = value.keys() - hints.keys()
        if unknown:
            raise TypeError(f"unknown field {sorted(unknown)} of {kind}")
        return kind(**{name: _decode(hints[name], item) for name, item in value.items()})
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return None if value is None else _decode(next(a for a in get_args(kind) if a is not type(None)), value)
    if origin is tuple:
        return tuple(_decode(get_args(kind)[0], item) for item in value)
    return _plain(kind, value)


def _plain(kind: Any, value: Any) -> Any:
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise TypeError(f"{value!r} is none of {get_args(kind)}")
        return value
    if kind is float and isinstance(value, int):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{kind.__name__} expected, got {value!r}")
    return value
