"""Templates and the filters they use."""

from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from demo import names
from demo.model import ART_TYPES, LICENCES
from demo.replica.state import REPLICA

_REAL_ORIGIN = "https://opengameart.org"


def _with_page(query: str, page: int) -> str:
    """Return ``?query&page=N``; page 0 has no parameter."""
    parts = [part for part in (query, f"page={page}" if page else "") if part]
    return "?" + "&".join(parts) if parts else ""


def _own_links(html: str, origin: str) -> Markup:
    return Markup(html.replace(_REAL_ORIGIN, origin))


def _environment() -> Environment:
    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=False
    )
    environment.filters.update(
        path=names.encode_path,
        file=names.file_path,
        icon=names.icon_of,
        size_text=names.size_text,
        long_date=names.long_date,
        short_date=names.short_date,
        iso_date=names.iso_date,
        with_page=_with_page,
        own_links=_own_links,
    )
    environment.globals.update(types=ART_TYPES)
    return environment


_ENVIRONMENT = _environment()


def origin_of(request: web.Request) -> str:
    """Return the origin the visitor used, for the links that are absolute on the real site."""
    return f"{request.scheme}://{request.host}"


def render(request: web.Request, template: str, **values: object) -> str:
    """Fill a template; every page also gets what its frame needs."""
    replica = request.app[REPLICA]
    frame: dict[str, object] = {
        "origin": origin_of(request),
        "collections": replica.content.collections,
        "authors": replica.authors,
        "licences": LICENCES,
        "errors": None,
    }
    return _ENVIRONMENT.get_template(template).render(frame | values)
