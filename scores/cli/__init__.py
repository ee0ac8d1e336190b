"""The command `scores`."""

from scores.cli.command import main

__all__ = ["main"]
