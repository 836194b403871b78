"""Credit lines: whom to thank for what, under which licence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from db.engine import Database
from db.models import Licence, Page


@dataclass(frozen=True)
class Credit:
    """A page's credit. `licences` are (name, deed URL); any one of them may be chosen."""

    title: str
    authors: str
    url: str
    licences: tuple[tuple[str, str], ...]
    attribution: str
    share_alike: bool

    def line(self) -> str:
        """Return the site's suggested wording: "title" by author licensed licence: URL."""
        return credit_line(self.title, self.authors, [name for name, _ in self.licences], self.url)


def credit_line(title: str, authors: str, licences: Sequence[str], url: str) -> str:
    """Return the site's suggested wording: "title" by author licensed licence: URL."""
    names = " or ".join(licences) or "no licence stated"
    return f'"{title}" by {authors or "unknown"} licensed {names}: {url}'


def read_credits(database: Database) -> Iterator[Credit]:
    """Yield the credit of every page, by title."""
    with database.read() as connection:
        pages = connection.execute(
            select(Page.id, Page.title, Page.authors, Page.url, Page.attribution).order_by(Page.title, Page.url)
        ).all()
        for page in pages:
            licences = connection.execute(
                select(Licence.name, Licence.url, Licence.spdx)
                .where(Licence.page_id == page.id)
                .order_by(Licence.position)
            ).all()
            yield Credit(
                title=page.title,
                authors=page.authors,
                url=page.url,
                attribution=page.attribution,
                licences=tuple((row.name, row.url) for row in licences),
                share_alike=bool(licences) and all("-SA-" in row.spdx or "GPL" in row.spdx for row in licences),
            )


def markdown(database: Database) -> Iterator[str]:
    """Yield the lines of a CREDITS.md."""
    yield "# Credits\n"
    for credit in read_credits(database):
        yield f"- {_escape(credit.line())}"
        if credit.share_alike:
            yield "  - Share-alike: what you make from it must carry the same licence."
        if credit.attribution:
            yield f"  - The author asks: {_escape(' '.join(credit.attribution.split()))}"


def _escape(value: str) -> str:
    """Keep a stranger's text from becoming markup."""
    return "".join("\\" + c if c in "\\`*_[]<>|" else c for c in value)
