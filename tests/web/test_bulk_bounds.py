"""Bulk, what it leaves to others: stores that refuse, turns of the loop, memory, clients that do not read; and Redis."""

import asyncio
import gzip
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import orjson
import pytest
from support.api import Api
from support.redis_servers import redis_server
from support.uploads import FIVE, MINIMAL, count_of, post, upload

from scores.errors import OutcomeUnknown, StoreBusy, StoreError
from scores.marks import Mark
from scores.models import Inspector, Score
from scores.stores.embedded import EmbeddedStore
from scores.web.bulk import BATCH
from scores.web.lines import Lines

# Stores that refuse.


class OddStore(EmbeddedStore):
    """Refuses the scores of some UUIDs, breaks at others, and can be looked into."""

    errors: Sequence[tuple[str, StoreError]] = (
        ("busy", StoreBusy("too many wait")),
        ("unknown", OutcomeUnknown("nobody knows")),
    )

    async def add(
        self, scores: Sequence[Score], *, marks: Sequence[Mark | None] = ()
    ) -> list[Inspector | StoreError]:
        if any(score.uuid == "bug" for score in scores):
            raise RuntimeError("secret")
        refused = dict(self.errors)
        added = await super().add([score for score in scores if score.uuid not in refused])
        left = iter(added)
        return [refused[score.uuid] if score.uuid in refused else next(left) for score in scores]

    @property
    def added(self) -> int:
        """How many scores there are in all."""
        return sum(packed >> 33 for packed in self._inspectors.values())


@pytest.fixture
def odd_store(monkeypatch: pytest.MonkeyPatch) -> OddStore:
    """What every server in the test has as its store."""
    store = OddStore(dict)

    @asynccontextmanager
    async def open_odd(_url: str) -> AsyncIterator[OddStore]:
        yield store

    monkeypatch.setattr("scores.web.app.open_store", open_odd)
    return store


def line_of(uuid: str) -> bytes:
    return orjson.dumps({"UUID": uuid, "score": 5}, option=orjson.OPT_APPEND_NEWLINE)


async def test_what_the_store_refuses_is_that_lines_problem(
    odd_store: OddStore, api_for: Callable[..., Awaitable[Api]]
) -> None:
    api = await api_for()
    body = FIVE + line_of("busy") + b"no\n" + FIVE + line_of("unknown")
    found = await post(api, body)
    assert [one.get("status", 200) for one in found] == [200, 503, 400, 200, 503]
    assert [one["line"] for one in found if "line" in one] == [2, 3, 5]
    assert found[1]["type"] == "urn:problem-type:scores:store-busy"
    short = await api("POST", "/scores", data=body, headers=MINIMAL)
    assert (short.json["accepted"], short.json["rejected"]) == (2, 3)
    assert [one["line"] for one in short.json["errors"]] == [2, 3, 5]


async def test_a_bug_is_logged_whole_and_the_answer_ends_with_its_problem_and_unfinished(
    odd_store: OddStore, api_for: Callable[..., Awaitable[Api]], caplog: pytest.LogCaptureFixture
) -> None:
    api = await api_for()
    async with upload(api.address) as bulk:
        await bulk.send(FIVE)
        assert "mean" in await bulk.line()
        await bulk.send(line_of("bug"))
        problem = await bulk.line()
        assert (problem["status"], problem["line"]) == (500, 2)
        assert "secret" not in problem["detail"]
        with pytest.raises(EOFError):
            await bulk.line()
    (record,) = caplog.records
    assert record.exc_info is not None
    assert "secret" in str(record.exc_info[1])


# Bounds.


async def test_others_have_a_turn_after_each_few_lines(
    odd_store: OddStore, api_for: Callable[..., Awaitable[Api]]
) -> None:
    api, steps, last = await api_for(), list[int](), 0
    posting = asyncio.create_task(post(api, FIVE * 20_000))
    while not posting.done():
        await asyncio.sleep(0)
        steps.append(odd_store.added - last)
        last = odd_store.added
    assert len(await posting) == last == 20_000
    assert max(steps) <= BATCH


