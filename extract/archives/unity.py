"""Unity packages: a TAR of folders named by GUID, each with `asset`, its `pathname` and `asset.meta`.

The paths people know stand in the small `pathname` files. `resolve` puts them back: `GUID/asset` becomes that path,
`GUID/asset.meta` the same with `.meta` behind it, as Unity itself lays them out. Previews and what has no `pathname`
keep their names. Source: what Unity's "Export Package" writes.
"""

import re
from collections.abc import Mapping, Sequence

PATHNAME_BYTES = 4096
_PART = re.compile(rb"(?:\./)?([0-9a-fA-F]{32})/(pathname|asset|asset\.meta)")


def is_pathname(raw_name: bytes) -> bool:
    """Tell whether a member by this name says what another one is called."""
    match = _PART.fullmatch(raw_name)
    return match is not None and match[2] == b"pathname"


def resolve(raw_names: Sequence[bytes], pathnames: Mapping[int, bytes]) -> dict[int, str]:
    """Return new names by position. `pathnames` holds the first bytes of the `pathname` members, by position."""
    by_guid = {}
    for position, content in pathnames.items():
        match = _PART.fullmatch(raw_names[position])
        line = content.partition(b"\n")[0].decode("utf-8", "replace").strip()
        if match and line:
            by_guid[match[1]] = line
    found = {}
    for position, raw in enumerate(raw_names):
        match = _PART.fullmatch(raw)
        if match and match[2] != b"pathname" and match[1] in by_guid:
            found[position] = by_guid[match[1]] + ("" if match[2] == b"asset" else ".meta")
    return found
