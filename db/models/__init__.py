"""The catalog's tables.

Crawl: crawl, host, frontier. Site: page, person, licence, tag, collection, file, page_file. Bytes: blob, member,
place (where a blob was seen). Pixels: image, frame, sheet, sheet_choice, tile, sidecar, sighting (where an
image was seen). Work: the stage ledger. Features: feature_model, feature, video, scene. Image and sighting are apart
so that identical pixels are featurized once, while every place, author and licence is kept.
"""

from db.models.base import IS_PROBLEM, NEVER_REUSED, Base, BigId, Reason, UtcDateTime, name_conditions
from db.models.crawl import Crawl, Frontier, Host
from db.models.features import Feature, FeatureModel, Scene, Video
from db.models.pixels import Frame, Image, Sheet, SheetChoice, Sidecar, Sighting, Tile
from db.models.site import Collection, File, FileVersion, Licence, Page, PageFile, Person, Tag
from db.models.stored import Blob, Member, Place
from db.models.work import Ledger

__all__ = [
    "IS_PROBLEM",
    "NEVER_REUSED",
    "Base",
    "BigId",
    "Blob",
    "Collection",
    "Crawl",
    "Feature",
    "FeatureModel",
    "File",
    "FileVersion",
    "Frame",
    "Frontier",
    "Host",
    "Image",
    "Ledger",
    "Licence",
    "Member",
    "Page",
    "PageFile",
    "Person",
    "Place",
    "Reason",
    "Scene",
    "Sheet",
    "SheetChoice",
    "Sidecar",
    "Sighting",
    "Tag",
    "Tile",
    "UtcDateTime",
    "Video",
    "name_conditions",
]
