"""The feed's client against a feed that does, byte by byte, what a feed can do."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
from support.feeds import HEAD, ScriptedFeed, event, eventually, then_hold

from scores.errors import StoreError, StoreFull
from scores.feed.client import MAX_EVENT_ID
from scores.feed.connection import PIECE
from scores.feed.status import FeedState, FeedStatus, without_password
from scores.models import Result

Scripted = Callable[..., Awaitable[ScriptedFeed]]
Listening = Callable[..., Any]


async def test_what_is_sent_is_recorded_and_counted(scripted: Scripted, listening: Listening) -> None:
    feed = await scripted(
        then_hold(HEAD + event("foo", 3, 0.991, number="a") + event("bar", 0, 0.0, number="b"))
    )
    async with listening(feed.url) as (client, store):
        await store.students_are("foo", "bar")
        await eventually(lambda: client.status.last_event_id == "b")
        status = client.status
        assert store.written == [Result("foo", 3, 0.991), Result("bar", 0, 0.0)]
        assert (status.state, status.received, status.recorded) == (FeedState.OPEN, 2, 2)
        assert (status.rejected.total(), status.reconnects) == (0, 0)
        assert status.last_event_at is not None
    assert client.status.state is FeedState.STOPPED


async def test_the_request_is_what_the_standard_asks_for(scripted: Scripted, listening: Listening) -> None:
    feed = await scripted(then_hold(HEAD + event("foo")))
    async with listening(feed.url) as (_, store):
        await store.students_are("foo")
    request = feed.requests[0].lower()
    assert request.startswith(b"get /scores http/1.1\r\n")
    assert b"accept: text/event-stream\r\n" in request
    assert b"cache-control: no-cache\r\n" in request
    assert b"last-event-id" not in request


async def test_a_feed_that_is_off_is_not_asked(listening: Listening) -> None:
    async with listening(None) as (client, _):
        assert client.status == FeedStatus(None)
        assert client.status.state is FeedState.OFF


# Disconnects.


async def test_an_event_that_was_cut_is_discarded_and_sent_again(
    scripted: Scripted, listening: Listening
) -> None:
    cut = event("bar", number="2")[:40]
    feed = await scripted(HEAD + event("foo", number="1") + cut, then_hold(HEAD + event("bar", number="2")))
    async with listening(feed.url) as (client, store):
        await store.students_are("foo", "bar")
        assert feed.last_event_ids() == [None, "1"]
        assert client.status.rejected.total() == 0
        assert client.status.reconnects == 1


async def test_an_id_without_an_event_is_resumed_after_too(scripted: Scripted, listening: Listening) -> None:
    feed = await scripted(HEAD + b"id: 7\n\n", then_hold(HEAD + event("foo")))
    async with listening(feed.url) as (_, store):
        await store.students_are("foo")
    assert feed.last_event_ids() == [None, "7"]


async def test_an_id_too_long_for_a_header_is_not_kept(scripted: Scripted, listening: Listening) -> None:
    long = "x" * (MAX_EVENT_ID + 1)
    feed = await scripted(
        HEAD + event("foo", number="1") + event("bar", number=long),
        then_hold(HEAD + event("baz", number="2")),
    )
    async with listening(feed.url) as (_, store):
        await store.students_are("foo", "bar", "baz")
    assert feed.last_event_ids()[1] in (None, "1")


@pytest.mark.parametrize("character", ["\x01", "\x0b", "\x1f", "\x7f"])
async def test_an_id_that_no_header_can_hold_is_not_kept(
    scripted: Scripted, listening: Listening, character: str
) -> None:
    feed = await scripted(HEAD + event("foo", number=f"a{character}b"), then_hold(HEAD + event("bar")))
    async with listening(feed.url) as (_, store):
        await store.students_are("foo", "bar")
    assert feed.last_event_ids() == [None, None]


async def test_an_id_of_any_characters_is_sent_back(scripted: Scripted, listening: Listening) -> None:
    feed = await scripted(HEAD + event("foo", number="é 🎓\t"), then_hold(HEAD + event("bar")))
    async with listening(feed.url) as (_, store):
        await store.students_are("foo", "bar")
    assert feed.last_event_ids() == [None, "é 🎓\t"]


async def test_a_chunked_body_that_is_aborted_is_a_disconnect(
    scripted: Scripted, listening: Listening
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    first = event("foo")
    feed = await scripted(
        head + b"%x\r\n%b\r\n50\r\nhalf a chu" % (len(first), first), then_hold(HEAD + event("bar"))
    )
    async with listening(feed.url) as (_, store):
        await store.students_are("foo", "bar")


REFUSALS = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "500": b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    "503": b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n",
    "404": b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
    "401": b"HTTP/1.1 401 Who\r\nContent-Length: 0\r\n\r\n",
    "305": b"HTTP/1.1 305 Proxy\r\nContent-Length: 0\r\n\r\n",
    "304": b"HTTP/1.1 304 Same\r\n\r\n",
    "206": b"HTTP/1.1 206 Part\r\nContent-Type: text/event-stream\r\nContent-Length: 0\r\n\r\n",
    "html": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n<html",
    "no type": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "a loop": b"HTTP/1.1 302 There\r\nLocation: /scores\r\nContent-Length: 0\r\n\r\n",
    "a redirect to nowhere": b"HTTP/1.1 302 There\r\nLocation: http://[bad\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
async def test_a_refusal_is_tried_again(scripted: Scripted, listening: Listening, refusal: bytes) -> None:
    attempts = 6 if b"Location: /scores" in refusal else 1
    feed = await scripted(*[refusal] * attempts, then_hold(HEAD + event("foo")))
    async with listening(feed.url) as (_, store):
        await store.students_are("foo")


async def test_204_ends_it_for_good(
    scripted: Scripted, listening: Listening, caplog: pytest.LogCaptureFixture
) -> None:
    feed = await scripted(b"HTTP/1.1 204 No Content\r\n\r\n", then_hold(HEAD + event("foo")))
    async with listening(feed.url) as (client, _):
        await eventually(lambda: client.status.state is FeedState.STOPPED)
    assert len(feed.requests) == 1
    assert any("204" in message for message in caplog.messages)


async def test_a_refused_connection_is_tried_again(listening: Listening) -> None:
    placeholder = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = placeholder.sockets[0].getsockname()[1]
    placeholder.close()
    await placeholder.wait_closed()
    feed = ScriptedFeed([then_hold(HEAD + event("foo"))])
    async with listening(f"http://127.0.0.1:{port}/") as (client, store):
        await eventually(lambda: client.status.reconnects > 2)
        server = await asyncio.start_server(feed.serve, "127.0.0.1", port)
        await store.students_are("foo")
    server.close()


async def test_a_host_that_is_not_known_is_tried_again(listening: Listening) -> None:
    async with listening("http://no-such-host.invalid/") as (client, _):
        await eventually(lambda: client.status.reconnects > 1)


async def test_a_redirect_is_followed(scripted: Scripted, listening: Listening) -> None:
    feed = await scripted(
        b"HTTP/1.1 307 There\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        then_hold(HEAD + event("foo")),
    )
    async with listening(feed.url) as (client, store):
        await store.students_are("foo")
        assert client.status.reconnects == 0
    assert feed.requests[1].startswith(b"GET /elsewhere ")


async def test_a_silent_connection_is_given_up(scripted: Scripted, listening: Listening) -> None:
    feed = await scripted(then_hold(HEAD + event("foo")), then_hold(HEAD + event("bar")))
    async with listening(feed.url, feed_idle_timeout=0.1) as (_, store):
        await store.students_are("foo", "bar")


async def test_a_feed_that_does_not_answer_is_given_up(scripted: Scripted, listening: Listening) -> None:
    feed = await scripted(then_hold(b""), then_hold(HEAD + event("foo")))
    async with listening(feed.url, feed_connect_timeout=0.1) as (_, store):
        await store.students_are("foo")


# Waits.


class Naps:
    """A clock of its own: waits take no time, and are remembered."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        await asyncio.sleep(0)


