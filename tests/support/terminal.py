"""A terminal in which a page of the documentation is carried out: commands are run, and what they print is compared.

A command that goes on for ever is left running once it has said the lines that are shown, until `^C` (or the end), which
ends it and whatever else is running. Rule: ports are swapped for free ones, names of the virtual environment for those of
this one, and nothing else is changed.
"""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from scores.cli.command import main
from support.curl import Request, ask, parsed
from support.redis_servers import hold_port, until

__all__ = ["Terminal", "fits"]

ROOT = Path(__file__).parents[2]

_PORT = re.compile(r"\b(?:80\d\d|6379)\b")
_SETTING = re.compile(r"[A-Z][A-Z0-9_]*=")
_READY = {"serve": "… listening: …", "feed": "… simulated feed: …", "demo": "… listening: …"}
"""What they say when they can be asked, for where nothing is shown."""
_SHELL = {"gzip", "printf", "grep"}
"""Programs that every machine has, and that are run as they are."""

Aside = Callable[[], Awaitable[None]]


def fits(printed: str, shown: str) -> bool:
    """Whether what was printed is what is shown; `…` is anything on its line, a line of it alone any lines."""
    lines = (".*" if line == "…" else _pattern(line) for line in shown.splitlines())
    return re.fullmatch("(?s:" + "\n".join(lines) + ")\n?", printed) is not None


def _pattern(line: str) -> str:
    """Of a line: `…` is anything on it, and more or fewer spaces are as good where it is a table with figures."""
    anything = re.escape(line).replace("…", "[^\n]*")
    return re.sub(r"(\\ )+", " +", " *" + anything.lstrip("\\ ")) if "…" in line else anything


