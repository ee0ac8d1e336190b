"""A byte of the file is flipped: it says what it said, or that it is damaged, and never anything else.

Rule: what every start finds out is that the pages hang together, and what every read finds out is that the rows
that it has met are as they were written. Only `check=full` knows of a row that is not met any more.
"""

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scores.errors import ConfigError, StoreError
from scores.models import Repeats, Result, Score, StudentKey
from scores.testing import open_blocking
from scores.testing.marks import mark_of

FLIPS = 30


def fill(store: Any) -> None:
    rng = random.Random(1)
    store.record(
        [Result(f"student {rng.randrange(60)}", rng.randrange(9), rng.random()) for _ in range(400)],
        repeats=Repeats.LAST,
    )
    scores = [Score(f"inspector {number}", number % 6) for number in range(400)]
    store.add(scores, marks=[mark_of(score, f"key {score.uuid}") for score in scores])
    store.lease("http://feed", "me", seconds=60)
    store.lease("http://feed", "me", seconds=0, position="event 17")
    store.remove(StudentKey("student 7"))


def asked(store: Any) -> Iterator[Callable[[], Any]]:
    """All that there is to be asked, in more than one way."""
    score = Score("inspector 17", 5)
    yield lambda: store.exams(limit=1000)
    yield lambda: store.students(limit=1000)
    yield lambda: store.inspectors(limit=1000)
    for number in range(9):
        yield partial(store.exam, number, limit=1000)
    for number in range(0, 60, 4):
        yield partial(store.student, f"student {number}", limit=1000)
    for number in range(0, 400, 40):
        yield partial(store.inspector, f"inspector {number}")
    yield lambda: store.add([score], marks=[mark_of(score, "key inspector 17")])
    yield lambda: store.lease("http://feed", "me", seconds=60).position


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[Any]]:
    """A file, and what its store says."""
    file = tmp_path_factory.mktemp("sound") / "sound.db"
    with open_blocking(f"sqlite:{file}") as store:
        fill(store)
        expected = [ask() for ask in asked(store)]
    return file.read_bytes(), expected


def flipped(data: bytes, file: Path, *, seed: int) -> Iterator[Path]:
    rng = random.Random(seed)
    for _ in range(FLIPS):
        damaged = bytearray(data)
        damaged[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        file.write_bytes(damaged)
        yield file
        for left in file.parent.iterdir():
            left.unlink()


def test_a_file_that_was_looked_through_says_what_it_said(sound: tuple[bytes, list[Any]], file: Path) -> None:
    data, expected = sound
    refused = 0
    for damaged in flipped(data, file, seed=1):
        try:
            with open_blocking(f"sqlite:{damaged}?check=full") as store:
                assert [ask() for ask in asked(store)] == expected
        except ConfigError as exc:
            refused += 1
            assert "is damaged" in str(exc) or "version" in str(exc) or "another application" in str(exc)
    # Some bytes mean nothing.
    assert FLIPS / 2 < refused < FLIPS


@pytest.mark.parametrize("check", ["auto", "off"])
def test_a_row_that_is_met_is_as_it_was_written(
    sound: tuple[bytes, list[Any]], file: Path, check: str
) -> None:
    data, expected = sound
    refused = missing = 0
    for damaged in flipped(data, file, seed=2):
        try:
            with open_blocking(f"sqlite:{damaged}?check={check}") as store:
                for ask, answer in zip(asked(store), expected, strict=True):
                    try:
                        found = ask()
                    except StoreError:
                        refused += 1
                        continue
                    if isinstance(found, list) and isinstance(found[0], StoreError):
                        refused += 1
                    elif found != answer:
                        # A row that is not met any more, for its key is another now.
                        missing += 1
                        assert not found or isinstance(found, list) or len(found.items) < len(answer.items)
        except ConfigError:
            refused += 1
    assert refused > FLIPS / 4
    assert missing < FLIPS / 4


def test_a_result_that_is_gone_is_missed(file: Path) -> None:
    url = f"sqlite:{file}"
    with open_blocking(url) as store:
        store.record([Result("foo", 3, 0.5), Result("bar", 3, 0.25)], repeats=Repeats.LAST)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("DELETE FROM results WHERE student = 'foo'")
    with open_blocking(url) as store:
        for ask in (partial(store.exam, 3, limit=9), partial(store.student, "foo", limit=9)):
            with pytest.raises(StoreError, match="results are missing"):
                ask()
        assert store.student("bar", limit=9).student.average == 0.25
    with pytest.raises(ConfigError, match="rows are missing"), open_blocking(f"{url}?check=full"):
        pass
