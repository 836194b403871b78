"""Loopback servers that speak the part of Elasticsearch's and Pinecone's HTTP contracts that our adapters use.

They are not those services: they compare with every row, index nothing, and know only these calls. What they do check
is that the official clients accept the answers, and that our requests are of the documented form (unknown fields and
wrong sizes are refused, as the services refuse them). Written after the two services' public API references.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Rows = dict[str, tuple[list[float], dict[str, Any]]]
"""Vector and document (or metadata) by id."""


def _nearest(
    rows: Rows, query: list[float], count: int, field: str, allowed: list[int] | None
) -> list[tuple[str, float]]:
    among = None if allowed is None else set(allowed)
    found = [
        (key, float(np.dot(np.asarray(vector, np.float32), np.asarray(query, np.float32))))
        for key, (vector, document) in rows.items()
        if among is None or document[field] in among
    ]
    return sorted(found, key=lambda pair: -pair[1])[:count]


class ElasticsearchContract:
    """Indices with one dense_vector field; writes are seen after a refresh."""

    def __init__(self) -> None:
        self.indices: dict[str, dict[str, Any]] = {}

    def routes(self) -> list[Route]:
        return [
            Route("/{index}", self.exists, methods=["HEAD"]),
            Route("/{index}", self.create, methods=["PUT"]),
            Route("/{index}", self.delete, methods=["DELETE"]),
            Route("/{index}/_bulk", self.bulk, methods=["PUT", "POST"]),
            Route("/{index}/_refresh", self.refresh, methods=["POST"]),
            Route("/{index}/_count", self.count, methods=["GET", "POST"]),
            Route("/{index}/_search", self.search, methods=["POST"]),
        ]

    async def exists(self, request: Request) -> Response:
        return self._answer(None, 200 if request.path_params["index"] in self.indices else 404)

    async def create(self, request: Request) -> Response:
        mappings = (await request.json())["mappings"]
        vector = mappings["properties"]["vector"]
        assert vector["type"] == "dense_vector" and vector["similarity"] == "max_inner_product"
        name = request.path_params["index"]
        assert name == name.lower()
        self.indices[name] = {"dims": vector["dims"], "written": {}, "seen": {}}
        return self._answer({"acknowledged": True, "shards_acknowledged": True, "index": name})

    async def delete(self, request: Request) -> Response:
        self.indices.pop(request.path_params["index"], None)
        return self._answer({"acknowledged": True})

    async def bulk(self, request: Request) -> Response:
        lines = [json.loads(line) for line in (await request.body()).splitlines() if line]
        index = self.indices[request.path_params["index"]]
        items = []
        for action, document in zip(lines[::2], lines[1::2], strict=True):
            key = action["index"]["_id"]
            if len(document["vector"]) != index["dims"]:
                error = {"type": "document_parsing_exception", "reason": f"expected {index['dims']} dimensions"}
                items.append({"index": {"_id": key, "status": 400, "error": error}})
                continue
            index["written"][key] = (document["vector"], document)
            items.append({"index": {"_id": key, "status": 201, "result": "created"}})
        return self._answer({"took": 1, "errors": any("error" in item["index"] for item in items), "items": items})

    async def refresh(self, request: Request) -> Response:
        index = self.indices[request.path_params["index"]]
        index["seen"] = dict(index["written"])
        return self._answer({"_shards": {"total": 1, "successful": 1, "failed": 0}})

    async def count(self, request: Request) -> Response:
        return self._answer({"count": len(self.indices[request.path_params["index"]]["seen"]), "_shards": {}})

    async def search(self, request: Request) -> Response:
        body = await request.json()
        knn = body["knn"]
        assert set(knn) <= {"field", "query_vector", "k", "num_candidates", "filter"}
        assert knn["k"] <= knn["num_candidates"] <= 10_000
        allowed = knn["filter"]["terms"]["image_id"] if "filter" in knn else None
        assert allowed is None or len(allowed) <= 65_536
        rows = self.indices[request.path_params["index"]]["seen"]
        near = _nearest(rows, knn["query_vector"], min(knn["k"], body["size"]), "image_id", allowed)
        hits = [{"_id": key, "_score": 1 + dot if dot >= 0 else 1 / (1 - dot)} for key, dot in near]
        return self._answer({"took": 1, "timed_out": False, "hits": {"total": {"value": len(hits)}, "hits": hits}})

    def _answer(self, body: Any, status: int = 200) -> Response:
        headers = {
            "X-Elastic-Product": "Elasticsearch",  # without it the client refuses to go on
            "Content-Type": "application/vnd.elasticsearch+json;compatible-with=9",
        }
        return Response(b"" if body is None else json.dumps(body), status, headers)


class PineconeContract:
    """The data plane of one index; counts lag a request behind writes."""

    def __init__(self) -> None:
        self.dimension = 0
        self.namespaces: dict[str, Rows] = {}
        self._counted: dict[str, int] = {}

    def routes(self) -> list[Route]:
        return [
            Route("/vectors/upsert", self.upsert, methods=["POST"]),
            Route("/vectors/delete", self.delete, methods=["POST"]),
            Route("/describe_index_stats", self.stats, methods=["POST"]),
            Route("/query", self.query, methods=["POST"]),
        ]

    async def upsert(self, request: Request) -> Response:
        assert request.headers["api-key"] == "contract"
        body = await request.body()
        assert len(body) <= 2 * 1024 * 1024
        given = json.loads(body)
        self.dimension = self.dimension or len(given["vectors"][0]["values"])
        if len(given["vectors"]) > 1000 or any(len(v["values"]) != self.dimension for v in given["vectors"]):
            return JSONResponse({"code": 3, "message": "Vector dimension or batch not as announced"}, 400)
        if not all(any(v["values"]) for v in given["vectors"]):
            return JSONResponse({"code": 3, "message": "Dense vectors must contain a non-zero value"}, 400)
        rows = self.namespaces.setdefault(given["namespace"], {})
        rows.update({v["id"]: (v["values"], v["metadata"]) for v in given["vectors"]})
        return JSONResponse({"upsertedCount": len(given["vectors"])})

    async def delete(self, request: Request) -> Response:
        given = await request.json()
        assert given["deleteAll"] is True
        if self.namespaces.pop(given["namespace"], None) is None:
            return JSONResponse({"code": 5, "message": "Namespace not found"}, 404)
        return JSONResponse({})

    async def stats(self, request: Request) -> Response:
        shown = {name: {"vectorCount": count} for name, count in self._counted.items()}
        self._counted = {name: len(rows) for name, rows in self.namespaces.items()}
        total = sum(entry["vectorCount"] for entry in shown.values())
        return JSONResponse(
            {"namespaces": shown, "dimension": self.dimension, "indexFullness": 0, "totalVectorCount": total}
        )

    async def query(self, request: Request) -> Response:
        given = await request.json()
        allowed = given["filter"]["image_id"]["$in"] if "filter" in given else None
        assert given["topK"] <= 10_000 and (allowed is None or len(allowed) <= 10_000)
        near = _nearest(
            self.namespaces.get(given["namespace"], {}), given["vector"], given["topK"], "image_id", allowed
        )
        matches = [{"id": key, "score": dot, "values": []} for key, dot in near]
        return JSONResponse({"matches": matches, "namespace": given["namespace"], "usage": {"readUnits": 1}})


@contextmanager
def serving(contract: ElasticsearchContract | PineconeContract) -> Iterator[str]:
    """Serve on a loopback port of its own; give the URL."""
    config = uvicorn.Config(Starlette(routes=contract.routes()), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    sockets = [config.bind_socket()]
    thread = threading.Thread(target=server.run, args=(sockets,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
