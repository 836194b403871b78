"""Scenes of films: sample frames, drop repeats, keep hashes with time codes, find a screenshot again.

A frame is kept as its PDQ hash and its MPEG-7 colour layout; a screenshot is compared with both, after black bars are
cut off (letterbox), so that scaling, recompression and a slight change of colour do not matter.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import delete, select

from db import Catalog
from db.engine import insert_new
from db.models import Scene, Video
from db.pixels import Rgba
from index.engines.interface import similarities
from index.errors import ExtraMissingError, PictureError
from index.features.colour_layout import ColourLayout
from index.features.pdq import Pdq

SAMPLE_SIDE = 512
REPEAT_BITS = 24
"""A frame whose hash differs from the last kept one's by no more bits shows the same."""
REPEAT_LAYOUT, BLURRED_BITS = 0.03, 110
"""So does one whose colours stand where they stood: in smooth pictures many bits of a hash are noise."""
DARK = 24
LAYOUT_SCALE = 3.0
HASH_SHARE = 0.7
MOST_SECONDS = 6 * 3600


@dataclass(frozen=True)
class IndexedFilm:
    """A film and how many scenes of it are kept; `known` if it was indexed before."""

    path: str
    scenes: int
    known: bool

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


@dataclass(frozen=True)
class SceneMatch:
    """A film and the time of the frame most like a screenshot; `score` is 1 for equal."""

    path: str
    time_s: float
    score: float

    @property
    def clock(self) -> str:
        """Return the time as h:mm:ss.s."""
        return f"{int(self.time_s // 3600)}:{int(self.time_s // 60 % 60):02}:{self.time_s % 60:04.1f}"

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "clock": self.clock}


class Scenes:
    """The scenes of one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._database = catalog.database
        self._hash, self._layout = Pdq(), ColourLayout()

    def index(self, video: Path, every_s: float = 0.5) -> IndexedFilm:
        """Index a film once, in one transaction. Raises PictureError for what is no film."""
        with video.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").digest()
        with self._database.read() as connection:
            known = connection.scalar(select(Video.id).where(Video.sha256 == digest))
            if known is not None:
                kept = connection.scalars(select(Scene.time_ms).where(Scene.video_id == known)).all()
                return IndexedFilm(str(video), len(kept), known=True)
        kept_scenes, duration_s = self._kept(video, every_s)
        with self._database.write() as connection:
            insert_new(connection, Video, [{"sha256": digest, "path": str(video), "duration_s": duration_s}])
            video_id = connection.scalars(select(Video.id).where(Video.sha256 == digest)).one()
            connection.execute(delete(Scene).where(Scene.video_id == video_id))
            insert_new(connection, Scene, [{**scene, "video_id": video_id} for scene in kept_scenes])
        return IndexedFilm(str(video), len(kept_scenes), known=False)

    def _kept(self, video: Path, every_s: float) -> tuple[list[dict[str, Any]], float]:
        """Return the frames that differ from the one before, and the time of the last frame seen."""
        kept: list[dict[str, Any]] = []
        last: tuple[Any, Any] | None = None
        duration_s = 0.0
        for time_s, frame in sampled_frames(video, every_s):
            duration_s = time_s
            picture = without_bars(frame)
            looks = self._hash.compute([picture])[0], self._layout.compute([picture])[0].astype("<f2")
            if last is not None and _repeats(looks, last):
                continue
            last = looks
            kept.append({"time_ms": round(time_s * 1000), "hash": looks[0].tobytes(), "layout": looks[1].tobytes()})
        return kept, duration_s

    def find(self, screenshot: Rgba, count: int = 5) -> list[SceneMatch]:
        """Return the most similar scenes, best first."""
        picture = without_bars(screenshot)
        with self._database.read() as connection:
            rows = connection.execute(
                select(Video.path, Scene.time_ms, Scene.hash, Scene.layout).join(Video, Video.id == Scene.video_id)
            ).all()
        if not rows:
            return []
        hashes = np.frombuffer(b"".join(row.hash for row in rows), np.uint8).reshape(len(rows), -1)
        layouts = np.frombuffer(b"".join(row.layout for row in rows), "<f2").reshape(len(rows), -1)
        by_hash = similarities(self._hash.model, hashes, self._hash.compute([picture])[0])
        far = np.abs(layouts.astype(np.float32) - self._layout.compute([picture])[0]).mean(-1)
        scores = HASH_SHARE * by_hash + (1 - HASH_SHARE) * np.exp(-LAYOUT_SCALE * far)
        best = np.argsort(-scores, kind="stable")[:count]
        return [SceneMatch(rows[at].path, rows[at].time_ms / 1000, round(float(scores[at]), 4)) for at in best]


def _repeats(one: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    """Tell whether two frames, by hash and layout, show the same."""
    bits = int(np.bitwise_count(one[0] ^ other[0]).sum())
    far = float(np.abs(one[1].astype(np.float32) - other[1]).mean())
    return bits <= REPEAT_BITS or (far <= REPEAT_LAYOUT and bits <= BLURRED_BITS)


def sampled_frames(video: Path, every_s: float) -> Iterator[tuple[float, Rgba]]:
    """Yield (seconds, picture) about every so many seconds. Raises PictureError for what is no film."""
    try:
        import av
    except ImportError as error:
        raise ExtraMissingError("av") from error
    try:
        with av.open(str(video)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            due_s = 0.0
            for frame in container.decode(stream):
                time_s = float(frame.time or 0.0)
                if time_s > MOST_SECONDS:
                    return
                if time_s + 1e-6 < due_s:
                    continue
                due_s = time_s + every_s
                scale = min(1.0, SAMPLE_SIDE / max(frame.width, frame.height))
                size = max(2, round(frame.width * scale)), max(2, round(frame.height * scale))
                rgb = frame.reformat(width=size[0], height=size[1], format="rgb24").to_ndarray()
                yield time_s, np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise PictureError(f"{video} cannot be read as a film: {error}") from error


def without_bars(rgba: Rgba) -> Rgba:
    """Cut off dark bars at the top, bottom and sides."""
    bright = rgba[..., :3].max(-1) > DARK
    rows, columns = (np.flatnonzero(bright.mean(axis) > 0.02) for axis in (1, 0))
    if len(rows) < 16 or len(columns) < 16:
        return rgba
    return np.ascontiguousarray(rgba[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
