"""`scores watch --after`: it goes on after an event, or says that it cannot."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from scores.cli.asking import goes_on
from scores.client import Client
from scores.live.frames import parse_id

Serve = Callable[..., Awaitable[str]]
Start = Callable[..., Awaitable[Any]]

UNKNOWN = "scores: the event {} is not known, or not any more: all that is stored comes first\n"


async def watched(command: Start, address: str, *arguments: str) -> tuple[list[dict[str, Any]], str]:
    """What is printed up to the result of exam 99, and what is said on standard error until then."""
    watching = await command("watch", "--json", *arguments, listening=False, SCORES_URL=address)
    events: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while not events or events[-1].get("exam") != 99:
            events.append(json.loads(await watching.process.stdout.readline()))
        watching.process.terminate()
        _, err = await watching.process.communicate()
    return events, err.decode()


@pytest.mark.parametrize(("event_id", "stored"), [("a\u202eb", 3), ("0123abcd-7", 1)])
async def test_what_it_does_not_know_is_said_and_all_that_is_stored_comes(
    serve: Serve, command: Start, event_id: str, stored: int
) -> None:
    address = await serve()
    async with Client(address) as client:
        for student in range(stored - 1):
            await client.put_result(3, f"s{student}", 0.5)
        await client.put_result(99, "last", 0.5)
    events, err = await watched(command, address, "--after", event_id)
    assert len(events) == stored
    assert err == UNKNOWN.format(event_id.replace("\u202e", "\\u202e"))


async def test_what_it_knows_it_goes_on_after_without_a_word(serve: Serve, command: Start) -> None:
    address = await serve()
    async with Client(address) as client:
        for student in ("foo", "bar", "baz"):
            await client.put_result(99, student, 0.5)
        async with aclosing(client.follow()) as events:
            first = await anext(events)
        # Cut in the midst of what is stored, which then comes whole.
        _, err = await watched(command, address, "--after", first.id)
        assert err == ""
        epoch, number = first.id.split("-")[:2]
        await client.put_result(3, "foo", 0.25)
        await client.put_result(99, "foo", 0.25)
        told, err = await watched(command, address, "--after", f"{epoch}-{number}")
        assert ([event["exam"] for event in told], err) == ([3, 99], "")
        # Of the same time, and of a future that never was.
        _, err = await watched(command, address, "--after", f"{epoch}-{int(number) + 1000}")
        assert err == UNKNOWN.format(f"{epoch}-{int(number) + 1000}")


@pytest.mark.parametrize(
    ("left", "first", "expected"),
    [
        ("a-7", "a-8", True),
        ("a-7-3-Zm9v", "a-7-3-Zm9v", True),
        ("a-7-3-Zm9v", "a-8-3-Zm9v", True),
        ("a-7-3-Zm9v", "a-8", True),
        ("a-7", "b-8", False),
        ("a-7", "a-9", False),
        ("a-7", "a-6", False),
        ("a-7", "a-7-0-", False),
        ("a-7", "7", False),
    ],
)
def test_what_goes_on_is_told_by_the_first_event(left: str, first: str, expected: bool) -> None:
    before = parse_id(left)
    assert before is not None
    assert goes_on(before, parse_id(first)) is expected