class Highest(Random):
    def uniform(self, _low: float, high: float) -> float:
        return high


async def test_the_waits_grow_and_begin_again_after_a_healthy_connection(
    scripted: Scripted, listening: Listening
) -> None:
    refused = REFUSALS["503"]
    feed = await scripted(
        refused, refused, refused, HEAD + event("foo"), refused, then_hold(HEAD + event("bar"))
    )
    naps = Naps()
    waits = {"feed_backoff_min": 0.5, "feed_backoff_max": 30}
    async with listening(feed.url, sleep=naps, random=Highest(), **waits) as (_, store):
        await store.students_are("foo", "bar")
    assert naps.taken == [1, 2, 4, 1, 2]


async def test_the_feeds_own_retry_is_the_least_wait(scripted: Scripted, listening: Listening) -> None:
    feed = await scripted(HEAD + b"retry: 2500\n\n", then_hold(HEAD + event("foo")))
    naps = Naps()
    async with listening(feed.url, sleep=naps) as (_, store):
        await store.students_are("foo")
    assert naps.taken == [2.5]


async def test_the_feeds_own_retry_has_a_limit(scripted: Scripted, listening: Listening) -> None:
    feed = await scripted(HEAD + b"retry: 999999999999\n\n", then_hold(HEAD + event("foo")))
    naps = Naps()
    async with listening(feed.url, sleep=naps, feed_retry_max=60) as (_, store):
        await store.students_are("foo")
    assert naps.taken == [60]


