"""Fits the head of the feature `art` on named CC0 art, and writes index/features/art_head.npz.

python -m benchmarks.index_fit [--cache FOLDER] [--pieces N] [--variants N] [--out FILE]

Each picture and its altered selves (benchmarks.index_alterations) are one class. Principal components of each block
first, then of the whole; then within-class whitening; then the 256 directions in which classes differ most. At the end
the new head is compared with the one that is shipped: likenesses of pairs of pictures under both.
"""

import argparse
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.index_alterations import ALTERATIONS
from benchmarks.index_art import FITTED_ON, load_pack
from index.features.art import HEAD_FILE, SIZE, block_sizes, fused
from index.features.interface import unit

Floats = NDArray[np.float32]
BLOCK, COMPONENTS = 256, 768
SHRINKAGE = 0.1
SEED = 5


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, default=Path(".demo/index-art"))
    parser.add_argument("--pieces", type=int, default=1900)
    parser.add_argument("--variants", type=int, default=6)
    parser.add_argument("--out", type=Path, default=HEAD_FILE)
    arguments = parser.parse_args()
    chance = np.random.default_rng(SEED)
    pieces = [piece for pack in FITTED_ON for piece in load_pack(pack, arguments.cache)]
    pictures, classes = [], []
    for number, at in enumerate(chance.permutation(len(pieces))[: arguments.pieces]):
        rgba = pieces[at].rgba
        names = chance.choice(list(ALTERATIONS), arguments.variants, replace=False)
        pictures += [rgba, *(ALTERATIONS[name](rgba, chance) for name in names)]
        classes += [number] * (1 + arguments.variants)
    print(f"{len(pictures)} pictures of {classes[-1] + 1} pieces", flush=True)
    batches = [pictures[at : at + 128] for at in range(0, len(pictures), 128)]
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        rows = np.concatenate(list(pool.map(half, batches)))
    mean, head = fit(rows, np.array(classes))
    scale = np.abs(head).max(1) / 127
    whole = np.round(head / np.maximum(scale, 1e-12)[:, None]).astype(np.int8)
    if HEAD_FILE.is_file():
        print(f"likenesses of pairs correlate with the shipped head's: {agreement(rows[::7], mean, head):.4f}")
    out: Path = arguments.out
    np.savez_compressed(out, mean=mean.astype(np.float16), head=whole, scale=scale.astype(np.float32))
    print(f"{out}: {head.shape}, {out.stat().st_size / 1e6:.1f} MB")


def agreement(rows: NDArray[np.float16], mean: Floats, head: Floats) -> float:
    """Correlate the products of all pairs of some pictures under the new head and under the shipped one."""
    with np.load(HEAD_FILE, allow_pickle=False) as stored:
        shipped = stored["head"].astype(np.float32) * stored["scale"][:, None], stored["mean"].astype(np.float32)
    new, old = (unit((rows - centre) @ matrix) for matrix, centre in ((head, mean), shipped))
    pairs = np.triu_indices(len(rows), 1)
    return float(np.corrcoef((new @ new.T)[pairs], (old @ old.T)[pairs])[0, 1])


def half(pictures: list[NDArray[np.uint8]]) -> NDArray[np.float16]:
    return fused(pictures).astype(np.float16)


def fit(rows: NDArray[np.float16], classes: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return mean and (inputs, 256) projection."""
    mean = rows.mean(0, dtype=np.float32)
    edges = np.cumsum([0, *block_sizes()])
    bases = [_components(rows[:, a:b].astype(np.float32) - mean[a:b], BLOCK) for a, b in pairwise(edges)]
    parts = [
        (rows[:, a:b].astype(np.float32) - mean[a:b]) @ base
        for (a, b), base in zip(pairwise(edges), bases, strict=True)
    ]
    joined = np.concatenate(parts, 1)
    components = _components(joined, COMPONENTS)
    small = joined @ components
    rest = small - _centres(small, classes)[classes]
    within = rest.T @ rest / len(rest)
    within += SHRINKAGE * np.trace(within) / len(within) * np.eye(len(within), dtype=np.float32)
    values, vectors = np.linalg.eigh(within)
    whitened = vectors / np.sqrt(values)
    between = np.cov(_centres(small @ whitened, classes).T)
    best = components @ whitened @ np.linalg.eigh(between)[1][:, ::-1][:, :SIZE]
    tops = np.cumsum([0, *(base.shape[1] for base in bases)])
    head = np.concatenate([base @ best[a:b] for base, (a, b) in zip(bases, pairwise(tops), strict=True)])
    return mean, head.astype(np.float32)


def _components(rows: Floats, count: int) -> Floats:
    """Return the directions in which rows (of mean 0) differ most."""
    vectors = np.linalg.eigh(rows.T @ rows / len(rows))[1]
    return np.ascontiguousarray(vectors[:, ::-1][:, :count], np.float32)


def _centres(rows: Floats, classes: NDArray[np.int64]) -> Floats:
    sums = np.zeros((classes.max() + 1, rows.shape[1]), np.float32)
    np.add.at(sums, classes, rows)
    return sums / np.bincount(classes)[:, None]


if __name__ == "__main__":
    main()
