"""With the lane and without it the same is counted and logged, whatever is sent and however it is cut."""

import asyncio
import logging
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest
from support.requests import post, request
from support.scrapes import Scrape
from support.wire import WireServer, wire_server

from scores.metrics.board import Board
from scores.metrics.collector import Rows
from scores.models import Repeats, Result
from scores.tracing import current
from scores.web.express.connection import ExpressConnections

REQUESTS = [
    post(),
    post("b", 3, User_Agent="me"),
    post("full"),
    post("busy"),
    post("bug"),
    post(score=6),
    post(traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    request("GET", "/inspectors/a1-b1"),
    request("GET", "/inspectors/a1-b1/"),
    request("GET", "/students/foo"),
    request("GET", "/exams/3?x=1"),
    request("GET", "/exams/3"),
    request("GET", "/exams/99"),
    request("HEAD", "/exams/3"),
    request("PATCH", "/exams/3"),
    request("GET", "/nowhere/at-all"),
    request("GET", "/livez"),
]


class Entries(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Any, ...]] = []
        self.ids: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        entry = record.__dict__["entry"]
        self.seen.append(entry._replace(duration=0.0, trace=entry.trace.parent_id))
        self.ids.add(entry.trace.span_id)
        assert entry.duration >= 0
        assert re.fullmatch(rf".* {entry.duration:.6f}", record.getMessage())


async def converse(express: bool, store: str, pieces: Sequence[bytes]) -> tuple[Any, ...]:
    log, entries = logging.getLogger("scores.access"), Entries()
    log.addHandler(entries)
    log.setLevel(logging.INFO)
    try:
        async with wire_server(express=express, store=store, access_log=True) as server:
            await server.store.record([Result("foo", 3, 0.5)], repeats=Repeats.LAST)
            assert isinstance(server.connections, ExpressConnections) is express
            wire = server.connect()
            for piece in pieces:
                await wire.settle()
                wire.send(piece)
            await wire.settle()
            wire.lose()
            await wire.settle()
            seen = told(server)
    finally:
        log.removeHandler(entries)
        log.setLevel(logging.NOTSET)
    assert len(entries.ids) == len(entries.seen)
    return seen, entries.seen


def told(server: WireServer) -> dict[str, Any]:
    """What is counted of requests; durations differ from one time to the next."""
    tally = server.connections.tally
    assert tally is not None
    board = Board(tally.layout, [[tally.row[place] for place in range(tally.layout.width)]])
    seen = Scrape(generate_latest(Rows(board, {}, version="", workers=1)).decode())
    return {
        "requests": seen.requests(),
        "durations": seen.by("route", "scores_http_request_duration_seconds_count"),
        "problems": seen.by("code", "scores_http_problems_total"),
        "lane": seen.by("result", "scores_express_requests_total"),
        "in flight": seen.get("scores_http_requests_in_flight"),
        "aborted": seen.get("scores_http_requests_aborted_total"),
        "open": seen.get("scores_http_connections"),
    }


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.mark.parametrize("store", ["faulty:", "slow:"])
@settings(max_examples=25, deadline=None)
@given(few=st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=4), data=st.data())
def test_the_same_is_counted_and_logged(
    runner: asyncio.Runner, store: str, few: list[bytes], data: st.DataObject
) -> None:
    sent = data.draw(st.lists(st.sampled_from(few), min_size=1, max_size=12))
    pieces = sent if data.draw(st.booleans()) else [b"".join(sent[:3]), b"".join(sent[3:])]
    (on, logged_on), (off, logged_off) = (
        runner.run(converse(express, store, pieces)) for express in (True, False)
    )
    assert logged_on == logged_off
    assert len(logged_on) == len(sent) == sum(on["requests"].values()) == sum(on["durations"].values())
    assert sum(on.pop("lane").values()) == len(sent)
    assert off.pop("lane") == {"miss": len(sent)}
    assert on == off


