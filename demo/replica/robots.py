"""The stock robots.txt of Drupal 7."""

_FOLDERS = ("includes", "misc", "modules", "profiles", "scripts", "themes")
_TEXTS = (
    "/CHANGELOG.txt",
    "/cron.php",
    "/INSTALL.mysql.txt",
    "/INSTALL.pgsql.txt",
    "/INSTALL.sqlite.txt",
    "/install.php",
    "/INSTALL.txt",
    "/LICENSE.txt",
    "/MAINTAINERS.txt",
    "/update.php",
    "/UPGRADE.txt",
    "/xmlrpc.php",
)
_PATHS = (
    "admin/",
    "comment/reply/",
    "filter/tips/",
    "node/add/",
    "search/",
    "user/register/",
    "user/password/",
    "user/login/",
    "user/logout/",
)
_FORBIDDEN = (
    *(f"/{name}/" for name in _FOLDERS),
    *_TEXTS,
    *(f"/{path}" for path in _PATHS),
    *(f"/?q={path}" for path in _PATHS),
)


def robots_txt(crawl_delay: float) -> str:
    """Return the file; the delay is in seconds, without a needless ``.0``."""
    lines = ["User-agent: *", f"Crawl-delay: {crawl_delay:g}", "# Directories"]
    lines += [f"Disallow: /{name}/" for name in _FOLDERS]
    lines += ["# Files", *(f"Disallow: {path}" for path in _TEXTS)]
    lines += ["# Paths (clean URLs)", *(f"Disallow: /{path}" for path in _PATHS)]
    lines += ["# Paths (no clean URLs)", *(f"Disallow: /?q={path}" for path in _PATHS)]
    return "\n".join(lines) + "\n"


def forbidden(raw_path: str) -> bool:
    """Tell whether the file disallows the path."""
    return raw_path.startswith(_FORBIDDEN)
