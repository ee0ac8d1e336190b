"""One process at a time: a lock beside the file, held for as long as the store is open.

The lock is the kernel's (flock), so it is gone with its process, however that ended. It is on a file of its
own, because to close any descriptor of the database's drops the locks that SQLite has on that. Rule: whoever
lets go removes the lock's file first, and whoever gets a lock looks whether its file is still there.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from scores.errors import ConfigError

__all__ = ["SUFFIX", "locked"]

SUFFIX: Final = "-lock"
_PID_BYTES: Final = 32
_OURS: Final = re.compile(rb"(?:[0-9]{1,20}\n)?")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Has the file for this process alone; `path` is its one real path.

    Raises `ConfigError` while another has it, and `OSError` where the lock's file cannot be made.
    """
    beside = path.with_name(path.name + SUFFIX)
    descriptor = _take(beside)
    if not _OURS.fullmatch(os.pread(descriptor, _PID_BYTES, 0)):
        os.close(descriptor)
        raise ConfigError(
            f"{beside.name}, which is the lock's name, is a file of somebody else: move it away"
        )
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        with _itself(path):
            yield
    finally:
        try:
            beside.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


@contextmanager
def _itself(path: Path) -> Iterator[None]:
    """Has the database's own file as well: another mount leads to it, and a lock's file may be removed.

    Its descriptor is closed only when SQLite has closed the file.
    """
    try:
        # A pipe is not waited for; what cannot be a database is refused by who looks at it.
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
    except (IsADirectoryError, PermissionError):
        yield
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(_in_use("")) from None
        yield
    finally:
        os.close(descriptor)


def _take(beside: Path) -> int:
    while True:
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_there(descriptor, beside):
                return descriptor
        except BlockingIOError:
            holder = os.pread(descriptor, _PID_BYTES, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise ConfigError(_in_use(holder)) from None
        except BaseException:
            os.close(descriptor)
            raise
        # Who had it before has removed it meanwhile.
        os.close(descriptor)


def _is_there(descriptor: int, beside: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), beside.stat())
    except FileNotFoundError:
        return False


def _in_use(holder: str) -> str:
    # In two containers both may be process 1.
    who = f" in process {holder}" if holder.isdigit() else ""
    return f"it is open already{who}: a file is for one server at a time, with one worker"
