"""What was recorded is there when the file is opened again: to the bit, with its marks and its feed's position."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from scores.errors import KeyReused
from scores.marks import Replayed
from scores.models import Inspector, InspectorKey, Repeats, Result, Score, StudentKey
from scores.stores.sqlite import writer
from scores.testing import StoreMachine, open_blocking
from scores.testing.marks import mark_of, new_key

RESULTS = st.lists(
    st.builds(
        Result,
        st.sampled_from(["foo", "é", "a\u2028b", '"\\', "🎓"]),
        st.sampled_from([0, 3, 2**63 - 1]),
        (st.floats(0, 1) | st.floats(0, 2**-1000)).map(lambda score: score + 0.0),
    ),
    max_size=30,
)


def everything(store: Any) -> list[Any]:
    """All that the store says, without the order of listings, which is each store's own."""
    exams, students = store.exams(limit=1000), store.students(limit=1000)
    reports = [
        (report.exam, sorted(report.results.items))
        for report in (store.exam(exam.exam, limit=1000) for exam in exams.items)
    ]
    return [
        exams,
        sorted((one.student_id, one.average.hex(), one.count) for one in students.items),
        students.total,
        reports,
        [store.student(one.student_id, limit=1000) and one.student_id in str(one) for one in students.items],
        sorted(store.inspectors(limit=1000).items),
    ]


class Reopened(StoreMachine):
    """The machine, with a store that is closed and opened between its steps."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url

    @rule()
    def reopen(self) -> None:
        self.stack.close()
        self.stack = ExitStack()
        self.store = self.stack.enter_context(open_blocking(self.url))


def test_it_does_what_a_dictionary_would_also_when_it_is_opened_again(store_url: str) -> None:
    run_state_machine_as_test(
        lambda: Reopened(store_url),  # type: ignore[arg-type]  # any factory will do, says its documentation
        settings=settings(deadline=None, max_examples=10, stateful_step_count=30),
    )


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(results=RESULTS, scores=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), max_size=20))
def test_it_says_what_dict_says_before_and_after(
    store_url: str, results: list[Result], scores: list[tuple[str, int]]
) -> None:
    with open_blocking("dict") as plain, open_blocking(store_url) as store:
        for student in store.students(limit=1000).items:
            store.remove(StudentKey(student.student_id))
        for inspector in store.inspectors(limit=1000).items:
            store.remove(InspectorKey(inspector.uuid))
        for one in (plain, store):
            one.record(results, repeats=Repeats.LAST)
            one.add([Score(*score) for score in scores])
        expected = everything(plain)
        assert everything(store) == expected
    with open_blocking(store_url) as store:
        assert everything(store) == expected


def test_a_key_is_known_when_the_file_is_opened_again(store_url: str) -> None:
    score, key = Score("a1-b1", 5), new_key()
    with open_blocking(store_url) as store:
        first = store.add([score], marks=[mark_of(score, key)])
    with open_blocking(store_url) as store:
        (again,) = store.add([score], marks=[mark_of(score, key)])
        assert ([again], type(again)) == (first, Replayed)
        other = Score("a1-b1", 4)
        assert isinstance(store.add([other], marks=[mark_of(other, key)])[0], KeyReused)
        assert store.inspector("a1-b1") == Inspector("a1-b1", 1, 5)


class Time:
    """A clock of each opening, as `time.monotonic` begins somewhere."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_only_time_in_which_a_server_runs_ends_a_mark(store_url: str, monkeypatch: Any) -> None:
    score, key = Score("a1-b1", 5), new_key()
    marks = [mark_of(score, key, seconds=10)]
    counts = []
    for begins, lasts in ((1e6, 6.0), (5.0, 3.5), (7e8, 1.0), (0.0, 0.0)):
        clock = Time()
        clock.now = begins
        monkeypatch.setattr(writer.Clock.__init__, "__defaults__", (clock,))
        with open_blocking(store_url) as store:
            (answer,) = store.add([score], marks=marks)
            counts.append(answer.count)
            clock.now += lasts
    # 6 and 3.5 seconds, and 1: only the last opening finds it over.
    assert counts == [1, 1, 1, 2]


def test_a_feeds_position_and_its_token_outlive_the_file_being_open(store_url: str) -> None:
    with open_blocking(store_url) as store:
        first = store.lease("http://feed", "me", seconds=3600)
        store.lease("http://feed", "me", seconds=3600, position="17")
    with open_blocking(store_url) as store:
        # Whoever had it is gone with its process.
        second = store.lease("http://feed", "you", seconds=3600)
        assert (second.position, second.token > first.token) == ("17", True)
        assert store.lease("http://feed", "me", seconds=3600) is None


def test_one_file_is_left(store_url: str, file: Path) -> None:
    with open_blocking(store_url) as store:
        store.add_one(Score("a1-b1", 5))
        assert {one.name for one in file.parent.iterdir()} > {file.name, f"{file.name}-wal"}
    assert list(file.parent.iterdir()) == [file]
