"""Run in a process of its own: after `preload`, decoding every golden case must import nothing more."""

import sys
from pathlib import Path

from extract.images.decode import decode, preload


def main() -> None:
    preload()
    before = set(sys.modules)
    folder, files = Path(sys.argv[1]), sorted(Path(sys.argv[1]).iterdir())
    for file in files:
        decode(file, file.suffix.lstrip("."))
    assert files, folder
    sys.stdout.write(" ".join(sorted(set(sys.modules) - before)))


if __name__ == "__main__":
    main()
