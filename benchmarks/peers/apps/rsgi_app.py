"""A bare RSGI application, Granian's own protocol, with orjson."""

from typing import Any, Final

import orjson

from benchmarks.peers.apps.means import Means, check

means = Means()

_JSON: Final = [("content-type", "application/json")]


async def app(scope: Any, protocol: Any) -> None:
    """Adds a score."""
    if (scope.method, scope.path) != ("POST", "/scores"):
        protocol.response_empty(404, [])
        return
    try:
        uuid, score = check(orjson.loads(await protocol()))
    except ValueError as exc:
        protocol.response_bytes(422, _JSON, orjson.dumps({"title": str(exc)}))
    else:
        body = orjson.dumps({"UUID": uuid, "mean": means.add(uuid, score)})
        protocol.response_bytes(200, _JSON, body)
