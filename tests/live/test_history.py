"""The history against a list: what follows a position is told exactly, or is known not to be there."""

from hypothesis import given, settings
from hypothesis import strategies as st
from support.streams import decode

from scores.live.frames import Position, parse_id
from scores.live.history import History
from scores.models import Result
from scores.stores.journal import Entry

BATCH = 8
COUNTS = st.lists(st.integers(0, 6) | st.just(20), max_size=12)


def entry(epoch: str, first: int, count: int) -> Entry:
    return Entry(epoch, first + count - 1, [Result("s", exam, 0.5) for exam in range(first, first + count)])


def numbers_after(history: History, position: Position) -> list[int]:
    """Of the events that somebody at the position is told, one piece after the other."""
    told = []
    while (found := history.after(position)) is not None:
        chunk, last = found
        ids = [parse_id(event.id) for event in decode(chunk)]
        told += [one.number for one in ids if one is not None]
        assert told[-1] == last
        position = position._replace(number=last)
    return told


@settings(max_examples=60, deadline=None)
@given(counts=COUNTS, size=st.integers(1, 20))
def test_from_every_position_that_it_reaches_the_rest_is_told_once_and_in_order(
    counts: list[int], size: int
) -> None:
    history, last = History(size, batch=BATCH), 0
    history.take(Entry("e", 0, ()))
    for count in counts:
        history.take(entry("e", last + 1, count))
        last += count
    assert (history.now, history.breaks) == (Position("e", last), 1)
    assert last - history.oldest >= min(size, last)
    assert last - history.oldest < size + BATCH
    for number in range(last + 2):
        position = Position("e", number)
        assert history.has(position) == (history.oldest <= number <= last)
        if history.has(position):
            assert numbers_after(history, position) == list(range(number + 1, last + 1))


def test_a_gap_is_a_break() -> None:
    history = History(100)
    history.take(entry("e", 1, 3))
    breaks = history.breaks
    history.take(entry("e", 5, 2))
    assert history.breaks == breaks + 1
    assert not history.has(Position("e", 3))
    assert numbers_after(history, Position("e", 4)) == [5, 6]


def test_a_new_epoch_is_a_break_and_ends_the_old_one() -> None:
    history = History(100)
    history.take(entry("e", 1, 3))
    breaks = history.breaks
    history.take(entry("f", 1, 2))
    assert history.breaks == breaks + 1
    assert not history.has(Position("e", 1))
    assert history.has(Position("f", 0))


def test_a_piece_is_encoded_once_for_all_who_are_at_the_same_place() -> None:
    history = History(100)
    history.take(entry("e", 1, 3))
    one, other = history.after(Position("e", 0)), history.after(Position("e", 0))
    assert one is not None
    assert other is not None
    assert one[0] is other[0]
