"""Closing the feed's client while it hears that its turn is over: it ends, whichever comes first."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.feeds import HEAD, ScriptedFeed, WatchedStore, event, eventually, then_hold

from scores.config import Config
from scores.feed import client as feed_client
from scores.feed.client import FeedClient
from scores.feed.status import FeedState
from scores.models import Lease

Scripted = Callable[..., Awaitable[ScriptedFeed]]


class Taken(WatchedStore):
    """A store whose writes take for ever, and whose lease another reader may take."""

    def __init__(self) -> None:
        super().__init__()
        self.hold = asyncio.Event()
        self.taken = False

    async def lease(self, *arguments: Any, **options: Any) -> Lease | None:
        return None if self.taken else await super().lease(*arguments, **options)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The turn is renewed all the time."""
    monkeypatch.setattr(feed_client, "RENEW", 0.01)


async def test_the_turn_is_lost_while_closing_waits_for_a_write(scripted: Scripted, often: None) -> None:
    feed, store = await scripted(then_hold(HEAD + event("foo"))), Taken()
    client = FeedClient(Config(feed=feed.url), store)
    async with asyncio.timeout(10), client.listening():
        await eventually(lambda: store.holding)
        # What ends the write ends the wait for it too: the cancellation comes while the task ends with an error.
        store.taken = True
    assert client.status.state is FeedState.STOPPED


async def test_it_waits_for_its_turn_to_come_again(scripted: Scripted, often: None) -> None:
    feed, store = await scripted(then_hold(HEAD)), Taken()
    client = FeedClient(Config(feed=feed.url), store)
    async with asyncio.timeout(10), client.listening():
        await eventually(lambda: client.status.state is FeedState.OPEN)
        store.taken = True
        await eventually(lambda: client.status.state is FeedState.WAITING)
    assert client.status.state is FeedState.STOPPED


async def test_it_can_listen_again(scripted: Scripted, listening: Callable[..., Any]) -> None:
    feed = await scripted(then_hold(HEAD + event("foo", number="1")), then_hold(HEAD + event("bar")))
    async with listening(feed.url) as (client, store):
        await eventually(lambda: client.status.last_event_id == "1")
    async with client.listening():
        await store.students_are("foo", "bar")
    assert feed.last_event_ids() == [None, "1"]