# Rubbish.


async def test_rubbish_between_events_costs_only_itself(
    scripted: Scripted, listening: Listening, caplog: pytest.LogCaptureFixture
) -> None:
    rubbish = [
        b'data: {"exam": 3, "studentId": "rubbish", "score": 1.01}',
        b'data: {"exam": "x", "studentId": "rubbish", "score": 0.5}',
        b'data: {"studentId": "rubbish", "score": 0.5}',
        b'data: {"exam": 3, "score": 0.5}',
        b"data: {",
        b"data: \xff\xfe",
        b"data:",
    ]
    body = b"".join(event(f"s{i}") + b"event: score\n" + line + b"\n\n" for i, line in enumerate(rubbish))
    feed = await scripted(then_hold(HEAD + body + event("last")))
    async with listening(feed.url) as (client, store):
        await store.students_are(*(f"s{i}" for i in range(7)), "last")
        status = client.status
        assert dict(status.rejected) == {"score": 1, "exam": 2, "studentId": 1, "json": 3}
        assert (status.received, status.recorded) == (15, 8)
    refused = [message for message in caplog.messages if "refused" in message]
    assert len(refused) == 5


async def test_the_feeds_own_documentation_is_recorded(scripted: Scripted, listening: Listening) -> None:
    line = b'event: score\ndata: {"exam": 3, "studentId": "foo", score: .991}\n\n'
    feed = await scripted(then_hold(HEAD + line))
    async with listening(feed.url) as (_, store):
        await store.students_are("foo")
        assert store.written == [Result("foo", 3, 0.991)]


async def test_events_of_other_types_are_ignored_and_counted(
    scripted: Scripted, listening: Listening
) -> None:
    other = (
        b'event: noise\ndata: {"exam":3,"studentId":"no","score":1}\n\n: comment\n\n'
        + b"data: hello\n\n" * 10
    )
    feed = await scripted(then_hold(HEAD + other + event("foo")))
    async with listening(feed.url) as (client, store):
        await store.students_are("foo")
        assert (client.status.ignored, client.status.received) == (11, 1)


async def test_an_event_that_is_too_large_is_dropped_and_counted(
    scripted: Scripted, listening: Listening
) -> None:
    large = b"event: score\ndata: " + b" " * 1000 + b"\n\n"
    feed = await scripted(then_hold(HEAD + event("foo") + large + event("bar")))
    async with listening(feed.url, feed_max_event=300) as (client, store):
        await store.students_are("foo", "bar")
        assert dict(client.status.rejected) == {"size": 1}


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
async def test_a_byte_order_mark_and_any_line_end_are_read(
    scripted: Scripted, listening: Listening, newline: bytes
) -> None:
    body = b"\xef\xbb\xbf" + (event("foo") + event("bar")).replace(b"\n", newline)
    feed = await scripted(then_hold(HEAD + body))
    async with listening(feed.url) as (_, store):
        await store.students_are("foo", "bar")


# The store.


async def test_while_the_store_is_away_nothing_is_lost(scripted: Scripted, listening: Listening) -> None:
    feed = await scripted(then_hold(HEAD + event("foo", number="1")))
    release = asyncio.Event()

    async def wait(_seconds: float) -> None:
        await release.wait()

    async with listening(feed.url, sleep=wait) as (client, store):
        store.failures = [StoreError("away"), StoreError("still away")]
        await eventually(lambda: client.status.state is FeedState.WAITING)
        assert (client.status.last_event_id, client.status.recorded, client.status.received) == ("", 0, 1)
        release.set()
        await store.students_are("foo")
        await eventually(lambda: client.status.last_event_id == "1")
        assert client.status.state is FeedState.OPEN
        assert client.status.reconnects == 0


