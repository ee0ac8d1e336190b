"""The part of the store contract that is about marks: scores that come again."""

import secrets
import time
from itertools import islice

import pytest

from scores.errors import KeyReused, StoreBusy
from scores.marks import MAX_KEY_LENGTH, Mark, Replayed
from scores.models import Inspector, InspectorKey, Score
from scores.stores import Store
from scores.testing.blocking import BlockingStore

__all__ = ["MarksContract", "mark_of", "new_key"]

KEYS = ["k", "8e03978e-40d5-43e8-bc93-6894a57f9324", '"quoted"', "{17}:~", "!" * MAX_KEY_LENGTH]


def new_key() -> str:
    """A key that no other test has used: a store may outlive its opening."""
    return secrets.token_hex(8)


def mark_of(score: Score, key: str, *, seconds: float = 3600, most: int = 1_000_000) -> Mark:
    """The mark of a request that is this score and no more."""
    return Mark(key, f"{score.score}{score.uuid}".encode().ljust(16, b"\0")[-16:], seconds, most)


class MarksContract:
    """What `StoreContract` says of marks."""

    def test_a_score_that_comes_again_is_counted_once(self, store: BlockingStore) -> None:
        score = Score("a1-b1", 5)
        marks = [mark_of(score, new_key())]
        (first,) = store.add([score], marks=marks)
        (again,) = store.add([score], marks=marks)
        assert first == again == store.inspector("a1-b1") == Inspector("a1-b1", 1, 5)
        assert (type(first), type(again)) == (Inspector, Replayed)

    def test_it_is_answered_as_it_was_whatever_came_between(self, store: BlockingStore) -> None:
        score, other = Score("a1-b1", 5), Score("a1-b1", 2)
        marks = [mark_of(score, new_key())]
        store.add_one(other)
        first = store.add([score], marks=marks)
        store.add([other, other], marks=[None, mark_of(other, new_key())])
        again = store.add([score], marks=marks)
        assert again == first == [Inspector("a1-b1", 2, 7)]
        assert again[0].mean == 3.5
        assert store.inspector("a1-b1") == Inspector("a1-b1", 4, 11)

    @pytest.mark.parametrize("other", [Score("a1-b1", 4), Score("foo", 5), Score("bar", 5), Score("baz", 0)])
    def test_a_key_is_for_one_body(self, store: BlockingStore, other: Score) -> None:
        score, key = Score("a1-b1", 5), new_key()
        store.add([score], marks=[mark_of(score, key)])
        (refused,) = store.add([other], marks=[mark_of(other, key)])
        assert isinstance(refused, KeyReused)
        assert list(store.inspectors(limit=9).items) == [Inspector("a1-b1", 1, 5)]
        assert store.add([score], marks=[mark_of(score, key)]) == [Inspector("a1-b1", 1, 5)]

    @pytest.mark.parametrize("key", KEYS)
    def test_a_key_may_be_of_any_shape(self, store: BlockingStore, key: str) -> None:
        score = Score("a1-b1", 5)
        marks = [mark_of(score, key)]
        assert [store.add([score], marks=marks) for _ in range(3)] == [[Inspector("a1-b1", 1, 5)]] * 3

    def test_keys_that_look_alike_are_different(self, store: BlockingStore) -> None:
        score, one = Score("a1-b1", 5), new_key()
        marks = [mark_of(score, key) for key in (one, f"{one}x", f'"{one}"', one.upper() + "A", f"{one}:")]
        counts = [answer.count for answer in store.add([score] * 5, marks=marks)]
        assert counts == [1, 2, 3, 4, 5]

    def test_the_same_score_under_another_key_is_another(self, store: BlockingStore) -> None:
        score = Score("a1-b1", 5)
        for count in range(1, 4):
            assert store.add([score], marks=[mark_of(score, new_key())]) == [
                Inspector("a1-b1", count, 5 * count)
            ]

    def test_a_mark_outlives_its_inspector(self, store: BlockingStore) -> None:
        score = Score("a1-b1", 5)
        marks = [mark_of(score, new_key())]
        first = store.add([score], marks=marks)
        store.remove(InspectorKey("a1-b1"))
        assert store.add([score], marks=marks) == first
        assert store.inspector("a1-b1") is None
        assert store.inspectors(limit=1).total == 0

    def test_a_mark_is_forgotten_when_its_time_is_over(self, store: BlockingStore) -> None:
        score, key = Score("a1-b1", 5), new_key()
        store.add([score], marks=[mark_of(score, key, seconds=0.05)])
        give_up = time.monotonic() + 10
        while store.add([score], marks=[mark_of(score, key, seconds=60)]) == [Inspector("a1-b1", 1, 5)]:
            assert time.monotonic() < give_up
        assert store.inspector("a1-b1") == Inspector("a1-b1", 2, 10)
        # From here on it is known for as long as it was last said.
        assert store.add([score], marks=[mark_of(score, key, seconds=60)]) == [Inspector("a1-b1", 2, 10)]

    # Batches.

    def test_a_batch_may_have_a_key_twice(self, store: BlockingStore) -> None:
        one, two = Score("a1-b1", 5), Score("foo", 3)
        marks = [
            mark_of(one, key := new_key()),
            None,
            mark_of(one, key),
            mark_of(two, key),
            mark_of(two, new_key()),
        ]
        *answers, refused, last = store.add([one, one, one, two, two], marks=marks)
        assert answers == [Inspector("a1-b1", 1, 5), Inspector("a1-b1", 2, 10), Inspector("a1-b1", 1, 5)]
        assert isinstance(refused, KeyReused)
        assert last == Inspector("foo", 1, 3)

    def test_a_batch_that_comes_again_is_answered_again(self, store: BlockingStore) -> None:
        batch = [Score(f"u{number % 70}", number % 6) for number in range(1200)]
        marks = [mark_of(score, new_key()) for score in batch]
        first = store.add(batch, marks=marks)
        assert store.add(batch[::-1], marks=marks[::-1]) == first[::-1]
        assert store.add(batch, marks=marks) == first
        assert store.inspector("u7").count == sum(score.uuid == "u7" for score in batch)

    def test_without_any_mark_it_is_as_if_there_were_none(self, store: BlockingStore) -> None:
        assert store.add([Score("a1-b1", 5)] * 2, marks=[None, None]) == [
            Inspector("a1-b1", 1, 5),
            Inspector("a1-b1", 2, 10),
        ]

    def test_what_comes_many_times_at_once_is_counted_once(self, store: BlockingStore) -> None:
        scores = [Score(f"u{number % 7}", number % 6) for number in range(60)]
        marks = [mark_of(score, new_key()) for score in scores]

        async def add(one: Store, number: int) -> Inspector:
            (answer,) = await one.add([scores[number]], marks=[marks[number]])
            assert isinstance(answer, Inspector)
            return answer

        calls = [lambda one, at=number % 60: add(one, at) for number in range(300)]
        answers = store.together(*calls)
        for at in range(60):
            assert len(set(answers[at::60])) == 1
            assert sum(type(answer) is Inspector for answer in answers[at::60]) == 1
        assert sum(inspector.count for inspector in store.inspectors(limit=9).items) == 60

    # Bounds.

    def test_where_there_is_no_room_known_keys_are_still_answered(self, store: BlockingStore) -> None:
        # A store with a bound of its own has room for all of these.
        score = Score("a1-b1", 5)
        marks = [mark_of(score, new_key(), most=3) for _ in range(6)]
        answers = [answer for mark in marks for answer in store.add([score], marks=[mark])]
        kept = [answer for answer in answers if isinstance(answer, Inspector)]
        assert len(kept) >= 3
        assert kept == [Inspector("a1-b1", count + 1, 5 * (count + 1)) for count in range(len(kept))]
        assert all(isinstance(answer, StoreBusy) for answer in answers[len(kept) :])
        assert store.add([score] * len(kept), marks=list(islice(marks, len(kept)))) == kept
        assert store.inspector("a1-b1").count == len(kept)