@pytest.mark.parametrize("store", ["faulty:", "slow:"])
def test_what_the_lane_answers_is_a_hit_by_whatever_status(runner: asyncio.Runner, store: str) -> None:
    heads = [post("abcd"), post("full"), post("busy"), post("bug ")]
    counted, logged = runner.run(converse(True, store, heads * 3))
    # Each is known after its first time, and the head of the first four is one and the same.
    assert counted["lane"] == {"hit": 11, "miss": 1}
    assert counted["requests"] == {
        ("/scores", "POST", "200"): 6,
        ("/scores", "POST", "503"): 3,
        ("/scores", "POST", "507"): 3,
    }
    assert counted["problems"] == {"store-busy": 3, "store-full": 3}
    assert [entry.status for entry in logged[:4]] == [200, 507, 503, 200]


def test_what_comes_in_one_piece_is_counted_each_for_its_own_route(runner: asyncio.Runner) -> None:
    heads = [post(), request("GET", "/inspectors/a1-b1"), request("GET", "/exams/3")]
    one, two, three = heads
    piece = one + one + two + one + three + three + two
    counted, logged = runner.run(converse(True, "faulty:", [*heads, *heads, piece]))
    assert counted["lane"] == {"hit": 10, "miss": 3}
    assert counted["requests"] == {
        ("/scores", "POST", "200"): 5,
        ("/inspectors/{uuid}", "GET", "200"): 4,
        ("/exams/{number}", "GET", "200"): 4,
    }
    assert counted["durations"] == {"/scores": 5, "/inspectors/{uuid}": 4, "/exams/{number}": 4}
    assert [entry.route for entry in logged[6:10]] == ["/scores", "/scores", "/inspectors/{uuid}", "/scores"]


def test_a_head_with_a_trace_is_not_remembered(runner: asyncio.Runner) -> None:
    traced = post(traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    counted, logged = runner.run(converse(True, "faulty:", [traced] * 3))
    assert counted["lane"] == {"miss": 3}
    assert {entry.trace for entry in logged} == {"b7ad6b7169203331"}


@pytest.mark.parametrize("last", [post(), post(traceparent="x")], ids=["lane", "usual way"])
def test_a_client_that_goes_while_the_store_is_asked_is_counted(runner: asyncio.Runner, last: bytes) -> None:
    async def go() -> tuple[dict[str, Any], dict[str, Any]]:
        async with wire_server(store="slow:") as server:
            wire = server.connect()
            for _ in range(2):
                wire.send(post())
                await wire.settle()
            server.store.gate.clear()  # type: ignore[attr-defined]  # the odd store's
            wire.send(last)
            await wire.settle()
            before = told(server)
            wire.lose()
            server.store.gate.set()  # type: ignore[attr-defined]
            await wire.settle()
            return before, told(server)

    before, after = runner.run(go())
    assert (before["in flight"], before["aborted"], before["open"]) == (1, 0, 1)
    assert (after["in flight"], after["aborted"], after["open"]) == (0, 1, 0)
    assert before["requests"] == after["requests"] == {("/scores", "POST", "200"): 2}


def test_what_is_logged_of_a_bug_has_the_id_of_its_request(
    runner: asyncio.Runner, caplog: pytest.LogCaptureFixture
) -> None:
    spans: list[str] = []

    class Spans(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            trace = current.get()
            spans.append(
                record.entry.trace.span_id if hasattr(record, "entry") else trace.span_id if trace else ""
            )
            return True

    spy = Spans()
    caplog.handler.addFilter(spy)
    try:
        with caplog.at_level(logging.INFO):
            runner.run(converse(True, "faulty:", [post("bug")] * 2))
    finally:
        caplog.handler.removeFilter(spy)
    # The first takes the usual way, the second the lane; each logs its failure, and then its line.
    assert len(spans) == 4
    assert spans[0] == spans[1] != spans[2] == spans[3]
    assert all(spans)
