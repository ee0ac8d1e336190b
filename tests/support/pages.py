"""A page of the documentation, carried out: its files are saved, its commands run, and what they print is compared.

A `console` block is a terminal. `$ ` begins a command, `> ` goes on with it, what follows is what it prints; `…` stands for
anything on its line, and a line of `…` alone for any lines. A command that goes on for ever is left running once it has said
the lines that are shown, until a block says `^C` (or the page ends), which ends it and whatever else is running. Any other
block whose paragraph before it ends in "`name`:" is saved under that name. Rule: ports are swapped for free ones, and
nothing else is changed.
"""

import asyncio
import os
import re
import shlex
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Iterator
from contextlib import ExitStack
from doctest import DocTestParser, DocTestRunner
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest
from yarl import URL

from scores.cli.command import main
from support.redis_servers import hold_port, until

__all__ = ["Block", "Terminal", "blocks", "carry_out", "fits"]

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(
    r"(?P<before>[^\n]*)\n*^(?P<indent> *)```(?P<kind>\w+)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_PORT = re.compile(r"\b80\d\d\b")
_ENDLESS = "serve", "feed", "demo"


class Block(NamedTuple):
    """A fenced block: its kind (`console`, `python`), its text, and the name of the file that it is to be saved as."""

    kind: str
    text: str
    name: str


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    for found in _FENCE.finditer(page):
        named = re.search(r"`([\w.]+)`:$", found["before"])
        text = re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
        yield Block(found["kind"], text, named[1] if named and found["kind"] != "console" else "")


def fits(printed: str, shown: str) -> bool:
    """Whether what was printed is what is shown."""
    lines = (".*" if line == "…" else _pattern(line) for line in shown.splitlines())
    return re.fullmatch("(?s:" + "\n".join(lines) + ")\n?", printed) is not None


def _pattern(line: str) -> str:
    """Of a line: `…` is anything on it, and more or fewer spaces are as good where it is a table with figures."""
    anything = re.escape(line).replace("…", "[^\n]*")
    return re.sub(r"(\\ )+", " +", " *" + anything.lstrip("\\ ")) if "…" in line else anything


def _steps(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a terminal, `^C` among them, each with what is shown of its output."""
    text = text.replace("\n> ", " ").replace("\\ ", "")
    for step in re.split(r"^(?=\$ |\^C)", text, flags=re.MULTILINE):
        if step:
            command, _, shown = step.partition("\n")
            yield command.removeprefix("$ "), shown


class Terminal:
    """Carries commands out in a directory, with ports of its own, and ends what it has left running."""

    def __init__(self, home: Path, stack: ExitStack, capfd: pytest.CaptureFixture[str]) -> None:
        self._home = home
        self._capfd = capfd
        self._stack = stack
        self._ports: dict[str, str] = {}
        self._running: list[tuple[Process, list[str]]] = []
        self._events = ""

    def with_ports(self, text: str) -> str:
        """The text with ports that are free."""
        return _PORT.sub(lambda found: self._port(found[0]), text)

    def _port(self, written: str) -> str:
        if written not in self._ports:
            self._ports[written] = str(self._stack.enter_context(hold_port()).getsockname()[1])
        return self._ports[written]

    async def run(self, command: str, shown: str) -> None:
        """Fails if the command does not print what is shown."""
        words = shlex.split(self.with_ports(command))
        shown = self.with_ports(shown)
        if words == ["^C"]:
            await self._interrupt(shown)
        elif words[0] == "curl":
            await self._ask(words[1:], shown)
        elif words[:2] == ["make", "run"]:
            recipe = re.search(
                r"^run:.*\n\t\$\(BIN\)/scores (\w+) --port \$\(PORT\)$", _makefile(), re.MULTILINE
            )
            assert recipe, "make run is not what the page says it is"
            await self._start([*_program("scores"), recipe[1], "--port", self._port("8000")], shown)
        elif words[0].endswith("scores") and words[1] in _ENDLESS:
            default = (
                [] if "--port" in words else ["--port", self._port("8001" if words[1] == "feed" else "8000")]
            )
            await self._start([*_program("scores"), *words[1:], *default], shown)
            await self._fed(words)
        elif words[0] == "python3" and "serve_forever" in (self._home / words[1]).read_text(encoding="utf-8"):
            await self._start([sys.executable, *words[1:]], shown)
            self._events = ""
        elif words[0].endswith("scores"):
            await self._command(words[1:], shown)
        else:
            process = await self._process([*_program(words[0].rpartition("/")[2]), *words[1:]])
            async with asyncio.timeout(60):
                printed, _ = await process.communicate()
            assert fits(printed.decode(), shown), f"{command} printed\n{printed.decode()}and not\n{shown}"
            assert process.returncode == 0

    async def _command(self, words: list[str], shown: str) -> None:
        """A command that asks: within this process, as an interpreter of its own takes most of its time to start."""
        self._capfd.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self._home)
            patch.setenv("SCORES_URL", f"http://127.0.0.1:{self._port('8000')}")
            status = await asyncio.to_thread(main, words)
        printed, complaint = self._capfd.readouterr()
        assert (status, complaint) == (0, "")
        assert fits(printed, shown), f"{words} printed\n{printed}and not\n{shown}"

    async def _process(self, words: list[str]) -> Process:
        environ = {key: value for key, value in os.environ.items() if not key.startswith("SCORES_")}
        environ |= {"PYTHONPATH": str(ROOT), "SCORES_URL": f"http://127.0.0.1:{self._port('8000')}"}
        return await asyncio.create_subprocess_exec(
            *words, cwd=self._home, env=environ, stdout=PIPE, stderr=STDOUT
        )

    async def _start(self, words: list[str], shown: str) -> None:
        process = await self._process(words)
        self._running.append((process, words))
        await self._says(process, shown)

    async def _says(self, process: Process, shown: str) -> None:
        """Waits until it has said all the lines that are shown, in order."""
        assert process.stdout is not None
        for line in shown.splitlines():
            said: list[str] = []
            async with asyncio.timeout(30):
                while not (said and fits(said[-1], line)):
                    said.append((await process.stdout.readline()).decode())
                    assert said[-1], f"it ended without {line!r}: {''.join(said)}"

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

    async def _ask(self, words: list[str], shown: str) -> None:
        """What curl would print, as far as the pages use it."""
        headers, body, url, method, head = {}, None, "", "", False
        while words:
            word = words.pop(0)
            if word == "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            elif word == "-d":
                body = words.pop(0)
            elif word == "-X":
                method = words.pop(0)
            elif word == "-i":
                head = True
            else:
                assert word.startswith("http"), f"curl {word} is not known here"
                url = word
        async with (
            aiohttp.ClientSession() as http,
            http.request(
                method or ("POST" if body else "GET"), URL(url, encoded=True), data=body, headers=headers
            ) as answer,
        ):
            printed = await answer.text()
            if head:
                fields = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
                printed = f"HTTP/1.1 {answer.status} {answer.reason}\n{fields}\n{printed}"
        assert fits(printed, shown), f"{url} answered\n{printed}\nand not\n{shown}"

    async def close(self) -> None:
        """Ends whatever still runs."""
        for process, _ in self._running:
            process.kill()
            await process.communicate()


def _program(name: str) -> list[str]:
    return (
        [sys.executable, "-m", "scores"]
        if name == "scores"
        else [{"python3": sys.executable, "python": sys.executable}[name]]
    )


def _makefile() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8")


async def carry_out(page: str, home: Path, capfd: pytest.CaptureFixture[str]) -> list[str]:
    """Saves the page's files in this directory and runs its commands; gives those."""
    commands = []
    with ExitStack() as stack:
        terminal = Terminal(home, stack, capfd)
        try:
            for block in blocks(page):
                if block.name:
                    (home / block.name).write_text(terminal.with_ports(block.text), encoding="utf-8")
                elif block.kind == "pycon":
                    names: dict[str, object] = {}
                    test = DocTestParser().get_doctest(block.text, names, "page", None, 0)
                    assert DocTestRunner().run(test).failed == 0
                elif block.kind == "console":
                    for command, shown in _steps(block.text):
                        commands.append(command)
                        await terminal.run(command, shown)
        finally:
            await terminal.close()
    return commands
