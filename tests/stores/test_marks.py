"""What an embedded store remembers: against a dictionary and a clock, its bound, and the collector's peace."""

import gc
import tracemalloc
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scores.errors import KeyReused, StoreBusy, StoreFull
from scores.marks import Mark
from scores.models import Inspector, Score
from scores.stores import marks as module
from scores.stores.embedded import EmbeddedStore
from scores.stores.marks import Marks
from scores.stores.rows import MakeMap
from scores.stores.sharded import Shards
from scores.testing import open_blocking
from scores.testing.marks import mark_of

A, B = b"a" * 16, b"b" * 16

MAPS = pytest.mark.parametrize("make_map", [dict, partial(Shards, 4)])


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def remembered(marks: Marks) -> int:
    assert marks._count == len(marks._entries)
    return marks._count


@MAPS
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 7), st.sampled_from([A, B]), st.sampled_from([0.0, 0.0, 0.5, 4.0, 30.0])),
        max_size=60,
    ),
    most=st.integers(1, 9),
)
def test_it_remembers_what_a_dictionary_would(
    make_map: MakeMap, steps: list[tuple[int, bytes, float]], most: int
) -> None:
    clock, oracle = Clock(), dict[int, tuple[bytes, int, float]]()
    marks = Marks(make_map, now=clock)
    for packed, (key, body, passing) in enumerate(steps):
        clock.now += passing
        mark = Mark(f"k{key}", body, 10, most)
        there = {one: kept for one, kept in oracle.items() if kept[2] > clock.now}
        known = there.get(key)
        if known is not None and known[0] != body:
            with pytest.raises(KeyReused):
                marks.find(mark)
        elif known is not None:
            assert marks.find(mark) == known[1]
        elif len(there) >= most:
            with pytest.raises(StoreBusy):
                marks.find(mark)
        else:
            try:
                assert marks.find(mark) is None
            except StoreBusy:
                # Some that are over are still there: a few are forgotten with each call, so the next has room.
                assert remembered(marks) >= most
                assert marks.find(mark) is None
            marks.keep(mark, packed)
            oracle[key] = body, packed, clock.now + 10
        assert remembered(marks) <= most


@MAPS
def test_what_is_over_is_forgotten_a_few_with_each_call(make_map: MakeMap) -> None:
    clock = Clock()
    marks = Marks(make_map, now=clock)
    for number in range(10_000):
        mark = Mark(f"k{number}", A, 10, 10_000)
        assert marks.find(mark) is None
        marks.keep(mark, number)
    with pytest.raises(StoreBusy, match="SCORES_IDEMPOTENCY_KEYS"):
        marks.find(Mark("new", A, 10, 10_000))
    clock.now += 10
    for number in range(10_000 // 4):
        assert remembered(marks) == 10_000 - 4 * number
        assert marks.find(Mark("new", A, 10, 10_000)) is None
    assert remembered(marks) == 0
    assert not marks._queue


@MAPS
def test_a_steady_stream_takes_room_for_its_time_only(make_map: MakeMap) -> None:
    clock = Clock()
    marks = Marks(make_map, now=clock)
    for number in range(50_000):
        clock.now += 1 / 64
        mark = Mark(f"k{number}", A, 10, 1_000_000)
        assert marks.find(mark) is None
        marks.keep(mark, number)
    assert remembered(marks) == 640
    assert sum(map(len, marks._queue)) <= 2 * module._BLOCK


def test_a_key_that_came_again_after_its_time_is_kept_for_its_new_time() -> None:
    clock = Clock()
    marks = Marks(dict, now=clock)
    for number in range(100):
        marks.keep(Mark(f"k{number}", A, 10, 1000), number)
    clock.now += 10
    # Too many are over for this call to forget this one, too.
    last = Mark("k99", B, 10, 1000)
    assert marks.find(last) is None
    marks.keep(last, 7)
    for _ in range(100):
        assert marks.find(last) == 7
    assert remembered(marks) == 1


@pytest.mark.parametrize("url", ["dict", "sharded"])
def test_the_collectors_work_does_not_grow_with_the_marks(url: str) -> None:
    with open_blocking(url) as store:
        inner = store.store
        assert isinstance(inner, EmbeddedStore)
        before = tracked(inner._marks)
        score = Score("a1-b1", 5)
        for start in range(0, 20_000, 500):
            marks = [mark_of(score, f"k{number}") for number in range(start, start + 500)]
            store.add([score] * 500, marks=marks)
        assert remembered(inner._marks) == 20_000
        # A block of the queue has 4096 of them.
        assert tracked(inner._marks) - before < 20


@MAPS
def test_a_mark_takes_about_200_bytes(make_map: MakeMap) -> None:
    tracemalloc.start()
    try:
        marks, before = Marks(make_map), tracemalloc.get_traced_memory()[0]
        for number in range(5_400):
            marks.keep(Mark(f"{number:036}", A, 60, 1_000_000), number)
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 150 < used / 5_400 < 230


def tracked(marks: Marks) -> int:
    """How many references within the marks a full collection follows."""
    count, found, left = 0, {id(marks)}, [marks]
    while left:
        for one in gc.get_referents(left.pop()):
            count += 1
            if (
                gc.is_tracked(one)
                and id(one) not in found
                and not isinstance(one, type)
                and not callable(one)
            ):
                found.add(id(one))
                left.append(one)
    return count


@pytest.mark.parametrize("url", ["dict", "sharded"])
def test_what_a_full_inspector_keeps_out_leaves_no_mark(url: str) -> None:
    with open_blocking(url) as store:
        inner = store.store
        assert isinstance(inner, EmbeddedStore)
        inner._inspectors["full"] = (2**30 - 1) << 33
        score, other = Score("full", 1), Score("foo", 1)
        (refused,) = store.add([score], marks=[mark_of(score, "k")])
        assert isinstance(refused, StoreFull)
        assert refused.__traceback__ is None
        assert store.add([other], marks=[mark_of(other, "k")]) == [Inspector("foo", 1, 1)]


def test_the_largest_inspector_is_answered_again_to_the_bit() -> None:
    with open_blocking("dict") as store:
        inner = store.store
        assert isinstance(inner, EmbeddedStore)
        inner._inspectors["u"] = ((2**30 - 2) << 33) + 5 * (2**30 - 2)
        score = Score("u", 5)
        first = store.add([score], marks=[mark_of(score, "k")])
        assert (
            first
            == store.add([score], marks=[mark_of(score, "k")])
            == [Inspector("u", 2**30 - 1, 5 * (2**30 - 1))]
        )


def test_a_batch_with_marks_never_suspends() -> None:
    score = Score("a1-b1", 5)
    adding = EmbeddedStore(dict).add([score] * 2, marks=[mark_of(score, "k")] * 2)
    with pytest.raises(StopIteration) as done:
        adding.send(None)
    assert done.value.value == [Inspector("a1-b1", 1, 5)] * 2
