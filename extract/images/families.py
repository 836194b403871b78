"""The families of image formats: who decodes them, and in which version. Importing this imports no decoder.

`FAMILIES` is the one list: a new family is a new module, one entry here, its signature for `extract.sniff`, and a
golden case in `tests/extract/images`.
"""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extract.images.interface import Decoder


@dataclass(frozen=True)
class Family:
    """A decoder as "module:Class", and the formats it reads, as `extract.sniff` names them.

    Raising `version` makes what it decoded due again. It must differ from 1, which settled images before decoders
    had versions of their own. `needs` is a package that not everybody installs.
    """

    decoder: str
    formats: frozenset[str]
    version: int = 2
    needs: str = ""

    def available(self) -> bool:
        """Tell whether the library it needs is installed."""
        return not self.needs or _installed(self.needs)


FAMILIES = (
    Family(
        "pillow_decoder:PillowDecoder",
        frozenset(
            "png gif jpeg webp bmp tga tiff pcx dcx dds ppm qoi avif icns jp2 xpm sgi sun fli".split()  # noqa: SIM905 - a table
        ),
    ),
    Family("icon_decoder:IconDecoder", frozenset({"ico", "cur", "ani"})),
    Family("modern_decoder:HeifDecoder", frozenset({"heif"}), needs="pillow_heif"),
    Family("modern_decoder:JxlDecoder", frozenset({"jxl"}), needs="pillow_jxl"),
    Family("psd_decoder:PsdDecoder", frozenset({"psd"})),
    Family("xcf_decoder:XcfDecoder", frozenset({"xcf"})),
    Family("merged_decoder:MergedDecoder", frozenset({"kra", "ora"})),
    Family("svg_decoder:SvgDecoder", frozenset({"svg"})),
    Family("aseprite_decoder:AsepriteDecoder", frozenset({"ase"})),
)
FAMILY_OF = {format_: family for family in FAMILIES for format_ in family.formats}


def decoder_versions() -> dict[str, int]:
    """Return the version by format; 0 for a decoder whose wheel is missing, so that installing it makes files due."""
    return {format_: family.version if family.available() else 0 for format_, family in FAMILY_OF.items()}


@cache
def decoder_of(family: Family) -> "Decoder":
    """Return a family's decoder, importing it."""
    module, _, name = family.decoder.partition(":")
    decoder: Decoder = getattr(import_module(f"extract.images.{module}"), name)()
    return decoder


@cache
def _installed(package: str) -> bool:
    return find_spec(package) is not None
