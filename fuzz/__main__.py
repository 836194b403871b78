"""Runs fuzz targets: `python -m fuzz TARGET|all [--seconds S | --runs N] [--seed N] [--atheris]`.

Without `--atheris` inputs come from a seeded mutator: the same seed, the same inputs, as CI wants it. With it they
come from Google's coverage-guided fuzzer (`pip install artquarry[fuzz]`), as long as asked. An input that breaks a
promise is written to `fuzz/findings/`; so is the one at hand when the process is killed. Exit code 1: findings.
"""

import argparse
import hashlib
import random
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

FINDINGS = Path(__file__).parent / "findings"
COVERED = ("extract", "db", "fuzz", "PIL", "zipfile", "tarfile", "py7zr", "rarfile", "json", "xml", "lxml")
"""Packages whose coverage guides atheris; instrumenting everything that is imported takes a minute."""
_EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF)


def mutated(seeds: list[bytes], rng: random.Random) -> bytes:
    """Return a seed with one to six changes: bits, bytes, edge numbers, cuts, repeats, pieces of other seeds."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(7)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif kind == 1 and data:
            data[at % len(data)] = rng.randrange(256)
        elif kind == 2:
            width = rng.choice((1, 2, 4, 8))
            data[at : at + width] = (rng.choice(_EDGES) & ((1 << 8 * width) - 1)).to_bytes(width, "little")
        elif kind == 3:
            del data[at : at + rng.randint(1, 64)]
        elif kind == 4:
            data[at:at] = data[at : at + rng.randint(1, 64)] * rng.randint(1, 4)
        elif kind == 5:
            other = rng.choice(seeds)
            start = rng.randrange(len(other))
            data[at : at + 32] = other[start : start + rng.randint(1, 64)]
        else:
            del data[at:]
    return bytes(data)


def attempt(target: Callable[[bytes], None], data: bytes, name: str) -> bool:
    """Run one input; keep it and return False when it breaks a promise."""
    at_hand = FINDINGS / f"{name}-at-hand"
    at_hand.write_bytes(data)
    try:
        target(data)
    except Exception:
        kept = FINDINGS / f"{name}-{hashlib.sha256(data).hexdigest()[:16]}"
        kept.write_bytes(data)
        print(f"{name}: {kept}\n{traceback.format_exc()}", file=sys.stderr)
        return False
    finally:
        at_hand.unlink()
    return True


def plain(name: str, seconds: float, runs: int, seed: int) -> int:
    """Run the seeded mutator; return the number of findings."""
    from fuzz.seeds import SEEDS
    from fuzz.targets import TARGETS

    target, kind = TARGETS[name]
    seeds = SEEDS[kind]()
    rng = random.Random(f"{name} {seed}")
    end, done, found = time.monotonic() + seconds, 0, 0
    while done < runs and time.monotonic() < end:
        data = seeds[done] if done < len(seeds) else mutated(seeds, rng)
        found += not attempt(target, data, name)
        done += 1
    print(f"{name}: {done} inputs, {found} findings")
    return found


def guided(name: str, seconds: float, seed: int) -> None:
    """Hand over to atheris, which ends the process itself."""
    import atheris

    with atheris.instrument_imports(include=list(COVERED)):
        from fuzz.seeds import SEEDS
        from fuzz.targets import TARGETS
    target, kind = TARGETS[name]
    corpus = FINDINGS / f"corpus-{name}"
    corpus.mkdir(exist_ok=True)
    for number, data in enumerate(SEEDS[kind]()):
        (corpus / f"seed{number}").write_bytes(data)
    options = [
        f"-max_total_time={int(seconds)}",
        f"-seed={seed}",
        f"-artifact_prefix={FINDINGS}/{name}-",
        "-timeout=60",
    ]
    atheris.Setup([sys.argv[0], str(corpus), *options], target)
    atheris.Fuzz()


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("target", help="a target of fuzz/targets.py, or all")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--runs", type=int, default=sys.maxsize, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--atheris", action="store_true", help="coverage-guided, one target")
    args = parser.parse_args()
    FINDINGS.mkdir(exist_ok=True)
    warnings.simplefilter("ignore")  # oddities of the data, not of our code
    if args.atheris:
        guided(args.target, args.seconds, args.seed)
    from fuzz.targets import TARGETS

    names = list(TARGETS) if args.target == "all" else [args.target]
    if unknown := set(names) - set(TARGETS):
        parser.error(f"unknown target {unknown.pop()}; there are {', '.join(TARGETS)}")
    return 1 if sum(plain(name, args.seconds, args.runs, args.seed) for name in names) else 0


if __name__ == "__main__":
    sys.exit(main())
