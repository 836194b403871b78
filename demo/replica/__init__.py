"""The replica: an HTTP server that looks like the real site and misbehaves on demand."""

from demo.replica.client import Site, serve
from demo.replica.switches import Abort, Change, Refuse, Switches, WrongLength

__all__ = ["Abort", "Change", "Refuse", "Site", "Switches", "WrongLength", "serve"]
