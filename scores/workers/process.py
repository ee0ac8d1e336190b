"""One worker process, as the process that started it knows it.

Rule: all that passes between the two is one socket pair. A byte from the worker means that it listens, one
to the worker ends its drain; the end of the stream means that the other side is gone, however it went, so
neither can miss it. The worker is a fresh interpreter (`scores worker …`), which inherits all sockets.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from scores.config import Config

__all__ = ["GRACE", "IN_USE", "STOP_SIGNALS", "WRONG_SETTING", "Worker", "longest_stop"]

GRACE: Final = 3.0
"""Seconds that a worker has beyond `drain` and `shutdown_timeout` until it is killed."""

STOP_SIGNALS: Final = frozenset({signal.SIGINT, signal.SIGTERM})
"""What a worker starts with blocked, and lets in once it can stop in order."""

WRONG_SETTING: Final = 2
"""Exit status of a worker that has said which setting is wrong."""

IN_USE: Final = 3
"""Exit status of a worker that has said what another process has; 1 would be any other end."""


class Worker:
    """A worker process that has been started, until it has `ended`."""

    def __init__(self, process: "subprocess.Popen[bytes]", channel: socket.socket) -> None:
        self._process = process
        self._channel = channel

    @classmethod
    def start(
        cls, config: Config, sockets: Sequence[socket.socket], *, memory: int | None = None, place: int = 0
    ) -> "Worker":
        """Starts a worker with these settings on these listening sockets; `OSError` when none can be.

        It counts in its place of the memory with this descriptor, if there is one.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            inherited = [theirs.fileno(), *(listening.fileno() for listening in sockets)]
            # `-P` and the path: it imports what this process would, wherever that was started.
            command = [sys.executable, "-P", "-m", "scores", "worker", *map(str, inherited)]
            command += [f"--flag={name}" for name in sorted(config.flags)]
            if memory is not None:
                command += ["--memory", str(memory), "--place", str(place)]
                inherited.append(memory)
            environ = {**os.environ, **config.environ(), "PYTHONPATH": os.pathsep.join(sys.path)}
            try:
                with _blocked_signals():
                    process = subprocess.Popen(command, env=environ, pass_fds=inherited)  # noqa: S603  # our own command
            except OSError:
                ours.close()
                raise
        return cls(process, ours)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ready(self) -> bool:
        """Waits until it listens; False when it has ended instead."""
        return await asyncio.get_running_loop().sock_recv(self._channel, 1) != b""

    async def ended(self) -> int:
        """Waits until it has ended, and gives its status: negative for the signal that killed it."""
        while self._channel.fileno() >= 0 and await self.ready():
            pass
        self._channel.close()
        return await asyncio.to_thread(self._process.wait)

    def terminate(self) -> None:
        """Has it finish what is in flight, and end."""
        self._process.terminate()

    def hurry(self) -> None:
        """Ends the drain of a worker that has been told to stop."""
        with suppress(OSError):
            # It may have ended by itself.
            self._channel.send(b"\n")

    def kill(self) -> None:
        """Ends it at once."""
        self._process.kill()


def longest_stop(config: Config) -> float:
    """Seconds that a worker may take to stop in order."""
    return config.drain + config.shutdown_timeout + GRACE


@contextmanager
def _blocked_signals() -> Iterator[None]:
    """What is started inherits the mask: no signal can end a worker before it knows what to do with it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
