"""The exact scan's memory-mapped copy: it follows the catalog, and whoever reads it is never hurt by who writes it."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from db import Catalog
from index import store
from index.engines.exact import ExactEngine
from index.engines.notes import locked
from tests.conftest import ROOT
from tests.index import vectors

READER = """
import sys
from db import Catalog
from index import store
from index.engines.exact import ExactEngine
from tests.index.vectors import MODEL
with Catalog(sys.argv[1], sys.argv[2]) as catalog:
    engine, model_id = ExactEngine(catalog), store.register(catalog.database, MODEL)
    _, rows = engine.matrix(MODEL, model_id)
    print(len(rows), flush=True)
    sys.stdin.readline()
    rows.sum()  # of what was mapped: a page that is gone ends the process with SIGBUS
    print(len(engine.matrix(MODEL, model_id)[1]), flush=True)
"""


@pytest.fixture
def written(tmp_path: Path) -> "Written":
    return Written(f"sqlite:///{tmp_path / 'catalog.db'}", str(tmp_path / "blobs"))


class Written:
    """A catalog with many rows, so that they fill many pages of memory."""

    def __init__(self, url: str, blobs: str) -> None:
        self.settings = url, blobs
        self.catalog = Catalog(url, blobs)
        self.folder = Path(f"{url.removeprefix('sqlite:///')}.vectors")
        vectors.add_rows(self.catalog, 1, 2000)
        self.model_id = store.register(self.catalog.database, vectors.MODEL)

    def files(self) -> set[str]:
        return {file.name for file in self.folder.iterdir() if file.suffix in (".ids", ".rows")}

    def forget_most(self) -> None:
        with self.catalog.database.write() as connection:
            connection.execute(text("DELETE FROM feature WHERE id > 10"))


@pytest.mark.parametrize("how", ["rebuild", "another catalog's", "cut short"])
def test_a_reader_survives_a_copy_made_anew_and_sees_the_new_one(written: Written, how: str) -> None:
    command = [sys.executable, "-c", READER, *written.settings]
    engine = ExactEngine(written.catalog)
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdin is not None and reader.stdout is not None
        assert reader.stdout.readline() == "2000\n"
        before = written.files()
        written.forget_most()
        if how == "rebuild":
            assert engine.rebuild(vectors.MODEL, written.model_id) == 10
        elif how == "another catalog's":
            assert len(engine.matrix(vectors.MODEL, written.model_id)[1]) == 10
        else:
            (ids,) = (file for file in written.folder.iterdir() if file.suffix == ".ids")
            ids.unlink()
            assert len(engine.matrix(vectors.MODEL, written.model_id)[1]) == 10
        after = written.files()
        assert len(before) == len(after) == 2 and not before & after
        said, _ = reader.communicate("\n")
    assert (said, reader.returncode) == ("10\n", 0)


def test_a_reader_notices_a_copy_made_anew_with_the_same_newest_row(written: Written) -> None:
    """Rows in the middle went: the newest one tells nothing, the note does."""
    reader, writer = ExactEngine(written.catalog), ExactEngine(written.catalog)
    assert len(reader.matrix(vectors.MODEL, written.model_id)[0]) == 2000
    with written.catalog.database.write() as connection:
        connection.execute(text("DELETE FROM feature WHERE id = 7"))
    writer.rebuild(vectors.MODEL, written.model_id)
    images, rows = reader.matrix(vectors.MODEL, written.model_id)
    assert len(images) == len(rows) == 1999 and 7 not in images


def test_rows_that_were_written_and_not_acknowledged_are_written_again(written: Written) -> None:
    """As after a kill between the rows and the note."""
    ExactEngine(written.catalog).matrix(vectors.MODEL, written.model_id)
    before = written.files()
    for file in written.folder.iterdir():
        if file.suffix in (".ids", ".rows"):
            with file.open("ab") as stream:
                stream.write(b"half a row")
    images, _ = vectors.add_rows(written.catalog, 2, 3)
    found, rows = ExactEngine(written.catalog).matrix(vectors.MODEL, written.model_id)
    assert list(found[-3:]) == images and len(rows) == 2003 and np.isfinite(rows).all()
    assert written.files() == before


def test_a_problem_as_newest_row_does_not_make_each_search_catch_up(written: Written) -> None:
    """What a search finds up to date it must not wait for: the lock is held by somebody else here."""
    engine = ExactEngine(written.catalog)
    database, model = written.catalog.database, vectors.MODEL
    engine.matrix(model, written.model_id)
    with database.write() as connection:
        image = "INSERT INTO image (id, pixel_hash, width, height, transparent) VALUES (9999, 'x', 1, 1, false)"
        connection.execute(text(image))
        store.save(connection, model, written.model_id, [store.Computed(9999, None, "broken")])
    note = written.folder / f"{model.name}-{model.version}.json"
    note_before = note.stat()
    with ThreadPoolExecutor(1) as threads:
        with locked(written.folder):
            searched = threads.submit(engine.matrix, model, written.model_id)
            waited = not wait([searched], 20).done
        assert len(searched.result()[0]) == 2000 and not waited
    assert note.stat() == note_before
