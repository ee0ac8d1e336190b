"""Python's sqlite3 as the file store uses it: a connection for each thread, and its errors in our words.

Rule: the only file that knows sqlite3. A statement gives one row or none: the interpreter's lock is given
up and taken again with every row, and beside a busy event loop to take it may be a matter of milliseconds.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

__all__ = ["VERSION", "Connection", "Failed", "connect_memory"]

VERSION: Final = sqlite3.sqlite_version_info
"""Of the library."""

Value = str | int | bytes

_BUSY_SECONDS: Final = 2.0
"""How long another program may hold the file's lock before the store gives up."""
_STATEMENTS: Final = 256
"""Prepared statements that a connection keeps: more than it ever has."""
_CACHE_KIB: Final = 32 * 1024
_LOG_BYTES: Final = 64 * 1024 * 1024
"""What a log that has been emptied may keep of the disk."""

_REASONS: Final = {
    sqlite3.SQLITE_FULL: "there is no room for it on the disk",
    sqlite3.SQLITE_READONLY: "the file cannot be written",
    sqlite3.SQLITE_BUSY: "another program has the file locked",
    sqlite3.SQLITE_LOCKED: "another program has the file locked",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_NOTADB: "the file is not a database of SQLite, or its first page is damaged",
    sqlite3.SQLITE_IOERR: "the file cannot be read or written",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
}
_PRIMARY: Final = 0xFF


class Failed(Exception):
    """SQLite could not do it; `str(error)` says why. Whoever called makes one of our errors of it."""

    def __init__(self, reason: str, *, full: bool = False) -> None:
        super().__init__(reason)
        self.full = full
        """Whether the disk took no more: then the last part of what was written is missing."""


class Connection:
    """One connection, used by one thread at a time."""

    def __init__(self, path: Path | None, *, create: bool) -> None:
        """Opens the file, which may have to be made; None is a database in memory."""
        try:
            self._connection = sqlite3.connect(
                # As a URI, because a path cannot say that the file is not to be made anew.
                ":memory:" if path is None else f"{path.as_uri()}?mode={'rwc' if create else 'rw'}",
                uri=path is not None,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=_STATEMENTS,
            )
        except sqlite3.Error as exc:
            raise _failed(exc) from exc
        self.execute = self._connection.execute

    def row(self, sql: str, values: Sequence[Value] = ()) -> tuple[Any, ...] | None:
        """The one row that the statement gives, if it gives any."""
        try:
            row: tuple[Any, ...] | None = self.execute(sql, values).fetchone()
        except (sqlite3.Error, OverflowError) as exc:
            raise _failed(exc) from exc
        return row

    def value(self, sql: str, values: Sequence[Value] = ()) -> Any:
        """The one value that the statement gives; None when it gives none."""
        row = self.row(sql, values)
        return None if row is None else row[0]

    def run(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Carries out a statement that gives nothing; says how many rows it changed."""
        try:
            return self.execute(sql, values).rowcount
        except sqlite3.Error as exc:
            raise _failed(exc) from exc

    def interrupt(self) -> None:
        """Has the statement that another thread carries out fail; without one, nothing happens."""
        with suppress(sqlite3.Error):
            # It may have been closed meanwhile.
            self._connection.interrupt()

    def rollback(self) -> None:
        """Undoes the transaction, if SQLite has not done so by itself."""
        if self._connection.in_transaction:
            self.run("ROLLBACK")

    def wait(self, seconds: float = _BUSY_SECONDS) -> None:
        """Says how long to wait from now on for another program that is in the way."""
        self.row(f"PRAGMA busy_timeout={round(seconds * 1000)}")

    def set_up(self, *, write: bool) -> None:
        """Says how the file is used from now on."""
        # The answer is the mode that it is in from now on.
        if write and (mode := self.value("PRAGMA journal_mode=WAL")) != "wal":
            raise Failed(f"the file cannot have a write-ahead log (its journal mode stays {mode!r})")
        for pragma in (
            "synchronous=FULL",
            # On macOS a plain fsync() leaves it in the disk's own memory.
            "fullfsync=ON",
            "checkpoint_fullfsync=ON",
            # Whoever commits does not wait for it: the writer does it when it has answered.
            "wal_autocheckpoint=0",
            f"journal_size_limit={_LOG_BYTES}",
            f"cache_size=-{_CACHE_KIB}",
            "cell_size_check=ON",
            "secure_delete=OFF",
            "temp_store=MEMORY",
            "trusted_schema=OFF",
            f"query_only={'OFF' if write else 'ON'}",
        ):
            self.row(f"PRAGMA {pragma}")

    def close(self) -> None:
        """Closes it; raises nothing, for what could not be written then is in the log."""
        with suppress(sqlite3.Error):
            self._connection.close()


def connect_memory() -> Connection:
    """An empty database in memory, to compare with."""
    return Connection(None, create=True)


def _failed(exc: Exception) -> Failed:
    name = getattr(exc, "sqlite_errorname", None)
    primary = getattr(exc, "sqlite_errorcode", 0) & _PRIMARY
    reason = _REASONS.get(primary, "SQLite failed")
    return Failed(
        f"{reason}: {exc}" + (f" ({name})" if name else ""),
        full=primary == sqlite3.SQLITE_FULL,
    )
