"""Strangers' text in tables: no spreadsheet may take a cell for a formula."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(value: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run (OWASP: CSV injection)."""
    return "'" + value if value.startswith(FORMULA_STARTS) else value
