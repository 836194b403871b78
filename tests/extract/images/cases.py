"""Golden cases: a file of each format, and the pixels that must come out of it."""

from collections.abc import Callable

from tests.extract.images.golden_bitmaps import bmp_cases, dds_cases, tga_cases
from tests.extract.images.golden_layered import aseprite_cases, xcf_cases
from tests.extract.images.golden_others import icon_cases, modern_cases, psd_cases, svg_cases, zip_cases
from tests.extract.images.golden_pillow import pillow_cases
from tests.extract.images.pictures import Case

FAMILIES: tuple[Callable[[], list[Case]], ...] = (
    pillow_cases,
    bmp_cases,
    tga_cases,
    dds_cases,
    icon_cases,
    aseprite_cases,
    xcf_cases,
    psd_cases,
    zip_cases,
    svg_cases,
    modern_cases,
)
"""The golden cases of each family: a decoder without one fails a test."""

CASES = [case for family in FAMILIES for case in family()]
