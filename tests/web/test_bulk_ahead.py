"""Bulk over a store that is waited for: while some lines are answered, the store is at the next that have come."""

import asyncio
import gzip
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from support.api import Api
from support.redis_servers import redis_server, until
from support.uploads import FIVE, MINIMAL, NDJSON, count_of, post, upload

from scores.marks import Mark
from scores.models import Score
from scores.stores.embedded import EmbeddedStore
from scores.web import bulk as module
from scores.web.bulk import BATCH_AHEAD


class WaitedStore(EmbeddedStore):
    """Is waited for, as long as a test wants."""

    add_now = None  # type: ignore[assignment]  # unlike what it is made of, it suspends

    def __init__(self) -> None:
        super().__init__(dict)
        self.events: list[str] = []
        self.sizes: list[int] = []
        self.held: dict[int, asyncio.Event] = {}
        """The calls that wait until they are let go, by their number."""
        self.under_way = 0
        self.most = 0
        """Calls under way at once."""

    async def add(self, scores: Sequence[Score], *, marks: Sequence[Mark | None] = ()) -> list[Any]:
        number = len(self.sizes)
        self.sizes.append(len(scores))
        self.events.append(f"asked {number}")
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(0)
            if number in self.held:
                await self.held[number].wait()
        except asyncio.CancelledError:
            self.events.append(f"cancelled {number}")
            raise
        finally:
            self.under_way -= 1
        if any(score.uuid == "bug" for score in scores):
            raise RuntimeError("secret")
        return [EmbeddedStore.add_now(self, score) for score in scores]

    @property
    def added(self) -> int:
        """How many scores there are in all."""
        return sum(packed >> 33 for packed in self._inspectors.values())


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> WaitedStore:
    """What every server in the test has as its store; it notes what is answered too."""
    store, answered = WaitedStore(), module._answers

    @asynccontextmanager
    async def open_waited(_url: str) -> AsyncIterator[WaitedStore]:
        yield store

    def noted(outcomes: Any, number: int) -> bytes:
        store.events.append(f"answered {number}")
        return answered(outcomes, number)

    monkeypatch.setattr("scores.web.app.open_store", open_waited)
    monkeypatch.setattr(module, "_answers", noted)
    return store


def lines_of(*uuids: str) -> bytes:
    return b"".join(
        orjson.dumps({"UUID": uuid, "score": 5}, option=orjson.OPT_APPEND_NEWLINE) for uuid in uuids
    )


Start = Callable[..., Awaitable[Api]]


async def test_the_next_lines_are_asked_for_before_the_last_answers_are_written(
    store: WaitedStore, api_for: Start
) -> None:
    api = await api_for()
    async with upload(api.address) as bulk:
        await bulk.send(FIVE * 3 * BATCH_AHEAD)
        await bulk.end()
        assert len(await bulk.lines()) == 3 * BATCH_AHEAD
    assert store.events == [
        "asked 0", "asked 1", "answered 1", "asked 2", f"answered {BATCH_AHEAD + 1}", f"answered {2 * BATCH_AHEAD + 1}",
    ]  # fmt: skip
    assert store.most == 1


async def test_answers_do_not_wait_for_the_next_ones(store: WaitedStore, api_for: Start) -> None:
    api = await api_for()
    store.held[1] = asyncio.Event()
    async with upload(api.address) as bulk:
        await bulk.send(FIVE * 2 * BATCH_AHEAD)
        await bulk.skip(BATCH_AHEAD)
        assert store.events == ["asked 0", "asked 1", "answered 1"]
        store.held[1].set()
        await bulk.skip(BATCH_AHEAD)
        await bulk.end()
        assert await bulk.line() is None


