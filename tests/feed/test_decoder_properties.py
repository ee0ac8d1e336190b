"""The event-stream decoder on any stream: held to itself, however the bytes are cut, and to the standard."""

from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.streams import BOM, bytewise, outcome, reference

FRAGMENTS = [
    b"data: x\n\n",
    b"event: score\ndata: x\n\n",
    b"event: score\r\ndata: x\r\n\r\n",
    b"event: score\ndata: 0123456789012345\n\n",
    b"event: ",
    b"event\n",
    b"data",
    b"data: ",
    b"data:\n",
    b"id: 1\n",
    b"id: 2\r",
    b"id\n",
    b"id: a\0b\n",
    b"id: 01234567890123456789\n",
    b"retry: 10\n",
    b"retry: 1x\n",
    b"retry: \xd9\xa3\n",
    b"retry: 00000000000000000000\n",
    b"unknown: x\n",
    b": comment\n",
    b":",
    b" ",
    b"\n",
    b"\n\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"x" * 30,
    BOM,
    BOM[:2],
    "é😀\u2028".encode(),
    b"\xff",
    b"\xf0\x9f",
    b"\xed\xa0",
]
streams = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=3), max_size=30).map(b"".join)
cuts = st.lists(st.integers(0, 300), max_size=12)
limits = st.sampled_from([1, 9, 21, 40, 1000])


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    bounds = sorted([0, len(stream), *(min(place, len(stream)) for place in places)])
    return [stream[start:end] for start, end in pairwise(bounds)]


# No deadline: how long one example takes says more about the machine than about the decoder.
@settings(deadline=None, max_examples=500)
@given(stream=streams, places=cuts, max_event=limits)
@example(stream=b"data: x\r\n\r\n", places=[8, 10], max_event=1000)
def test_any_cut_gives_the_same_outcome(stream: bytes, places: list[int], max_event: int) -> None:
    whole = outcome([stream], max_event=max_event)
    assert outcome(cut(stream, places), max_event=max_event) == whole
    assert outcome(bytewise(stream), max_event=max_event) == whole


@settings(deadline=None, max_examples=500)
@given(stream=streams, places=cuts, max_event=limits)
@example(stream=b"event: score\ndata: x\n\n" * 4, places=[24], max_event=19)
def test_the_outcome_is_the_one_of_the_standard(stream: bytes, places: list[int], max_event: int) -> None:
    assert outcome(cut(stream, places), max_event=max_event) == reference(stream, max_event=max_event)
