"""A contender's process: it is started on the server's core, answers, and is ended with all that it started.

The rule: it has a process group of its own, so that nothing of it is left, and writes what it says to a
file, so that no pipe can stop it.
"""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Final

from benchmarks.cores import cores, on_core
from benchmarks.errors import BenchmarkError
from benchmarks.peers.installed import find_program
from benchmarks.peers.table import ROOT, Peer
from benchmarks.server import HOST, Server, free_port, own_environ

__all__ = ["running"]

_START_TIMEOUT: Final = 30.0
_STOP_TIMEOUT: Final = 10.0
_POLL: Final = 0.05
_KEPT: Final = 2000

_Process = subprocess.Popen[bytes]


@contextmanager
def running(peer: Peer) -> Iterator[Server]:
    """Runs the contender on a free port of the loopback within `with`.

    Raises `BenchmarkError` with what it said when it does not listen.
    """
    with TemporaryDirectory(prefix="scores-benchmark-") as folder:
        home, port = Path(folder), free_port()
        with _start(peer, home, port) as process:
            try:
                _wait(peer, process, home, port)
                yield Server(f"http://{HOST}:{port}", process.pid)
            finally:
                _stop(process)


def _start(peer: Peer, home: Path, port: int) -> _Process:
    def fill(text: str) -> str:
        return Template(text).substitute(port=port, home=home)

    for name, text in peer.files.items():
        (home / name).write_text(fill(text), encoding="utf-8")
    program, *arguments = map(fill, peer.command)
    environ = own_environ({name: fill(value) for name, value in peer.environ.items()})
    with on_core(cores().server), _log(home).open("wb") as log:
        try:
            return subprocess.Popen(  # noqa: S603 - from the table
                [find_program(program) or program, *arguments],
                cwd=ROOT,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as exc:
            raise BenchmarkError(f"{peer.name} did not start: {exc.strerror}") from exc


def _wait(peer: Peer, process: _Process, home: Path, port: int) -> None:
    """Returns when it takes connections."""
    deadline = monotonic() + _START_TIMEOUT
    while process.poll() is None and monotonic() < deadline:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            sleep(_POLL)
        else:
            return
    said = _log(home).read_text(encoding="utf-8", errors="replace")
    raise BenchmarkError(f"{peer.name} did not start:\n{said[-_KEPT:]}")


def _log(home: Path) -> Path:
    return home / "log"


def _stop(process: _Process) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_TIMEOUT)
    # Whatever is left of its group: its workers, or itself.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
