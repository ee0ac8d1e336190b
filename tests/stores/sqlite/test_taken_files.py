"""What is done to the files of a store while it has them, and what others have put in their places."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from scores.errors import ConfigError, OutcomeUnknown, StoreError
from scores.models import Inspector, Score, StudentKey
from scores.stores.sqlite.requests import CLEARED_AT_ONCE
from scores.stores.sqlite.store import SqliteStore
from scores.testing import BlockingStore, open_blocking


def refusal(url: str) -> str:
    with pytest.raises(ConfigError) as caught, open_blocking(url):
        pass
    return str(caught.value)


def writer_of(store: BlockingStore) -> Any:
    inner = store.store
    assert isinstance(inner, SqliteStore)
    return inner._writes._worker


@pytest.mark.parametrize("reopening", [False, True])
def test_a_file_that_is_moved_away_takes_no_more_until_it_is_back(
    store_url: str, file: Path, caplog: pytest.LogCaptureFixture, *, reopening: bool
) -> None:
    elsewhere = file.with_name("elsewhere.db")
    with open_blocking(store_url) as store:
        for _ in range(2):
            # Behind the first the log is copied.
            store.add_one(Score("a1-b1", 5))
        file.rename(elsewhere)
        if reopening:
            writer_of(store)._drop()
        for _ in range(2):
            with pytest.raises(StoreError, match="moved, removed or replaced"):
                store.add_one(Score("a1-b1", 5))
        # None is made in its place, and it is said once.
        assert not file.exists()
        assert len(caplog.records) == 1
        elsewhere.rename(file)
        assert store.add_one(Score("a1-b1", 5)).count == 3


def test_a_file_that_another_has_replaced_is_left_alone(store_url: str, file: Path) -> None:
    with open_blocking(store_url) as store:
        for _ in range(2):
            store.add_one(Score("a1-b1", 5))
        file.rename(file.with_name("elsewhere.db"))
        with closing(sqlite3.connect(file)) as other, other:
            other.execute("CREATE TABLE mine (x)")
        before = file.read_bytes()
        writer_of(store)._drop()
        with pytest.raises(StoreError, match="moved, removed or replaced"):
            store.add_one(Score("a1-b1", 5))
    assert file.read_bytes() == before


def test_a_log_that_is_removed_loses_nothing_that_was_acknowledged(store_url: str, file: Path) -> None:
    with open_blocking(store_url) as store:
        store.add_one(Score("a1-b1", 5))
        file.with_name(f"{file.name}-wal").unlink()
        with pytest.raises(StoreError, match="moved, removed or replaced"):
            store.add_one(Score("a1-b1", 5))
    with open_blocking(store_url) as store:
        assert store.inspector("a1-b1") == Inspector("a1-b1", 1, 5)


def test_a_log_that_crashes_have_left_does_not_grow_with_each(
    store_url: str, file: Path, tmp_path: Path
) -> None:
    log = file.with_name(f"{file.name}-wal")
    copy = tmp_path / "crashed"
    copy.mkdir()
    with open_blocking(store_url) as store:
        for _ in range(50):
            store.add_one(Score("a1-b1", 5))
        for one in (file, log):
            shutil.copy(one, copy)
    crashed = copy / log.name
    left = crashed.stat().st_size
    with open_blocking(f"sqlite:{copy / file.name}") as store:
        for _ in range(20):
            store.add_one(Score("a1-b1", 5))
        # The first has found its place behind what was left, and all others from the beginning.
        assert crashed.stat().st_size <= left * 1.1
        assert store.inspector("a1-b1") == Inspector("a1-b1", 70, 350)


def test_a_student_who_is_removed_in_part_is_no_certain_error(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_blocking(store_url) as store:
        inner = store.store
        assert isinstance(inner, SqliteStore)
        steps = iter([CLEARED_AT_ONCE])

        async def write(_request: object) -> int:
            for removed in steps:
                return removed
            raise StoreError("nothing was recorded: locked")

        monkeypatch.setattr(inner, "_write", write)
        with pytest.raises(OutcomeUnknown, match="some of the student's results are removed"):
            store.remove(StudentKey("foo"))


def test_a_file_that_may_not_be_written_is_refused_before_anything_is_left_beside_it(
    store_url: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_blocking(store_url):
        pass
    # Whoever is root may write all.
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "cannot be read and written" in refusal(store_url)
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def test_a_lock_that_is_removed_lets_nobody_in(store_url: str, file: Path) -> None:
    with open_blocking(store_url):
        file.with_name(f"{file.name}-lock").unlink()
        assert "it is open already" in refusal(store_url)


@pytest.mark.parametrize("content", [b"precious\n", b"12 monkeys", b"7"])
def test_a_file_of_somebody_else_is_not_taken_for_the_lock(
    store_url: str, file: Path, content: bytes
) -> None:
    lock = file.with_name(f"{file.name}-lock")
    lock.write_bytes(content)
    assert f"{lock.name}, which is the lock's name, is a file of somebody else" in refusal(store_url)
    assert lock.read_bytes() == content


def test_a_lock_that_leads_elsewhere_is_not_followed(store_url: str, file: Path) -> None:
    victim = file.with_name("victim")
    victim.write_bytes(b"")
    file.with_name(f"{file.name}-lock").symlink_to(victim)
    refusal(store_url)
    assert victim.read_bytes() == b""
