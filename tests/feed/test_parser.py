"""From the data of an event to a result, or to a reason."""

import json

import orjson
import pyjson5
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scores.errors import InvalidInput, MalformedJSON
from scores.feed import parser
from scores.feed.parser import BATCH, parse_event, parse_events
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


def one_by_one(batch: list[str]) -> tuple[list[Result], list[tuple[str, str]]]:
    results, refused = [], []
    for data in batch:
        try:
            results.append(parse_event(data))
        except InvalidInput as exc:
            refused.append((str(exc), data))
    return results, refused


def at_once(batch: list[str]) -> tuple[list[Result], list[tuple[str, str]]]:
    refused: list[tuple[str, str]] = []
    results = parse_events(batch, lambda exc, data: refused.append((str(exc), data)))
    return results, refused


STUDENTS = st.text(max_size=4) | st.sampled_from(
    [
        "foo",
        "..",
        ": .5",
        "a, score: .5",
        '"score": .5',
        'a"b',
        "a\\",
        "\u2028",
        "{",
        "}",
        "[",
        "a\nb",
        "a\x7f",
    ]
)
EXAMS = st.sampled_from(["3", "3", "3.0", "-1", "9223372036854775807", "9223372036854775808", "1e400"])
NUMBERS = st.floats(0, 1).map(lambda score: repr(score).removeprefix("0")) | st.sampled_from(
    [
        "0",
        "-0",
        "-0.0",
        "1",
        "1.1",
        ".5",
        "-.5",
        ".",
        "1E-1",
        ".5e0",
        "9" * 5000,
        "0." + "3" * 5000,
        '".5"',
        "NaN",
    ]
)
FORMS = st.sampled_from(
    [
        '{"exam": %s, "studentId": %s, "score": %s}',
        '{"exam": %s, "studentId": %s, score: %s}',
        '{"exam":%s,"studentId":%s,"score":%s}',
        '{"exam": %s, "studentId": %s, "score": 1, "score": %s}',
        '{"exam": %s, "studentId": %s, "score": %s, "more": "{"}',
        '{"exam": %s, "studentId": %s, "score": %s, "more": [[[[[[[[]]]]]]]]}',
        '{"exam": %s,\n"studentId": %s,\n"score": %s} ',
    ]
)
EVENTS = st.builds(
    lambda form, exam, student, score: form % (exam, json.dumps(student, ensure_ascii=False), score),
    FORMS,
    EXAMS,
    STUDENTS,
    NUMBERS,
)
USUAL = '{"exam": 3, "studentId": "foo", "score": .991}'
STRICT = USUAL.replace(".", "0.")
OPEN = STRICT[:-1]
# What joins with its neighbours to something else than each is by itself.
PIECES = st.sampled_from(
    [
        OPEN,
        f"{STRICT},{STRICT}",
        f'{OPEN},"more":"',
        f'{OPEN},"more":[0',
        '"more":0}',
        '{"}',
        '{"},5',
        f" {STRICT}",
    ]
) | st.sampled_from(["", "{}", "{}]}", "3", "]", "["])


@given(st.lists(EVENTS | PIECES | st.just(USUAL), max_size=5))
@example([USUAL, '{"exam": 3, "studentId": ": .5", "score": 0.5}'])
@example([USUAL[:-1] + f', "more": {"[" * 9}{"]" * 9}}}'])
@example([STRICT, STRICT[:-1], '"more": 0}'])
@example([f'{STRICT},{{"exam":4,"studentId":"b"', '"score":0.5}'])
@example([f'{STRICT},{STRICT[:-1]},"more":[0', "{}]}"])
@example([f'{STRICT[:-1]},"more":"', '{"}'])
@example([f'{STRICT[:-1]},"more":"', '{"},5'])
def test_many_at_once_are_what_they_are_one_by_one(batch: list[str]) -> None:
    assert at_once(batch) == one_by_one(batch)


def test_events_keep_their_order_over_all_batches() -> None:
    batch = [USUAL.replace("3", str(exam)) for exam in range(3 * BATCH + 1)]
    batch[BATCH] = "nonsense"
    assert at_once(batch) == one_by_one(batch)


@pytest.mark.parametrize("event", [USUAL, STRICT, USUAL.replace('"score"', "score")])
def test_events_written_the_usual_way_are_not_read_one_by_one(
    event: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(parser, "parse_event")
    assert at_once([event] * BATCH) == ([Result("foo", 3, 0.991)] * BATCH, [])
