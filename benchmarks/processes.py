"""How benchmarks run commands: as users do."""

import os


def as_users_run(**more: str) -> dict[str, str]:
    """Return this environment, with more in it, for a program that may keep its bytecode."""
    return {**{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}, **more}
