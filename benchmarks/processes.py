"""How benchmarks run commands: as users do."""

import compileall
import os
from pathlib import Path

ROOT = Path(__file__).parents[1]


def as_users_run(**more: str) -> dict[str, str]:
    """Return this environment, with more in it, for a program that may keep its bytecode."""
    return {**{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}, **more}


def compile_packages(*names: str) -> None:
    """Make our packages' bytecode, as installing them does."""
    for name in names:
        compileall.compile_dir(ROOT / name, quiet=1)
