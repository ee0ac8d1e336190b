"""A redis-server to measure: a process with a port, a directory and settings of its own.

The rule: no configuration file is read, nothing is saved but what the measurement asks for, and nothing
of it is left afterwards.
"""

import logging
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter_ns, sleep
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from benchmarks.errors import BenchmarkError

__all__ = ["AOF", "RedisServer", "find_program", "fsync_ns", "redis_server"]

_HOST: Final = "127.0.0.1"
_START_TIMEOUT: Final = 10.0
_STOP_TIMEOUT: Final = 30.0
_POLL: Final = 0.01
_SYNCS: Final = 100

AOF: Final = {
    "off": ("--appendonly", "no"),
    "everysec": ("--appendonly", "yes", "--appendfsync", "everysec"),
    "always": ("--appendonly", "yes", "--appendfsync", "always"),
}
"""The settings that decide when a write is on the disk; off: never."""


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A server that answers."""

    port: int
    client: Redis

    @property
    def url(self) -> str:
        """Its database, as a store's URL."""
        return f"redis://{_HOST}:{self.port}/0"

    @property
    def version(self) -> str:
        """Of Redis."""
        return str(self._info()["redis_version"])

    @property
    def memory(self) -> int:
        """The bytes that Redis has allocated."""
        return int(self._info()["used_memory"])

    def _info(self) -> dict[str, Any]:
        info: dict[str, Any] = self.client.info()
        return info


def find_program(name: str) -> str:
    """The path of redis-server; raises `BenchmarkError` when there is none."""
    path = shutil.which(name)
    if path is None:
        raise BenchmarkError(
            f"there is no program {name!r}: please install redis-server (Debian's package has this name),"
            " or name it with --redis-server PATH"
        )
    return path


@contextmanager
def redis_server(program: str, *, aof: str = "off") -> Iterator[RedisServer]:
    """Runs a server on a free port of the loopback within `with`."""
    # That it keeps nothing is what is measured: nobody is to be warned of it.
    logging.getLogger("scores.stores.redis.greeting").setLevel(logging.ERROR)
    with TemporaryDirectory(prefix="scores-benchmark-") as home, _hold_port() as held:
        port: int = held.getsockname()[1]
        with _start(program, port, Path(home), aof) as process:
            try:
                with Redis(_HOST, port) as client:
                    _wait(process, client, Path(home))
                    yield RedisServer(port, client)
            finally:
                _stop(process)


def fsync_ns() -> float:
    """What it takes the disk, where a server's files are, to have a small write for certain: the median."""
    with TemporaryDirectory(prefix="scores-benchmark-") as home, (Path(home) / "sync").open("wb") as file:
        return median(_sync(file.fileno()) for _ in range(_SYNCS))


def _sync(descriptor: int) -> int:
    os.write(descriptor, bytes(100))
    start = perf_counter_ns()
    os.fdatasync(descriptor)
    return perf_counter_ns() - start


@contextmanager
def _hold_port() -> Iterator[socket.socket]:
    """A free port that nobody else is given; redis-server, which sets SO_REUSEADDR, may listen on it."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((_HOST, 0))
        yield held


def _start(program: str, port: int, home: Path, aof: str) -> "subprocess.Popen[bytes]":
    where = ("--bind", _HOST, "--port", str(port), "--dir", str(home), "--logfile", str(_log(home)))
    command = [program, *where, "--save", "", "--daemonize", "no", *AOF[aof]]
    try:
        return subprocess.Popen(command, cwd=home, stdout=subprocess.DEVNULL)  # noqa: S603 - the user's choice
    except OSError as exc:
        raise BenchmarkError(f"{program} did not start: {exc.strerror}") from exc


def _wait(process: "subprocess.Popen[bytes]", client: Redis, home: Path) -> None:
    """Returns when the server answers."""
    deadline = monotonic() + _START_TIMEOUT
    while process.poll() is None and monotonic() < deadline:
        try:
            client.ping()
        except RedisError:
            sleep(_POLL)
        else:
            return
    log = _log(home).read_text(errors="replace") if _log(home).exists() else ""
    raise BenchmarkError(f"redis-server did not start:\n{log[-2000:]}")


def _log(home: Path) -> Path:
    return home / "redis.log"


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
