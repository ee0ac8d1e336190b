"""What answers a score, against what aiohttp makes of the same document."""

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from support.requests import post, request
from support.wire import WireServer, wire_server

from scores.config import Config
from scores.web import inspectors
from scores.web.app import create_app
from scores.web.bodies import respond
from scores.web.receipt import Receipt

SCORE = post("a1-b1", 5)
CORS = {"cors_origins": ("https://one.example",)}


def old(data: bytes) -> bytes:
    return data.replace(b"HTTP/1.1", b"HTTP/1.0", 1)


REQUESTS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "as most are": (SCORE, {}),
    "of another length": (post("a" * 200, 3), {}),
    "of letters that take more bytes": (post("é\N{SNOWMAN}", 3), {}),
    "with a key": (post("a1-b1", 5, Idempotency_Key="k"), {}),
    "the last of its client": (post("a1-b1", 5, Connection="close"), {}),
    "with what may be an upgrade": (post("a1-b1", 5, Upgrade="h2c"), {}),
    "of HTTP/1.0": (old(SCORE), {}),
    "of HTTP/1.0 that stays": (old(post("a1-b1", 5, Connection="keep-alive")), {}),
    "of a page that may": (post("a1-b1", 5, Origin="https://one.example"), CORS),
    "of a page that may not": (post("a1-b1", 5, Origin="https://two.example"), CORS),
    "with a body in pieces": (
        request("POST", "/scores", {"Content-Type": "application/json", "Transfer-Encoding": "chunked"})
        + b'16\r\n{"UUID":"a1","score":5\r\n1\r\n}\r\n0\r\n\r\n',
        {},
    ),
    "while nothing is counted": (SCORE, {"metrics": False}),
}


async def say(server: WireServer, data: bytes) -> tuple[bytes, bool]:
    """What is answered to the same twice over, and whether the connection was closed."""
    wire = server.connect()
    for _ in range(2):
        wire.send(data)
        await wire.settle()
    closed = wire.closed
    wire.lose()
    return wire.take(), closed


@pytest.mark.parametrize("name", REQUESTS)
async def test_each_byte_is_the_one_that_aiohttp_sends(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data, settings = REQUESTS[name]
    async with wire_server(express=False, **settings) as server:
        ours = await say(server, data)
    monkeypatch.setattr(inspectors, "Receipt", respond)
    async with wire_server(express=False, **settings) as server:
        theirs = await say(server, data)
    assert ours == theirs
    assert ours[0].startswith((b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n"))
    assert ours[0].count(b" 200 OK") == (1 if ours[1] else 2)


async def test_the_last_answer_before_the_end_says_so() -> None:
    async with wire_server(express=False) as server:
        server.connections.closing = True
        answer, closed = await say(server, SCORE)
    assert b"\r\nConnection: close\r\n\r\n" in answer
    assert closed


async def test_one_that_was_closed_before_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def last(data: object) -> Receipt:
        receipt = Receipt(data)
        receipt.force_close()
        return receipt

    monkeypatch.setattr(inspectors, "Receipt", last)
    async with wire_server(express=False) as server:
        answer, closed = await say(server, SCORE)
    assert b"\r\nConnection: close\r\n\r\n" in answer
    assert closed


async def test_the_usual_one_is_not_left_to_aiohttp(monkeypatch: pytest.MonkeyPatch) -> None:
    async def prepare(_response: web.Response, _request: web.BaseRequest) -> None:
        raise ConnectionAbortedError("nobody else is asked")

    monkeypatch.setattr(web.Response, "prepare", prepare)
    async with wire_server(express=False) as server:
        answer, closed = await say(server, SCORE)
    assert answer.count(b" 200 OK") == 2
    assert not closed


async def test_it_goes_out_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    async with wire_server(express=False) as server:
        wire = server.connect()
        pieces: list[bytes] = []
        monkeypatch.setattr(wire, "write", pieces.append)
        wire.send(SCORE)
        await wire.settle()
        wire.lose()
    assert len(pieces) == 1


async def test_a_client_that_takes_nothing_is_waited_for() -> None:
    async with wire_server(express=False) as server:
        wire = server.connect()
        wire.room = 0
        wire.send(SCORE * 3)
        await wire.settle()
        assert wire.take().count(b" 200 OK") == 1
        wire.room = None
        wire.connection.resume_writing()
        await wire.settle()
        assert wire.take().count(b" 200 OK") == 2
        wire.lose()


async def test_whoever_runs_the_application_has_a_say(http: aiohttp.ClientSession) -> None:
    async def sign(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers["X-Signed"] = "here"

    app = create_app(Config(feed=None))
    app.on_response_prepare.append(sign)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        async with asyncio.timeout(10):
            for _ in range(2):
                async with http.post(
                    f"http://{host}:{port}/scores", json={"UUID": "a1", "score": 5}
                ) as answer:
                    assert (answer.status, answer.headers["X-Signed"]) == (200, "here")
                    assert await answer.json() == {"UUID": "a1", "mean": 5.0}
    finally:
        await runner.cleanup()
