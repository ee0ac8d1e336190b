"""Conditions of the lane of which the bytes that come back say nothing, or only seldom."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client import generate_latest
from support.requests import post, request
from support.scrapes import Scrape
from support.wire import Wire, WireServer, wire_server

from scores.metrics.board import Board
from scores.metrics.collector import Rows

OK = b"HTTP/1.1 200 OK"


@pytest.fixture
async def server() -> AsyncIterator[WireServer]:
    async with wire_server(store="faulty:") as server:
        yield server


async def knowing(server: WireServer, *requests: bytes) -> Wire:
    """A connection to a server that knows these requests."""
    wire = server.connect()
    for data in requests or (post(),):
        wire.send(data)
        await wire.settle()
    wire.take()
    return wire


def hits(server: WireServer) -> float:
    """How many answers of the lane have been counted."""
    tally = server.connections.tally
    assert tally is not None
    board = Board(tally.layout, [[tally.row[place] for place in range(tally.layout.width)]])
    seen = Scrape(generate_latest(Rows(board, {}, version="", workers=1)).decode())
    return seen.by("result", "scores_express_requests_total").get("hit", 0)


async def test_a_turn_is_64_requests(server: WireServer) -> None:
    wire = await knowing(server)
    wire.send(post() * 130)
    assert wire.take().count(OK) == 64
    await wire.settle()
    assert wire.take().count(OK) == 66


@pytest.mark.parametrize("missing", [1, 2, 10, 28])
async def test_a_body_that_is_not_whole_is_left_to_the_usual_way(server: WireServer, missing: int) -> None:
    # What has come of it is JSON as well.
    data = request("POST", "/scores", {"Content-Type": "application/json"}, b'{"UUID":"a1-b1","score":5}  ')
    wire = await knowing(server, data)
    wire.send(data + data[:-missing])
    assert wire.take().count(OK) == 1
    await wire.settle()
    assert not wire.take()
    wire.send(data[-missing:])
    await wire.settle()
    assert wire.take().count(OK) == 1


@pytest.mark.parametrize(
    "together", [(post("full"), post()), (post(), post("full"), post(), post()), (post("full"), post("full"))]
)
async def test_each_is_counted_once_with_a_refusal_among_them(
    server: WireServer, together: tuple[bytes, ...]
) -> None:
    wire = await knowing(server, post(), post("full"))
    before = hits(server)
    wire.send(b"".join(together))
    assert wire.take().count(b"HTTP/1.1 ") == len(together)
    assert hits(server) - before == len(together)


ONE = "https://one.example"


@pytest.mark.parametrize(
    ("settings", "fields", "taken"),
    [
        ({}, {"Origin": ONE}, True),
        ({"cors_origins": (ONE,)}, {}, True),
        ({"cors_origins": (ONE,)}, {"Origin": ONE}, False),
        ({"cors_origins": ("*",)}, {"Origin": ONE}, True),
        ({"write_token": ("a-token-0123456789",)}, {"Authorization": "Bearer a-token-0123456789"}, True),
    ],
)
async def test_whose_requests_the_lane_takes(
    settings: dict[str, Any], fields: dict[str, str], taken: bool
) -> None:
    async with wire_server(**settings) as server:
        wire = await knowing(server, post(**fields))
        wire.send(post(**fields))
        assert wire.take().startswith(OK) is taken
        await wire.settle()
        assert wire.take().startswith(OK) is not taken


async def test_what_is_not_answered_keeps_nobody_from_being_idle(server: WireServer) -> None:
    wire = await knowing(server)
    ends = wire.connection._next_keepalive_close_time
    await asyncio.sleep(0.01)
    wire.send(post()[:20])
    assert wire.connection._next_keepalive_close_time == ends


async def test_reads_are_left_while_the_server_holds_all_it_may(server: WireServer) -> None:
    read = request("GET", "/inspectors/a1-b1")
    wire = await knowing(server, post(), read)
    server.connections.pending.held += 2**40
    wire.send(read)
    assert not wire.take()
    server.connections.pending.held -= 2**40
    await wire.settle()
    wire.send(read)
    assert wire.take().count(OK) == 2


async def test_near_the_end_an_answer_is_the_last(server: WireServer) -> None:
    wire = await knowing(server)
    server.connections.closing = True
    wire.send(post())
    await wire.settle()
    assert wire.take().count(b"Connection: close") == 1
    assert wire.closed


async def test_a_shutdown_in_a_turn_before_half_a_body_waits_for_the_rest(server: WireServer) -> None:
    wire = await knowing(server)
    wire.send(post() * 64 + post()[:-5])
    wire.connection.close()
    await wire.settle()
    wire.send(post()[-5:])
    await wire.settle()
    answers = wire.take()
    assert answers.count(OK) == 65
    assert answers.count(b"Connection: close") == 1
    assert wire.closed


async def test_a_shutdown_waits_for_all_that_is_held(slow: Any) -> None:
    wire = await knowing(slow)
    slow.store.gate.clear()
    wire.send(post() * 3)
    stopping = asyncio.create_task(wire.connection.shutdown(1))
    await wire.settle()
    slow.store.gate.set()
    await stopping
    assert wire.take().count(OK) == 3


async def test_an_answer_that_is_given_up_is_its_connections_last(slow: Any) -> None:
    wire = await knowing(slow)
    slow.store.gate.clear()
    wire.send(post() * 3)
    await wire.settle()
    wire.connection._pending.cancel()  # type: ignore[attr-defined]  # the lane's: what is awaited
    slow.store.gate.set()
    await wire.settle()
    assert wire.closed
    assert not wire.connection.busy
    assert not wire.take()


@pytest.mark.parametrize(
    ("clients", "kept"),
    [
        (["2001:db8::1", "2001:db8::2:0:0:1", "2001:db8:0:0:ffff::"], 1),
        (["2001:db8::1", "2001:db8:0:1::1"], 2),
        (["::ffff:192.0.2.1", "::ffff:192.0.2.2"], 2),
        (["fe80::1%lo", "fe80::2"], 1),
        (["192.0.2.1", "192.0.2.2"], 2),
    ],
)
async def test_who_has_a_network_of_addresses_is_one_client(
    server: WireServer, clients: list[str], kept: int
) -> None:
    for number, client in enumerate(clients):
        wire = server.connect(client)
        wire.send(post("x" * (number + 1)))
        await wire.settle()
        wire.lose()
    heads = server.connections.heads  # type: ignore[attr-defined]  # those of the lane
    assert len(heads) == len(clients)
    assert len(heads._taught) == kept
