"""How long the lane says that its answers took, and whose heads it says it has learned; and that it counts only if asked."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from prometheus_client import generate_latest
from support.requests import post, request
from support.scrapes import Scrape
from support.wire import Wire, WireServer, wire_server

from scores.metrics.board import Board
from scores.metrics.collector import Rows
from scores.web.express import connection as module
from scores.web.express.connection import ExpressConnections
from scores.web.express.heads import Head

SHORT, LONG = 2**-20, 2**-10
"""Seconds: below the first bound, and within a later bucket."""


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "monotonic", clock)
    return clock


@pytest.fixture
async def server() -> AsyncIterator[WireServer]:
    async with wire_server(store="faulty:") as server:
        yield server


def head_of(server: WireServer, data: bytes) -> Head:
    assert isinstance(server.connections, ExpressConnections)
    head = server.connections.heads.get(data[: data.index(b"\r\n\r\n") + 4])
    assert head is not None
    return head


async def taking(server: WireServer, clock: Clock, seconds: float, *requests: bytes) -> Wire:
    """A connection to a server that knows these requests, and takes so long for each."""
    wire = server.connect()
    for data in requests:
        wire.send(data)
        await wire.settle()
        head = head_of(server, data)

        def late(body: bytes, answer: Callable[[bytes], Any] = head.answer) -> Any:
            clock.now += seconds
            return answer(body)

        head.answer = late
    wire.take()
    return wire


class Durations:
    """What was counted of a route's durations since it was last asked for."""

    def __init__(self, server: WireServer, route: str) -> None:
        self._server = server
        self._route = route
        self._sum, self._buckets = self._told()

    def since(self) -> tuple[float, dict[str, float]]:
        """The sum, and how many there are in each bucket that has any."""
        total, before = self._sum, self._buckets
        self._sum, self._buckets = self._told()
        grown = {bound: count - before[bound] for bound, count in self._buckets.items()}
        cells, below = {}, 0.0
        for bound, count in grown.items():
            cells[bound], below = count - below, count
        return self._sum - total, {bound: count for bound, count in cells.items() if count}

    def _told(self) -> tuple[float, dict[str, float]]:
        tally = self._server.connections.tally
        assert tally is not None
        board = Board(tally.layout, [[tally.row[place] for place in range(tally.layout.width)]])
        seen = Scrape(generate_latest(Rows(board, {}, version="", workers=1)).decode())
        name = "scores_http_request_duration_seconds"
        bounds = {
            one.labels["le"]: one.value
            for one in seen.samples
            if one.name == f"{name}_bucket" and one.labels["route"] == self._route
        }
        return seen.get(f"{name}_sum", route=self._route), bounds


def almost(seconds: float) -> Any:
    """As exact as a sum of doubles is to which the usual way has added."""
    return pytest.approx(seconds, abs=1e-12)


@pytest.mark.parametrize(("seconds", "bound"), [(SHORT, "1e-05"), (LONG, "0.001")])
async def test_what_comes_alone_took_its_time(
    server: WireServer, clock: Clock, seconds: float, bound: str
) -> None:
    wire = await taking(server, clock, seconds, post())
    durations = Durations(server, "/scores")
    for _ in range(2):
        wire.send(post())
        assert durations.since() == (almost(seconds), {bound: 1})


async def test_what_comes_together_took_as_long_as_all_of_it(server: WireServer, clock: Clock) -> None:
    read = request("GET", "/inspectors/a1-b1")
    wire = await taking(server, clock, LONG, post(), read)
    writes, reads = Durations(server, "/scores"), Durations(server, "/inspectors/{uuid}")
    wire.send(post() * 3)
    assert writes.since() == (almost(3 * 3 * LONG), {"0.005": 3})
    # The writes are answered when the read is met.
    wire.send(post() * 2 + read)
    assert writes.since() == (almost(2 * 2 * LONG), {"0.0025": 2})
    assert reads.since() == (almost(3 * LONG), {"0.005": 1})


@pytest.mark.parametrize("together", [2, 3])
async def test_each_of_those_that_come_together_quickly_is_counted(
    server: WireServer, clock: Clock, together: int
) -> None:
    wire = await taking(server, clock, SHORT, post())
    durations = Durations(server, "/scores")
    wire.send(post() * together)
    assert durations.since() == (almost(together * together * SHORT), {"1e-05": together})


async def test_a_refusal_took_its_time(server: WireServer, clock: Clock) -> None:
    wire = await taking(server, clock, LONG, post("full"))
    durations = Durations(server, "/scores")
    wire.send(post("full"))
    assert durations.since() == (almost(LONG), {"0.001": 1})


async def test_what_is_awaited_took_as_long_as_it_was_awaited(clock: Clock) -> None:
    async with wire_server(store="slow:") as slow:
        wire = await taking(slow, clock, 0, post())
        gate: asyncio.Event = slow.store.gate  # type: ignore[attr-defined]  # the odd store's
        durations = Durations(slow, "/scores")
        gate.clear()
        wire.send(post())
        await wire.settle()
        clock.now += LONG
        assert durations.since() == (0, {})
        gate.set()
        await wire.settle()
        assert durations.since() == (almost(LONG), {"0.001": 1})
        wire.lose()


async def test_the_access_log_says_how_long_each_took(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "scores.access"):
        async with wire_server(store="faulty:", access_log=True) as server:
            wire = await taking(server, clock, LONG, post(), post("full"))
            caplog.clear()
            wire.send(post() * 2 + post("full"))
            wire.lose()
    logged = [record.__dict__["entry"] for record in caplog.records]
    assert [(entry.status, entry.duration) for entry in logged] == [
        (200, LONG),
        (200, 2 * LONG),
        (507, 3 * LONG),
    ]


async def test_a_connection_is_idle_from_when_its_last_requests_came(
    server: WireServer, clock: Clock
) -> None:
    wire = await taking(server, clock, LONG, post())
    came = clock.now
    wire.send(post() * 3)
    assert wire.connection._next_keepalive_close_time == came + wire.connection.keepalive_timeout


# Without metrics.


@pytest.mark.parametrize("store", ["faulty:", "slow:"])
async def test_what_is_not_counted_is_answered_all_the_same(store: str) -> None:
    told = []
    for metrics in (True, False):
        async with wire_server(store=store, metrics=metrics) as server:
            assert (server.connections.tally is not None) is metrics
            wire, read = server.connect(), request("GET", "/exams/3")
            for data in (post(), post() * 2, post("full"), post() * 2 + read + post(), post("bug") + post()):
                wire.send(data)
                await wire.settle()
            told.append(wire.take())
            leaving = server.connect()
            leaving.send(post())
            leaving.lose()
            await leaving.settle()
            told.append((await server.store.inspectors(limit=9)).items)  # type: ignore[arg-type]
            wire.lose()
    assert told[0] == told[2]
    assert told[1] == told[3]
    assert told[0].count(b"HTTP/1.1 200 OK") == 7


# Whose heads they are.


async def test_a_head_is_that_of_the_clients_address(server: WireServer) -> None:
    assert isinstance(server.connections, ExpressConnections)
    for client, data in (("192.0.2.1", post()), ("192.0.2.2", post("b")), ("192.0.2.2", post("longer"))):
        wire = server.connect(client)
        wire.send(data)
        await wire.settle()
        wire.lose()
    taught = server.connections.heads._taught
    assert {client: len(heads) for client, heads in taught.items()} == {"192.0.2.1": 1, "192.0.2.2": 2}
