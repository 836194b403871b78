"""Versions of what reads and slices. Raising one makes due again what it settled, and nothing else."""

from extract.images.decode import IMAGE_FORMATS
from extract.sniff import ARCHIVE_FORMATS

READ_VERSIONS = {"archive": 1, "image": 1, "sidecar": 2, "empty": 1, "junk": 1, "other": 1}
SLICE_VERSION = 2


def read_versions_by_format() -> dict[str, int]:
    """Return the version that a settled row of each format should have; other formats: `READ_VERSIONS["other"]`."""
    return {
        **dict.fromkeys(ARCHIVE_FORMATS, READ_VERSIONS["archive"]),
        **dict.fromkeys(IMAGE_FORMATS, READ_VERSIONS["image"]),
        **dict.fromkeys(("xml", "json", "text"), READ_VERSIONS["sidecar"]),
        "empty": READ_VERSIONS["empty"],
        "junk": READ_VERSIONS["junk"],
    }
