"""More connections than there may be: who is let in is served, who is not is told so, and no more are ever open."""

import asyncio
from collections import Counter

import orjson
import pytest
from support.crowd import Crowd, End, crowd, descriptors
from support.honest import honest
from support.outside import Process, server, until
from support.requests import request
from support.soak import times

LIVEZ = request("GET", "/livez")
PLACES = 60
HONEST = 4
SPARE = 4
"""Descriptors that are open for a moment, as of a connection that is being refused."""


async def most_open(one: Process, stop: asyncio.Event) -> int:
    """The most descriptors that it was seen to have open until then."""
    most = 0
    while not stop.is_set():
        most = max(most, one.descriptors)
        await asyncio.sleep(0.001)
    return most


def check_refused(end: End) -> None:
    head, _, body = end.data.partition(b"\r\n\r\n")
    assert end.status == 503
    assert b"\r\nRetry-After: 1" in head
    assert b"\r\nConnection: close" in head
    assert orjson.loads(body)["type"] == "urn:problem-type:scores:overloaded"


@pytest.mark.parametrize("data", [b"", LIVEZ], ids=["silent", "asking"])
async def test_a_flood_is_refused_and_who_was_let_in_is_served(data: bytes) -> None:
    count = descriptors(times(500))
    async with server(max_connections=PLACES) as one, honest(one.address, HONEST) as clients:
        idle, stop = one.descriptors, asyncio.Event()
        watching = asyncio.create_task(most_open(one, stop))
        async with crowd(one.address, count, data) as flood:
            await clients.more(200)
            # Those who were let in have room for their answer, and are there until they leave.
            loud = Crowd([each for each in flood.sockets if not Crowd([each]).open()])
            stop.set()
            assert await watching <= idle + PLACES - HONEST + SPARE
            if data:
                told = Counter(answer.split(b" ")[1] for answer in await loud.answers(b"}"))
                assert told == {b"200": PLACES - HONEST, b"503": count - (PLACES - HONEST)}
            else:
                assert len(loud) == count - (PLACES - HONEST)
                for end in await loud.ends():
                    check_refused(end)
                    assert not end.reset
        await one.serves()
        clients.check()
        await clients.report(f"flood over the limit of connections, {'asking' if data else 'silent'}", injected=count, in_flight=0)  # fmt: skip


async def test_without_the_limit_they_are_all_let_in() -> None:
    """The control."""
    count = descriptors(times(500))
    async with server(max_connections=1_000_000) as one:
        idle = one.descriptors
        async with crowd(one.address, count) as flood:
            await until(lambda: one.descriptors >= idle + count)
            assert flood.open() == count
