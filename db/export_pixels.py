"""Images with their pixels: a folder that `datasets.load_dataset` reads, or WebDataset shards.

Each distinct image comes once, with what its first selected sighting says. Images of one sheet are decoded together.

- `datasets`: `data/train-*.parquet`, column `image` as a struct of PNG bytes and a path, with the features in the
  schema's `huggingface` metadata, as the library writes them itself.
- `webdataset`: `shard-*.tar` with `ID.png` and `ID.json` side by side, made without times and owners, so that the
  same catalog gives the same bytes.
"""

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from db.catalog import Catalog
from db.cells import json_line
from db.engine import chunked, settled_up_to
from db.export import COLUMNS, plain
from db.export_parts import Item, begin, export_parts, last_id
from db.models import Image
from db.selection import Selection
from db.sources import find_sources

BATCH = 1000


@dataclass(frozen=True)
class Picture:
    """An image as PNG, with what its sighting says (COLUMNS of db.export)."""

    id: int
    png: bytes
    facts: dict[str, Any]


def pictures(catalog: Catalog, selection: Selection, after: int = 0) -> Iterator[Item]:
    """Yield distinct selected images, by id; the catalog notes those that cannot be opened as `unreadable`."""
    until = settled_up_to(catalog.database, Image)
    while True:
        with catalog.database.snapshot() as connection:  # which are selected, and what is said of them: one moment
            ids = _ids(connection, selection, after, until)
            sources = find_sources(connection, ids)
            here = [image_id for image_id in ids if image_id in sources]
            facts = _facts(connection, selection, here)
        encoded = {image_id: _png(rgba) for image_id, rgba in catalog.open_many(here, leave_out=True)}
        for image_id in (each for each in here if each in encoded):
            yield Item(image_id, Picture(image_id, encoded[image_id], facts[image_id]))
        if len(ids) < BATCH:
            return
        after = ids[-1]


def _ids(connection: Connection, selection: Selection, after: int, until: int) -> list[int]:
    conditions, values = selection.where(connection)
    where = " AND ".join([*conditions, "v.image_id > :after", "v.image_id <= :last"])
    query = f"SELECT DISTINCT v.image_id FROM image_catalog v WHERE {where} ORDER BY v.image_id LIMIT :count"  # noqa: S608
    return list(connection.scalars(text(query), {**values, "after": after, "last": until, "count": BATCH}))


def _facts(connection: Connection, selection: Selection, image_ids: list[int]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    conditions, values = selection.where(connection)
    for chunk in chunked(image_ids):
        where = " AND ".join([*conditions, f"v.image_id IN ({', '.join(map(str, chunk))})"])
        query = f"SELECT v.* FROM image_catalog v WHERE {where} ORDER BY v.sighting_id DESC"  # noqa: S608
        for row in connection.execute(text(query), values).mappings():
            found[row["image_id"]] = {name: plain(name, row[name]) for name in COLUMNS}
    return found


def _png(rgba: Any) -> bytes:
    from PIL import Image as PillowImage

    out = io.BytesIO()
    PillowImage.fromarray(rgba, "RGBA").save(out, "PNG")
    return out.getvalue()


def export_datasets(catalog: Catalog, selection: Selection, folder: Path, per_part: int) -> int:
    """Export for `datasets.load_dataset(folder)`; goes on where an earlier run stopped."""
    begin(folder, "datasets", selection)
    (folder / "data").mkdir(exist_ok=True)
    after = last_id(folder / "data", "train", ".parquet")
    items = pictures(catalog, selection, after)
    return export_parts(folder / "data", "train", ".parquet", items, per_part, _write_datasets)


def _write_datasets(found: Iterator[Picture], path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    from db.export_parquet import schema

    plain = schema()
    image = pa.field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    features: dict[str, Any] = {"image": {"_type": "Image"}}
    features |= {field.name: {"dtype": _dtype(field.type), "_type": "Value"} for field in plain}
    told = {"huggingface": json.dumps({"info": {"features": features}})}
    columns = pa.schema([image, *plain], metadata=told)
    rows = [{"image": {"bytes": one.png, "path": f"{one.id}.png"}, **one.facts} for one in found]
    # Small row groups: the viewer and streaming readers take one at a time, with all its pixels.
    parquet.write_table(pa.Table.from_pylist(rows, schema=columns), path, row_group_size=100, compression="zstd")


def _dtype(kind: Any) -> str:
    return {"int64": "int64", "bool": "bool"}.get(str(kind), "string")


def export_webdataset(catalog: Catalog, selection: Selection, folder: Path, per_part: int) -> int:
    """Export WebDataset shards; goes on where an earlier run stopped."""
    begin(folder, "webdataset", selection)
    items = pictures(catalog, selection, last_id(folder, "shard", ".tar"))
    return export_parts(folder, "shard", ".tar", items, per_part, _write_shard)


def _write_shard(found: Iterator[Picture], path: Path) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as shard:
        for one in found:
            facts = json_line(one.facts).encode()
            for suffix, data in (("png", one.png), ("json", facts)):
                member = tarfile.TarInfo(f"{one.id:012d}.{suffix}")
                member.size, member.mode = len(data), 0o644
                shard.addfile(member, io.BytesIO(data))
