"""Errors of the catalog.

CatalogError
├── CatalogVersionError   the catalog was made by a newer artquarry
├── BlobMissingError      a row names bytes that the blob store does not hold
├── BlobDamagedError      the blob store holds other bytes under a name than it says
├── BlobStoreError        the blob store cannot be reached
├── LeaseLostError        another process took over this unit of work; nothing was written
├── NoSheetError          a choice is about an image that is never sliced, or that is not there
├── UnknownImageError     no image with this id, or no pixels that can be opened
├── UnknownConsumerError  no consumer of this name was registered
├── CopyError             a catalog cannot be copied there, or did not arrive as it was
├── TooLongError          a URL does not fit into an index
├── ExportMismatchError   the folder holds an export of something else
└── ConsumerVersionError  a consumer's marks are of another version than the one it is at
"""


class CatalogError(Exception):
    """Base of everything the catalog raises on purpose."""


class CatalogVersionError(CatalogError):
    """The catalog's schema is newer than this program."""


class BlobMissingError(CatalogError):
    """The blob store does not hold these bytes."""


class BlobDamagedError(CatalogError):
    """The blob store holds these bytes no longer as they were: an input's fault, which trying again does not mend."""


class LeaseLostError(CatalogError):
    """The unit of work now belongs to another process; the transaction was rolled back."""


class NoSheetError(CatalogError):
    """There is no such image, or it is a tile or a frame, which nobody slices."""


class UnknownImageError(CatalogError):
    """There is no such image, or its pixels cannot be reached."""


class UnknownConsumerError(CatalogError, ValueError):
    """No consumer of this name was registered."""


class ConsumerVersionError(CatalogError):
    """The consumer is at another version than the one these marks are of."""


class ExportMismatchError(CatalogError):
    """The folder holds an export with other filters or in another format."""


class BlobStoreError(CatalogError):
    """The blob store could not do what was asked; trying again later may help."""


class TooLongError(CatalogError):
    """A URL is longer than a catalog can look up."""


class CopyError(CatalogError):
    """The copy cannot begin or is not like its source."""
