"""Credit lines: whom to thank for what, under which licence, and what that licence asks of you besides.

Where several licences are offered you may choose; what is said here is what the lightest of them asks for, and the
others are named. Nothing here is legal advice; the licences themselves are linked.
"""

import csv
import html
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select

from db.cells import harmless, tame
from db.engine import Database
from db.licences import UNKNOWN, Duties, duties
from db.models import Licence, Page
from db.selection import EVERYTHING, Selection, selected_pages
from db.terminal import printable

Format = Literal["markdown", "html", "csv"]


@dataclass(frozen=True)
class Credit:
    """A page's credit. `licences` are (name, deed URL, SPDX); any one of them may be chosen."""

    title: str
    authors: str
    url: str
    licences: tuple[tuple[str, str, str], ...]
    attribution: str

    @property
    def duties(self) -> Duties:
        """Return what the lightest of the licences asks for."""
        asked = (duties(spdx) for _, _, spdx in self.licences)
        return min(asked, key=lambda each: each.weight, default=UNKNOWN)

    @property
    def share_alike(self) -> bool:
        """Tell whether every choice binds what you make from it."""
        return self.duties.share_alike

    def line(self) -> str:
        """Return the site's suggested wording: "title" by author licensed licence: URL."""
        return credit_line(self.title, self.authors, [name for name, _, _ in self.licences], self.url)

    def notes(self) -> list[str]:
        """Return what to mind, a sentence each."""
        asked = self.duties
        if not self.licences:
            return ["No licence is stated: ask the author before you use it."]
        said = []
        if asked.unknown:
            said.append("We do not know this licence: read it.")
        if asked.share_alike:
            said.append("Share-alike: what you make from it must carry the same licence.")
        if asked.source:
            said.append("GPL: pass on the licence text, and the editable sources of what you make from it.")
        if asked.changes:
            said.append("Say so if you changed it.")
        if not asked.attribution:
            said.append("Credit is optional.")
        return said


def credit_line(title: str, authors: str, licences: Sequence[str], url: str) -> str:
    """Return the site's suggested wording: "title" by author licensed licence: URL."""
    names = " or ".join(licences) or "no licence stated"
    return f'"{title}" by {authors or "unknown"} licensed {names}: {url}'


def read_credits(database: Database, selection: Selection = EVERYTHING) -> Iterator[Credit]:
    """Yield the credit of every page that something selected comes from, by title."""
    with database.read() as connection:
        for page_id in selected_pages(connection, selection):
            page = connection.execute(
                select(Page.title, Page.authors, Page.url, Page.attribution).where(Page.id == page_id)
            ).one()
            licences = connection.execute(
                select(Licence.name, Licence.url, Licence.spdx)
                .where(Licence.page_id == page_id)
                .order_by(Licence.position)
            ).all()
            yield Credit(
                title=page.title,
                authors=page.authors,
                url=page.url,
                attribution=page.attribution,
                licences=tuple((row.name, row.url, row.spdx) for row in licences),
            )


def write_credits(database: Database, format_: Format, selection: Selection = EVERYTHING) -> Iterator[str]:
    """Yield the lines of a credits file."""
    return {"markdown": markdown, "html": as_html, "csv": as_csv}[format_](database, selection)


def markdown(database: Database, selection: Selection = EVERYTHING) -> Iterator[str]:
    """Yield the lines of a CREDITS.md."""
    yield "# Credits\n"
    for credit in read_credits(database, selection):
        yield f"- {_escape(credit.line())}"
        for note in credit.notes():
            yield f"  - {note}"
        if credit.attribution:
            yield f"  - The author asks: {_escape(' '.join(credit.attribution.split()))}"


def _escape(value: str) -> str:
    """Keep a stranger's text from becoming markup, or a line of its own."""
    return "".join("\\" + c if c in "\\`*_[]<>|" else printable(c) for c in " ".join(value.split()))


HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Credits</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}li{margin:.6rem 0}
small{display:block;opacity:.75}</style></head><body><h1>Credits</h1><ul>"""


def as_html(database: Database, selection: Selection = EVERYTHING) -> Iterator[str]:
    """Yield the lines of a credits page."""
    yield HEAD
    for credit in read_credits(database, selection):
        licences = " or ".join(_link(deed, name) for name, deed, _ in credit.licences) or "no licence stated"
        notes = "".join(f"<small>{_html(note)}</small>" for note in credit.notes())
        if credit.attribution:
            notes += f"<small>The author asks: {_html(credit.attribution)}</small>"
        authors = _html(credit.authors or "unknown")
        yield f"<li>{_link(credit.url, credit.title)} by {authors}, licensed {licences}{notes}</li>"
    yield "</ul></body></html>"


def _html(value: str) -> str:
    return html.escape(tame(value))


def _link(url: str, label: str) -> str:
    if not url.startswith(("http://", "https://")):
        return _html(label)
    return f'<a rel="noopener noreferrer" href="{_html(url)}">{_html(label)}</a>'


CSV_COLUMNS = ("title", "authors", "url", "licences", "spdx", "must_credit", "share_alike", "notes", "author_asks")


def as_csv(database: Database, selection: Selection = EVERYTHING) -> Iterator[str]:
    """Yield the lines of a credits table; no cell can be a formula."""
    yield ",".join(CSV_COLUMNS)
    for credit in read_credits(database, selection):
        row = (
            credit.title,
            credit.authors,
            credit.url,
            " or ".join(name for name, _, _ in credit.licences),
            " OR ".join(dict.fromkeys(spdx for _, _, spdx in credit.licences)),
            "yes" if credit.duties.attribution else "no",
            "yes" if credit.share_alike else "no",
            " ".join(credit.notes()),
            credit.attribution,
        )
        out = io.StringIO()
        csv.writer(out, lineterminator="\r\n").writerow([harmless(cell) for cell in row])  # so that both are quoted
        yield out.getvalue().removesuffix("\r\n")
