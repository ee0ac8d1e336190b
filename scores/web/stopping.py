"""The end of a server, as somebody asks for it: the first signal, and the second.

Rule: a server that is starting gives up at once, since nobody is served yet; one that serves drains, and a
second signal ends that. What is in flight then still has its time: no number of signals breaks it off.
"""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Stop", "Stopped", "stop_on_signal"]


class Stopped(Exception):
    """A server was told to stop before it had started."""


class Stop(asyncio.Event):
    """Set once the server is to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.hurry = asyncio.Event()
        """Set once it is not to wait for those who may still come."""
        self._starting: asyncio.Task[Any] | None = None

    def set(self) -> None:
        """The server is to stop; what `giving_up` has within is cancelled."""
        if self._starting is not None and not self.is_set():
            self._starting.cancel()
        super().set()

    def heard(self) -> None:
        """Somebody asks for the end: the first time to stop, the second to hurry."""
        if self.is_set():
            self.hurry.set()
        self.set()

    @contextmanager
    def giving_up(self) -> Iterator[None]:
        """What is awaited within is cancelled when the server is to stop; `Stopped` is raised then."""
        if self.is_set():
            raise Stopped
        self._starting = task = asyncio.current_task()
        try:
            yield
        except asyncio.CancelledError:
            # As `asyncio.timeout` does it: unless somebody else has cancelled the task as well.
            if task is not None and self.is_set() and task.uncancel() == 0:
                raise Stopped from None
            raise
        finally:
            self._starting = None


def stop_on_signal(*, hurries: bool = True) -> Stop:
    """What SIGINT (Ctrl-C) and SIGTERM set from now on; `hurries` says whether a second one counts."""
    loop, stop = asyncio.get_running_loop(), Stop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.heard if hurries else stop.set)
    return stop
