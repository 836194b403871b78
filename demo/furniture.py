"""What any replica site has besides its art: users, articles, collections, stray files, former addresses."""

from collections.abc import Sequence

from demo.builder import SiteBuilder
from demo.model import Author, Credit, Redirect, SiteContent, SitePage
from demo.names import encode_path

AUTHORS = (
    Author(4101, "pebblepaw", "PebblePaw", "Petra Pawlik"),
    Author(4102, "inkwell", "Inkwell"),
    Author(4103, "mum", "Mum"),
    Author(4104, "başto", "başto"),
)
OWN = Credit("pebblepaw")
LINKED = Credit("inkwell", "Old Cartographer", "http://cartographer.example/tiles?set=1&page=2")
UNLINKED = Credit("başto", "Anonymous Friend")
CREDITS = (OWN, LINKED, UNLINKED)

ARCHIVED = "archive/credits.txt"
ATTACHED = "forum-attachments/sketch 1.png"
MENTIONS = (
    "<p>Made for a small game; the credits are in "
    f'<a href="https://opengameart.org/sites/default/files/{encode_path(ARCHIVED)}">this file</a>, a sketch is in '
    f'<a href="https://opengameart.org/sites/default/files/{encode_path(ATTACHED)}">the forum</a>.</p>'
    '<p>See also <a href="/content/faq">the FAQ</a> and <a href="http://game.example/?a=1&amp;b=2">the game</a>.</p>'
)


def finish(builder: SiteBuilder, sketch: bytes, collected: Sequence[SitePage], moved: SitePage) -> SiteContent:
    """Add the furniture and write the site; ``moved`` also answers at former addresses."""
    builder.add_extra(ARCHIVED, b"Credits: PebblePaw, Inkwell, Mum.\n")
    builder.add_extra(ATTACHED, sketch)
    target = f"/content/{encode_path(moved.slug)}"
    return builder.finish(
        collections=(
            builder.collection("My cave game", "mum", collected),
            builder.collection("Everything square", "inkwell", builder.pages[:40]),
        ),
        articles=(
            builder.article("faq", "FAQ", "<h3>What is this?</h3><p>A replica, for tests and demonstrations.</p>"),
            builder.article("irc-channel", "IRC channel", "<p>Nobody is here.</p>"),
            builder.article("weekly-challenge", "Weekly challenge", "<p>Draw a cave.</p>"),
            builder.article("support-the-site", "Support the site", "<p>No need.</p>"),
            builder.article("oga-by-30-faq", "OGA-BY 3.0 FAQ", "<p>Like CC-BY, without the clause on DRM.</p>"),
        ),
        redirects=(Redirect("/content/old-name", target), Redirect("/content/older-name", "/content/old-name")),
    )
