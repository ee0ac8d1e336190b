"""Files and pipes in chunks, and how far they got, on the disk."""

import asyncio
import os
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scores.client.journal import Journal, JournalError, Place, Progress, opened
from scores.client.source import MAX_LINE, Chunk, Source
from scores.errors import PayloadTooLarge


async def chunks_of(path: Path, most: int) -> list[Chunk]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        source, found = Source(descriptor, path.name), []
        while (chunk := await source.chunk(most)) is not None:
            found.append(chunk)
        return found
    finally:
        os.close(descriptor)


@given(
    lines=st.lists(st.binary(max_size=8).map(lambda line: line.replace(b"\n", b""))),
    most=st.integers(1, 5),
    ended=st.booleans(),
)
def test_chunks_are_the_file_and_every_place_between_is_right(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], most: int, ended: bool
) -> None:
    data = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    path = tmp_path_factory.mktemp("source") / "file"
    path.write_bytes(data)
    chunks = asyncio.run(chunks_of(path, most))
    found = [line for chunk in chunks for line in chunk.lines]
    assert b"".join(found) == data
    assert (
        found == data.splitlines(keepends=True)
        or b"\r" in data
        or any(line in data for line in b"\x0b\x0c\x1c\x1d\x1e\x85")
    )
    assert all(len(chunk.lines) == most for chunk in chunks[:-1])
    number = 0
    for chunk in chunks:
        for count in range(len(chunk.lines) + 1):
            before = b"".join(found[: number + count])
            assert chunk.place(count) == Place(number + count, len(before), sha256(before).hexdigest())
        number += len(chunk.lines)


async def test_a_line_without_an_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"{}\n" + b"x" * (MAX_LINE + 1))
    with pytest.raises(PayloadTooLarge, match="line 2 of 'file' is longer than"):
        await chunks_of(path, 10)


async def test_a_pipe_is_waited_for_and_can_be_given_up() -> None:
    reading, writing = os.pipe()
    source = Source(reading, "a pipe")
    assert source.size is None
    waiting = asyncio.create_task(source.chunk(10))
    await asyncio.sleep(0)
    os.write(writing, b"one\ntw")
    chunk = await waiting
    assert chunk is not None
    assert chunk.lines == [b"one\n"]
    given_up = asyncio.create_task(source.chunk(10))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.wait([given_up])
    assert given_up.cancelled()
    os.write(writing, b"o")
    os.close(writing)
    rest = await source.chunk(10)
    assert rest is not None
    assert rest.lines == [b"two"]
    assert await source.chunk(10) is None
    os.close(reading)


RECORD = Progress("http://x", "id", False, 1.5, Place(1, 2, "a"), Place(3, 4, "b"), 5, 6)


def progress_in(path: Path) -> Progress | None:
    with opened(path) as journal:
        assert isinstance(journal, Journal)
        return journal.read()


def test_the_last_whole_record_counts(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    with opened(path) as journal:
        assert journal.read() is None
        journal.write(RECORD)
        second = Progress("http://x", "id", True, 2.5, Place(7, 8, "c"), Place(9, 10, "d"))
        journal.write(second)
    assert progress_in(path) == second
    data = path.read_bytes()
    first = data.index(b"\n") + 1
    for size in range(first, len(data)):
        path.write_bytes(data[:size])
        assert progress_in(path) == RECORD
        assert path.read_bytes() == data[:first]
    path.write_bytes(data[:5])
    assert progress_in(path) is None
    assert not path.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"my notes",
        b"my notes\n",
        b"{}\n",
        b"[]\n",
        b'{"version":2}\n',
        b'{"version":1}\n',
        b'{"version":1,"answered":[],"sent":3}\n',
    ],
)
def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "progress"
    path.write_bytes(data)
    with pytest.raises(JournalError, match="cannot go on from"):
        progress_in(path)
    assert path.read_bytes() == data


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"cannot write .*: No such file or directory"):
        progress_in(tmp_path / "no" / "progress")
