"""Fuzzing of whatever reads bytes of strangers. `python -m fuzz --help`."""
