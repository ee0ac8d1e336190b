"""A file of lines, or a pipe of them, in chunks, each of which knows the places between its lines.

Rule: a line is the bytes up to its LF; nothing is kept but the chunk, and a line has a limit. A pipe is
waited for on the event loop, in no thread: what waits for ever can still be cancelled.
"""

import asyncio
import hashlib
import os
import stat
from collections.abc import Sequence
from typing import Final

from scores.client.journal import JournalError, Place
from scores.errors import PayloadTooLarge

__all__ = ["MAX_LINE", "Chunk", "Source"]

MAX_LINE: Final = 1024 * 1024
"""Most bytes of a line."""

_PIECE: Final = 262_144


class Chunk:
    """Some lines in a row, each with its end; the file's last may lack it."""

    def __init__(self, lines: Sequence[bytes], begin: Place, read: "hashlib._Hash") -> None:
        """`read` has taken all that is before the first line."""
        self.lines = lines
        self._begin = begin
        self._read = read

    def number(self, index: int) -> int:
        """The line's number in the file, from 1."""
        return self._begin.line + index + 1

    def hash(self, count: int) -> "hashlib._Hash":
        """A hash that has taken all that is before the place after so many of its lines."""
        read = self._read.copy()
        read.update(b"".join(self.lines[:count]))
        return read

    def place(self, count: int) -> Place:
        """The place after so many of its lines."""
        size = sum(map(len, self.lines[:count]))
        return Place(self._begin.line + count, self._begin.offset + size, self.hash(count).hexdigest())


class Source:
    """Reads an open file descriptor from its beginning, or from a place that was reached before."""

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
        self._name = name
        self._hash = hashlib.sha256()
        self.here = Place(digest=self._hash.hexdigest())
        """Where the next chunk begins."""
        self._lines: list[bytes] = []
        self._rest = b""
        self._ended = False
        status = os.fstat(descriptor)
        self.size = status.st_size if stat.S_ISREG(status.st_mode) else None
        """Bytes of a file; None for a pipe, whose end nobody knows, and which cannot be read again."""

    def go_to(self, answered: Place, sent: Place) -> None:
        """Goes on from `answered`; raises `JournalError` if what is before `sent` is not what it was."""
        read = hashlib.sha256()
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self._take(read, answered.offset)
        self.here, self._hash = answered, read.copy()
        self._take(read, sent.offset - answered.offset)
        if (self._hash.hexdigest(), read.hexdigest()) != (answered.digest, sent.digest):
            raise JournalError(
                f"{self._name!r} has been changed since its import began: its lines are not the same"
            )
        os.lseek(self._descriptor, answered.offset, os.SEEK_SET)

    async def chunk(self, most: int) -> Chunk | None:
        """The next lines, `most` of them unless the file ends or a pipe pauses; None at the end.

        Raises `PayloadTooLarge` for a line over `MAX_LINE`.
        """
        while not self._ended and len(self._lines) < most and (self.size is not None or not self._lines):
            await self._read()
        lines, self._lines = self._lines[:most], self._lines[most:]
        if not lines:
            return None
        chunk = Chunk(lines, self.here, self._hash)
        self.here, self._hash = chunk.place(len(lines)), chunk.hash(len(lines))
        return chunk

    async def _read(self) -> None:
        piece = await self._piece()
        *ended, self._rest = (self._rest + piece).split(b"\n")
        self._lines += [line + b"\n" for line in ended]
        if len(self._rest) > MAX_LINE:
            number = self.here.line + len(self._lines) + 1
            raise PayloadTooLarge(f"line {number} of {self._name!r} is longer than {MAX_LINE} bytes")
        if not piece:
            self._ended = True
            self._lines += [self._rest] if self._rest else []

    async def _piece(self) -> bytes:
        if self.size is None:
            await self._readable()
        return os.read(self._descriptor, _PIECE)

    async def _readable(self) -> None:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        try:
            loop.add_reader(self._descriptor, ready.set)
        except (NotImplementedError, OSError):
            # A device that never keeps anybody waiting; or a platform where only waiting in `read` is left.
            return
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._descriptor)

    def _take(self, read: "hashlib._Hash", size: int) -> None:
        while size and (piece := os.read(self._descriptor, min(size, _PIECE))):
            read.update(piece)
            size -= len(piece)
