"""A log that may not grow any more: it is copied into the file, and begins anew in the room that it has.

Rule: the disk is one for whose last blocks nobody has to wait: so many commits fit behind one another into the
log, and when all of it has been copied SQLite writes it from its beginning again.
"""

import asyncio
from typing import Any

import pytest

from scores.errors import StoreError
from scores.models import Inspector, Score
from scores.stores import open_store
from scores.stores.sqlite.driver import Connection, Failed

ROOM = 40


class Disk:
    """Has room in the log for so many commits."""

    def __init__(self) -> None:
        self.room = ROOM
        self.used = 0

    def check(self, connection: Connection, sql: str) -> None:
        """Refuses a commit that has no room, as SQLite does then."""
        if sql == "COMMIT":
            if self.used >= self.room:
                connection.rollback()
                raise Failed("there is no room for it on the disk", full=True)
            self.used += 1

    def copied(self, sql: str, row: Any) -> None:
        """Takes notice of a log all of which is in the file."""
        if "wal_checkpoint" in sql and row[0] == 0 and row[1] == row[2]:
            self.used = 0


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    run, row, made = Connection.run, Connection.row, Disk()

    def running(connection: Connection, sql: str, values: Any = ()) -> int:
        made.check(connection, sql)
        return run(connection, sql, values)

    def reading(connection: Connection, sql: str, values: Any = ()) -> Any:
        made.copied(sql, found := row(connection, sql, values))
        return found

    monkeypatch.setattr(Connection, "run", running)
    monkeypatch.setattr(Connection, "row", reading)
    return made


async def test_a_log_that_has_no_room_is_copied_at_once_and_begins_anew(store_url: str, disk: Disk) -> None:
    refused = counted = 0
    async with open_store(store_url) as store:
        for _ in range(4 * ROOM):
            (answer,) = await store.add([Score("a1-b1", 5)])
            if isinstance(answer, StoreError):
                assert "nothing was recorded: there is no room for it on the disk" in str(answer)
                refused += 1
                # What was copied has made the room, and nobody else.
                (answer,) = await store.add([Score("a1-b1", 5)])
            counted += 1
            assert answer == Inspector("a1-b1", counted, 5 * counted)
        assert refused >= 3
        assert await store.inspector("a1-b1") == Inspector("a1-b1", counted, 5 * counted)
    async with open_store(f"{store_url}?check=full") as store:
        assert await store.inspector("a1-b1") == Inspector("a1-b1", counted, 5 * counted)


async def test_a_disk_that_has_room_again_is_written_to_again(store_url: str, disk: Disk) -> None:
    async with open_store(store_url) as store:
        (first,) = await store.add([Score("a1-b1", 5)])
        assert first == Inspector("a1-b1", 1, 5)
        disk.room = 0
        answers = [await store.add([Score("a1-b1", 5)]) for _ in range(3)]
        assert all(type(answer) is StoreError for (answer,) in answers)
        # Many who ask at the same moment are all refused, and none of them is kept waiting.
        together = await asyncio.gather(*(store.add([Score(f"u{number}", 5)]) for number in range(20)))
        assert all(type(answer) is StoreError for (answer,) in together)
        assert await store.inspector("a1-b1") == first
        disk.room = ROOM
        (again,) = await store.add([Score("a1-b1", 5)])
        assert again == Inspector("a1-b1", 2, 10)
