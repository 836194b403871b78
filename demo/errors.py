"""Errors of the demo.

``DemoError`` is the only one: something the person running the demo has to put right.
"""


class DemoError(Exception):
    """The demo cannot go on; the message names the cause and the way out."""
