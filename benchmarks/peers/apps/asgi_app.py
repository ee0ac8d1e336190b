"""A bare ASGI application, without a framework: the least that the protocol asks for, with orjson."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from benchmarks.peers.apps.means import Means, check

means = Means()

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Adds a score."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    if (scope["method"], scope["path"]) != ("POST", "/scores"):
        await _answer(send, 404, b'{"title":"Not Found"}')
        return
    try:
        uuid, score = check(orjson.loads(await _body(receive)))
    except ValueError as exc:
        await _answer(send, 422, orjson.dumps({"title": str(exc)}))
    else:
        await _answer(send, 200, orjson.dumps({"UUID": uuid, "mean": means.add(uuid, score)}))


async def _body(receive: Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
