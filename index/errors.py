"""Errors of the index.

IndexingError
├── ExtraMissingError      a package of `artquarry[index]` is not installed
├── UnknownFeatureError    no feature of this name
├── WeightsError           a model's weights are absent, damaged or not the ones we know
├── PictureError           a picture that a person gave cannot be used
│   └── FetchRefusedError  a URL that we do not fetch, or that did not answer with a picture
├── SelectionError         a filter that cannot be understood, or a selection that is empty
├── EngineError            a vector engine cannot be opened, or its copy is not complete
└── OutageError            the catalog, the blob store or the disk failed; no picture is at fault
"""


class IndexingError(Exception):
    """Base of everything the index raises on purpose; the message is fit for people."""


class ExtraMissingError(IndexingError):
    """Something from the extra is not installed."""

    def __init__(self, package: str, extra: str = "index") -> None:
        super().__init__(f"this needs {package}: pip install 'artquarry[{extra}]'")


class UnknownFeatureError(IndexingError):
    """No feature has this name."""


class WeightsError(IndexingError):
    """A model cannot be loaded."""


class PictureError(IndexingError):
    """A picture cannot be read or is too large."""


class FetchRefusedError(PictureError):
    """A URL is not fetched: a private address, too large, too slow, or no picture."""


class SelectionError(IndexingError):
    """Nothing can be selected so."""


class OutageError(IndexingError):
    """What we work with failed: the catalog, the blob store, the disk. Trying again later may help."""


class EngineError(IndexingError):
    """A vector engine cannot answer."""
