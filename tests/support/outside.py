"""`scores serve` as a process of its own, seen from outside: what it takes of the machine, and what it may take.

Rule: nothing of it is reached but by its sockets, its signals, `/proc` and the limits that the kernel keeps
(getrlimit(2)), which whoever started a process may lower, and raise again, without being root.
"""

import asyncio
import os
import re
import resource
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from support.requests import request
from support.scrapes import Scrape
from support.sockets import connection

__all__ = ["Process", "saw", "server", "until"]

POLL = 0.01  # seconds between two looks at a state that no event announces
FEW = 3  # descriptors that are open for a moment

WATCHED_STORE = str(Path(__file__).parent / "watched_store")


class Process:
    """A server that runs."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log
        self.address = ""
        self._own = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    @property
    def log(self) -> str:
        """All that it has logged."""
        return self._log.read_text(errors="replace")

    @property
    def rss(self) -> int:
        """Bytes of memory that it has."""
        return self._status("VmRSS") * 1024

    @property
    def peak(self) -> int:
        """The most that `rss` ever was."""
        return self._status("VmHWM") * 1024

    @property
    def size(self) -> int:
        """Bytes of address space, which `RLIMIT_AS` limits."""
        return self._status("VmSize") * 1024

    @property
    def threads(self) -> int:
        return self._status("Threads")

    @property
    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    async def share(self) -> float:
        """How often, of some looks, it was at work or waiting for a processor: from 0 to 1."""
        looks = list[bool]()
        for _ in range(100):
            looks.append(self._at_work)
            await asyncio.sleep(POLL)
        return sum(looks) / len(looks)

    def allow(self, what: int, most: int | None = None) -> None:
        """Lowers one of its limits (`resource.RLIMIT_…`); without `most` it is as high again as it may be."""
        _, hard = resource.prlimit(self.pid, what)
        resource.prlimit(self.pid, what, (hard if most is None else most, hard))

    async def scrape(self) -> Scrape:
        """What it tells Prometheus."""
        async with aiohttp.ClientSession() as http, http.get(self.address + "/metrics") as answer:
            assert answer.status == 200
            return Scrape(await answer.text())

    async def holds(self, connections: int) -> None:
        """Returns when it has so many more open than when it began to listen, give or take a few."""
        await until(lambda: abs(self.descriptors - self._own - connections) <= FEW)

    async def logs(self, pattern: str) -> re.Match[str]:
        """The first match in its log, once it is there."""
        async with asyncio.timeout(30):
            while (match := re.search(pattern, self.log)) is None:
                assert self.running, self.log
                await asyncio.sleep(POLL)
        return match

    async def listens(self) -> None:
        """Returns when it says where it listens."""
        self.address = (await self.logs(r"listening: (http://\S+)"))[1]
        self._own = self.descriptors

    async def serves(self) -> None:
        """Returns when whoever comes is answered."""
        async with asyncio.timeout(30):
            while not await _is_answered(self.address):  # noqa: ASYNC110  # it is another process's state
                await asyncio.sleep(POLL)

    async def ended(self) -> int:
        """Its exit status, once it has ended."""
        async with asyncio.timeout(30):
            return await self._process.wait()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit status after the signal."""
        self._process.send_signal(number)
        return await self.ended()

    @property
    def _at_work(self) -> bool:
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].startswith("R")

    def _status(self, name: str) -> int:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


@asynccontextmanager
async def server(
    *before: str,
    command: Sequence[str] = (sys.executable, "-m", "scores", "serve"),
    listening: bool = True,
    **settings: Any,
) -> AsyncIterator[Process]:
    """Runs a command with these settings within `async with`; the words `before` stand before it.

    What it logs goes to a file, so that it never waits for us.
    """
    own = {"port": 0, "feed": "off", "shutdown_timeout": 1, **settings}
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SCORES_")}
    environ |= {f"SCORES_{name.upper()}": str(value) for name, value in own.items()}
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, [WATCHED_STORE, os.environ.get("PYTHONPATH")]))
    with TemporaryDirectory(prefix="outside-") as home:
        log = Path(home) / "log"
        words = [*before, *command]
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(*words, env=environ, stdout=file, stderr=file)
        started = Process(process, log)
        try:
            if listening:
                await started.listens()
            yield started
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def until(met: Callable[[], bool], *, seconds: float = 600) -> None:
    """Waits for a state outside of this process, which nothing announces."""
    async with asyncio.timeout(seconds):
        while not met():  # noqa: ASYNC110  # it is another process's
            await asyncio.sleep(POLL)


async def _is_answered(address: str) -> bool:
    try:
        async with connection(address) as (reader, writer):
            writer.write(request("GET", "/livez"))
            return b" 200 " in await reader.readline()
    except OSError:
        return False


def saw(text: str) -> None:
    """Says a figure, for who runs the long form."""
    print(text)  # noqa: T201  # pytest shows it with -s
