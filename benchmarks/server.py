"""A server to measure, as a process of its own.

The rule: it is started as anybody would start it, without a feed and untouched by the settings of the
environment, and it has to stop on SIGTERM with exit status 0.
"""

import os
import re
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import Final, NamedTuple

from benchmarks.cores import cores, on_core
from benchmarks.errors import BenchmarkError

__all__ = ["HOST", "Server", "free_port", "own_environ", "serving"]

HOST: Final = "127.0.0.1"
_STOP_TIMEOUT: Final = 30.0
_KEPT_LINES: Final = 20

_listening = re.compile(r"listening: (http://\S+)")


class Server(NamedTuple):
    """Where it listens, and the id of its process."""

    address: str
    pid: int


@contextmanager
def serving(store: str, **settings: str) -> Iterator[Server]:
    """Runs `scores serve` on this store and a free port within `with`; a setting is named as its variable."""
    with _start({"SCORES_FEED": "off", "SCORES_PORT": "0", "SCORES_STORE": store, **settings}) as process:
        try:
            address, log = _address(process), deque[str](maxlen=_KEPT_LINES)
            # What it logs has to be read, or a full pipe would stop it.
            reader = Thread(target=log.extend, args=(process.stderr,))
            reader.start()
            try:
                yield Server(address, process.pid)
            finally:
                _stop(process)
                reader.join()
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise BenchmarkError(f"the server ended with status {process.returncode}:\n{''.join(log)}")


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as held:
        held.bind((HOST, 0))
        port: int = held.getsockname()[1]
        return port


def own_environ(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment with these settings of scores, and no others."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SCORES_")} | dict(
        settings
    )


def _start(settings: Mapping[str, str]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "scores", "serve"]
    with on_core(cores().server):
        return subprocess.Popen(command, env=own_environ(settings), stderr=subprocess.PIPE, text=True)  # noqa: S603 - ours


def _address(process: "subprocess.Popen[str]") -> str:
    """The address that the server says it listens on."""
    lines = []
    for line in process.stderr or ():
        if match := _listening.search(line):
            return match[1]
        lines.append(line)
    raise BenchmarkError(f"the server did not start:\n{''.join(lines)}")


def _stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT)
    except subprocess.TimeoutExpired as exc:
        process.kill()
        raise BenchmarkError(f"the server was still there {_STOP_TIMEOUT:g} s after SIGTERM") from exc
