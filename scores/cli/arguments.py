"""How a command is added to the parser: alike for all of them."""

import argparse
from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Commands", "add_command"]

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  # argparse has no public name for it


def add_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    *,
    about: str,
    note: str = "",
) -> argparse.ArgumentParser:
    """A command; `run` gives its exit status, and may raise a `ScoresError`."""
    command = commands.add_parser(
        name,
        help=about,
        description=f"{about[0].upper()}{about[1:]}.",
        epilog=note,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    return command
