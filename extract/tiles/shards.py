"""Tiles for machine learning: WebDataset tar files or Parquet files, a fixed number of distinct images in each.

``shards.json`` keeps, for each finished shard, a digest of what went into it. A shard whose digest still holds is kept;
one that is missing, or whose images or descriptions have changed, is written again. So a run that was stopped goes on,
and a run after the catalog has grown writes what is new.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from db import Catalog
from extract.tiles.folder import Written, png
from extract.tiles.samples import Sample, Selection, distinct_images

INDEX = "shards.json"
ROW_GROUP = 500

Encoded = Iterator[tuple[Sample, bytes]]


class Writer(Protocol):
    """Writes one shard: samples with their PNG bytes, as they come."""

    suffix: str

    def write(self, path: Path, samples: Encoded) -> None:
        """Write a whole shard into a new file."""
        ...


class WebDatasetWriter:
    """A tar file in which the members of one sample share a name: ``KEY.png``, ``KEY.json``.

    Source: https://github.com/webdataset/webdataset, "The WebDataset Format".
    """

    suffix = "tar"

    def write(self, path: Path, samples: Encoded) -> None:
        """Write a shard whose bytes depend on nothing but the samples."""
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as shard:
            for sample, data in samples:
                key = f"{sample['image_id']:012d}"
                described = json.dumps(sample, ensure_ascii=False).encode()
                for ending, content in (("png", data), ("json", described)):
                    member = tarfile.TarInfo(f"{key}.{ending}")
                    member.size = len(content)
                    shard.addfile(member, io.BytesIO(content))


class ParquetWriter:
    """A Parquet file whose column ``image`` is what Hugging Face's `datasets` reads as Image: bytes and a path."""

    suffix = "parquet"

    def write(self, path: Path, samples: Encoded) -> None:
        """Write a shard in row groups of `ROW_GROUP`."""
        import pyarrow.parquet as pq  # an extra

        schema = _schema()
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            rows: list[dict[str, Any]] = []
            for sample, data in samples:
                rows.append({"image": {"bytes": data, "path": f"{sample['image_id']}.png"}, **sample})
                if len(rows) == ROW_GROUP:
                    writer.write_table(_table(rows, schema))
                    rows = []
            if rows:
                writer.write_table(_table(rows, schema))


def _table(rows: list[dict[str, Any]], schema: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_pylist(rows, schema=schema)


def _schema() -> Any:
    import pyarrow as pa

    from extract.tiles.samples import FIELDS

    texts = {"tile_name", "tile_tag", "url", "source_page", "title", "authors", "licence", "tags", "path"}
    texts |= {"pixel_hash", "orientation_hash"}
    types = {name: pa.string() if name in texts else pa.int64() for name in FIELDS}
    types["is_current"] = pa.bool_()
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    features = {name: {"dtype": str(kind), "_type": "Value"} for name, kind in types.items()}
    described = {"info": {"features": {"image": {"_type": "Image"}, **features}}}
    metadata = {"huggingface": json.dumps(described)}
    return pa.schema([("image", image), *types.items()], metadata=metadata)


def write_shards(
    catalog: Catalog, out: Path, selection: Selection, writer: Writer, size: int, step: Callable[[int], None]
) -> Written:
    """Write shards of `size` images each; `step` hears how many are done. See the module for what is kept."""
    out.mkdir(parents=True, exist_ok=True)
    index = _read_index(out)
    done, names = Written(), set()
    for number, samples in enumerate(distinct_images(catalog.database, selection, size)):
        name = f"tiles-{number:06d}.{writer.suffix}"
        digest = _digest(samples)
        names.add(name)
        if index.get(name) == digest and (out / name).exists():
            done.kept += len(samples)
        else:
            part = out / f"{name}.part"
            writer.write(part, _encoded(catalog, samples))
            part.replace(out / name)
            if lacking := len(catalog.unreadable.keys() & {sample["image_id"] for sample in samples}):
                index[name] = ""  # ours, but to be written again
            else:
                index[name] = digest
            _write_index(out, index)
            done.written += len(samples) - lacking
            done.tiles -= lacking
        done.tiles += len(samples)
        done.shards += 1
        step(len(samples))
    for name in sorted(set(index) - names):
        if name.endswith(f".{writer.suffix}"):
            (out / name).unlink(missing_ok=True)  # ours, from when there was more
            del index[name]
    _write_index(out, index)
    return done


def _encoded(catalog: Catalog, samples: list[Sample]) -> Encoded:
    by_id = {sample["image_id"]: sample for sample in samples}
    for image_id, rgba in catalog.open_many(list(by_id), leave_out=True):
        yield by_id[image_id], png(rgba)


def _digest(samples: list[Sample]) -> str:
    return hashlib.sha256(json.dumps(samples, sort_keys=True).encode()).hexdigest()


def _read_index(out: Path) -> dict[str, str]:
    """Read which shards are finished; an index that cannot be read means that none is known to be."""
    try:
        content = json.loads((out / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    known = content.items() if isinstance(content, dict) else ()
    return {name: digest for name, digest in known if Path(name).name == name and isinstance(digest, str)}


def _write_index(out: Path, index: dict[str, str]) -> None:
    part = out / f"{INDEX}.part"
    part.write_text(json.dumps(index, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(out / INDEX)
