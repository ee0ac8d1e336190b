"""Signals that come before the command knows what to do with them, while it is still being imported.

A process 1, as in a container, ignores a signal that it has no handler for; any other would end with the
default, or with a traceback. Rule: this file imports nothing that takes time, and is what the command begins
with; a server that is told to stop so early ends as it always does, with 0.
"""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Final

__all__ = ["early_signals"]

_SERVERS: Final = frozenset({"serve", "demo", "feed"})
"""Commands that run until they are told to stop, and then have their own handlers."""
_INTERRUPTED: Final = 130
"""The status of any other command at Ctrl-C."""


@contextmanager
def early_signals(arguments: Sequence[str]) -> Iterator[None]:
    """Has a signal end the process at once within `with`, and a server until it has handlers of its own."""
    serves = not _SERVERS.isdisjoint(arguments[:1])

    def end(_number: int, _frame: FrameType | None) -> None:
        # Nothing has been begun, and an exception would end in whatever is being imported.
        os._exit(0 if serves else _INTERRUPTED)

    signal.signal(signal.SIGINT, end)
    if serves:
        signal.signal(signal.SIGTERM, end)
    yield
    if not serves:
        signal.signal(signal.SIGINT, signal.default_int_handler)
