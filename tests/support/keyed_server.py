"""A small server that keeps the contract of `Idempotency-Key`, and loses, refuses and delays as a test asks."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

__all__ = ["Fate", "KeyedServer", "keyed_server"]

Fate = Literal[
    "ok", "lose request", "lose reply", "busy", "in flight", "unknown", "fail", "hang", "html", "stop"
]
"""What becomes of a request."""


@dataclass
class KeyedServer:
    """Scores and results as they were recorded, and how often each key came."""

    fate: Callable[[int], Fate] = lambda _: "ok"
    """Of the n-th request that records something, from 0."""
    address: str = ""
    requests: int = 0
    scores: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    results: dict[tuple[str, str], float] = field(default_factory=dict)
    arrivals: Counter[str] = field(default_factory=Counter)
    headers: list[dict[str, str]] = field(default_factory=list)
    retry_after: str = "0"
    answers: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    """A request has met the fate `stop`, and hangs."""

    async def record(self, request: web.Request) -> web.Response:
        """Answers whatever records or forgets something."""
        body = await request.read()
        number, self.requests = self.requests, self.requests + 1
        self.headers.append(dict(request.headers))
        key = request.headers.get("Idempotency-Key", "")
        self.arrivals[key] += 1
        fate = self.fate(number)
        refusals = {
            "busy": (503, "store-busy"), "unknown": (503, "outcome-unknown"), "in flight": (409, "idempotency-key-in-flight"), "fail": (500, "internal"),
        }  # fmt: skip
        if fate == "html":
            return web.Response(status=502, text="<html>", content_type="text/html")
        if fate in refusals and fate != "unknown":
            return self._refusal(*refusals[fate])
        if fate in ("hang", "stop"):
            self.stopped.set()
            await asyncio.Event().wait()
        if fate == "lose request":
            return self._cut(request)
        answer = self._done(request, key, body)
        if fate == "unknown":
            return self._refusal(*refusals["unknown"])
        return self._cut(request) if fate == "lose reply" else answer

    def _done(self, request: web.Request, key: str, body: bytes) -> web.Response:
        if request.method == "PUT":
            number, student = request.match_info["number"], request.match_info["id"]
            known = (number, student) in self.results
            self.results[number, student] = orjson.loads(body)["score"]
            return web.json_response({}, status=200 if known else 201)
        if request.method == "DELETE":
            known = (
                self.results.pop((request.match_info["number"], request.match_info["id"]), None) is not None
            )
            return web.Response(status=204) if known else self._refusal(404, "not-found")
        if key in self.answers:
            before, answer = self.answers[key]
            if before != body:
                return self._refusal(422, "idempotency-key-reused")
            return web.Response(body=answer, content_type="application/json")
        data = orjson.loads(body)
        if not 0 <= data["score"] <= 5:
            return self._refusal(422, "invalid-input")
        scores = self.scores[data["UUID"]]
        scores.append(data["score"])
        answer = orjson.dumps({"UUID": data["UUID"], "mean": sum(scores) / len(scores)})
        self.answers[key] = (body, answer)
        return web.Response(body=answer, content_type="application/json")

    def _refusal(self, status: int, code: str) -> web.Response:
        document = {
            "type": f"urn:problem-type:scores:{code}",
            "title": code,
            "status": status,
            "detail": f"it is {code}",
        }
        headers = {"Retry-After": self.retry_after} if status == 503 else {}
        return web.json_response(
            document, status=status, headers=headers, content_type="application/problem+json"
        )

    def _cut(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()


@asynccontextmanager
async def keyed_server(fate: Callable[[int], Fate] = lambda _: "ok") -> AsyncIterator[KeyedServer]:
    """Runs one within `async with`."""
    server = KeyedServer(fate)

    async def ready(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    app = web.Application()
    app.router.add_post("/scores", server.record)
    app.router.add_route("*", "/exams/{number}/results/{id}", server.record)
    app.router.add_get("/readyz", ready)
    async with TestServer(app, shutdown_timeout=0) as running:
        server.address = str(running.make_url("")).rstrip("/")
        yield server
