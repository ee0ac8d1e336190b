"""A page of the documentation, carried out: its files are saved, its commands run, and what they print is compared.

A `console` block is a terminal: `$ ` begins a command, `> ` goes on with it, what follows is what it prints, and `^C` ends
what runs. An `sh` block has a command a line, and shows nothing. Any other block whose paragraph before it ends in "`name`:"
is saved under that name. Rule: what is neither run nor saved is named in `support.examples`, with the reason.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack
from doctest import DocTestParser, DocTestRunner
from pathlib import Path
from typing import NamedTuple

import pytest

from support.redis_servers import redis_server
from support.terminal import Terminal

__all__ = ["EXAMPLES", "Block", "Done", "Walk", "blocks", "carry_out"]

EXAMPLES = "console", "sh", "python", "pycon"
"""The kinds of blocks that are run."""

_FENCE = re.compile(
    r"(?P<before>[^\n]*)\n*^(?P<indent> *)```(?P<kind>\w+)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A fenced block: its kind (`console`, `python`), its text, and the name of the file that it is to be saved as."""

    kind: str
    text: str
    name: str


class Walk(NamedTuple):
    """What a page needs beside itself, and what of it is not run; a key is how a command begins."""

    before: Mapping[str, tuple[str, ...]] = {}
    """What somebody has done when the command comes."""
    meanwhile: Mapping[str, str] = {}
    """What somebody does as soon as the command, a stream, has begun to print; the key is the whole of it."""
    elsewhere: Mapping[str, str] = {}
    """Why the command, or the file of this name, is not run here."""
    files: Mapping[str, bytes] = {}
    """Files that are there."""
    swapped: Mapping[str, str] = {}
    """What is written of other machines, and what stands for it here."""
    redis: bool = False
    """Whether there is a Redis, on the port that Redis has."""


class Done(NamedTuple):
    """What became of a page."""

    commands: list[str]
    """Those that were run."""
    left_out: set[str]
    """The keys of `Walk.elsewhere` that were met."""


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    for found in _FENCE.finditer(page):
        named = re.search(r"`([\w.]+)`:$", found["before"])
        text = re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
        name = named[1] if named and found["kind"] not in ("console", "sh") else ""
        yield Block(found["kind"], text, name)


def steps(block: Block) -> Iterator[tuple[str, str]]:
    """The commands of a terminal, `^C` among them, each with what is shown of its output."""
    text = block.text
    if block.kind == "sh":
        text = "".join(f"$ {line}\n" for line in text.replace("\\\n", "").splitlines())
    text = text.replace("\n> ", " ").replace("\\ ", "")
    for step in re.split(r"^(?=\$ |\^C)", text, flags=re.MULTILINE):
        if step:
            command, _, shown = step.partition("\n")
            yield command.removeprefix("$ "), shown


async def carry_out(page: str, walk: Walk, home: Path, capfd: pytest.CaptureFixture[str]) -> Done:
    """Saves the page's files in this directory and runs its commands; AssertionError for what nobody runs."""
    async with AsyncExitStack() as servers:
        stack = servers.enter_context(ExitStack())
        terminal = Terminal(home, stack, capfd)
        if walk.redis:
            terminal.use_port("6379", (await servers.enter_async_context(redis_server())).port)
        for name, content in walk.files.items():
            (home / name).write_bytes(content)
        servers.push_async_callback(terminal.close)
        return await _carried_out(page, walk, home, terminal)


async def _carried_out(page: str, walk: Walk, home: Path, terminal: Terminal) -> Done:
    done = Done([], set())
    expected = {**walk.before}
    for block in blocks(page):
        if block.name:
            (home / block.name).write_text(terminal.with_ports(block.text), encoding="utf-8")
        elif block.kind == "pycon":
            names: dict[str, object] = {}
            test = DocTestParser().get_doctest(block.text, names, "page", None, 0)
            assert DocTestRunner().run(test).failed == 0
        elif block.kind in ("console", "sh"):
            for command, shown in steps(block):
                if met := [key for key in walk.elsewhere if command.startswith(key)]:
                    done.left_out.update(met)
                    continue
                for hidden in _taken(expected, command):
                    await terminal.prepare(hidden)
                await _run(terminal, walk, command, shown)
                done.commands.append(command)
    assert not expected, f"no such commands: {[*expected]}"
    _nothing_idle(page, done)
    return done


def _taken(expected: dict[str, tuple[str, ...]], command: str) -> list[str]:
    """What has to be done before the command, once."""
    return [hidden for key in [*expected] if command.startswith(key) for hidden in expected.pop(key)]


def _nothing_idle(page: str, done: Done) -> None:
    """Fails for Python that is no file, or a file that nothing else names."""
    for block in blocks(page):
        if block.kind == "python":
            assert block.name, f"it is no file that is saved, so nobody runs it: {block.text}"
            used = [*done.commands, *(other.text for other in blocks(page) if other != block)]
            stem = block.name.removesuffix(".py")
            assert any(stem in text for text in used), f"{block.name} is saved, and nobody runs it"


async def _run(terminal: Terminal, walk: Walk, command: str, shown: str) -> None:
    for written, here in walk.swapped.items():
        command, shown = command.replace(written, here), shown.replace(written, here)

    async def aside() -> None:
        if command in walk.meanwhile:
            await terminal.prepare(walk.meanwhile[command])

    await terminal.run(command, shown, aside)