class Terminal:
    """Carries commands out in a directory, with ports of its own, and ends what it has left running."""

    def __init__(self, home: Path, stack: ExitStack, capfd: pytest.CaptureFixture[str]) -> None:
        self._home = home
        self._capfd = capfd
        self._stack = stack
        self._ports: dict[str, str] = {}
        self._variables: dict[str, str] = {}
        self._running: list[tuple[Process, list[str]]] = []
        self._events = ""

    def use_port(self, written: str, port: int) -> None:
        """Swaps the port as it is written for one where somebody listens already."""
        self._ports[written] = str(port)

    def with_ports(self, text: str) -> str:
        """The text with ports that are free."""
        return _PORT.sub(lambda found: self._port(found[0]), text)

    def _port(self, written: str) -> str:
        if written not in self._ports:
            self._ports[written] = str(self._stack.enter_context(hold_port()).getsockname()[1])
        return self._ports[written]

    async def prepare(self, command: str) -> None:
        """Carries out what a page does not show, whatever it prints."""
        lasts = any(word in command.split() for word in ["^C", *_READY])
        await self.run(command, "" if lasts else "…")

    async def run(self, command: str, shown: str, aside: Aside | None = None) -> None:
        """Fails if the command does not print what is shown; `aside` is done as soon as a stream has begun."""
        shown = self.with_ports(shown)
        if command == "^C":
            await self._interrupt(shown)
            return
        before, piped, last = self.with_ports(command).rpartition(" | ")
        stdin = await self._output(before) if piped else b""
        words = await self._words(last)
        if words[0] == "export":
            self._variables |= dict(word.split("=", 1) for word in words[1:])
            return
        variables = {}
        while _SETTING.match(words[0]):
            name, _, variables[name] = words.pop(0).partition("=")
        program = words[0].rpartition("/")[2]
        if program == "curl":
            await self._ask(parsed(words[1:], self._home, stdin), shown, aside)
        elif words[:2] == ["make", "run"]:
            await self._start([*_program("scores"), _what_make_runs(), "--port", self._port("8000")], shown)
        elif program == "scores" and words[1] in _READY:
            port = self._port("8001" if words[1] == "feed" else "8000")
            default = [] if "--port" in words else ["--port", port]
            said = shown or _READY[words[1]]
            await self._start([*_program("scores"), *words[1:], *default], said, variables)
            await self._fed(words)
        elif program == "python3" and words[1].endswith(".py") and "serve_forever" in self._file(words[1]):
            await self._start([sys.executable, *words[1:]], shown)
            self._events = ""
        elif program == "scores":
            await self._command(words[1:], shown, variables)
        else:
            await self._finish(self._runs([program, *words[1:]]), stdin, shown)

    def _runs(self, words: list[str]) -> list[str]:
        """What a command is here; pip installs beside this environment and not into it."""
        program = words[0]
        if program == "pip":
            flags = "--quiet --no-deps --no-build-isolation --no-index --disable-pip-version-check --target"
            return [sys.executable, "-m", *words, *flags.split(), str(self._home / "installed")]
        if program == "redis-cli":
            return ["redis-cli", "--no-raw", "-p", self._port("6379"), *words[1:]]
        return [*_program(program), *words[1:]]

    def _file(self, name: str) -> str:
        return (self._home / name).read_text(encoding="utf-8")

    async def _words(self, command: str) -> list[str]:
        """The words of a command, as a shell takes them: quotes off, variables filled in."""
        return (await self._output(f"printf '%s\\0' {command}")).decode().split("\0")[:-1]

    async def _output(self, command: str) -> bytes:
        """What a shell prints for a part of a command line."""
        command = re.sub(r"^redis-cli\b", f"redis-cli -p {self._port('6379')}", command)
        process = await self._process(["sh", "-c", command], {})
        printed, _ = await process.communicate()
        assert process.returncode == 0, command
        return printed

    async def _finish(self, words: list[str], stdin: bytes, shown: str) -> None:
        """A command that ends."""
        process = await self._process(words, {}, stdin=PIPE)
        async with asyncio.timeout(120):
            printed, _ = await process.communicate(stdin)
        assert fits(printed.decode(), shown), f"{words} printed\n{printed.decode()}and not\n{shown}"
        assert process.returncode == 0

    async def _command(self, words: list[str], shown: str, variables: dict[str, str]) -> None:
        """A command that asks: within this process, as an interpreter of its own takes most of its time to start."""
        self._capfd.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self._home)
            patch.setenv("SCORES_URL", f"http://127.0.0.1:{self._port('8000')}")
            for name, value in (self._variables | variables).items():
                patch.setenv(name, value)
            status = await asyncio.to_thread(main, words)
        printed, complaint = self._capfd.readouterr()
        assert (status, complaint) == (0, "")
        assert fits(printed, shown), f"{words} printed\n{printed}and not\n{shown}"

    async def _process(
        self, words: list[str], variables: dict[str, str], stdin: int | None = None
    ) -> Process:
        environ = {key: value for key, value in os.environ.items() if not key.startswith("SCORES_")}
        environ |= {
            "PYTHONPATH": f"{ROOT}{os.pathsep}{self._home / 'installed'}",
            "SCORES_URL": f"http://127.0.0.1:{self._port('8000')}",
        }
        return await asyncio.create_subprocess_exec(
            *words, cwd=self._home, env=environ | self._variables | variables,
            stdin=stdin, stdout=PIPE, stderr=STDOUT,
        )  # fmt: skip

    async def _start(self, words: list[str], shown: str, variables: dict[str, str] | None = None) -> None:
        process = await self._process(words, variables or {})
        self._running.append((process, words))
        await self._says(process, shown)

    async def _says(self, process: Process, shown: str) -> None:
        """Waits until it has said all the lines that are shown, in order."""
        assert process.stdout is not None
        await _told(process.stdout.readline, shown)

    async def _fed(self, words: list[str]) -> None:
        """Waits, after the start of a server, until it has all events of a feed that ends."""
        if words[1] == "feed":
            self._events = words[words.index("--count") + 1] if "--count" in words else ""
        elif self._events and "off" not in words:
            address = f"http://127.0.0.1:{self._port('8000')}/feed"
            async with aiohttp.ClientSession() as http:

                async def recorded() -> bool:
                    async with http.get(address) as answer:
                        return bool((await answer.json())["recorded"] == int(self._events))

                await until(recorded)

    async def _interrupt(self, shown: str) -> None:
        assert self._running, "^C, and nothing runs"
        while self._running:
            process, words = self._running.pop()
            process.send_signal(signal.SIGINT)
            if "scores" in words:
                await self._says(process, shown)
                shown = ""
            async with asyncio.timeout(20):
                await process.communicate()
            assert process.returncode == 0 or "scores" not in words

    async def _ask(self, request: Request, shown: str, aside: Aside | None) -> None:
        if not request.lasts:
            printed = await ask(request)
            assert fits(printed, shown), f"{request.url} answered\n{printed}\nand not\n{shown}"
            return
        first, rest = shown.split("\n", 1)
        async with aiohttp.ClientSession() as http, http.get(URL(request.url, encoded=True)) as answer:
            await _told(answer.content.readline, first)
            if aside:
                await aside()
            await _told(answer.content.readline, rest)

    async def close(self) -> None:
        """Ends whatever still runs."""
        for process, _ in self._running:
            process.kill()
            await process.communicate()


async def _told(readline: Callable[[], Awaitable[bytes]], shown: str) -> None:
    """Waits until all the lines that are shown were read, in order."""
    for line in shown.splitlines():
        said: list[str] = []
        async with asyncio.timeout(30):
            while not (said and fits(said[-1], line)):
                said.append((await readline()).decode())
                assert said[-1], f"it ended without {line!r}: {''.join(said)}"


def _program(name: str) -> list[str]:
    if name == "scores":
        return [sys.executable, "-m", "scores"]
    return [name] if name in _SHELL else [{"python3": sys.executable, "python": sys.executable}[name]]


def _what_make_runs() -> str:
    """The command of `make run`."""
    recipe = re.search(
        r"^run:.*\n\t\$\(BIN\)/scores (\w+) --port \$\(PORT\)$",
        (ROOT / "Makefile").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert recipe, "make run is not what the page says it is"
    return recipe[1]