async def test_while_the_store_is_away_nothing_is_read(scripted: Scripted, listening: Listening) -> None:
    sent = 0
    full = asyncio.Event()

    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(HEAD)
        while True:
            writer.write(event(f"s{sent}") * 100)
            sent += 100
            try:
                async with asyncio.timeout(0.5):
                    await writer.drain()
            except TimeoutError:
                full.set()
                await writer.drain()

    feed = await scripted(flood)
    release = asyncio.Event()

    async def wait(_seconds: float) -> None:
        await release.wait()

    async with listening(feed.url, sleep=wait) as (client, store):
        store.failures = [StoreError("away")]
        async with asyncio.timeout(20):
            await full.wait()
        assert client.status.recorded == 0
        # What the client holds is the one piece that it was about to write.
        assert client.status.received * 3 < sent
        release.set()
        await eventually(lambda: client.status.recorded > 1000)


async def test_leaving_waits_for_the_write_under_way(scripted: Scripted, listening: Listening) -> None:
    feed = await scripted(then_hold(HEAD + event("foo")))
    async with listening(feed.url) as (_, store):
        store.hold = asyncio.Event()
        await eventually(lambda: store.holding)
        asyncio.get_running_loop().call_soon(store.hold.set)
    assert [result.student_id for result in store.written] == ["foo"]


async def test_leaving_does_not_wait_for_a_store_that_is_away(
    scripted: Scripted, listening: Listening
) -> None:
    feed = await scripted(then_hold(HEAD + event("foo")))

    async def never(_seconds: float) -> None:
        await asyncio.Event().wait()

    async with listening(feed.url, sleep=never) as (client, store):
        store.failures = [StoreError("away")]
        await eventually(lambda: client.status.state is FeedState.WAITING)
    assert store.written == []


async def test_a_result_that_the_store_has_no_room_for_costs_only_itself(
    scripted: Scripted, listening: Listening
) -> None:
    feed = await scripted(then_hold(HEAD + event("foo") + event("bar") + event("baz")))
    async with listening(feed.url) as (client, store):
        store.failures = [StoreFull("no room"), StoreFull("no room")]
        await store.students_are("bar", "baz")
        assert dict(client.status.rejected) == {"store": 1}
        await eventually(lambda: client.status.recorded == 2)


async def test_a_bug_is_logged_whole_and_the_feed_goes_on(
    scripted: Scripted, listening: Listening, caplog: pytest.LogCaptureFixture
) -> None:
    feed = await scripted(then_hold(HEAD + event("foo")))
    async with listening(feed.url) as (client, store):
        store.failures = [RuntimeError("a bug")]
        await store.students_are("foo")
        assert client.status.reconnects == 1
    assert [record.levelno for record in caplog.records if record.exc_info] == [logging.ERROR]


async def test_a_fast_feed_is_written_in_batches_in_order(scripted: Scripted, listening: Listening) -> None:
    body = b"".join(event("foo", exam) for exam in range(1000))
    feed = await scripted(then_hold(HEAD + body))
    sizes: list[int] = []
    async with listening(feed.url) as (_, store):
        record = store.record

        async def measured(results: Any, **options: Any) -> Any:
            sizes.append(len(results))
            return await record(results, **options)

        store.record = measured
        await eventually(lambda: len(store.written) == 1000)
    assert [result.exam for result in store.written] == list(range(1000))
    assert max(sizes) <= PIECE / 50
    assert len(sizes) < 100


@pytest.mark.parametrize(
    "rubbish",
    [b"event: score\ndata: {}\n\n", b"event: score\ndata: nonsense\n\n", b"\n", b":\n", b"data: x\n\n"],
)
async def test_a_flood_of_rubbish_keeps_nobody_waiting(
    scripted: Scripted, listening: Listening, rubbish: bytes
) -> None:
    sent = asyncio.Event()

    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + event("first") + rubbish * (1_000_000 // len(rubbish)) + event("last"))
        await writer.drain()
        sent.set()

    feed = await scripted(flood, then_hold(HEAD))
    passes = 0
    async with listening(feed.url) as (_, store):
        await store.students_are("first")
        while len(store.seen) < 2:
            # One pass of the loop: what every other request gets meanwhile.
            await asyncio.sleep(0)
            passes += 1
    assert passes > 1_000_000 / PIECE / 2


def test_a_password_in_the_url_is_not_shown() -> None:
    assert FeedStatus.of("https://user:secret@example.org:8000/x?y=1").url == "https://example.org:8000/x?y=1"


def test_a_password_in_any_url_is_not_shown() -> None:
    assert without_password("redis://user:p@ss@host:6379/0") == "redis://host:6379/0"
    assert without_password("sharded:?shards=8") == "sharded:?shards=8"
