"""`quarry index …`: features, search by picture and words, comparison, scenes, and a page to search with."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from db.cli_options import catalog_options
from db.errors import CatalogError
from db.exit_codes import DONE, SOME_PROBLEMS, STOPPED
from db.terminal import printable
from db.vocabulary import IMAGE_KINDS
from index.errors import IndexingError
from index.features import DEFAULT, FEATURES

if TYPE_CHECKING:
    from db import Catalog
    from index.hits import Hit


class IndexGroup(click.Group):
    """Says in one line what went wrong, and what is missing of the extra."""

    def invoke(self, ctx: click.Context) -> Any:
        """Turn our errors, and packages that are absent, into usage errors."""
        try:
            return super().invoke(ctx)
        except (IndexingError, CatalogError) as error:
            raise click.UsageError(str(error)) from error
        except ModuleNotFoundError as error:
            package = error.name or "a package"
            raise click.UsageError(f"this needs {package}: pip install 'artquarry[index]'") from error


@click.group(cls=IndexGroup)
def index() -> None:
    """Find art: compute features, search by picture or words, compare, serve a page."""


def _opened(catalog_url: str | None, blobs_url: str | None) -> "Catalog":
    """Open the catalog, importing it only now: `--help` should not wait for a database library."""
    from db import Catalog

    return Catalog(catalog_url, blobs_url)


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the filters."""
    options = (
        click.option("--licence", default="", help="SPDX identifier or its beginning: CC0, CC-BY, GPL-3.0."),
        click.option("--kind", default="", type=click.Choice(["", *IMAGE_KINDS]), help="Only images, sheets or tiles."),
        click.option("--author", default="", help="Part of an author's name."),
        click.option("--tag", default="", help="A tag of the page."),
        click.option("--type", "art_type", default="", help="The site's kind of art: 2d, concept, texture."),
        click.option("--min-size", default=0, help="Larger side at least so many pixels."),
        click.option("--max-size", default=0, help="Larger side at most so many pixels."),
        click.option("--since", default="", help="Posted on or after YYYY-MM-DD."),
        click.option("--until", default="", help="Posted on or before YYYY-MM-DD."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@index.command()
@catalog_options
@click.option("--model", "models", multiple=True, type=click.Choice(sorted(FEATURES)), help=f"[{DEFAULT}] Repeatable.")
@click.option("--pool", default="processes", show_default=True, help="Where to work: processes:N or dask://host:port.")
@click.option("--retry", is_flag=True, help="Try again what failed before.")
@click.option("--dry-run", is_flag=True, help="Only say how much is due.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
def featurize(
    catalog_url: str | None,
    blobs_url: str | None,
    models: tuple[str, ...],
    pool: str,
    retry: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Compute the features of every image that lacks them.

    Safe to stop and to repeat. Exit code 0: done; 1: done, with problems; 3: stopped early.

    Example: quarry index featurize --model art --model pdq
    """
    if dry_run:
        _say_due(catalog_url, blobs_url, models or (DEFAULT,), as_json)
        return
    from index.featurizing import featurize_catalog
    from pools.errors import PoolGoneError, PoolUrlError

    with _opened(catalog_url, blobs_url) as catalog:
        try:
            outcome = featurize_catalog(catalog, models or (DEFAULT,), pool, retry=retry)
        except PoolUrlError as error:
            raise click.UsageError(str(error)) from error
        except PoolGoneError as error:
            click.echo(printable(f"Stopped early: {error}. The same command goes on from here."), err=True)
            sys.exit(STOPPED)
    click.echo(json.dumps(outcome.as_json()) if as_json else outcome.text())
    sys.exit(STOPPED if outcome.stopped else SOME_PROBLEMS if outcome.problems else DONE)


def _say_due(catalog_url: str | None, blobs_url: str | None, names: Sequence[str], as_json: bool) -> None:
    from index import store
    from index.features import open_feature

    with _opened(catalog_url, blobs_url) as catalog:
        ids = {name: store.register(catalog.database, open_feature(name).model) for name in names}
        due = store.count_due(catalog.database, ids)
    nothing_done = {"stored": {}, "problems": [], "due": due, "stopped": False, "cause": ""}
    click.echo(
        json.dumps(nothing_done) if as_json else "\n".join(f"{name}: {count} due" for name, count in due.items())
    )


@index.command()
@catalog_options
@click.argument("what", nargs=-1)
@click.option("--image", "image_id", type=int, help="Search with an image of the catalog, by its id.")
@click.option("--words", default="", help="Only what pages say so of, beside a picture.")
@click.option("--model", default=DEFAULT, type=click.Choice(sorted(FEATURES)), show_default=True)
@selection_options
@click.option("--count", default=12, show_default=True, help="Hits a page.")
@click.option("--page", default=1, show_default=True, help="Which page.")
@click.option("--orientations", is_flag=True, help="Also find it turned and mirrored.")
@click.option("--recoloured", is_flag=True, help="Rank by shape, colours aside.")
@click.option("--all", "every", is_flag=True, help="Do not fold near-duplicates into one hit.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def search(
    catalog_url: str | None,
    blobs_url: str | None,
    what: tuple[str, ...],
    image_id: int | None,
    words: str,
    model: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Find images by a picture (file or URL) or by words, each with its page, author and licence.

    Example: quarry index search knight.png --licence CC0

    Example: quarry index search castle wall --kind tile
    """
    from index.pictures import picture_or_words
    from index.search import Query, Searcher
    from index.selection import Selection

    picture, found_words = picture_or_words(what)
    query = Query(
        picture=picture,
        image_id=image_id,
        words=" ".join(filter(None, (found_words, words))),
        fold=not options.pop("every"),
        offset=max(0, options.pop("page") - 1) * options["count"],
        **{name: options.pop(name) for name in ("count", "orientations", "recoloured")},
        selection=Selection(**options),
    )
    with _opened(catalog_url, blobs_url) as catalog:
        found = Searcher(catalog, model).search(query)
    if as_json:
        hits = [hit.as_json() for hit in found.hits]
        click.echo(json.dumps({"hits": hits, "more": found.more, "seconds": round(found.seconds, 4)}))
    else:
        _print_hits(found.hits, query.offset)


def _print_hits(hits: "Sequence[Hit]", offset: int) -> None:
    for number, hit in enumerate(hits, offset + 1):
        score = "" if hit.score is None else f"{hit.score:.3f} {hit.tier} "
        folded = f" (+{len(hit.duplicates)} alike)" if hit.duplicates else ""
        click.echo(f"{number:3}. {score}{hit.kind} {hit.width}×{hit.height}{folded}")
        click.echo(printable(f"     {hit.credit}"))
        click.echo(printable(f"     {hit.url}"))
    if not hits:
        click.echo("Nothing found.")


@index.command()
@catalog_options
@click.option("--model", "models", multiple=True, type=click.Choice(sorted(FEATURES)), help=f"[{DEFAULT}] Repeatable.")
@click.option("--engine", default="", help="An engine as in QUARRY_INDEX, such as lancedb:FOLDER.")
def rebuild(catalog_url: str | None, blobs_url: str | None, models: tuple[str, ...], engine: str) -> None:
    """Make the engine's copy of the vectors and the full-text index anew from the catalog.

    Example: quarry index rebuild
    """
    from index import store
    from index.engines import open_engine
    from index.features import open_feature
    from index.words import Words

    with _opened(catalog_url, blobs_url) as catalog:
        opened = open_engine(catalog, engine or None)
        for name in models or (DEFAULT,):
            model = open_feature(name).model
            count = opened.rebuild(model, store.register(catalog.database, model))
            click.echo(f"{name}: {count} vectors in {opened.name}")
        click.echo(f"words: {Words(catalog).rebuild()} documents")


@index.command()
@click.argument("one")
@click.argument("other")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def compare(one: str, other: str, as_json: bool) -> None:
    """Say how alike two pictures are: bytes, pixels, structural similarity, with a verdict.

    Exit code 0: the same picture; 1: not.

    Example: quarry index compare mine.png https://example.org/theirs.jpg
    """
    from index.compare import compare_pictures
    from index.pictures import read_bytes

    found = compare_pictures(read_bytes(one), read_bytes(other))
    click.echo(json.dumps(found.as_json()) if as_json else found.text())
    sys.exit(DONE if found.same else SOME_PROBLEMS)


@index.command()
@catalog_options
@click.argument("crops", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--among", default="", help="Only pictures whose pages or paths speak of these words [all].")
@selection_options
@click.option("--keep", default=200, show_default=True, help="So many of the cheap comparison are compared exactly.")
@click.option("--count", default=10, show_default=True, help="How many to show for each crop.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def rank(
    catalog_url: str | None,
    blobs_url: str | None,
    crops: tuple[Path, ...],
    among: str,
    keep: int,
    count: int,
    as_json: bool,
    **filters: Any,
) -> None:
    """Order crawled pictures by structural similarity to small crops, such as the fields of a mosaic.

    Example: quarry index rank left.png right.png --among landscape
    """
    from index.featurizing import featurize_catalog
    from index.pictures import read_picture
    from index.rank import FEATURE, rank_crops
    from index.selection import Selection

    with _opened(catalog_url, blobs_url) as catalog:
        featurize_catalog(catalog, (FEATURE,), "processes")
        pictures = [read_picture(str(crop)) for crop in crops]
        found = rank_crops(catalog, pictures, Selection(**filters), words=among, keep=keep, count=count)
    if as_json:
        click.echo(
            json.dumps([{"crop": str(c), "hits": [h.as_json() for h in f]} for c, f in zip(crops, found, strict=True)])
        )
        return
    for crop, hits in zip(crops, found, strict=True):
        click.echo(printable(f"{crop}:"))
        for hit in hits:
            click.echo(printable(f"  {hit.score or 0:.3f} {hit.credit} {hit.url}"))


@index.command()
@catalog_options
@click.argument("screenshot")
@selection_options
@click.option("--count", default=20, show_default=True, help="How many to show.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def inside(
    catalog_url: str | None, blobs_url: str | None, screenshot: str, count: int, as_json: bool, **filters: Any
) -> None:
    """Name the sprites inside a screenshot, and where they stand: at their own size or enlarged by a whole number.

    The screenshot is a file or a URL.

    Example: quarry index inside screenshot.jpg --author Ann
    """
    from index.featurizing import featurize_catalog
    from index.inside import FEATURE, find_inside
    from index.pictures import read_picture
    from index.selection import Selection

    with _opened(catalog_url, blobs_url) as catalog:
        featurize_catalog(catalog, (FEATURE,), "processes")
        found = find_inside(catalog, read_picture(screenshot), Selection(**filters), count)
    if as_json:
        click.echo(json.dumps([{**hit.as_json(), "at": seen.rectangle} for hit, seen in found]))
        return
    for hit, seen in found:
        x, y, width, height = seen.rectangle
        click.echo(printable(f"  {seen.score:.3f} {width}×{height} at {x},{y} {hit.credit} {hit.url}"))
    if not found:
        click.echo("None of the catalog's sprites is seen in it.")


@index.command()
@catalog_options
@click.argument("videos", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--search", "screenshot", type=click.Path(exists=True, dir_okay=False), help="Say where this is from.")
@click.option(
    "--every", "every_s", default=0.5, show_default=True, help="Seconds between the frames that are looked at."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def scenes(
    catalog_url: str | None,
    blobs_url: str | None,
    videos: tuple[Path, ...],
    screenshot: str | None,
    every_s: float,
    as_json: bool,
) -> None:
    """Index the scenes of films by their look; with --search, say which film and second a screenshot is from.

    Example: quarry index scenes trailer.mp4

    Example: quarry index scenes --search shot.png
    """
    if not videos and screenshot is None:
        raise click.UsageError("give films to index, or --search with a screenshot")
    from index.pictures import read_picture
    from index.scenes import Scenes

    with _opened(catalog_url, blobs_url) as catalog:
        opened = Scenes(catalog)
        indexed = [opened.index(video, every_s) for video in videos]
        found = opened.find(read_picture(screenshot)) if screenshot else []
    if as_json:
        click.echo(json.dumps({"indexed": [i.as_json() for i in indexed], "found": [f.as_json() for f in found]}))
        return
    for film in indexed:
        click.echo(printable(f"{film.path}: {film.scenes} scenes" + (" (known already)" if film.known else "")))
    for match in found:
        click.echo(printable(f"  {match.score:.3f} {match.path} at {match.clock}"))


@index.command()
@catalog_options
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback only, unless you mean it.")
@click.option("--port", default=8017, show_default=True)
@click.option("--model", default=DEFAULT, type=click.Choice(sorted(FEATURES)), show_default=True)
def serve(catalog_url: str | None, blobs_url: str | None, host: str, port: int, model: str) -> None:
    """Serve a page to search with, on this machine.

    Example: quarry index serve
    """
    from index.serve.run import serve_page

    serve_page(catalog_url, blobs_url, host, port, model)
