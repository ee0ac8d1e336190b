"""The examples of the how-to about the client, run as they stand; and a reference that leaves no flag out."""

import argparse
import asyncio
import re
import shlex
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from scores.cli.command import _parser, main

DOCS = Path(__file__).parent.parent / "docs"
HOWTO = (DOCS / "howto" / "client.md").read_text(encoding="utf-8")
REFERENCE = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")


async def test_the_examples_answer_what_is_shown(
    serve: Callable[..., Awaitable[str]],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    address = await serve()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCORES_URL", address)
    examples = re.findall(r"^\$ (.+)\n((?:(?!\$ |```).+\n)+)", HOWTO, re.MULTILINE)
    assert len(examples) == 8
    for command, shown in examples:
        program, *arguments = shlex.split(command)
        if program == "cat":
            (tmp_path / arguments[0]).write_text(shown, encoding="utf-8")
            continue
        assert program == "scores"
        assert await asyncio.to_thread(main, arguments) == 0
        assert capfd.readouterr() == (shown, "")
    code, shown = re.findall(r"```(?:python|text)\n(.+?)```", HOWTO, re.DOTALL)
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, "client.md", "exec"), names)  # noqa: S102  # it is what the reader would run
    await names["main"](address)
    assert capfd.readouterr() == (shown, "")


def commands() -> dict[str, argparse.ArgumentParser]:
    (found,) = (action.choices for action in _parser()._actions if isinstance(action.choices, dict))
    return found


def test_the_reference_names_every_command_and_every_flag_of_those_that_ask() -> None:
    for name, parser in commands().items():
        assert name == "worker" or f"`scores {name}" in REFERENCE
        if name not in ("serve", "demo", "feed", "worker"):
            flags = {
                flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")
            }
            assert [flag for flag in flags - {"--help"} if flag not in REFERENCE] == []
