"""What waits goes into one transaction: few commits, each caller's own answer, in order, after the commit."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from scores.errors import KeyReused, LeaseLost, OutcomeUnknown, StoreBusy, StoreError, StoreFull
from scores.models import Inspector, InspectorKey, Outcome, Repeats, Result, ResultKey, Score, StudentKey
from scores.stores import open_store
from scores.stores.sqlite.driver import Connection, Failed
from scores.testing import add_one
from scores.testing.marks import mark_of

LAST = Repeats.LAST
FULL = 2**30 - 1


class Commits:
    """Counts commits, holds them back, or has them fail."""

    def __init__(self, run: Callable[..., int]) -> None:
        self.count = 0
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Event()
        self.before = deque[Failed]()
        """What the next ones come to instead of being carried out."""
        self._run = run

    def run(self, connection: Connection, sql: str, values: Any = ()) -> int:
        if sql != "COMMIT":
            return self._run(connection, sql, values)
        self.reached.set()
        assert self.open.wait(30)
        if self.before:
            raise self.before.popleft()
        changed = self._run(connection, sql, values)
        self.count += 1
        return changed


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> Commits:
    commits = Commits(Connection.run)
    monkeypatch.setattr(Connection, "run", lambda *arguments: commits.run(*arguments))  # noqa: PLW0108  # a method, as the class has
    return commits


@pytest.fixture
async def store(store_url: str, commits: Commits) -> AsyncIterator[Any]:
    async with open_store(store_url) as store:
        commits.count = 0
        yield store


async def test_many_that_wait_share_a_commit(store: Any, commits: Commits) -> None:
    await asyncio.gather(*(add_one(store, Score(f"u{number % 7}", 3)) for number in range(500)))
    assert commits.count <= 3
    assert sum(one.count for one in (await store.inspectors(limit=9)).items) == 500


async def test_nobody_is_answered_before_the_commit(store: Any, commits: Commits) -> None:
    commits.open.clear()
    commits.reached.clear()
    adding = asyncio.create_task(add_one(store, Score("a1-b1", 5)))
    assert await asyncio.to_thread(commits.reached.wait, 30)
    # All is decided and written, and it is not on the disk: neither he nor anybody else may know of it.
    assert await store.inspector("a1-b1") is None
    assert not adding.done()
    commits.open.set()
    assert await adding == await store.inspector("a1-b1") == Inspector("a1-b1", 1, 5)


async def test_what_comes_meanwhile_gathers(store: Any, commits: Commits) -> None:
    commits.open.clear()
    commits.reached.clear()
    first = asyncio.create_task(add_one(store, Score("a1-b1", 5)))
    assert await asyncio.to_thread(commits.reached.wait, 30)
    others = [asyncio.create_task(add_one(store, Score("a1-b1", 5))) for _ in range(100)]
    await asyncio.sleep(0)
    commits.open.set()
    await asyncio.gather(first, *others)
    assert commits.count == 2


async def test_answers_come_in_the_order_of_the_calls(store: Any) -> None:
    order = list[int]()

    async def add(number: int) -> None:
        assert (await add_one(store, Score("a1-b1", 0))).count == number + 1
        order.append(number)

    await asyncio.gather(*map(add, range(300)))
    assert order == list(range(300))


async def test_what_one_runs_into_is_its_own(store: Any, commits: Commits) -> None:
    old = await store.lease("http://feed", "me", seconds=0)
    new = await store.lease("http://feed", "you", seconds=60)
    await store.restore([Inspector("full", FULL, 0)])
    score = Score("a1-b1", 5)
    await store.add([score], marks=[mark_of(score, "key")])
    commits.count = 0
    outcomes: list[Any] = await asyncio.gather(
        add_one(store, Score("foo", 1)),
        add_one(store, Score("full", 1)),
        store.record([Result("foo", 3, 0.5)], repeats=LAST, lease=old),
        store.record([Result("foo", 3, 0.25)], repeats=LAST, lease=new),
        store.add([Score("a1-b1", 4)], marks=[mark_of(Score("a1-b1", 4), "key")]),
        store.add([Score("bar", 4)], marks=[mark_of(Score("bar", 4), "other", most=1)]),
        store.remove(ResultKey("foo", 4)),
        add_one(store, Score("foo", 1)),
        return_exceptions=True,
    )
    foo, full, lost, recorded, (reused,), (busy,), removed, again = outcomes
    assert (foo, recorded, removed, again) == (
        Inspector("foo", 1, 1), [Outcome.NEW], False, Inspector("foo", 2, 2),
    )  # fmt: skip
    assert [type(one) for one in (full, lost, reused, busy)] == [StoreFull, LeaseLost, KeyReused, StoreBusy]
    assert commits.count == 1
    assert [one.uuid for one in (await store.inspectors(limit=9)).items] == ["a1-b1", "foo", "full"]


async def test_what_was_decided_before_in_the_same_commit_counts(store: Any, commits: Commits) -> None:
    outcomes = await asyncio.gather(
        store.record([Result("foo", 3, 0.5), Result("foo", 4, 0.25)], repeats=LAST),
        store.remove(ResultKey("foo", 3)),
        store.record([Result("foo", 3, 1.0)], repeats=LAST),
        store.remove(StudentKey("foo")),
        store.remove(StudentKey("foo")),
        store.record([Result("foo", 5, 1.0)], repeats=LAST),
        add_one(store, Score("foo", 5)),
        store.remove(InspectorKey("foo")),
        add_one(store, Score("foo", 4)),
    )
    assert outcomes == [
        [Outcome.NEW] * 2, True, [Outcome.NEW], True, False, [Outcome.NEW],
        Inspector("foo", 1, 5), True, Inspector("foo", 1, 4),
    ]  # fmt: skip
    assert commits.count == 1
    assert [one.exam for one in (await store.exams(limit=9)).items] == [5]
    assert (await store.students(limit=9)).total == (await store.inspectors(limit=9)).total == 1


async def test_whoever_goes_away_takes_nobody_along(store: Any, commits: Commits) -> None:
    commits.open.clear()
    commits.reached.clear()
    first = asyncio.create_task(add_one(store, Score("first", 5)))
    assert await asyncio.to_thread(commits.reached.wait, 30)
    going = [asyncio.create_task(add_one(store, Score("going", 5))) for _ in range(3)]
    staying = asyncio.create_task(add_one(store, Score("staying", 5)))
    await asyncio.sleep(0)
    for task in (first, *going):
        task.cancel()
    commits.open.set()
    assert await staying == Inspector("staying", 1, 5)
    # What was under way is recorded, what had not begun is not.
    assert [one.uuid for one in (await store.inspectors(limit=9)).items] == ["first", "staying"]


async def test_too_many_that_wait_are_refused(store_url: str, commits: Commits) -> None:
    async with open_store(f"{store_url}?queue=10") as store:
        answers: list[Any] = await asyncio.gather(
            *(store.add([Score(f"u{number}", 5)]) for number in range(25)), return_exceptions=True
        )
        refused = [answer for answer in answers if isinstance(answer[0], StoreBusy)]
        assert (len(answers), len(refused)) == (25, 15)
        assert (await store.inspectors(limit=50)).total == 10
        # A call that is longer than the queue is taken when nothing else waits.
        assert len(await store.add([Score("a1-b1", 5)] * 50)) == 50


async def test_closing_has_done_what_waits(store_url: str, commits: Commits) -> None:
    async with open_store(store_url) as store:
        commits.open.clear()
        adding = [asyncio.create_task(add_one(store, Score("a1-b1", 5))) for _ in range(50)]
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.05, commits.open.set)
    assert [(await one).count for one in adding] == list(range(1, 51))
    with pytest.raises(StoreError, match="the store is closed"):
        await store.inspector("a1-b1")
    assert isinstance((await store.add([Score("a1-b1", 5)]))[0], StoreError)
    async with open_store(store_url) as store:
        assert await store.inspector("a1-b1") == Inspector("a1-b1", 50, 250)


ONE = Score("a1-b1", 5)


async def test_a_commit_that_fails_has_recorded_nothing_and_says_so(
    store: Any, commits: Commits, caplog: pytest.LogCaptureFixture
) -> None:
    await add_one(store, ONE)
    commits.before.append(Failed("the file cannot be written: disk I/O error"))
    calls = store.add([ONE, ONE]), store.record([Result("foo", 3, 0.5)], repeats=LAST)
    outcomes: list[Any] = [*await asyncio.gather(*calls, return_exceptions=True)]
    added, recorded = outcomes
    assert {type(one) for one in (*added, recorded)} == {StoreError}
    assert "nothing was recorded: the file cannot be written" in str(recorded)
    assert await store.inspector("a1-b1") == Inspector("a1-b1", 1, 5)
    assert await store.exam(3, limit=1) is None
    # It works again by itself as soon as the disk does.
    assert await add_one(store, ONE) == Inspector("a1-b1", 2, 10)
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


async def test_when_it_cannot_be_known_it_is_said(store: Any, commits: Commits) -> None:
    await add_one(store, ONE)
    # The commit, and the one that would have made certain that it is not there.
    commits.before += [Failed("disk I/O error (SQLITE_IOERR_FSYNC)")] * 2
    (answer,) = await store.add([ONE])
    assert type(answer) is OutcomeUnknown
    assert await add_one(store, ONE) == Inspector("a1-b1", 2, 10)


async def test_a_full_disk_is_no_doubt(store: Any, commits: Commits) -> None:
    commits.before += [Failed("there is no room for it on the disk", full=True)] * 2
    for _ in range(2):
        (answer,) = await store.add([ONE])
        assert type(answer) is StoreError
    assert await add_one(store, ONE) == Inspector("a1-b1", 1, 5)


async def test_a_lease_that_was_not_written_is_nobodys(store: Any, commits: Commits) -> None:
    commits.before.append(Failed("disk I/O error"))
    with pytest.raises(StoreError):
        await store.lease("http://feed", "me", seconds=60)
    yours = await store.lease("http://feed", "you", seconds=60)
    assert yours is not None
    assert await store.lease("http://feed", "me", seconds=60) is None


async def test_a_bug_is_nobodys_endless_wait(
    store: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("scores.stores.sqlite.ledger.Ledger.read", lambda _: 1 / 0)
    (answer,) = await store.add([ONE])
    assert type(answer) is StoreError
    monkeypatch.undo()
    assert "ZeroDivisionError" in caplog.text
