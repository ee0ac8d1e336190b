"""What a request decides where it is a close thing: the last moment of a mark, the last room for one, a first token."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from scores.errors import StoreBusy
from scores.marks import Replayed
from scores.models import Inspector, Lease, Outcome, Repeats, Result, Score
from scores.stores.sqlite import writer
from scores.testing import open_blocking
from scores.testing.marks import mark_of

SCORE = Score("a1-b1", 5)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the time, in seconds since the store was opened."""
    now = [0.0]
    monkeypatch.setattr(writer.Clock.__init__, "__defaults__", (lambda: now[0],))
    return lambda seconds: now.__setitem__(0, seconds)


def add(store: Any, key: str, *, seconds: float = 10, most: int = 100) -> Any:
    (answer,) = store.add([SCORE], marks=[mark_of(SCORE, key, seconds=seconds, most=most)])
    return answer


def test_a_mark_is_known_until_its_time_is_over(store_url: str, at: Callable[[float], None]) -> None:
    with open_blocking(store_url) as store:
        add(store, "k", seconds=4000)
        at(3999.9995)
        assert isinstance(add(store, "k", seconds=4000), Replayed)
        at(4000.0025)
        assert add(store, "k", seconds=4000) == Inspector("a1-b1", 2, 10)


def test_a_mark_that_came_late_in_a_millisecond_has_all_of_its_time(
    store_url: str, at: Callable[[float], None]
) -> None:
    with open_blocking(store_url) as store:
        at(0.0009)
        add(store, "k")
        at(10.0005)
        assert isinstance(add(store, "k"), Replayed)


def test_a_mark_that_is_over_is_not_known_though_it_is_still_there(
    store_url: str, at: Callable[[float], None]
) -> None:
    keys = [f"k{number}" for number in range(20)]
    with open_blocking(store_url) as store:
        for key in keys:
            add(store, key)
        # The first millisecond after it; each call forgets only a few.
        at(10.0015)
        assert [add(store, key).count for key in keys] == list(range(21, 41))


def test_a_call_forgets_only_a_few_of_those_that_are_over(
    store_url: str, file: Path, at: Callable[[float], None]
) -> None:
    with open_blocking(store_url) as store:
        for number in range(20):
            add(store, f"k{number}")
        at(10.0015)
        add(store, "new")
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM marks").fetchone() == (17,)
        assert connection.execute("SELECT marks FROM state").fetchone() == (17,)


def test_the_marks_of_one_call_share_what_room_there_is(store_url: str) -> None:
    with open_blocking(store_url) as store:
        marks = [mark_of(SCORE, f"k{number}", most=3) for number in range(5)]
        answers = store.add([SCORE] * 5, marks=marks)
        assert [isinstance(answer, StoreBusy) for answer in answers] == [False] * 3 + [True] * 2


def test_the_same_result_again_replaces_it(store_url: str) -> None:
    with open_blocking(store_url) as store:
        results = [Result("foo", 3, 0.5)] * 2
        assert store.record(results, repeats=Repeats.MAX) == [Outcome.NEW, Outcome.REPLACED]
        assert store.record([Result("foo", 3, 0.75)], repeats=Repeats.MAX) == [Outcome.REPLACED]


def test_each_holder_has_the_next_token_and_nothing_is_read_at_first(store_url: str) -> None:
    with open_blocking(store_url) as store:
        assert store.lease("http://feed", "me", seconds=0) == Lease("http://feed", 1, "")
        assert store.lease("http://feed", "you", seconds=0) == Lease("http://feed", 2, "")
