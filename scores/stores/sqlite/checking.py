"""A file that is opened: whose it is, which version it has, and whether it is whole.

What is always looked at costs the same however much is stored: that the file is ours, that its tables are as
we made them, that it can be written. A file that is not large, or was not closed, is looked through as well.
Rule: what is wrong is said in one sentence, with what is allowed, and somebody else's file is left as it was.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from scores.errors import ConfigError
from scores.stores.sqlite.driver import VERSION, Connection, Failed
from scores.stores.sqlite.schema import found_schema, migrate, schema_of, version_of
from scores.stores.sqlite.verifying import verify

__all__ = ["opened"]

_LOOKED_THROUGH: Final = 128 * 1024 * 1024
"""A file of so many bytes, more than a million inspectors take, is looked through at every start."""

_OLDEST: Final = (3, 38, 0)
"""SQLite with STRICT tables, and JSON built in."""


def opened(path: Path, check: str, begun: Callable[[Connection], None] = lambda _: None) -> Connection:
    """A connection that writes to the file, which is made if it is not there; raises `ConfigError`.

    `path` is its one real path, and nobody else has it open. `begun` is given the connection before anything
    is looked at, so that whoever does not want to wait for that can interrupt it.
    """
    if VERSION < _OLDEST:
        shown = ".".join(map(str, VERSION))
        raise ConfigError(f"Python's SQLite is {shown}: the sqlite: store needs 3.38 or later")
    new = _is_new(path)
    try:
        # Who has not closed it has left a log, which SQLite goes through when the file is first read.
        unclean = path.with_name(path.name + "-wal").exists()
        connection = Connection(path, create=True)
    except Failed as exc:
        raise ConfigError(str(exc)) from exc
    try:
        begun(connection)
        version_of(connection)
        connection.set_up(write=True)
        migrate(connection)
        _look_at(connection, check, size=path.stat().st_size, unclean=unclean)
        if new:
            _keep_name(path.parent)
    except Failed as exc:
        connection.close()
        raise ConfigError(str(exc)) from exc
    except BaseException:
        connection.close()
        raise
    return connection


def _is_new(path: Path) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return True
    if not stat.S_ISREG(found.st_mode):
        what = "a directory" if stat.S_ISDIR(found.st_mode) else "no regular file"
        raise ConfigError(f"it is {what}: name a file")
    if found.st_nlink > 1:
        # SQLite's log is beside the name by which it was opened: under another there is another log.
        raise ConfigError("it has several names (hard links), under which it would be damaged: leave it one")
    if not os.access(path, os.R_OK | os.W_OK):
        # SQLite would read what it cannot write, and leave a log beside it that nobody can write either.
        raise ConfigError("it cannot be read and written: see its owner and its mode")
    return found.st_size == 0


def _look_at(connection: Connection, check: str, *, size: int, unclean: bool) -> None:
    missing = schema_of() - found_schema(connection)
    if missing:
        raise ConfigError("the file is damaged: some of its tables are not as they were made")
    # Whether it can be written is found out before anybody is told that it is; BEGIN alone does not tell.
    connection.run("BEGIN IMMEDIATE")
    connection.run("UPDATE state SET one = one")
    connection.run("ROLLBACK")
    if check == "quick" or (check == "auto" and (unclean or size <= _LOOKED_THROUGH)):
        found = connection.value("PRAGMA quick_check(1)")
        if found != "ok":
            raise ConfigError(f"the file is damaged: {' '.join(str(found).split())}")
    elif check == "full":
        verify(connection)


def _keep_name(directory: Path) -> None:
    """Has the disk remember that there is a file of that name, which fsync of the file does not promise."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
