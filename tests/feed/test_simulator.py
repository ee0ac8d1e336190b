"""The simulated feed, on real sockets: what it sends, when, and how it fails on request."""

import asyncio
import json
import logging
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from support.feeds import eventually

from scores.errors import ConfigError, InvalidInput
from scores.feed.faults import FeedFault, parse_fault
from scores.feed.sequence import ExamSeries
from scores.feed.simulator import SimulatorOptions, create_simulator
from scores.models import parse_result

Simulate = Callable[..., Awaitable[TestServer]]
Http = aiohttp.ClientSession

EVENTS = list(islice(ExamSeries().since(0), 5000))
PLAIN = [f"event: score\ndata: {event.data}\n\n".encode() for event in EVENTS]
WITH_IDS = [f"id: {event.id}\nevent: score\ndata: {event.data}\n\n".encode() for event in EVENTS]

# What a stream can be doing when it is left or stopped.
DOINGS: dict[str, dict[str, Any]] = {
    "sending": {"rate": 0},
    "waiting": {"rate": 0.01},
    "ended": {"rate": 0, "count": 0},
    "stalled": {"rate": 0, "faults": {FeedFault.STALL: 1}},
}


@pytest.fixture
async def simulate(no_leaks: None, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Simulate]:
    """Starts simulators; at the end each must stop within a second, and none may have had anything to log."""
    servers: list[TestServer] = []

    async def start(**options: Any) -> TestServer:
        servers.append(TestServer(create_simulator(SimulatorOptions(**options))))
        await servers[-1].start_server()
        return servers[-1]

    yield start
    for server in servers:
        async with asyncio.timeout(1):
            await server.close()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def subscribe(http: Http, server: TestServer, after: str | None = None) -> Any:
    headers = {} if after is None else {"Last-Event-ID": after}
    return http.get(server.make_url("/scores"), headers=headers)


async def frames(response: aiohttp.ClientResponse, number: int) -> list[bytes]:
    """The next so many frames of a stream."""
    return [await response.content.readuntil(b"\n\n") for _ in range(number)]


async def first_frames(http: Http, server: TestServer, number: int, after: str | None = None) -> list[bytes]:
    async with subscribe(http, server, after) as response:
        return await frames(response, number)


async def whole_body(response: aiohttp.ClientResponse) -> bytes:
    """What arrives until the connection is lost."""
    body = b""
    try:
        async for chunk in response.content.iter_any():
            body += chunk
    except aiohttp.ClientPayloadError:
        return body
    pytest.fail("the response ended as it should")


@asynccontextmanager
async def idle_reader(server: TestServer) -> AsyncIterator[asyncio.StreamReader]:
    """Subscribes, and reads nothing of its own accord."""
    sock = socket.socket()
    # The less the kernel takes for it, the sooner the server has to wait.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (server.host, server.port))
    reader, writer = await asyncio.open_connection(sock=sock)
    writer.write(b"GET /scores HTTP/1.1\r\nHost: feed\r\n\r\n")
    try:
        yield reader
    finally:
        writer.close()


def unsent(server: TestServer) -> list[int]:
    """How many bytes each of the server's connections holds back for its reader."""
    transports = [protocol.transport for protocol in server.handler.connections]
    return [0, *(transport.get_write_buffer_size() for transport in transports if transport)]


async def test_it_answers_an_event_stream(simulate: Simulate, http: Http) -> None:
    async with subscribe(http, await simulate()) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, "text/event-stream")


async def test_it_sends_the_original_events(simulate: Simulate, http: Http) -> None:
    (frame,) = await first_frames(http, await simulate(), 1)
    form = rb'event: score\ndata: {"studentId":"[\w.]+","exam":\d+,"score":[\d.e-]+}\n\n'
    assert re.fullmatch(form, frame)


async def test_it_is_read_with_get_alone(simulate: Simulate, http: Http) -> None:
    server = await simulate()
    async with http.post(server.make_url("/scores")) as response:
        assert response.status == 405


async def test_at_rate_0_a_stream_is_the_series_from_its_first_event_on(
    simulate: Simulate, http: Http
) -> None:
    assert await first_frames(http, await simulate(rate=0), 5000) == PLAIN


