"""What a worker does: open pictures and compute rows. Only the runner writes."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy.exc import DBAPIError

from db import Catalog
from db.blobs import is_disk_error
from index.errors import IndexingError, OutageError
from index.features import open_feature
from index.store import Computed, encode
from pools.errors import PoolGoneError

COMPUTE_PICTURES = 32


@lru_cache(maxsize=1)
def _catalog(catalog_url: str, blobs_url: str) -> Catalog:
    return Catalog(catalog_url, blobs_url)


def compute(
    catalog_url: str, blobs_url: str, names: Sequence[str], image_ids: Sequence[int]
) -> dict[str, list[Computed]]:
    """Return each feature's results, in order of the images. Runs in a worker. Raises OutageError."""
    try:
        catalog = _catalog(catalog_url, blobs_url)
    except (DBAPIError, OSError) as error:
        raise OutageError(str(error)) from error
    done: dict[str, list[Computed]] = {name: [] for name in names}
    for start in range(0, len(image_ids), COMPUTE_PICTURES):
        pictures: dict[int, Any] = {}
        for image_id in image_ids[start : start + COMPUTE_PICTURES]:
            try:
                pictures[image_id] = catalog.open(image_id)
            except Exception as error:  # decoders raise errors of their own; the cause is recorded with the picture
                _raise_outage(error)
                for results in done.values():
                    results.append(Computed(image_id, None, f"cannot be opened: {error}"))
        for name in names:
            done[name] += _rows(name, pictures)
    return done


def is_outage(error: BaseException) -> bool:
    """Tell whether our own store, catalog, cluster or machine is at fault.

    An errno comes from the kernel, never from a picture: decoders raise OSError for broken pictures too, without one.
    """
    refused = isinstance(error, OSError) and error.errno is not None
    return refused or is_disk_error(error) or isinstance(error, DBAPIError | OutageError | PoolGoneError)


def _raise_outage(error: Exception) -> None:
    if is_outage(error):
        raise OutageError(str(error)) from error


def _rows(name: str, pictures: dict[int, Any]) -> list[Computed]:
    """Compute all at once; if that fails, each alone, so that one picture does not spoil the rest."""
    if not pictures:
        return []
    feature = open_feature(name)
    try:
        vectors = encode(feature.model, feature.compute(list(pictures.values())))
    except IndexingError:
        raise
    except Exception as error:  # whatever a picture does to a feature is recorded with that picture
        _raise_outage(error)
        if len(pictures) == 1:
            return [Computed(next(iter(pictures)), None, f"{type(error).__name__}: {error}")]
        return [done for key, picture in pictures.items() for done in _rows(name, {key: picture})]
    return [Computed(key, vector) for key, vector in zip(pictures, vectors, strict=True)]
