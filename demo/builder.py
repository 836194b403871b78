"""Puts a site together page by page.

The builder plays the site's part: it numbers nodes and files, renames colliding uploads, makes preview copies and
derivatives. Numbers and times are counted, never read from a clock, so the same calls give the same site.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from demo import model, names
from demo.archives import STAMP
from demo.drawing import Picture, ground, png

_DAY_S = 86_400
_HOUR_S = 3_600


@dataclass(frozen=True)
class Upload:
    """A file to be offered: bytes and the uploader's name.

    ``stored`` overrides the site's naming rule; ``label`` is the link text if not the name; ``status`` other than 200
    makes a link the site refuses; ``flaw`` says what is wrong with the bytes.
    """

    shown: str
    data: bytes
    label: str | None = None
    stored: str | None = None
    status: int = 200
    flaw: str | None = None


@dataclass(frozen=True)
class Draft:
    """A submission as its author fills it in. Without a slug the title makes one."""

    title: str
    credit: model.Credit
    slug: str | None = None
    uploads: Sequence[Upload] = ()
    previews: Sequence[tuple[str, Picture]] = ()
    audio_preview: str | None = None
    art_type: int = 9
    tags: tuple[str, ...] = ()
    licences: tuple[int, ...] = (4,)
    collaborators: tuple[str, ...] = ()
    body: str = ""
    notice: str | None = None
    attribution: str | None = None
    on_hold: bool = False
    comments: int = 0


@dataclass
class SiteBuilder:
    """Collects pages and writes their bytes to ``out/blobs``."""

    out: Path
    authors: tuple[model.Author, ...]
    pages: list[model.SitePage] = field(default_factory=list)
    extras: list[model.SiteFile] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)
    _slugs: set[str] = field(default_factory=set)
    _next_fid: int = 123_456
    _next_nid: int = 90_001

    def __post_init__(self) -> None:
        """Make the blob folder."""
        (self.out / model.BLOB_FOLDER).mkdir(parents=True, exist_ok=True)

    def add(self, draft: Draft) -> model.SitePage:
        """Publish a submission, one hour and some after the one before; return the page."""
        number = len(self.pages)
        previews = [self._preview(shown, picture) for shown, picture in draft.previews]
        if draft.audio_preview:
            previews.append(self._audio_preview(draft.audio_preview))
        page = model.SitePage(
            nid=self._take_nid(),
            slug=self._free_slug(draft.slug or slug_of(draft.title)),
            title=draft.title,
            credit=draft.credit,
            created=STAMP + number * (_DAY_S + _HOUR_S),
            art_type=draft.art_type,
            tags=draft.tags,
            licences=draft.licences,
            collaborators=draft.collaborators,
            favourites=number * 37 % 241,
            views=number * 7_919 % 20_011,
            previews=tuple(previews),
            body=draft.body,
            notice=draft.notice,
            attribution=draft.attribution,
            files=tuple(self._store(upload) for upload in draft.uploads),
            on_hold=draft.on_hold,
            comments=self._comments(number, draft.comments),
        )
        self.pages.append(page)
        return page

    def add_extra(self, stored: str, data: bytes, status: int = 200) -> model.SiteFile:
        """Put a file on the site that no page offers."""
        file = self._store(Upload(stored.rpartition("/")[2], data, stored=stored, status=status))
        self.extras.append(file)
        return file

    def collection(self, title: str, collector: str, members: Sequence[model.SitePage]) -> model.Collection:
        """Make a collection node of the pages."""
        slugs = tuple(page.slug for page in members)
        return model.Collection(self._take_nid(), slug_of(title), title, collector, STAMP, slugs)

    def article(self, slug: str, title: str, body: str) -> model.Article:
        """Make a page that is no art."""
        return model.Article(self._take_nid(), slug, title, body)

    def finish(
        self,
        collections: Sequence[model.Collection] = (),
        articles: Sequence[model.Article] = (),
        redirects: Sequence[model.Redirect] = (),
    ) -> model.SiteContent:
        """Write ``content.json`` and return the site."""
        content = model.SiteContent(
            self.authors,
            tuple(self.pages),
            tuple(self.extras),
            tuple(collections),
            tuple(articles),
            tuple(redirects),
        )
        model.save(content, self.out)
        return content

    def _take_nid(self) -> int:
        self._next_nid += 1
        return self._next_nid - 1

    def _free_slug(self, wanted: str) -> str:
        candidate, number = wanted, 0
        while candidate in self._slugs:
            candidate, number = f"{wanted}-{number}", number + 1
        self._slugs.add(candidate)
        return candidate

    def _store(self, upload: Upload) -> model.SiteFile:
        stored = upload.stored or names.stored_name(upload.shown, self._taken)
        if stored in self._taken:
            raise ValueError(f"{stored} is stored already")
        self._taken.add(stored)
        digest = hashlib.sha256(upload.data).hexdigest()
        path = self.out / model.BLOB_FOLDER / digest
        if not path.exists():
            path.write_bytes(upload.data)
        fid, self._next_fid = self._next_fid, self._next_fid + 1
        return model.SiteFile(
            fid=fid,
            stored=stored,
            shown=upload.shown,
            mime=names.mime_of(upload.shown),
            size_bytes=len(upload.data),
            blob=digest,
            mtime=STAMP + fid,
            downloads=fid * 31 % 25_013,
            label=upload.label,
            status=upload.status,
            flaw=upload.flaw,
        )

    def _preview(self, shown: str, picture: Picture) -> model.Preview:
        full = self._store(Upload(shown, png(picture)))
        self.extras.append(full)
        smaller = {}
        for style, size_px in (("medium", 250), ("thumbnail", 100)):
            copy = picture.copy()
            copy.thumbnail((size_px, size_px))
            smaller[style] = self.add_extra(f"styles/{style}/public/{full.stored}", png(copy)).stored
        return model.Preview(full.stored, smaller["medium"], smaller["thumbnail"])

    def _audio_preview(self, stem: str) -> model.Preview:
        wave = self.add_extra(f"audio_preview/{stem}.png", png(ground(len(stem), 64))).stored
        # players are no art: a few bytes stand in for the sound
        ogg = self.add_extra(f"audio_preview/{stem}.ogg", b"OggS" + bytes(60)).stored
        mp3 = self.add_extra(f"audio_preview/{stem}.mp3", b"ID3" + bytes(61)).stored
        return model.Preview(wave, wave, wave, ogg, mp3)

    def _comments(self, number: int, count: int) -> tuple[model.Comment, ...]:
        voices: list[str | None] = [author.slug for author in self.authors]
        voices.append(None)
        return tuple(
            model.Comment(
                cid=number * 1_000 + n,
                author=voices[n % len(voices)],
                created=STAMP + n * _HOUR_S,
                body=f"<p>Comment {n + 1}: thank you, these fit my game.</p>",
            )
            for n in range(count)
        )


def slug_of(title: str) -> str:
    """Return the title as lower-case ASCII words joined by ``-``."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
