"""The rows that processes share: what one counts another reads, and a row outlives who wrote it."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import pytest

from scores.metrics.board import Board, memory_file
from scores.metrics.layout import ACCEPTED, FEED_SEEN, FINGERPRINT, IN_FLIGHT, OPEN, PID, Layout
from scores.web.routes import LAYOUT

ADDS = """\
import sys
from scores.metrics.board import Board
from scores.metrics.layout import ACCEPTED, OPEN
from scores.web.routes import LAYOUT
row = Board.shared(LAYOUT, int(sys.argv[1])).row(int(sys.argv[2]))
for _ in range(20_000):
    row[ACCEPTED] += 1
row[OPEN] = 1
"""


@pytest.fixture(params=[True, False], ids=["memfd", "file"])
def memory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    if not request.param:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    descriptor = memory_file(LAYOUT, 3)
    yield descriptor
    os.close(descriptor)


def test_what_processes_count_at_the_same_time_adds_up_and_stays(memory: int) -> None:
    board = Board.shared(LAYOUT, memory)
    adding = [
        subprocess.Popen([sys.executable, "-c", ADDS, str(memory), str(place)], pass_fds=[memory])
        for place in (0, 1)
    ]
    assert [process.wait(timeout=60) for process in adding] == [0, 0]
    assert [row[ACCEPTED] for row in board.read()] == [20_000, 20_000, 0]
    board.clear(0)
    assert [row[OPEN] for row in board.read()] == [0, 1, 0]
    assert [row[ACCEPTED] for row in board.read()] == [20_000, 20_000, 0]


def test_clearing_forgets_what_was_true_of_a_process_only() -> None:
    board = Board.of_one(LAYOUT)
    row = board.row(0)
    for place in range(1, LAYOUT.width):
        row[place] = 7
    board.clear(0)
    gone = {place for place in range(1, LAYOUT.width) if not row[place]}
    assert {PID, OPEN, IN_FLIGHT, FEED_SEEN, *LAYOUT.feed_states.values()} <= gone
    assert row[FINGERPRINT] == LAYOUT.fingerprint
    assert ACCEPTED not in gone
    assert len(gone) < 20


def test_a_row_that_is_taken_over_goes_on(memory: int) -> None:
    Board.shared(LAYOUT, memory).row(1)[ACCEPTED] = 5
    assert Board.shared(LAYOUT, memory).row(1)[ACCEPTED] == 5


@pytest.mark.parametrize("routes", [[("/", "GET")], [("/other" + str(n), "GET") for n in range(40)]])
def test_memory_that_is_laid_out_otherwise_is_refused(memory: int, routes: list[tuple[str, str]]) -> None:
    Board.shared(LAYOUT, memory)
    with pytest.raises(ValueError, match="in another way"):
        Board.shared(Layout(routes), memory)


def test_a_layout_of_the_same_size_is_refused_by_its_fingerprint(memory: int) -> None:
    Board.shared(LAYOUT, memory)
    other = Layout([])
    other.width, other.fingerprint = LAYOUT.width, 1.0
    with pytest.raises(ValueError, match="in another way"):
        Board.shared(other, memory)


def test_memory_without_any_rows_is_refused() -> None:
    with tempfile.TemporaryFile() as empty, pytest.raises(ValueError, match="in another way"):
        Board.shared(LAYOUT, empty.fileno())


def test_every_number_is_where_a_processor_writes_it_in_one_piece(memory: int) -> None:
    row = Board.shared(LAYOUT, memory).row(2)
    assert isinstance(row, memoryview)
    assert (row.itemsize, row.format, row.c_contiguous) == (8, "d", True)
    assert LAYOUT.width * 8 % 8 == 0
