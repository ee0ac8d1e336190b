"""SQLite's log beside the file: how it is written, and that it does not grow without end."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from scores.models import Inspector, Score
from scores.stores import open_store
from scores.stores.sqlite import writer
from scores.stores.sqlite.driver import Connection, Failed
from scores.testing import add_one

PAGE = 4096


def log_of(file: Path) -> Path:
    return file.with_name(f"{file.name}-wal")


async def test_a_commit_waits_for_the_disk(store_url: str) -> None:
    async with open_store(store_url) as store:
        inner: Any = store
        connection = inner._writes._worker._connection
        # FULL: in WAL mode that is an fsync of the log before COMMIT returns.
        assert connection.value("PRAGMA journal_mode") == "wal"
        assert connection.value("PRAGMA synchronous") == 2
        assert connection.value("PRAGMA fullfsync") == 1


async def test_the_log_begins_anew_while_others_read(
    store_url: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_PAGES", 40)
    # A busy machine may keep a reader from ending its turn.
    monkeypatch.setattr(writer, "_STUBBORN_SECONDS", 2.0)
    longest, done = 0, asyncio.Event()

    async with open_store(store_url) as store:

        async def read() -> None:
            while not done.is_set():
                await store.inspectors(limit=1000)

        reading = [asyncio.create_task(read()) for _ in range(4)]
        for number in range(250):
            await add_one(store, Score(f"u{number}", 5))
            longest = max(longest, log_of(file).stat().st_size)
        done.set()
        await asyncio.gather(*reading)
    # 250 commits are more than 500 pages, were they all there.
    assert longest < 250 * PAGE
    async with open_store(store_url) as store:
        assert (await store.inspectors(limit=1)).total == 250


async def test_a_log_that_cannot_be_copied_is_no_loss(
    store_url: str, file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    row = Connection.row

    def failing(connection: Connection, sql: str, values: Any = ()) -> Any:
        if "wal_checkpoint" in sql:
            raise Failed("there is no room for it on the disk", full=True)
        return row(connection, sql, values)

    monkeypatch.setattr(writer, "CHECKPOINT_PAGES", 1)
    monkeypatch.setattr(Connection, "row", failing)
    async with open_store(store_url) as store:
        for count in range(1, 6):
            assert await add_one(store, Score("a1-b1", 5)) == Inspector("a1-b1", count, 5 * count)
    assert "the log cannot be copied into the file: there is no room" in caplog.text
    monkeypatch.undo()
    async with open_store(store_url) as store:
        assert await store.inspector("a1-b1") == Inspector("a1-b1", 5, 25)
    assert list(file.parent.iterdir()) == [file]
