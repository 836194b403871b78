"""Drupal 7's full pager as a pure function."""

import math
from dataclasses import dataclass

_NUMBERED = 9


@dataclass(frozen=True)
class PagerItem:
    """One ``li``: its classes, text, tooltip, and the 0-based page it links to (None: no link)."""

    classes: str
    text: str
    title: str = ""
    page: int | None = None


def page_count(total: int, per_page: int) -> int:
    """Return the number of pages needed, at least 1."""
    return max(1, math.ceil(total / per_page))


def pager_items(current: int, pages: int) -> list[PagerItem]:
    """Return the items for 0-based page ``current`` of ``pages``; an only page has no pager (empty list)."""
    if pages <= 1:
        return []
    items = []
    if current > 0:
        items.append(PagerItem("pager-first", "« first", "Go to first page", 0))
        items.append(PagerItem("pager-previous", "‹ previous", "Go to previous page", current - 1))
    items += _numbered(current, pages)
    if current < pages - 1:
        items.append(PagerItem("pager-next", "next ›", "Go to next page", current + 1))
        items.append(PagerItem("pager-last", "last »", "Go to last page", pages - 1))
    return _with_ends(items)


def mini_pager_items(current: int, pages: int) -> list[PagerItem]:
    """Return the items of a mini pager: previous, ``2 of 5``, next."""
    if pages <= 1:
        return []
    before, after = PagerItem("pager-previous", ""), PagerItem("pager-next", "")
    if current > 0:
        before = PagerItem("pager-previous", "‹‹", "Go to previous page", current - 1)
    if current < pages - 1:
        after = PagerItem("pager-next", "››", "Go to next page", current + 1)
    return _with_ends([before, PagerItem("pager-current", f"{current + 1} of {pages}"), after])


def _numbered(current: int, pages: int) -> list[PagerItem]:
    # Drupal counts from 1 here, and slides the window so that nine numbers fit whenever there are nine.
    first = max(1, min(current + 1 - _NUMBERED // 2, pages - _NUMBERED + 1))
    last = min(pages, first + _NUMBERED - 1)
    items = [PagerItem("pager-ellipsis", "…")] if first > 1 else []
    for number in range(first, last + 1):
        if number == current + 1:
            items.append(PagerItem("pager-current", str(number)))
        else:
            items.append(PagerItem("pager-item", str(number), f"Go to page {number}", number - 1))
    if last + 1 < pages:  # Drupal omits the dots when exactly one number is hidden at this end
        items.append(PagerItem("pager-ellipsis", "…"))
    return items


def _with_ends(items: list[PagerItem]) -> list[PagerItem]:
    first, *_, last = items
    items[0] = PagerItem(f"{first.classes} first", first.text, first.title, first.page)
    items[-1] = PagerItem(f"{last.classes} last", last.text, last.title, last.page)
    return items
