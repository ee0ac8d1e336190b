"""What was acknowledged is in the file, whatever became of the process; what was not is there whole, or is not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import sqlite_writer

from scores.models import Result
from scores.testing import BlockingStore, open_blocking
from scores.testing.oracle import exact_mean

SUPPORT = Path(sqlite_writer.__file__).parent.parent


def writer(file: Path, *arguments: object) -> "subprocess.Popen[str]":
    line = [sys.executable, "-m", "support.sqlite_writer", str(file), *map(str, arguments)]
    return subprocess.Popen(line, cwd=SUPPORT, stdout=subprocess.PIPE, text=True)


class Told:
    """What the process was told is recorded."""

    def __init__(self) -> None:
        self.scores: dict[str, tuple[int, int]] = {}
        self.results: dict[tuple[str, int], list[float]] = {}
        self.refused: list[str] = []

    def take(self, line: str) -> None:
        kind, *words = line.split()
        if kind == "score":
            count, total = int(words[1]), int(words[2])
            self.scores[words[0]] = max(self.scores.get(words[0], (0, 0)), (count, total))
        elif kind == "result":
            self.results.setdefault((words[0], int(words[1])), []).append(float.fromhex(words[2]))
        elif kind == "refused":
            self.refused.append(words[0])


def check(store: BlockingStore, told: Told) -> int:
    """Holds what is there to what was told; says how many scores nobody was told of."""
    untold = 0
    for uuid, (count, total) in told.scores.items():
        found = store.inspector(uuid)
        assert found is not None
        # Sixteen at most were under way: each is there whole, or is not.
        assert count <= found.count <= count + sqlite_writer.WRITERS
        assert total <= found.total <= total + 5 * (found.count - count)
        untold += found.count - count
    for exam in store.exams(limit=1000).items:
        results = store.exam(exam.exam, limit=1000).results.items
        assert (exam.average, exam.count) == (exact_mean(one.score for one in results), len(results))
    for (student, number), scores in told.results.items():
        stored = {one.student_id: one for one in store.exam(number, limit=1000).results.items}
        assert student in stored
        # The writer of an exam is one, so its results come in order: the last that was told, or one after it.
        score = stored[student].score
        assert score == scores[-1] or score not in scores
    for one in store.students(limit=1000).items:
        mine: list[Result] = store.student(one.student_id, limit=1000).results.items
        assert (one.average, one.count) == (exact_mean(result.score for result in mine), len(mine))
    assert store.students(limit=1).total == len(store.students(limit=1000).items)
    return untold


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told]:
    """What was told until the process was killed, four times over, each on what the one before has left."""
    file, told = tmp_path_factory.mktemp("killed") / "scores.db", Told()
    for lines in (40, 300, 3, 200):
        with writer(file) as process:
            for number, line in enumerate(process.stdout or ()):
                told.take(line)
                if number == lines:
                    process.kill()
        # All that it had said is read, to the end of the pipe.
        assert process.returncode == -9
    return file, told


def test_what_was_acknowledged_outlives_the_process_that_is_killed(
    killed: tuple[Path, Told], tmp_path: Path
) -> None:
    left, told = killed
    for one in left.parent.iterdir():
        shutil.copy(one, tmp_path)
    file = tmp_path / left.name
    assert (tmp_path / f"{file.name}-wal").stat().st_size > 0
    with open_blocking(f"sqlite:{file}?check=full") as store:
        assert check(store, told) <= 4 * sqlite_writer.WRITERS
    assert not told.refused
    # Nothing has to be cleaned by hand.
    assert list(tmp_path.iterdir()) == [file]


def test_a_log_that_is_lost_with_the_process_is_noticed(killed: tuple[Path, Told], tmp_path: Path) -> None:
    """The control: without what fsync has put beside the file, acknowledged scores are missing."""
    left, told = killed
    file = shutil.copy(left, tmp_path)
    with open_blocking(f"sqlite:{file}") as store, pytest.raises(AssertionError):
        check(store, told)


def test_a_disk_that_takes_no_more_loses_nothing_that_was_acknowledged(file: Path) -> None:
    told = Told()
    with writer(file, 300_000) as process:
        for line in process.stdout or ():
            told.take(line)
            if len(told.refused) == 100:
                process.kill()
    assert told.scores
    assert told.results
    assert {*told.refused} <= {"StoreError", "OutcomeUnknown"}
    with open_blocking(f"sqlite:{file}?check=full") as store:
        check(store, told)
