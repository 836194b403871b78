"""Links are joined and escaped by shortcuts; whatever the link, they lead where the library would."""

from urllib.parse import urldefrag, urljoin

from hypothesis import given
from hypothesis import strategies as st
from w3lib.url import safe_url_string

from crawler.pages.document import PLAIN_URL, file_url, link_url

BASES = st.sampled_from(
    ["https://opengameart.org/content/castle?page=1#top", "http://127.0.0.1:8000/a/b/", "https://a.example"]
)
LINKS = st.one_of(
    st.from_regex(PLAIN_URL, fullmatch=True),
    st.text(max_size=40),
    st.builds("".join, st.lists(st.sampled_from(["/", "//", "..", ".", "a", "é", " ", "%2", "?", "#", ":", "http:"]))),
)


def by_the_library(base: str, link: str, *, fragment: bool) -> str:
    """Join and escape without any shortcut."""
    try:
        joined = urljoin(base, link.strip())
        return str(safe_url_string(joined if fragment else urldefrag(joined)[0]))
    except ValueError:
        return ""


@given(BASES, LINKS)
def test_links(base: str, link: str) -> None:
    expected = by_the_library(base, link, fragment=True) if link.strip() else ""
    assert link_url(base, link) == expected


@given(BASES, LINKS)
def test_links_to_files(base: str, link: str) -> None:
    assert file_url(base, link) == by_the_library(base, link, fragment=False)