async def test_a_live_event_comes_no_sooner_than_the_rate_allows(simulate: Simulate, http: Http) -> None:
    server, loop = await simulate(rate=100), asyncio.get_running_loop()
    begin = loop.time()
    await first_frames(http, server, 21)
    assert loop.time() - begin >= 20 / 100


async def test_all_subscribers_get_the_same_live_events(simulate: Simulate, http: Http) -> None:
    server = await simulate(rate=200)
    async with subscribe(http, server) as one, subscribe(http, server) as other:
        late = await frames(other, 10)
        early = await frames(one, 20)
    begin = early.index(late[0])
    assert early[begin : begin + 10] == late[: 20 - begin]


@pytest.mark.parametrize("ids", [False, True])
async def test_a_live_subscriber_misses_what_was_before(simulate: Simulate, http: Http, ids: bool) -> None:
    server = await simulate(rate=500, ids=ids)
    events = WITH_IDS if ids else PLAIN
    (early,) = (await first_frames(http, server, 50))[-1:]
    (late,) = await first_frames(http, server, 1)
    assert events.index(late) > events.index(early)


async def test_there_are_no_ids_unless_asked_for(simulate: Simulate, http: Http) -> None:
    assert await first_frames(http, await simulate(rate=0), 1, EVENTS[9].id) == PLAIN[:1]


async def test_every_event_has_its_id_when_asked_for(simulate: Simulate, http: Http) -> None:
    assert await first_frames(http, await simulate(rate=0, ids=True), 100) == WITH_IDS[:100]


async def test_a_stream_resumes_exactly_after_the_id(simulate: Simulate, http: Http) -> None:
    server = await simulate(rate=0, ids=True)
    assert await first_frames(http, server, 100, EVENTS[1234].id) == WITH_IDS[1235:1335]


async def test_a_live_stream_resumes_with_what_was_missed(simulate: Simulate, http: Http) -> None:
    server = await simulate(rate=500, ids=True)
    missed = (await first_frames(http, server, 50))[10:]
    after = EVENTS[WITH_IDS.index(missed[0]) - 1].id
    assert await first_frames(http, server, 40, after) == missed


async def test_an_id_ahead_of_a_new_live_simulator_is_gone_on_from(simulate: Simulate, http: Http) -> None:
    server = await simulate(rate=500, ids=True)
    assert await first_frames(http, server, 5, EVENTS[4321].id) == WITH_IDS[4322:4327]


async def test_a_stream_that_is_ahead_keeps_the_rate(simulate: Simulate, http: Http) -> None:
    server, loop = await simulate(rate=100, ids=True), asyncio.get_running_loop()
    begin = loop.time()
    await first_frames(http, server, 21, EVENTS[4321].id)
    assert loop.time() - begin >= 20 / 100


async def test_an_id_ahead_leaves_the_other_streams_alone(simulate: Simulate, http: Http) -> None:
    server = await simulate(rate=100, ids=True)
    await first_frames(http, server, 1, EVENTS[4321].id)
    (live,) = await first_frames(http, server, 1)
    assert WITH_IDS.index(live) < 1000


async def test_an_id_that_is_not_of_the_series_starts_at_now(simulate: Simulate, http: Http) -> None:
    assert await first_frames(http, await simulate(rate=0, ids=True), 1, "nowhere") == WITH_IDS[:1]


@pytest.mark.parametrize("rate", [0, 1000])
async def test_after_the_count_come_only_comments(simulate: Simulate, http: Http, rate: float) -> None:
    server = await simulate(rate=rate, ids=True, count=30, keepalive=0.01)
    received = await first_frames(http, server, 22, EVENTS[9].id)
    assert received == [*WITH_IDS[10:30], b":\n\n", b":\n\n"]


async def test_a_silence_before_the_next_event_has_comments(simulate: Simulate, http: Http) -> None:
    server = await simulate(rate=20, keepalive=0.01)
    received = await first_frames(http, server, 4)
    assert b":\n\n" in received


