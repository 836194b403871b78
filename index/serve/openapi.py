"""The HTTP interface described as OpenAPI 3.1; tested against what the server really answers."""

from typing import Any

_TEXT = {"type": "string"}
_NULLABLE_TEXT = {"type": ["string", "null"]}


def _parameter(name: str, description: str, kind: str = "string") -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": {"type": kind}}


PARAMETERS = [
    _parameter("q", "Words that pages or paths speak of"),
    _parameter("image", "Search with this image of the catalog", "integer"),
    _parameter("licence", "SPDX identifier or its beginning, such as CC0 or CC-BY"),
    _parameter("kind", "image, sheet or tile"),
    _parameter("author", "Part of an author's name"),
    _parameter("tag", "A tag of the page"),
    _parameter("art_type", "The site's kind of art"),
    _parameter("min_size", "Larger side at least so many pixels", "integer"),
    _parameter("max_size", "Larger side at most so many pixels", "integer"),
    _parameter("since", "Posted on or after YYYY-MM-DD"),
    _parameter("until", "Posted on or before YYYY-MM-DD"),
    _parameter("orientations", "1: also turned and mirrored"),
    _parameter("recoloured", "1: rank by shape, colours aside"),
    _parameter("all", "1: do not fold near-duplicates"),
    _parameter("count", "Hits a page, at most 100", "integer"),
    _parameter("page", "From 1", "integer"),
]

HIT = {
    "type": "object",
    "properties": {
        "image_id": {"type": "integer", "description": "Stable, never reused"},
        "score": {"type": ["number", "null"], "description": "1 equal, 0 unrelated; null for words alone"},
        "tier": {"type": "string", "description": "identical pixels, recoloured, similar, or empty"},
        "duplicates": {"type": "array", "items": {"type": "integer"}, "description": "Folded into this hit"},
        "width": {"type": "integer"},
        "height": {"type": "integer"},
        "kind": _TEXT,
        "url": {"type": "string", "description": "Leads to exactly these pixels"},
        "source_page": _NULLABLE_TEXT,
        "title": _NULLABLE_TEXT,
        "authors": _NULLABLE_TEXT,
        "licence": {"type": ["string", "null"], "description": "SPDX expression; OR means you may choose"},
        "credit": _TEXT,
        "path": _TEXT,
        "sheet_id": {"type": ["integer", "null"]},
        "rectangle": {"type": ["array", "null"], "items": {"type": "integer"}},
        "sightings": {"type": "integer"},
        "picture": {"type": "string", "description": "Path of the pixels as PNG"},
    },
}
_FOUND = {
    "type": "object",
    "required": ["hits", "more", "seconds"],
    "properties": {
        "hits": {"type": "array", "items": {"$ref": "#/components/schemas/Hit"}},
        "more": {"type": "boolean"},
        "seconds": {"type": "number"},
    },
}
_ANSWERS = {
    "200": {"description": "What was found", "content": {"application/json": {"schema": _FOUND}}},
    "404": {"description": "No such image"},
    "413": {"description": "The picture is too large"},
    "422": {"description": "The query cannot be understood, or the picture not be read"},
}
_BODY = {
    "required": True,
    "content": {
        "image/*": {"schema": {"type": "string", "format": "binary"}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}, "url": {"type": "string"}},
            }
        },
    },
}

OPENAPI: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "artquarry search", "version": "1", "description": "Find art by picture and by words."},
    "paths": {
        "/api/search": {
            "get": {"summary": "Search by words or by an image id", "parameters": PARAMETERS, "responses": _ANSWERS},
            "post": {
                "summary": "Search with a picture: the body itself, an upload, or a public URL",
                "parameters": PARAMETERS,
                "requestBody": _BODY,
                "responses": _ANSWERS,
            },
        },
        "/image/{image_id}.png": {
            "get": {
                "summary": "An image's pixels",
                "parameters": [{"name": "image_id", "in": "path", "required": True, "schema": {"type": "integer"}}],
                "responses": {"200": {"description": "PNG"}, "404": {"description": "No such image"}},
            }
        },
    },
    "components": {"schemas": {"Hit": HIT}},
}
