"""A reference of the command line that leaves no flag out."""

import argparse
from pathlib import Path

from scores.cli.command import _parser

DOCS = Path(__file__).parent.parent / "docs"
REFERENCE = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")


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