async def test_an_event_is_sent_twice_on_request(simulate: Simulate, http: Http) -> None:
    server = await simulate(rate=0, faults={FeedFault.REPEAT: 1})
    assert await first_frames(http, server, 6) == [PLAIN[0], PLAIN[0], PLAIN[1], PLAIN[1], PLAIN[2], PLAIN[2]]


async def test_a_connection_is_cut_in_the_middle_of_an_event_on_request(
    simulate: Simulate, http: Http
) -> None:
    async with subscribe(http, await simulate(rate=0, faults={FeedFault.CUT: 1})) as response:
        body = await whole_body(response)
    assert body
    assert PLAIN[0].startswith(body)
    assert not body.endswith(b"\n\n")


async def test_every_event_arrives_through_cuts_in_the_end(simulate: Simulate, http: Http) -> None:
    server = await simulate(rate=0, ids=True, faults={FeedFault.CUT: 0.2})
    received: list[bytes] = []
    while len(received) < 50:
        async with subscribe(http, server, EVENTS[len(received) - 1].id if received else None) as response:
            received += (await whole_body(response)).split(b"\n\n")[:-1]
    assert received == [frame.removesuffix(b"\n\n") for frame in WITH_IDS[: len(received)]]


async def test_rubbish_follows_an_event_on_request(simulate: Simulate, http: Http) -> None:
    server = await simulate(rate=0, faults={FeedFault.GARBAGE: 1})
    assert (await first_frames(http, server, 200))[::2] == PLAIN[:100]


async def test_rubbish_is_of_many_kinds(simulate: Simulate, http: Http) -> None:
    server = await simulate(rate=0, faults={FeedFault.GARBAGE: 1})
    rubbish = set((await first_frames(http, server, 1000))[1::2])
    for kind in (b"1.01", b"NaN", b"\xff", b'{"exam"', b"event: rubbish", b"0.5\n", b"data\n"):
        assert any(kind in frame for frame in rubbish)


async def test_rubbish_is_never_a_result(simulate: Simulate, http: Http) -> None:
    server = await simulate(rate=0, faults={FeedFault.GARBAGE: 1})
    for frame in (await first_frames(http, server, 1000))[1::2]:
        event, _, data = frame.decode(errors="replace").rstrip("\n").partition("\ndata: ")
        if event == "event: score":
            with pytest.raises((ValueError, InvalidInput)):
                parse_result(json.loads(data))


async def test_rubbish_has_no_id(simulate: Simulate, http: Http) -> None:
    server = await simulate(rate=0, ids=True, faults={FeedFault.GARBAGE: 1})
    assert not any(frame.startswith(b"id:") for frame in (await first_frames(http, server, 200))[1::2])


async def test_a_stream_falls_silent_on_request(simulate: Simulate, http: Http) -> None:
    server = await simulate(rate=0, keepalive=0.01, faults={FeedFault.STALL: 0.1})
    async with subscribe(http, server) as response:
        first = await response.content.readany()
        assert b"".join(PLAIN).startswith(first)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(response.content.readany(), 0.1)


async def test_a_connection_is_refused_on_request(simulate: Simulate, http: Http) -> None:
    async with subscribe(http, await simulate(faults={FeedFault.REFUSE: 1})) as response:
        assert response.status == 503


async def test_the_headers_are_late_on_request(simulate: Simulate, http: Http) -> None:
    server, loop = await simulate(delay=0.1, faults={FeedFault.SLOW: 1}), asyncio.get_running_loop()
    begin = loop.time()
    async with subscribe(http, server):
        assert loop.time() - begin >= 0.1


async def test_a_fault_of_probability_0_never_happens(simulate: Simulate, http: Http) -> None:
    server = await simulate(rate=0, faults=dict.fromkeys(FeedFault, 0))
    assert await first_frames(http, server, 5000) == PLAIN


async def test_the_same_seed_gives_the_same_faults(simulate: Simulate, http: Http) -> None:
    faults = {FeedFault.REPEAT: 0.3, FeedFault.GARBAGE: 0.3}
    one, other = await simulate(rate=0, faults=faults), await simulate(rate=0, faults=faults)
    assert await first_frames(http, one, 500) == await first_frames(http, other, 500)


