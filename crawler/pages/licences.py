"""Licence names and deeds of OpenGameArt, as SPDX identifiers (https://spdx.org/licenses/).

`LicenseRef-…` names what SPDX does not list (SPDX specification 2.3, annex D). The site says "GPL 2.0", not "or
later", so the plain version is taken.
"""

import re
from urllib.parse import urlsplit

BY_NAME = {
    "CC0": "CC0-1.0",
    "CC-BY 3.0": "CC-BY-3.0",
    "CC-BY 4.0": "CC-BY-4.0",
    "CC-BY-SA 3.0": "CC-BY-SA-3.0",
    "CC-BY-SA 4.0": "CC-BY-SA-4.0",
    "OGA-BY 3.0": "LicenseRef-OGA-BY-3.0",
    "OGA-BY 4.0": "LicenseRef-OGA-BY-4.0",
    "GPL 2.0": "GPL-2.0-only",
    "GPL 3.0": "GPL-3.0-only",
    "LGPL 2.1": "LGPL-2.1-only",
    "LGPL 3.0": "LGPL-3.0-only",
}
BY_DEED = {
    "creativecommons.org/publicdomain/zero/1.0": "CC0-1.0",
    "creativecommons.org/licenses/by/3.0": "CC-BY-3.0",
    "creativecommons.org/licenses/by/4.0": "CC-BY-4.0",
    "creativecommons.org/licenses/by-sa/3.0": "CC-BY-SA-3.0",
    "creativecommons.org/licenses/by-sa/4.0": "CC-BY-SA-4.0",
    "opengameart.org/content/oga-by-30-faq": "LicenseRef-OGA-BY-3.0",
    "gnu.org/licenses/old-licenses/gpl-2.0.html": "GPL-2.0-only",
    "gnu.org/licenses/gpl-3.0.html": "GPL-3.0-only",
    "gnu.org/licenses/lgpl-2.1.html": "LGPL-2.1-only",
    "gnu.org/licenses/lgpl-3.0.html": "LGPL-3.0-only",
}


def spdx_of(name: str, deed_url: str) -> str:
    """Return the SPDX identifier; an unknown licence becomes a LicenseRef made of its name, never a guess."""
    deed = urlsplit(deed_url)
    key = f"{deed.netloc.removeprefix('www.')}{deed.path.rstrip('/')}".lower()
    known = BY_NAME.get(" ".join(name.split())) or BY_DEED.get(key)
    return known or "LicenseRef-" + (re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-") or "unknown")
