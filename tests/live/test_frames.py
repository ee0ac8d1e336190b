"""What goes over the wire, byte for byte, and what our own decoder makes of it."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.streams import decode

from scores.live.frames import COMMENT, START, Place, Position, encode, encode_page, parse_id
from scores.models import MAX_EXAM, Inspector, Result, is_id

IDS = st.text(min_size=1, max_size=256).filter(is_id)
RESULTS = st.builds(Result, IDS, st.integers(0, MAX_EXAM), st.floats(0, 1))
INSPECTORS = st.builds(lambda uuid, count: Inspector(uuid, count, 3 * count), IDS, st.integers(1, 2**30))
PLACES = st.builds(Place, st.integers(0, MAX_EXAM + 1), st.none() | st.text(min_size=1).filter(is_id))
POSITIONS = st.builds(
    Position, st.from_regex("[0-9a-zA-Z]{1,32}", fullmatch=True), st.integers(0, 2**62), st.none() | PLACES
)


def test_a_result_and_a_mean_are_these_bytes() -> None:
    events: list[Result | Inspector] = [Result("foo", 3, 0.991), Inspector("a1-b1", 3, 12)]
    assert encode(events, Position("e", 16)) == (
        b'id: e-17\nevent: score\ndata: {"studentId":"foo","exam":3,"score":0.991}\n\n'
        b'id: e-18\nevent: mean\ndata: {"UUID":"a1-b1","mean":4.0,"count":3}\n\n'
    )


def test_while_all_is_told_an_id_says_how_far_that_is() -> None:
    position = Position("e", 16, Place(3, "foo"))
    assert encode([Result("bar", 1, 1.0)], position) == (
        b'id: e-17-3-Zm9v\nevent: score\ndata: {"studentId":"bar","exam":1,"score":1.0}\n\n'
    )


def test_a_page_is_gone_back_to_until_its_last_event() -> None:
    page = [Result("foo", 3, 0.5), Result("x", 4, 0.25)]
    assert encode_page(page, Position("e", 16, START), Place(5)) == (
        b'id: e-16-0-\nevent: score\ndata: {"studentId":"foo","exam":3,"score":0.5}\n\n'
        b'id: e-16-5-\nevent: score\ndata: {"studentId":"x","exam":4,"score":0.25}\n\n'
    )


def test_a_page_without_results_is_nothing() -> None:
    assert encode_page([], Position("e", 16, START), Place(5)) == b""


def test_a_comment_is_no_event_and_has_no_id() -> None:
    assert decode(COMMENT) == []
    assert decode(b"id: 1\ndata: x\n\n" + COMMENT + b"data: y\n\n")[1].id == "1"


@given(events=st.lists(RESULTS | INSPECTORS, max_size=5), position=POSITIONS)
def test_what_is_sent_is_what_is_decoded(events: list[Result | Inspector], position: Position) -> None:
    decoded = decode(encode(events, position))
    assert [orjson.loads(event.data) for event in decoded] == [
        {"studentId": one.student_id, "exam": one.exam, "score": one.score}
        if isinstance(one, Result)
        else {"UUID": one.uuid, "mean": one.mean, "count": one.count}
        for one in events
    ]
    assert [event.type for event in decoded] == [
        "score" if isinstance(one, Result) else "mean" for one in events
    ]
    assert [parse_id(event.id) for event in decoded] == [
        position._replace(number=position.number + at) for at in range(1, len(events) + 1)
    ]


@given(position=POSITIONS)
def test_an_id_is_read_back(position: Position) -> None:
    assert parse_id(str(position)) == position


@pytest.mark.parametrize(
    "text",
    ["", "1", "1-", "-1", "1-x", "1-2-", "1-2-3", "1-2-3-/", "1-2-3-x", "1-2-3-_w", "a.b-1", "1-2-3-4-5é", "٣-1", "1-٣"],
)  # fmt: skip
def test_what_is_no_id_of_ours_is_none(text: str) -> None:
    assert parse_id(text) is None


@given(text=st.text())
def test_no_text_is_an_error(text: str) -> None:
    parse_id(text)
