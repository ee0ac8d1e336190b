"""The rows in which the processes of one server count, each in its own.

Rule: a row has one writer, and outlives it, so that no counter goes back when a worker is killed; what
was true of the process only is cleared by whoever started it. A number is eight bytes at an address that
eight divides, so a processor writes and reads it in one piece (x86-64, arm64), and who reads while another
writes sees the number before or after, never half of each.
"""

import mmap
import os
import tempfile
from collections.abc import Sequence
from typing import Final, Protocol

from scores.metrics.layout import FINGERPRINT, GAUGES, Layout

__all__ = ["Board", "Row", "memory_file"]

_SIZE: Final = 8
"""Bytes of a double."""


class Row(Protocol):
    """The numbers of one process."""

    def __getitem__(self, place: int, /) -> float: ...

    def __setitem__(self, place: int, number: float, /) -> None: ...


class Board:
    """As many rows as there are places for workers, and one for the process that looks after them."""

    def __init__(self, layout: Layout, rows: Sequence["list[float] | memoryview[float]"]) -> None:
        self.layout = layout
        self._rows = rows
        for row in rows:
            row[FINGERPRINT] = layout.fingerprint

    @classmethod
    def of_one(cls, layout: Layout) -> "Board":
        """One row, for a process that is alone: a list, which is twice as fast as shared memory."""
        return cls(layout, [[0.0] * layout.width])

    @classmethod
    def shared(cls, layout: Layout, descriptor: int) -> "Board":
        """The rows in memory that other processes have open too; `ValueError` if it is not laid out so."""
        row = layout.width * _SIZE
        if not (size := os.fstat(descriptor).st_size) or size % row:
            raise ValueError("the memory that all workers count in is laid out in another way")
        memory = memoryview(mmap.mmap(descriptor, size))
        rows = [memory[at : at + row].cast("d") for at in range(0, size, row)]
        if any(one[FINGERPRINT] not in (0.0, layout.fingerprint) for one in rows):
            raise ValueError("the memory that all workers count in is laid out in another way")
        return cls(layout, rows)

    def row(self, place: int) -> Row:
        """The row of a place."""
        return self._rows[place]

    def clear(self, place: int) -> None:
        """Forgets what was true of a process that has ended; what it has counted stays."""
        row = self._rows[place]
        for gauge in range(GAUGES.start, GAUGES.stop):
            row[gauge] = 0.0

    def read(self) -> list[list[float]]:
        """The numbers of all rows as they are now."""
        return [list(row) for row in self._rows]


def memory_file(layout: Layout, rows: int) -> int:
    """The descriptor of memory for so many rows, which is gone with the last process that has it open."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("scores-metrics")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, rows * layout.width * _SIZE)
    return descriptor
