"""Nothing is hidden in a message: whatever is sent, in one piece or byte by byte, the express lane on or off."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from support.borders import read_requests
from support.feeds import eventually
from support.naive_back import naive_back
from support.odd_messages import odd_messages, scored
from support.smuggling import Case, Told, cases, converse, counts_of, faults_of, ids_of, statuses_of, tell_all
from support.soak import LONG, times
from support.tally import note_inputs
from support.wire import Wire, wire_server

Serve = Callable[..., Awaitable[str]]

LANE = pytest.mark.parametrize("express", [True, False], ids=["lane", "no lane"])
MANY = 100_000
SOON = {"body_timeout": 0.2, "head_timeout": 0.2}
"""Seconds after which the rest of a message is no longer waited for."""
KNOWN = {"line, RTSP"}
"""llhttp takes POST in RTSP/1.0 for HTTP/1.0, and aiohttp does not tell: it is answered, and is its connection's last."""

RIGHT = {
    "coding, plain, good", "coding, no blank, good", "coding, capitals, good", "coding, tab, good",
    "length, plain", "length, capitals",
    "length, leading zeros", "length, blank after", "length, plain, hidden", "chunked, leading zeros",
    "chunked, many leading zeros", "chunked, extension", "chunked, extension, quoted", "chunked, end with extension",
    "chunked, trailer", "chunked, a request within", "line, absolute-form", "line, 1.0, keep-alive", "line, encoded",
    "field, expect", "field, value with octets", "GET with a body", "GET without its body",
}  # fmt: skip
"""Messages that are odd and right: the server takes them, and what follows them."""


def check(corpus: str, told: Sequence[Told], counts: Counter[str]) -> None:
    faults = [fault for one in told for fault in faults_of(one, counts) if one.case.name not in KNOWN]
    errors = sum(status >= 500 for one in told for status in one.statuses)
    note_inputs(corpus=corpus, tried=len(told), server_errors=errors, wrong=len(faults))
    assert not faults


@LANE
async def test_no_border_is_drawn_elsewhere(
    serve: Serve, express: bool, caplog: pytest.LogCaptureFixture
) -> None:
    address = await serve(express=express, **SOON)
    for turn in range(times(1)):
        # With the lane again: by now it knows the heads that can be known.
        for again in "ab" if express else "a":
            told = await tell_all(cases(f"{again}{turn:04}x"), lambda case: converse(address, case))
            check(f"HTTP messages, lane {'on' if express else 'off'}", told, await counts_of(address))
            taken = {one.case.name for one in told if ids_of(one.answers)[-1:] == [f"{one.case.tag}after"]}
            assert taken >= RIGHT
    assert not caplog.records


async def told_by_wire(case: Case, wire: Wire, size: int) -> Told:
    """The same without a socket: the odd message and what follows it cut exactly so, or just from each other."""
    await wire.settle()
    wire.send(case.first)
    await wire.settle()
    edge = case.rest.rindex(b"POST /scores HTTP/1.1\r\nHost: x")
    step = size if edge < 2000 else 997
    for at in range(0, edge, step or edge):
        wire.send(case.rest[at : min(at + (step or edge), edge)])
    await wire.settle()
    wire.send(case.rest[edge:])
    await wire.settle()
    await eventually(lambda: not wire.connection.busy)
    answers = wire.take()
    wire.lose()
    await wire.settle()
    return Told(case, answers)


@pytest.mark.parametrize(
    ("express", "size"),
    [(True, 0), (True, 1), *([(False, 0), (False, 1), (True, 3), (False, 7)] if LONG else [])],
)
async def test_no_border_is_drawn_elsewhere_however_it_is_cut(
    express: bool, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with wire_server(express=express, body_timeout=0.2) as server:
        told = await tell_all(
            cases("w")[:: 1 if LONG or not size else 2],
            lambda case: told_by_wire(case, server.connect(), size),
        )
        page = await server.store.inspectors(limit=MANY)
    counts = Counter({one.uuid: one.count for one in page.items})
    check(f"HTTP messages cut, lane {'on' if express else 'off'}", told, counts)
    assert not caplog.records


@pytest.mark.parametrize("way", ["length first", "chunked first", "knows no chunks"])
async def test_control_a_naive_server_is_smuggled_into(way: Any) -> None:
    async with naive_back(way) as back:
        told = await tell_all(cases("n")[::4], lambda case: converse(back.address, case, end=True))
        faults = [fault for one in told for fault in faults_of(one, back.counts)]
    hidden = [uuid for uuid in back.counts if uuid.endswith("canary")]
    assert len(hidden) > 5
    assert len(faults) > 25


def test_control_the_reader_of_the_standard_is_not_easily_pleased() -> None:
    readings = [read_requests(scored("a") + odd.data + scored("b")) for odd in odd_messages("c")]
    assert 0.1 < sum(reading.whole for reading in readings) / len(readings) < 0.5
    assert read_requests(scored("a") * 3).whole
    assert statuses_of(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n") == [200]
