"""Versions of what reads and slices. Raising one makes due again what it settled, and nothing else."""

from functools import cache

from extract.images.families import decoder_versions
from extract.sniff import ARCHIVE_FORMATS

READ_VERSIONS = {"archive": 2, "sidecar": 2, "empty": 1, "junk": 1, "other": 2}
"""Versions by what reads a blob; those of image decoders: extract.images.families."""
SLICE_VERSION = 5


def read_versions_by_format() -> dict[str, int]:
    """Return the version that a settled row of each format should have; other formats: `READ_VERSIONS["other"]`."""
    return {
        **dict.fromkeys(ARCHIVE_FORMATS, READ_VERSIONS["archive"]),
        **decoder_versions(),
        # Text may be a sidecar or nothing of ours: one version for both, or one of them would be due for ever.
        **dict.fromkeys(("xml", "json", "text"), max(READ_VERSIONS["sidecar"], READ_VERSIONS["other"])),
        "empty": READ_VERSIONS["empty"],
        "junk": READ_VERSIONS["junk"],
    }


def read_version(format_: str) -> int:
    """Return the version to record with a blob of this format."""
    return _known_versions().get(format_, READ_VERSIONS["other"])


_known_versions = cache(read_versions_by_format)