async def test_the_next_connection_has_other_faults(simulate: Simulate, http: Http) -> None:
    server = await simulate(rate=0, faults={FeedFault.REPEAT: 0.3})
    assert await first_frames(http, server, 500) != await first_frames(http, server, 500)


@pytest.mark.parametrize("doing", DOINGS)
async def test_a_stream_ends_when_its_reader_leaves(simulate: Simulate, http: Http, doing: str) -> None:
    server = await simulate(**DOINGS[doing])
    before = asyncio.all_tasks()
    async with subscribe(http, server) as response:
        tasks = asyncio.all_tasks() - before
        response.close()
    assert tasks
    async with asyncio.timeout(1.5):
        await asyncio.wait(tasks)


async def test_a_reader_may_leave_before_the_headers(simulate: Simulate, http: Http) -> None:
    server = await simulate(delay=0.2, faults={FeedFault.SLOW: 1})
    before = asyncio.all_tasks()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), subscribe(http, server):
            pass
    async with asyncio.timeout(1.5):
        await asyncio.wait(asyncio.all_tasks() - before)


@pytest.mark.parametrize("doing", ["waiting", "ended", "stalled"])
async def test_at_shutdown_a_stream_ends_as_a_whole_response(
    simulate: Simulate, http: Http, doing: str
) -> None:
    server = await simulate(**DOINGS[doing])
    async with subscribe(http, server) as response:
        await server.close()
        assert await response.read() in (b"", PLAIN[0])


async def test_at_shutdown_nobody_waits_for_slow_headers(simulate: Simulate, http: Http) -> None:
    server = await simulate(delay=60, faults={FeedFault.SLOW: 1})
    opening = asyncio.create_task(http.get(server.make_url("/scores")))
    await eventually(lambda: server.handler.requests_count == 1)
    await server.close()
    assert await (await opening).read() == b""


async def test_a_request_that_comes_at_shutdown_ends_at_once(simulate: Simulate, http: Http) -> None:
    server = await simulate(rate=0)
    await server.app.shutdown()
    async with subscribe(http, server) as response:
        assert await response.read() == b""


async def test_at_shutdown_a_reader_that_does_not_read_is_dropped(simulate: Simulate) -> None:
    server = await simulate(rate=0)
    async with idle_reader(server) as reader:
        await eventually(lambda: max(unsent(server)) > 0)
        async with asyncio.timeout(1):
            await server.close()
        assert not (await reader.read()).endswith(b"0\r\n\r\n")


async def test_a_reader_that_does_not_read_pins_no_memory(simulate: Simulate, http: Http) -> None:
    server = await simulate(rate=0)
    async with idle_reader(server), subscribe(http, server) as response:
        await eventually(lambda: max(unsent(server)) > 0)
        # What the one reads in this time the other could have been sent too.
        await response.content.readexactly(2 * 1024 * 1024)
        assert max(unsent(server)) < 256 * 1024


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("cut=0.01", (FeedFault.CUT, 0.01)),
        ("slow=1", (FeedFault.SLOW, 1)),
        (" stall = 0 ", (FeedFault.STALL, 0)),
    ],
)
def test_a_fault_is_read_from_its_name_and_probability(text: str, fault: tuple[FeedFault, float]) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    "text", ["", "cut", "cut=", "cut=x", "cut=1.01", "cut=-0.1", "cut=nan", "cat=0.5", "=1"]
)
def test_another_text_is_no_fault(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_fault(text)
    assert str(caught.value) == (
        f"fault {text!r} is not allowed: it must be NAME=PROBABILITY,"
        " NAME one of cut, repeat, garbage, stall, refuse, slow, and PROBABILITY a number from 0 to 1"
    )


@pytest.mark.parametrize(
    "options",
    [
        {"rate": -1},
        {"rate": float("nan")},
        {"rate": 1_000_001},
        {"count": -1},
        {"delay": float("inf")},
        {"keepalive": 0},
        {"faults": {FeedFault.CUT: 2}},
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="is not allowed: it must be "):
        SimulatorOptions(**options)


def test_too_few_students_for_an_exam_are_refused() -> None:
    with pytest.raises(ConfigError, match="students=24 is not allowed"):
        create_simulator(SimulatorOptions(students=24))
