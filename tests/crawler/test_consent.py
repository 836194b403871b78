import pytest
from scrapy import Request
from scrapy.http import HtmlResponse, Response

from crawler.consent import refusal_of, withhold
from db.records import PageRecord


def response(header: str = "", meta: str = "") -> Response:
    headers = {"X-Robots-Tag": header} if header else {}
    body = f"<html><head>{meta}</head></html>".encode()
    return HtmlResponse("http://s/content/p", headers=headers, body=body, encoding="utf-8")


@pytest.mark.parametrize(
    ("header", "meta", "refusal"),
    [
        ("noai", "", "noai"),
        ("noindex, noimageai", "", "noimageai"),
        ("img2dataset: noai", "", "noai"),
        ("", "<meta name='robots' content='noai, noimageai'>", "noai"),
        ("", "<META NAME='ROBOTS' CONTENT='NOIMAGEAI'>", "noimageai"),
        ("noindex", "<meta name='description' content='noai'>", ""),
        ("", "", ""),
    ],
)
def test_refusals_are_read_from_headers_and_documents(header: str, meta: str, refusal: str) -> None:
    assert refusal_of(response(header, meta)) == refusal


def test_files_of_a_page_that_refuses_are_left_and_the_page_says_why() -> None:
    page = PageRecord(url="http://s/content/p", site="s", title="P")
    file, more = (Request(f"http://s/{kind}", meta={"kind": kind}) for kind in ("file", "content"))
    kept = withhold(response("noai"), [page, file, more])
    assert kept[1:] == [more]
    assert kept[0].withheld == "noai"
    assert withhold(response(), [page, file, more]) == [page, file, more]
