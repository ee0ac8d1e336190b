"""From the data of an event to a result, or to a reason."""

import orjson
import pyjson5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scores.errors import InvalidInput, MalformedJSON
from scores.feed.parser import parse_event
from scores.models import Result


@pytest.mark.parametrize(
    "data",
    [
        '{"exam":3,"studentId":"foo","score":0.991}',
        '{"exam": 3, "studentId": "foo", "score": .991}',
        '{"exam": 3, "studentId": "foo", score: .991}',
        "{exam: 3, studentId: 'foo', score: .991,}",
        '{"exam": 3.0, "studentId": "foo", "score": 0.991, "more": null}',
        '{"exam":3,\n"studentId":"foo",\n"score":0.991}',
        '{"exam": 3, /* the third */ "studentId": "foo", "score": +0.991}',
    ],
)
def test_json_and_javascript_literals_are_read(data: str) -> None:
    assert parse_event(data) == Result("foo", 3, 0.991)


@given(st.floats(0, 1))
def test_a_literal_is_the_same_double_as_in_json(score: float) -> None:
    assert parse_event(f"{{exam: 3, studentId: 'foo', score: {score!r}}}").score == score


@pytest.mark.parametrize(
    "data",
    [
        "", "{", "nonsense", "{" * 100_000, "[" * 100_000, '{"a":' * 1000, "{exam: 3", "undefined", "\ufffd",
        "{studentId: 'foo', exam: 3, score: " + "9" * 5000 + "}", '{"studentId":"foo","exam":3,"score":1e400}', "<html>",
    ],
)  # fmt: skip
def test_what_is_neither_is_malformed(data: str) -> None:
    with pytest.raises(InvalidInput):
        parse_event(data)


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ('{"studentId":"foo","score":0.5}', "/exam"),
        ('{"studentId":"foo","score":0.5,"exam":"3"}', "/exam"),
        ('{"studentId":"foo","score":0.5,"exam":1.5}', "/exam"),
        ('{"studentId":"foo","score":0.5,"exam":-1}', "/exam"),
        ('{"studentId":"foo","score":0.5,"exam":9223372036854775808}', "/exam"),
        ('{"studentId":"foo","exam":3}', "/score"),
        ('{"studentId":"foo","exam":3,"score":1.01}', "/score"),
        ('{"studentId":"foo","exam":3,"score":-0.1}', "/score"),
        ('{"studentId":"foo","exam":3,"score":NaN}', "/score"),
        ('{"studentId":"foo","exam":3,"score":Infinity}', "/score"),
        ('{"studentId":"foo","exam":3,"score":true}', "/score"),
        ('{"studentId":"foo","exam":3,"score":null}', "/score"),
        ('{"studentId":"foo","exam":3,"score":"0.5"}', "/score"),
        ('{"exam":3,"score":0.5}', "/studentId"),
        ('{"studentId":"","exam":3,"score":0.5}', "/studentId"),
        ('{"studentId":5,"exam":3,"score":0.5}', "/studentId"),
        ('{"studentId":"a\\nb","exam":3,"score":0.5}', "/studentId"),
        ("[]", ""),
        ("3", ""),
        ("null", ""),
    ],
)
def test_what_is_wrong_is_named(data: str, where: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_event(data)
    assert [fault.where for fault in caught.value.faults] == [where]


@given(st.text())
def test_no_text_raises_anything_else(data: str) -> None:
    try:
        parse_event(data)
    except InvalidInput:
        return


def test_the_two_libraries_fail_with_what_is_caught() -> None:
    assert issubclass(orjson.JSONDecodeError, ValueError)
    assert issubclass(pyjson5.Json5Exception, Exception)
    with pytest.raises(MalformedJSON):
        parse_event("{" * 50)
