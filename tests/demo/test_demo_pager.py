import pytest

from demo.replica.pager import mini_pager_items, page_count, pager_items


def texts(current: int, pages: int) -> list[str]:
    return [item.text for item in pager_items(current, pages)]


def test_an_only_page_has_no_pager() -> None:
    assert pager_items(0, 1) == []
    assert mini_pager_items(0, 1) == []


def test_nine_numbers_slide_around_the_current_page() -> None:
    assert texts(50, 112) == [
        *("« first", "‹ previous", "…"),
        *map(str, range(47, 56)),
        *("…", "next ›", "last »"),
    ]


def test_first_page_has_no_way_back() -> None:
    items = pager_items(0, 112)
    assert [item.text for item in items] == [*map(str, range(1, 10)), "…", "next ›", "last »"]
    assert items[0].classes == "pager-current first"
    assert items[-1].classes == "pager-last last"
    assert items[-1].page == 111


def test_last_page_has_no_way_on() -> None:
    items = pager_items(111, 112)
    assert [item.text for item in items] == ["« first", "‹ previous", "…", *map(str, range(104, 113))]
    assert items[-1].classes == "pager-current last"


@pytest.mark.parametrize("pages", range(2, 25))
def test_never_more_than_nine_numbers_and_always_the_current_one(pages: int) -> None:
    for current in range(pages):
        numbers = [text for text in texts(current, pages) if text.isdigit()]
        assert len(numbers) == min(9, pages)
        assert str(current + 1) in numbers


def test_page_count_rounds_up() -> None:
    assert [page_count(total, 24) for total in (0, 1, 24, 25)] == [1, 1, 1, 2]
