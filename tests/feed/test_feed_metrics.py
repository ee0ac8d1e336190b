"""What is counted of the feed is what its status says, and goes on where a worker before has ended."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from support.feeds import ScriptedFeed, WatchedStore, event, eventually, then_hold

from scores.config import Config
from scores.feed.client import FeedClient
from scores.feed.status import FeedState, FeedStatus
from scores.metrics.board import Board
from scores.metrics.collector import Rows
from scores.metrics.tally import FeedTally
from scores.web.routes import LAYOUT

START = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


def told(board: Board) -> dict[str, float]:
    """The feed's samples, by name and label."""
    return {
        "".join(
            [sample.name.removeprefix("scores_feed_"), *(f" {value}" for value in sample.labels.values())]
        ): sample.value
        for family in Rows(board, {}, version="", workers=1).collect()
        for sample in family.samples
        if sample.name.startswith("scores_feed_")
    }


async def test_a_feed_is_counted_while_it_is_read(no_leaks: None) -> None:
    board, store = Board.of_one(LAYOUT), WatchedStore()
    odd = b"event: other\ndata: 1\n\n" + b"event: score\ndata: {\n\n" + event("foo", 3, 7)
    feed = ScriptedFeed([START + event("a") + odd, then_hold(START + event("b"))])
    server = await asyncio.start_server(feed.serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        config = Config(feed=url, feed_backoff_min=0.001, feed_backoff_max=0.001)
        client = FeedClient(config, store, note=FeedTally(LAYOUT, board.row(0)).note)
        async with client.listening():
            await store.students_are("a", "b")
            await eventually(lambda: told(board)["events_total recorded"] == 2)
            seen = told(board)
            assert seen["state open"] == 1
            assert seen["last_event_timestamp_seconds"] > datetime(2024, 1, 1, tzinfo=UTC).timestamp()
            assert seen["lag_seconds"] == 0
        server.close()
    seen = told(board)
    assert (seen["state stopped"], seen["state open"]) == (1, 0)
    assert (seen["events_total recorded"], seen["events_total rejected"], seen["events_total ignored"]) == (
        2,
        2,
        1,
    )
    assert (seen["rejected_events_total json"], seen["rejected_events_total score"]) == (1, 1)
    assert seen["reconnects_total"] == 1


async def test_what_waits_for_the_store_lags(no_leaks: None) -> None:
    board, store = Board.of_one(LAYOUT), WatchedStore()
    store.hold = asyncio.Event()
    feed = ScriptedFeed([then_hold(START + event("a"))])
    server = await asyncio.start_server(feed.serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        client = FeedClient(Config(feed=url), store, note=FeedTally(LAYOUT, board.row(0)).note)
        async with client.listening():
            await eventually(lambda: store.holding)
            first = told(board)["lag_seconds"]
            await eventually(lambda: told(board)["lag_seconds"] > first)
            store.hold.set()
            await eventually(lambda: told(board)["lag_seconds"] == 0)
            assert told(board)["events_total recorded"] == 1


def test_a_successor_goes_on_from_what_was_counted() -> None:
    board = Board.of_one(LAYOUT)

    def life(change: Callable[[FeedStatus], None]) -> None:
        status = FeedStatus("http://feed/")
        note = FeedTally(LAYOUT, board.row(0)).note
        note(status)
        change(status)
        note(status)
        note(status)

    def read(status: FeedStatus) -> None:
        status.state = FeedState.OPEN
        status.recorded, status.ignored, status.reconnects = 5, 2, 1
        status.rejected.update({"json": 2, "score": 1, "a member of the future": 4})

    for lives in (1, 2):
        life(read)
        seen = told(board)
        assert seen["events_total recorded"] == 5 * lives
        assert seen["events_total ignored"] == 2 * lives
        assert seen["events_total rejected"] == 7 * lives
        assert (seen["rejected_events_total json"], seen["rejected_events_total other"]) == (
            2 * lives,
            4 * lives,
        )
        assert seen["reconnects_total"] == lives
        assert seen["state open"] == 1
        board.clear(0)
        assert told(board)["state open"] == 0
