"""Errors of a pool.

PoolError
├── PoolUrlError        the pool URL is not understood
├── PoolGoneError       no worker can be reached for a long time; the run ends early
├── PoolLostError       workers went away with what they had in hand; it may be submitted again
└── WorkerDiedError     a worker died while it had this task, and perhaps others, in hand
"""


class PoolError(Exception):
    """Base of everything this package raises on purpose."""


class PoolUrlError(PoolError, ValueError):
    """The pool URL is not understood."""


class PoolLostError(PoolError):
    """The pool forgot what it was given; nothing is known about the input."""


class PoolGoneError(PoolError):
    """The pool cannot be reached."""


class WorkerDiedError(PoolError):
    """A worker died with this task in hand."""
