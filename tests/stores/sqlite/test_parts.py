"""A call that goes into several transactions, of which one fails: what is said of it is what is so."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from scores.errors import LeaseLost, OutcomeUnknown, StoreBusy, StoreError
from scores.models import Inspector, Repeats, Result
from scores.stores.sqlite.driver import Connection, Failed
from scores.stores.sqlite.requests import Record
from scores.stores.sqlite.store import _CALLED_AT_ONCE
from scores.testing import BlockingStore, open_blocking

MANY = 2 * _CALLED_AT_ONCE + 10
RESULTS = [Result(f"s{number}", 3, 0.5) for number in range(MANY)]
INSPECTORS = [Inspector(f"u{number}", 1, 5) for number in range(MANY)]
FULL = Failed("there is no room for it on the disk: database or disk is full (SQLITE_FULL)", full=True)


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, at: int) -> Iterator[None]:
    """Lets the disk be full at the COMMIT with this number, the first being 0."""
    run, commits = Connection.run, count()

    def full(self: Connection, sql: str, values: Sequence[Any] = ()) -> int:
        if sql == "COMMIT" and next(commits) == at:
            run(self, "ROLLBACK")
            raise FULL
        return run(self, sql, values)

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "run", full)
        yield


def record(store: BlockingStore) -> None:
    store.record(RESULTS, repeats=Repeats.LAST)


def restore(store: BlockingStore) -> None:
    store.restore(INSPECTORS)


def recorded(store: BlockingStore) -> int:
    total: int = store.students(limit=1).total + store.inspectors(limit=1).total
    return total


@pytest.mark.parametrize(("call", "what"), [(record, "results"), (restore, "inspectors")])
def test_of_a_call_that_fails_later_on_it_is_said_how_much_is_recorded(
    store_url: str, monkeypatch: pytest.MonkeyPatch, call: Callable[[BlockingStore], None], what: str
) -> None:
    with open_blocking(store_url) as store:
        with failing(monkeypatch, 1), pytest.raises(OutcomeUnknown) as caught:
            call(store)
        assert recorded(store) == _CALLED_AT_ONCE
        assert str(caught.value) == (
            f"the first 4096 of {MANY} {what} are recorded; of the others: nothing was recorded: {FULL}"
        )
        # To do it again is safe.
        call(store)
        assert recorded(store) == MANY


@pytest.mark.parametrize("call", [record, restore])
def test_of_a_call_that_fails_at_once_nothing_is_recorded(
    store_url: str, monkeypatch: pytest.MonkeyPatch, call: Callable[[BlockingStore], None]
) -> None:
    with open_blocking(store_url) as store:
        with failing(monkeypatch, 0), pytest.raises(StoreError, match=r"^nothing was recorded: ") as caught:
            call(store)
        assert type(caught.value) is StoreError
        assert recorded(store) == 0


def test_who_loses_the_feed_in_between_is_told_so(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    decide, parts = Record.decide, count()

    def overtaken(request: Record, ledger: Any) -> Any:
        return decide(request, ledger) if next(parts) == 0 else LeaseLost("another reads the feed by now")

    with open_blocking(store_url) as store:
        monkeypatch.setattr(Record, "decide", overtaken)
        with pytest.raises(LeaseLost, match=r"^another reads the feed by now$"):
            record(store)


def test_a_queue_that_is_full_in_between_is_no_certain_error(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_blocking(store_url) as store:
        inner: Any = store.store
        ask, asked = inner._writes.ask, count()

        def full(*arguments: Any) -> Any:
            if next(asked) == 2:
                raise StoreBusy("10000 requests wait for the store already")
            return ask(*arguments)

        monkeypatch.setattr(inner._writes, "ask", full)
        with pytest.raises(
            OutcomeUnknown, match="the first 8192 of 8202 results are recorded; of the others: 10000"
        ):
            record(store)
