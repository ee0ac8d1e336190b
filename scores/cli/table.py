"""Rows under each other, printed as they come.

Rule: constant memory. The first rows decide how wide the columns are; a later one that is wider is never
cut, it only stands out.
"""

from collections.abc import Sequence
from typing import Final

from scores.cli.output import line, shown, width

__all__ = ["Table", "number"]

_MEASURED: Final = 1000
"""Rows that decide the widths."""


def number(value: float) -> str:
    """As people read it, to six places; `--json` has every digit."""
    return f"{value:.6f}"


class Table:
    """A table with these columns; those whose title begins with `>` are set to the right."""

    def __init__(self, *titles: str) -> None:
        self._right = [title.startswith(">") for title in titles]
        self._first: list[Sequence[str]] = [[title.removeprefix(">") for title in titles]]
        self._widths: list[int] = []
        self.rows = 0

    def row(self, *cells: str) -> None:
        """Prints these cells, whatever they hold, or keeps them until the widths are known."""
        self.rows += 1
        safe = [shown(cell) for cell in cells]
        if self._widths:
            self._print(safe)
            return
        self._first.append(safe)
        if len(self._first) > _MEASURED:
            self._settle()

    def end(self, *, one: str, many: str) -> None:
        """Prints what is left, and how many rows there were."""
        if not self._widths:
            self._settle()
        line(f"{self.rows} {one if self.rows == 1 else many}")

    def _settle(self) -> None:
        self._widths = [max(map(width, column)) for column in zip(*self._first, strict=True)]
        for cells in self._first:
            self._print(cells)
        self._first = []

    def _print(self, cells: Sequence[str]) -> None:
        padded = []
        for cell, wide, right in zip(cells, self._widths, self._right, strict=True):
            space = " " * (wide - width(cell))
            padded.append(space + cell if right else cell + space)
        line("  ".join(padded).rstrip())
