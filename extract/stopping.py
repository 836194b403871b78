"""Errors that are neither an input's fault nor a bug: a run says what is wrong, stops, and may be given again."""

import errno

from db.errors import CatalogError
from extract.errors import ToolMissingError
from pools.errors import PoolGoneError


def why_stopped(error: BaseException) -> str:
    """Say why a command cannot go on; '' for an error that is a bug, and whose traceback somebody should see."""
    from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError  # commands without a catalog need none

    if type(error) in (DatabaseError, InterfaceError, OperationalError):
        said = " ".join(str(getattr(error, "orig", error)).split())
        return f"the catalog cannot be used: {said}"
    if isinstance(error, CatalogError | PoolGoneError | ToolMissingError):
        return str(error)
    if isinstance(error, OSError) and error.errno not in (None, errno.EPIPE):
        return f"the system refuses: {error}"
    return ""
