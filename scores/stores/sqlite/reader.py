"""All reads, in one thread: each is one statement, which never waits for a write.

Not in the event loop's own thread: a page that is not in memory has to come from the disk, and while a disk
does not answer, a server still says that it lives.
"""

import logging
import struct
from collections.abc import Callable, Sequence
from typing import Any

from scores.errors import StoreError
from scores.stores.sqlite.driver import Connection, Failed
from scores.stores.sqlite.lane import Job

__all__ = ["Reader", "Reading"]

log = logging.getLogger(__name__)

Reading = Callable[[Connection], Any]


class Reader:
    """Does what a lane hands it, all of it in that lane's thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._trouble = ""

    def work(self, jobs: Sequence[Job]) -> bool:
        """Calls the tasks, which are readings."""
        for job in jobs:
            job.outcome = self._read(job.task)
        return True

    def rest(self) -> None:
        """Nothing has to be done between two batches."""

    def end(self) -> None:
        """Lets go of the file."""
        self._connection.close()

    def _read(self, reading: Reading) -> Any:
        try:
            found = reading(self._connection)
        except Failed as exc:
            return self._unreadable(str(exc))
        except (ValueError, TypeError, OverflowError, struct.error) as exc:
            # Text that is no JSON, a number that is a text: no row of ours reads so.
            return self._unreadable(f"the file is damaged: {exc}")
        except Exception:
            log.exception("store: unexpected error")
            return StoreError("the store has failed")
        return found

    def _unreadable(self, text: str) -> StoreError:
        if text != self._trouble:
            self._trouble = text
            log.error("store: %s", text)
        return StoreError(text)
