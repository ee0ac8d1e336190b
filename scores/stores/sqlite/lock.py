"""One process at a time: a lock beside the file, held for as long as the store is open.

The lock is the kernel's (flock), so it is gone with its process, however that ended. It is on a file of its
own, because to close any descriptor of the database's drops the locks that SQLite has on that. Rule: whoever
lets go removes the lock's file first, and whoever gets a lock looks whether its file is still there.
"""

import errno
import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from scores.errors import ConfigError, InUse

__all__ = ["SUFFIX", "locked"]

SUFFIX: Final = "-lock"
_PID_BYTES: Final = 32
_OURS: Final = re.compile(rb"(?:[0-9]{1,20}\n)?")
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM})
_NO_FILE: Final = frozenset({errno.EISDIR, errno.ELOOP, errno.ENXIO})
"""What is said of a directory, of a link, and of a socket."""


@contextmanager
def locked(path: Path, *, create: bool = True) -> Iterator[None]:
    """Has the file for this process alone; `path` is its one real path, `create` whether it may be made.

    Raises `InUse` while another has it, and `ConfigError` where no lock can be had.
    """
    beside = path.with_name(path.name + SUFFIX)
    descriptor = _take(beside)
    try:
        _sign(descriptor, beside)
        with _itself(path, create=create):
            yield
    finally:
        # What cannot be removed is taken over by whoever comes next.
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        os.close(descriptor)


@contextmanager
def _itself(path: Path, *, create: bool) -> Iterator[None]:
    """Has the database's own file as well: another mount leads to it, and a lock's file may be removed.

    Its descriptor is closed only when SQLite has closed the file.
    """
    try:
        # A pipe is not waited for; what cannot be a database is refused by who looks at it.
        making = os.O_CREAT if create else 0
        descriptor = os.open(path, os.O_RDONLY | making | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
    except (IsADirectoryError, PermissionError):
        yield
        return
    except FileNotFoundError:
        raise ConfigError("there is no such file") from None
    except OSError as exc:
        raise ConfigError(f"it cannot be opened ({exc.strerror})") from exc
    try:
        try:
            _flock(descriptor, path)
        except BlockingIOError:
            raise InUse(_in_use("")) from None
        yield
    finally:
        os.close(descriptor)


def _take(beside: Path) -> int:
    while True:
        try:
            descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as exc:
            raise ConfigError(_no_lock(beside, exc)) from exc
        try:
            _flock(descriptor, beside)
            if _is_there(descriptor, beside):
                _check(descriptor, beside)
                return descriptor
        except BlockingIOError:
            holder = os.pread(descriptor, _PID_BYTES, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise InUse(_in_use(holder)) from None
        except BaseException:
            os.close(descriptor)
            raise
        # Who had it before has removed it meanwhile.
        os.close(descriptor)


def _check(descriptor: int, beside: Path) -> None:
    """Raises `ConfigError` for what is not a lock, or has not been one."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise ConfigError(_not_ours(beside, "no regular file"))
    if not _OURS.fullmatch(os.pread(descriptor, _PID_BYTES, 0)):
        raise ConfigError(_not_ours(beside, "a file of somebody else"))


def _sign(descriptor: int, beside: Path) -> None:
    """Writes down who has the lock."""
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
    except OSError as exc:
        raise ConfigError(f"its lock, {beside.name}, cannot be written ({exc.strerror})") from exc


def _flock(descriptor: int, path: Path) -> None:
    """Takes the lock; raises `BlockingIOError` while another has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as exc:
        raise ConfigError(
            f"{path.name} cannot be locked ({exc.strerror}): its file system has to keep locks (flock)"
        ) from exc


def _is_there(descriptor: int, beside: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), beside.stat())
    except FileNotFoundError:
        return False


def _no_lock(beside: Path, exc: OSError) -> str:
    """Why the lock's file could not be opened, nor made."""
    if exc.errno in _NO_FILE:
        return _not_ours(beside, "no regular file")
    if exc.errno in _FORBIDDEN and os.path.lexists(beside):
        return f"its lock, {beside.name}, may not be written by this user: see its owner and its mode"
    if exc.errno in _FORBIDDEN or exc.errno == errno.EROFS:
        return f"its directory cannot be written ({exc.strerror})"
    return f"its lock, {beside.name}, cannot be made ({exc.strerror})"


def _not_ours(beside: Path, what: str) -> str:
    return f"{beside.name}, which is the lock's name, is {what}: move it away"


def _in_use(holder: str) -> str:
    # In two containers both may be process 1.
    who = f" in process {holder}" if holder.isdigit() else ""
    return f"it is open already{who}: a file is for one server at a time, with one worker"