@pytest.mark.parametrize("lines", [1, BATCH_AHEAD - 1, BATCH_AHEAD, BATCH_AHEAD + 1, 2 * BATCH_AHEAD + 3])
async def test_all_lines_that_have_come_are_answered_though_no_more_come(
    store: WaitedStore, api_for: Start, lines: int
) -> None:
    api = await api_for()
    async with upload(api.address) as bulk:
        for _ in range(3):
            await bulk.send(FIVE * lines + FIVE[:9])
            await bulk.skip(lines)
            assert store.under_way == 0
            await bulk.send(FIVE[9:])
            assert await bulk.line() == {"UUID": "a1-b1", "mean": 5.0}
        await bulk.end()
        assert await bulk.line() is None
    assert max(store.sizes) <= BATCH_AHEAD


async def test_a_few_lines_that_are_left_over_are_not_asked_for_alone(
    store: WaitedStore, api_for: Start
) -> None:
    api = await api_for()
    async with upload(api.address) as bulk:
        await bulk.send(FIVE * (3 * BATCH_AHEAD + 1))
        await bulk.end()
        assert len(await bulk.lines()) == 3 * BATCH_AHEAD + 1
    assert store.sizes == [385, 385, 385, 382]


async def test_bad_lines_are_told_in_their_places(store: WaitedStore, api_for: Start) -> None:
    api = await api_for()
    body = (FIVE + b"no\n") * BATCH_AHEAD + b"no\n" * BATCH_AHEAD + FIVE
    found = await post(api, body)
    assert [one["line"] for one in found if "line" in one] == [
        number for number, line in enumerate(body.splitlines(), 1) if line == b"no"
    ]
    assert store.added == BATCH_AHEAD + 1
    short = await api("POST", "/scores", data=body, headers=MINIMAL)
    assert (short.json["accepted"], short.json["rejected"]) == (BATCH_AHEAD + 1, 2 * BATCH_AHEAD)
    assert short.json["errors"][0]["line"] == 2


