"""Lines, cut from pieces and read together: always as if each had come alone."""

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scores.errors import InvalidInput, PayloadTooLarge, ScoresError
from scores.models import Score, parse_score, parse_scores
from scores.web.bodies import decode
from scores.web.lines import Lines, _decode_together, read_scores

GOOD = b'{"UUID":"a1-b1","score":5}'


def cut(*pieces: bytes, limit: int = 100) -> list[bytes | None]:
    """All lines of a body in pieces; None for one that is too long."""
    lines = Lines(limit)
    found = [line for piece in pieces for line in lines.feed(piece)] + lines.end()
    return [line if isinstance(line, bytes) else None for line in found]


def expected(body: bytes, limit: int) -> list[bytes | None]:
    """The same, the slow and obvious way."""
    *ended, last = body.split(b"\n")
    lines = [line.removesuffix(b"\r") for line in ended] + ([last] if last else [])
    return [None if len(line) > limit else line for line in lines]


def alone(line: bytes) -> Score | ScoresError:
    """What a line is by itself."""
    try:
        return parse_score(decode(line))
    except InvalidInput as exc:
        return exc


def told(outcome: Score | ScoresError) -> object:
    """The outcome as something to be compared."""
    return outcome if isinstance(outcome, Score) else (type(outcome), str(outcome))


# Cutting.


def test_lines_end_with_lf_or_crlf_and_the_last_may_lack_its_end() -> None:
    assert cut(b"a\nb\r\nc") == [b"a", b"b", b"c"]
    assert cut(b"a\nb\r\nc\n") == [b"a", b"b", b"c"]
    assert cut(b"") == []
    assert cut(b"\n\r\n\n") == [b"", b"", b""]
    assert cut(b"a\r\r\n", b"\r") == [b"a\r", b"\r"]


@pytest.mark.parametrize("body", [b"ab\r\n\r\ncd\n\n\r\r\ne", b"abcdef\r\nabcde\r\nabcd\r\r\nabcdef\nx"])
def test_it_is_the_same_wherever_the_body_is_split(body: bytes) -> None:
    for first in range(len(body) + 1):
        for second in range(first, len(body) + 1):
            assert cut(body[:first], body[first:second], body[second:], limit=5) == expected(body, 5)


@given(
    pieces=st.lists(st.lists(st.sampled_from([b"\n", b"\r", b"a", b"bcd"])).map(b"".join)),
    limit=st.integers(0, 8),
)
def test_any_pieces_make_the_lines_of_their_whole(pieces: list[bytes], limit: int) -> None:
    assert cut(*pieces, limit=limit) == expected(b"".join(pieces), limit)


def test_a_line_may_be_as_long_as_the_limit_whatever_its_end() -> None:
    assert cut(b"x" * 100, b"\r", b"\n", b"y" * 100, b"\n", b"z" * 100) == [
        b"x" * 100,
        b"y" * 100,
        b"z" * 100,
    ]
    assert cut(b"x" * 101, b"\ny", b"y" * 100, b"\r\n", b"z" * 101) == [None] * 3


def test_nothing_is_kept_of_a_line_that_is_too_long() -> None:
    lines = Lines(100)
    for _ in range(1000):
        assert lines.feed(b"x" * 60) == []
        assert len(lines._begun) <= 101
    (refused, good) = lines.feed(b"\n" + GOOD + b"\n")
    assert isinstance(refused, PayloadTooLarge)
    assert str(refused) == "the line is longer than 100 bytes"
    assert good == GOOD


# Reading.

FRAGMENTS = [
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b'"UUID"', b'"score"', b'"a"', b"1", b"5.0", b" ", b"\r", b"\t",
    b"null", b"\xff", b"\xc3", b"\xa9", b"{}", b"[]", b'{"a":[{"b":1}', b'{"c":1}]}', b'{"x":1},{"y":2}', b"\xef\xbb\xbf",
    GOOD, GOOD[:-1], b'{"UUID":"b","score":0}', b'{"UUID":".","score":1}', b'{"UUID":"}","score":1}', b'"},{"', b'{"a":"}', b'{"}',
]  # fmt: skip

LINES = st.lists(
    st.one_of(
        st.just(GOOD),
        st.sampled_from(FRAGMENTS),
        st.lists(st.sampled_from(FRAGMENTS), max_size=6).map(b"".join),
        st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")),
    ),
    max_size=8,
)


@given(lines=LINES)
@example(lines=[b'{"a":[{"b":1}', b'{"c":1}]}', b'{"x":1},{"y":2}'])
@example(lines=[b'{"a":"}', b'{"}'])
@example(lines=[b"1],[2", b""])
@example(lines=[b'{"a":[1}', b'{"b":2]}'])
def test_many_lines_are_read_as_each_alone(lines: list[bytes]) -> None:
    assert [told(one) for one in read_scores(lines)] == [told(alone(line)) for line in lines]


@given(lines=LINES)
def test_what_is_decoded_together_is_each_lines_own_value(lines: list[bytes]) -> None:
    values = _decode_together(lines)
    if values is not None:
        assert values == [orjson.loads(line) for line in lines]


def test_plain_lines_are_decoded_together() -> None:
    assert _decode_together([GOOD] * 100) == [{"UUID": "a1-b1", "score": 5}] * 100


def test_a_line_that_is_too_long_is_what_was_said_of_it() -> None:
    error = PayloadTooLarge("too long")
    assert read_scores([GOOD, error, GOOD]) == [Score("a1-b1", 5), error, Score("a1-b1", 5)]


def test_what_is_said_of_a_line_holds_on_to_nothing_else() -> None:
    (error,) = read_scores([b"{"])
    assert isinstance(error, InvalidInput)
    assert (error.__traceback__, error.__cause__, error.__context__) == (None, None, None)


ODD = [
    "", ".", "..", "...", "é", "\x7f", "\x85", "\xad", "\u2028", "\ud800", "x" * 256, "x" * 257,
    0, 5, 6, -1, 5.0, 4.5, -0.0, True, None, [], {},
]  # fmt: skip
ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "UUID": st.sampled_from(ODD) | st.text(max_size=3),
        "score": st.sampled_from(ODD) | st.floats(),
        "x": st.none(),
    },
) | st.sampled_from(ODD)


def check_scores(items: list[object]) -> None:
    def alone(item: object) -> Score | ScoresError:
        try:
            return parse_score(item)
        except InvalidInput as exc:
            return exc

    found = parse_scores(items)
    assert [told(one) for one in found] == [told(alone(item)) for item in items]
    assert all(type(one.score) is int for one in found if isinstance(one, Score))


@pytest.mark.parametrize("odd", ODD)
def test_one_odd_member_among_plain_ones_is_what_it_is_alone(odd: object) -> None:
    plain = {"UUID": "a1-b1", "score": 5}
    for item in (odd, {**plain, "UUID": odd}, {**plain, "score": odd}, {"UUID": "a1-b1"}, {"score": odd}):
        check_scores([plain, item, plain])


@given(items=st.lists(ITEMS, max_size=4))
def test_many_scores_are_what_each_is_alone(items: list[object]) -> None:
    check_scores(items)
