"""How far a file has been imported, written beside it, so that an import goes on where it has proof.

Rule: what may be sent is written down, and is on the disk, before it is sent. So, however the process ends,
a line is before `answered` and has its answer, or is between `answered` and `sent` and is in doubt, or was
never sent. Records are appended; the last one that is whole counts.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import orjson

from scores.errors import ScoresError

try:
    import fcntl
except ImportError:  # not on this platform: two imports of a file at a time are the user's own care
    fcntl = None  # type: ignore[assignment]  # a module or nothing

__all__ = ["Journal", "JournalError", "Place", "Progress", "journal_beside", "opened"]

_VERSION: Final = 1
_MAX_SIZE: Final = 256 * 1024 * 1024


class JournalError(ScoresError):
    """The progress file is not usable, or is not about this import."""

    code = "journal"


class Place(NamedTuple):
    """A place between two lines of the file."""

    line: int = 0
    """Lines before it."""
    offset: int = 0
    """Bytes before it."""
    digest: str = ""
    """SHA-256 of these bytes."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an import stands."""

    url: str
    id: str
    """Of this import; the keys of its lines begin with it."""
    fast: bool
    time: float
    """When this was written, in seconds since 1970."""
    answered: Place
    """Every line before it has its answer."""
    sent: Place
    """No line after it was ever sent."""
    accepted: int = 0
    rejected: int = 0


class Journal:
    """One progress file, open and locked."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file

    def read(self) -> Progress | None:
        """The last whole record; None in a new file. What a crash left of a further one is cut off."""
        data = self._file.read(_MAX_SIZE)
        end = data.rfind(b"\n") + 1
        if not end:
            if data and not data.startswith(b'{"version":'[: len(data)]):
                raise self._wrong("it is no progress file")
            self._cut(0)
            return None
        progress = self._decoded(data[data.rfind(b"\n", 0, end - 1) + 1 : end])
        self._cut(end)
        return progress

    def write(self, progress: Progress) -> None:
        """Adds a record, and returns when it is on the disk."""
        try:
            self._file.write(_encoded(progress))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as exc:
            raise JournalError(f"cannot write {str(self.path)!r}: {exc.strerror}") from exc

    def remove(self) -> None:
        """The import is whole: there is nothing to go on with."""
        self.path.unlink(missing_ok=True)

    def _cut(self, size: int) -> None:
        self._file.truncate(size)
        self._file.seek(size)

    def _decoded(self, line: bytes) -> Progress:
        try:
            members: dict[str, Any] = orjson.loads(line)
            if members.pop("version") != _VERSION:
                raise self._wrong("it is of another version of scores")
            members |= {name: Place(*members[name]) for name in ("answered", "sent")}
            return Progress(**members)
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as exc:
            raise self._wrong("it is no progress file") from exc

    def _wrong(self, reason: str) -> JournalError:
        return JournalError(f"cannot go on from {str(self.path)!r}: {reason}")


def _encoded(progress: Progress) -> bytes:
    places = {"answered": [*progress.answered], "sent": [*progress.sent]}
    return orjson.dumps({"version": _VERSION, **asdict(progress), **places}) + b"\n"


def journal_beside(path: Path) -> Path:
    """Where the progress of importing this file is kept."""
    return path.with_name(path.name + ".progress")


@contextmanager
def opened(path: Path) -> Iterator[Journal]:
    """The journal in this file, which is made if it is not there; raises `JournalError`."""
    try:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
    except OSError as exc:
        raise JournalError(f"cannot write {str(path)!r}: {exc.strerror}") from exc
    with file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as exc:
                raise JournalError(
                    f"another import writes {str(path)!r}: two at a time would count twice"
                ) from exc
        try:
            yield Journal(path, file)
        finally:
            if not os.fstat(file.fileno()).st_size:
                path.unlink(missing_ok=True)