async def test_lines_are_not_tallied_before_those_that_are_waited_for(
    store: WaitedStore, api_for: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tally(uuids: Sequence[str], scores: Sequence[int]) -> list[float]:
        return [EmbeddedStore.add_now(store, Score(*one)).mean for one in zip(uuids, scores, strict=True)]

    monkeypatch.setattr(store, "tally", tally, raising=False)
    api = await api_for()
    body = b"no\n" + lines_of("u") * (BATCH_AHEAD - 1) + lines_of("v") * BATCH_AHEAD
    found = await post(api, body)
    assert found[0]["line"] == 1
    assert [one["UUID"] for one in found[1:]] == ["u"] * (BATCH_AHEAD - 1) + ["v"] * BATCH_AHEAD


async def test_for_a_client_that_goes_away_nothing_more_is_asked_for(
    store: WaitedStore, api_for: Start
) -> None:
    api = await api_for()
    store.held[1] = asyncio.Event()
    async with upload(api.address) as bulk:
        await bulk.send(FIVE * 4 * BATCH_AHEAD)
        await bulk.skip(BATCH_AHEAD)
        # A reset, not an end: whoever has said all may still wait for answers.
        bulk.writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        bulk.writer.transport.abort()
        # The server has heard of it before it hears of this.
        assert (await api.get("/livez")).status == 200
    store.held[1].set()
    await until(quiet)
    assert await count_of(api, "a1-b1") == store.added == 2 * BATCH_AHEAD
    assert store.events == ["asked 0", "asked 1", "answered 1"]


async def test_a_request_that_is_cancelled_takes_along_what_is_under_way(
    store: WaitedStore, api_for: Start
) -> None:
    api = await api_for()
    store.held[1] = asyncio.Event()
    async with upload(api.address) as bulk:
        await bulk.send(FIVE * 3 * BATCH_AHEAD)
        await bulk.skip(BATCH_AHEAD)
        (handler,) = tasks_in("_handle_request")
        handler.cancel()
        await asyncio.wait([handler])
    assert store.events == ["asked 0", "asked 1", "answered 1", "cancelled 1"]
    assert store.added == BATCH_AHEAD


async def test_what_goes_wrong_with_an_answer_takes_along_what_is_under_way(
    store: WaitedStore, api_for: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(outcomes: Any, number: int) -> bytes:
        raise RuntimeError("secret")

    monkeypatch.setattr(module, "_answers", broken)
    api = await api_for()
    store.held[1] = asyncio.Event()
    async with upload(api.address) as bulk:
        await bulk.send(FIVE * 3 * BATCH_AHEAD)
        assert (await bulk.line())["status"] == 500
        with pytest.raises(EOFError):
            await bulk.line()
    assert store.events == ["asked 0", "asked 1", "cancelled 1"]
    assert store.added == BATCH_AHEAD


def tasks_in(function: str) -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if function in repr(task.get_coro())]


async def quiet() -> bool:
    """Whether nothing is added for a bulk."""
    return not tasks_in("_add")


async def test_a_bug_ends_the_answer_behind_what_was_answered(
    store: WaitedStore, api_for: Start, caplog: pytest.LogCaptureFixture
) -> None:
    api = await api_for()
    async with upload(api.address) as bulk:
        await bulk.send(FIVE * 2 * BATCH_AHEAD + lines_of("bug") + FIVE * (BATCH_AHEAD - 1))
        await bulk.skip(2 * BATCH_AHEAD)
        problem = await bulk.line()
        assert (problem["status"], problem["line"]) == (500, 2 * BATCH_AHEAD + 1)
        with pytest.raises(EOFError):
            await bulk.line()
    assert store.added == 2 * BATCH_AHEAD
    (record,) = caplog.records
    assert "secret" in str(record.exc_info)


async def test_a_body_that_stands_still_is_told_so_behind_all_answers(
    store: WaitedStore, api_for: Start
) -> None:
    api = await api_for(body_timeout=0.1)
    async with upload(api.address) as bulk:
        await bulk.send(FIVE * 3 * BATCH_AHEAD + FIVE[:5])
        await bulk.skip(3 * BATCH_AHEAD)
        problem = await bulk.line()
        assert (problem["status"], problem["line"]) == (408, 3 * BATCH_AHEAD + 1)
        with pytest.raises(EOFError):
            await bulk.line()
    assert store.added == 3 * BATCH_AHEAD


async def test_a_body_that_inflates_too_far_is_told_so_behind_all_answers(
    store: WaitedStore, api_for: Start
) -> None:
    api = await api_for(max_inflated=200_000)
    async with upload(api.address, "Content-Encoding: gzip") as bulk:
        await bulk.send(gzip.compress(FIVE * 20_000))
        answered = 0
        while "mean" in (line := await bulk.line()):
            answered += 1
        assert (line["status"], line["line"]) == (413, answered + 1)
        with pytest.raises(EOFError):
            await bulk.line()
    assert store.added == answered > BATCH_AHEAD


async def test_who_does_not_take_its_answers_is_not_read_from(store: WaitedStore, api_for: Start) -> None:
    api = await api_for()
    async with upload(api.address) as bulk:
        await bulk.stalls(api, lambda: store.added, 500_000)
    await until(quiet)


@pytest.mark.parametrize("queue", [10, 300, 600])
async def test_over_redis_a_bulk_is_never_too_much_for_the_queue_by_itself(
    api_for: Start, queue: int
) -> None:
    async with redis_server() as server:
        api = await api_for(store=f"{server.url}?queue={queue}")
        found = await post(api, b"".join(lines_of(f"u{number % 7}") for number in range(5000)))
        assert found == [{"UUID": f"u{number % 7}", "mean": 5.0} for number in range(5000)]
        assert await count_of(api, "u0") == len(range(0, 5000, 7))


async def test_over_redis_means_follow_the_order_of_the_lines(api_for: Start) -> None:
    async with redis_server() as server:
        api = await api_for(store=server.url)
        marks = [number * number % 6 for number in range(6000)]
        body = b"".join(b'{"UUID":"\xc3\xa9","score":%d}\n' % mark for mark in marks)
        answer = await api("POST", "/scores", data=body, headers=NDJSON)
        total = 0
        for number, (mark, line) in enumerate(zip(marks, answer.body.splitlines(), strict=True), 1):
            total += mark
            assert orjson.loads(line) == {"UUID": "é", "mean": total / number}
