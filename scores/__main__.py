"""`python -m scores` is the command `scores`."""

import sys

from scores.early import early_signals

__all__ = ["main"]


def main() -> int:
    """Runs the command, and gives its exit status."""
    with early_signals(sys.argv[1:]):
        from scores.cli import main as command  # noqa: PLC0415  # what takes long, and may be interrupted
    return command()


if __name__ == "__main__":
    sys.exit(main())
