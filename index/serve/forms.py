"""What a request asks: a query, from the address or a form, and an uploaded or linked picture kept for deep links."""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

from db.pixels import Rgba
from index.errors import PictureError, SelectionError
from index.pictures import decode_picture
from index.search import Query
from index.selection import Selection

MOST_UPLOAD_BYTES = 20 * 1024 * 1024
MOST_UPLOAD_PIXELS = 25_000_000
MOST_COUNT = 100
MOST_PAGE = 200
KEPT_PICTURES = 200
MOST_KEPT_BYTES = 512 * 1024 * 1024
"""Of pixels: two hundred of the largest pictures would take 20 GB."""
FILTERS = ("licence", "kind", "author", "tag", "art_type", "since", "until")
SIZES = ("min_size", "max_size")


@dataclass
class KeptPictures:
    """Pictures that people searched with, for as long as the server runs and memory allows, by unguessable key."""

    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    _kept: OrderedDict[str, Rgba] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def keep(self, data: bytes) -> str:
        """Decode a picture and return its key. Raises PictureError."""
        if len(data) > MOST_UPLOAD_BYTES:
            raise PictureError(f"the picture is larger than {MOST_UPLOAD_BYTES // 2**20} MiB")
        picture = decode_picture(data, most_pixels=MOST_UPLOAD_PIXELS)
        key = hashlib.blake2b(data, key=self._secret, digest_size=16).hexdigest()
        with self._lock:
            self._kept[key] = picture
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT_PICTURES or self._size() > MOST_KEPT_BYTES:
                self._kept.popitem(last=False)
        return key

    def _size(self) -> int:
        return sum(picture.nbytes for picture in self._kept.values())

    def picture(self, key: str) -> Rgba:
        """Return the pixels of a key. Raises PictureError if they are forgotten."""
        with self._lock:
            found = self._kept.get(key)
        if found is None:
            raise PictureError("this picture is no longer kept here; give it again")
        return found


def read_query(values: Mapping[str, str], kept: KeptPictures) -> Query:
    """Return the query of a request's values. Raises SelectionError, PictureError."""
    if any("\0" in value for value in values.values()):
        raise SelectionError("a search cannot hold the character NUL")
    count = min(MOST_COUNT, max(1, _number(values, "count", 24)))
    page = min(MOST_PAGE, max(1, _number(values, "page", 1)))
    key = values.get("picture", "")
    texts = {name: values.get(name, "").strip()[:100] for name in FILTERS}
    sizes = {name: max(0, _number(values, name, 0)) for name in SIZES}
    return Query(
        picture=kept.picture(key) if key else None,
        image_id=_number(values, "image", 0) or None,
        words=values.get("q", "").strip()[:200],
        selection=Selection(
            licence=texts["licence"],
            kind=texts["kind"],
            author=texts["author"],
            tag=texts["tag"],
            art_type=texts["art_type"],
            since=texts["since"],
            until=texts["until"],
            min_size=sizes["min_size"],
            max_size=sizes["max_size"],
        ),
        count=count,
        offset=(page - 1) * count,
        orientations=values.get("orientations") == "1",
        recoloured=values.get("recoloured") == "1",
        fold=values.get("all") != "1",
    )


def asks_something(values: Mapping[str, str]) -> bool:
    """Tell whether there is a picture, an image id or a word."""
    return any(values.get(name, "").strip() for name in ("q", "picture", "image"))


def _number(values: Mapping[str, str], name: str, default: int) -> int:
    value = values.get(name, "").strip()
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or len(value) > 12:
        raise SelectionError(f"{name} must be a number")
    return int(value)