async def test_bytes_without_any_line_leave_others_their_turn(
    odd_store: OddStore, api_for: Callable[..., Awaitable[Api]], monkeypatch: pytest.MonkeyPatch
) -> None:
    api, fed, most = await api_for(), [0], 0
    feed = Lines.feed

    def counting(lines: Lines, piece: bytes) -> Any:
        fed[0] += 1
        return feed(lines, piece)

    monkeypatch.setattr(Lines, "feed", counting)
    # A few kilobytes that inflate to many pieces, which are all there at once.
    body = gzip.compress(b"x" * 20_000_000)
    posting = asyncio.create_task(post(api, body, **{"Content-Encoding": "gzip"}))
    while not posting.done():
        fed[0] = 0
        await asyncio.sleep(0)
        most = max(most, fed[0])
    (problem,) = await posting
    assert problem["status"] == 413
    assert most == 1


async def test_others_are_answered_long_before_a_large_body_is_done(api: Any) -> None:
    async with upload(api.address) as bulk:
        sending = asyncio.create_task(bulk.send(FIVE * 100_000))
        await bulk.line()
        assert (await api.get("/livez")).status == 200
        assert await count_of(api, "a1-b1") < 50_000
        await bulk.skip(99_999)
        await sending
        await bulk.end()
        assert await bulk.line() is None


async def test_a_client_that_does_not_take_its_answers_is_not_read_from(
    odd_store: OddStore, api_for: Callable[..., Awaitable[Api]]
) -> None:
    api = await api_for()
    async with upload(api.address) as bulk:
        await bulk.stalls(api, lambda: odd_store.added, 1_000_000)


@pytest.mark.parametrize("minimal", [False, True])
async def test_memory_does_not_grow_with_the_body(api: Any, minimal: bool) -> None:
    piece = (FIVE + b"no\n") * 500

    async def send(pieces: int) -> None:
        for _ in range(pieces):
            await bulk.send(piece)
            await bulk.skip(0 if minimal else 1000)

    async with upload(api.address, "Connection: close", *(["Prefer: return=minimal"] * minimal)) as bulk:
        await send(10)
        tracemalloc.start()
        try:
            await send(5)
            _, few = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            await send(95)
            now, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        await bulk.end()
        if minimal:
            assert (await bulk.document())["accepted"] == 55_000
        else:
            assert await bulk.line() is None
    # Of 95,000 lines a byte each would be more.
    assert most - few < 90_000
    assert now < few + 90_000


# Redis.


async def test_over_redis_it_is_the_same(api_for: Callable[..., Awaitable[Api]]) -> None:
    async with redis_server() as server:
        api = await api_for(store=server.url)
        uuids = [f"u{number % 7}" for number in range(3000)]
        numbers = {uuid: count(1) for uuid in uuids}
        body = b"".join(
            orjson.dumps({"UUID": uuid, "score": next(numbers[uuid]) % 6}) + b"\nno\n" for uuid in uuids
        )
        totals = dict.fromkeys(uuids, 0)
        numbers = {uuid: count(1) for uuid in uuids}
        found = await post(api, body)
        assert [one["line"] for one in found[1::2]] == list(range(2, 6001, 2))
        for uuid, one in zip(uuids, found[::2], strict=True):
            number = next(numbers[uuid])
            totals[uuid] += number % 6
            assert one == {"UUID": uuid, "mean": totals[uuid] / number}


async def test_over_a_redis_that_goes_away_each_line_has_its_problem(
    api_for: Callable[..., Awaitable[Api]],
) -> None:
    async with redis_server() as server:
        api = await api_for(store=f"{server.url}?timeout=0.3")
        async with upload(api.address) as bulk:
            await bulk.send(FIVE)
            assert "mean" in await bulk.line()
            await server.stop()
            await bulk.send(FIVE * 3)
            assert [(await bulk.line())["status"] for _ in range(3)] == [503] * 3
            await server.start()
            await bulk.send(FIVE)
            assert await bulk.line() == {"UUID": "a1-b1", "mean": 5.0}
            await bulk.end()
            assert await bulk.line() is None
