"""What is a value and what is none."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scores import models
from scores.errors import InvalidInput
from scores.models import (
    MAX_EXAM,
    MAX_ID_LENGTH,
    Inspector,
    Repeats,
    Result,
    Score,
    is_exam,
    is_id,
    parse_exam_score,
    parse_result,
    parse_results,
    parse_score,
    parse_scores,
)

ANYTHING: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["exam", "score", "studentId", "UUID"]), inner)
    ),
)


@given(ANYTHING)
def test_whatever_is_parsed_is_a_valid_value_or_invalid_input(data: object) -> None:
    for parse in (parse_result, parse_score, parse_exam_score):
        try:
            value = parse(data)
        except InvalidInput as error:
            assert error.faults
            assert str(error)
            continue
        match value:
            case Result(student_id, exam, score):
                assert is_id(student_id)
                assert type(exam) is int
                assert 0 <= exam <= MAX_EXAM
                assert type(score) is float
                assert 0 <= score <= 1
            case Score(uuid, score):
                assert is_id(uuid)
                assert type(score) is int
                assert 0 <= score <= 5
            case _:
                assert 0 <= value <= 1


def test_minus_zero_is_zero() -> None:
    assert math.copysign(1, parse_result({"studentId": "foo", "exam": 3, "score": -0.0}).score) == 1
    assert math.copysign(1, parse_exam_score({"score": -0.0})) == 1


def test_an_integer_is_a_score_of_its_value() -> None:
    assert parse_result({"studentId": "foo", "exam": 3, "score": 1}) == Result("foo", 3, 1.0)


@pytest.mark.parametrize(
    "score", [math.nan, math.inf, -math.inf, 1.0000000000000002, -5e-324, True, None, "1", 10**400]
)
def test_no_score(score: object) -> None:
    with pytest.raises(InvalidInput, match="score must be a number from 0 to 1"):
        parse_result({"studentId": "foo", "exam": 3, "score": score})


@pytest.mark.parametrize("exam", [0, 3, 3.0, MAX_EXAM, 2.0**62])
def test_an_exam(exam: object) -> None:
    assert is_exam(exam)


@pytest.mark.parametrize("exam", [-1, 1.5, MAX_EXAM + 1, 2.0**63, math.inf, math.nan, True, None, "3", [3]])
def test_no_exam(exam: object) -> None:
    assert not is_exam(exam)
    with pytest.raises(InvalidInput, match="exam must be an integer from 0"):
        parse_result({"studentId": "foo", "exam": exam, "score": 1})


@pytest.mark.parametrize(
    "one", ["a", " ", "...", "a/b", "\u00a0", "\u200b", "\u2028", "é", "🎓" * 256, "\U0010ffff"]
)
def test_an_id(one: str) -> None:
    assert is_id(one)


@pytest.mark.parametrize(
    "one", ["", ".", "..", "\0", "a\n", "\x1f", "\x7f", "\x80", "\x9f", "\ud800", "x" * 257, 1, None, b"a"]
)
def test_no_id(one: object) -> None:
    assert not is_id(one)
    with pytest.raises(InvalidInput, match="UUID must be a string of 1 to 256"):
        parse_score({"UUID": one, "score": 5})


def test_each_fault_is_named_by_its_pointer() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_result({"exam": "x", "score": 0.5})
    assert [fault.where for fault in caught.value.faults] == ["/studentId", "/exam"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x", "the string 'x'"),
        ("é\n", r"the string '\xe9\n'"),
        ("x" * 300, "a string of 300 characters that begins 'xxx"),
        (None, "null"),
        (True, "true"),
        ([1], "an array"),
        ({}, "an object"),
        (7, "7"),
        (4.5, "4.5"),
        (10**300, "that number"),
        (math.nan, "that number"),
    ],
)
def test_an_error_shows_what_came(value: object, shown: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_score({"UUID": "a1-b1", "score": value})
    assert shown in str(caught.value)


@pytest.mark.parametrize(
    ("repeats", "kept"), [(Repeats.LAST, 0.2), (Repeats.FIRST, 0.5), (Repeats.MAX, 0.5), (Repeats.MIN, 0.2)]
)
def test_a_policy_keeps_one_of_two(repeats: Repeats, kept: float) -> None:
    assert repeats.keep(0.5, 0.2) == kept


def test_an_inspectors_mean_is_rounded_once() -> None:
    assert Inspector("a1-b1", 3, 14).mean == 14 / 3


MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "studentId": st.sampled_from(
            ["foo", "é", "", ".", "a\nb", "\xad", "\ud800", "a" * 256, "a" * 257, 5, None]
        ),
        "exam": st.sampled_from([0, 3, 3.0, 3.5, -1, MAX_EXAM, MAX_EXAM + 1, True, "3"]),
        "score": st.floats() | st.sampled_from([0, 1, 2, -0.0, 1.0, math.nextafter(1, 2), True, "1", None]),
        "more": st.none(),
    },
)
FOO = {"studentId": "foo", "exam": 3, "score": 0.5}


def each(data: list[dict[str, object]]) -> list[Result] | str:
    try:
        return [parse_result(one) for one in data]
    except InvalidInput as exc:
        return str(exc)


def together(data: list[dict[str, object]]) -> list[Result] | str:
    try:
        return parse_results(data)
    except InvalidInput as exc:
        return str(exc)


@given(st.lists(MEMBERS | MEMBERS.map(lambda members: FOO | members) | st.just(FOO), max_size=4))
def test_many_results_are_what_each_is(data: list[dict[str, object]]) -> None:
    # repr tells -0.0 from 0.0, and 1 from 1.0.
    assert repr(together(data)) == repr(each(data))


@pytest.mark.parametrize(
    "member",
    [{"studentId": student} for student in ("", ".", "a\nb", "\ud800", "a" * 257, 5)]
    + [{"exam": exam} for exam in (-1, 3.5, MAX_EXAM + 1, True)]
    + [{"score": score} for score in (math.nan, math.inf, -0.1, 1.1, True)],
)
def test_one_of_many_that_is_none_is_refused(member: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        parse_results([FOO, FOO | member, FOO])


@pytest.mark.parametrize("score", [-0.0, 1])
def test_one_of_many_has_its_score_as_a_double_without_sign(score: float) -> None:
    assert repr(parse_results([FOO | {"score": score}])[0].score) == repr(abs(float(score)))


def test_an_inspector_is_given_six_at_no_time() -> None:
    assert parse_score({"UUID": "a1-b1", "score": 5}) == Score("a1-b1", 5)
    for score in (6, 6.0):
        with pytest.raises(InvalidInput):
            parse_score({"UUID": "a1-b1", "score": score})


# What lived when the module was changed on purpose (docs/explanation/mutation.md).


def said(score: object, **members: object) -> str:
    """The words of the error for an inspector's score."""
    with pytest.raises(InvalidInput) as caught:
        parse_score({"UUID": "a1-b1", "score": score} | members)
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        ([1], "an array"),
        ({}, "an object"),
        (6, "6"),
        (-0.5, "-0.5"),
        (10**20 - 1, "9" * 20),
        (-(10**20) + 1, "-" + "9" * 20),
        (10**20, "that number"),
        (1e20, "that number"),
        (-(10**20), "that number"),
        ("x" * 40, f"the string '{'x' * 40}'"),
        ("x" * 41, f"a string of 41 characters that begins '{'x' * 40}'"),
    ],
)
def test_an_error_says_what_is_allowed_and_what_came(value: object, shown: str) -> None:
    assert said(value) == f"score must be an integer from 0 to 5, not {shown}"


def test_an_error_says_which_rule_was_broken_and_by_which_member() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_result({"studentId": "", "exam": 2**63, "score": 2})
    assert [tuple(fault) for fault in caught.value.faults] == [
        (
            "/studentId",
            (
                "studentId must be a string of 1 to 256 characters, without control characters,"
                " and not '.' or '..', not the string ''"
            ),
        ),
        ("/exam", "exam must be an integer from 0 to 9223372036854775807, not 9223372036854775808"),
        ("/score", "score must be a number from 0 to 1, not 2"),
    ]
    with pytest.raises(InvalidInput) as caught:
        parse_score({})
    assert [fault.where for fault in caught.value.faults] == ["/UUID", "/score"]
    with pytest.raises(InvalidInput, match=r"^score is missing: it must be a number from 0 to 1$") as caught:
        parse_exam_score({})
    assert [fault.where for fault in caught.value.faults] == ["/score"]
    with pytest.raises(InvalidInput, match=r"^the body must be a JSON object, not an array$") as caught:
        parse_result([])
    assert [fault.where for fault in caught.value.faults] == [""]


@pytest.mark.parametrize("exam", [0, 0.0, -0.0, 1, 2**63 - 1, 2.0**63 - 1024])
def test_the_first_and_the_last_exam(exam: float) -> None:
    assert is_exam(exam)
    assert repr(parse_result({"studentId": "foo", "exam": exam, "score": 0.5}).exam) == repr(int(exam))


@pytest.mark.parametrize("score", [0, 0.0, 5e-324, 1, 1.0])
def test_the_least_and_the_most_of_an_exams_score(score: float) -> None:
    assert repr(parse_exam_score({"score": score})) == repr(float(score))
    assert repr(parse_result({"studentId": "foo", "exam": 3, "score": score}).score) == repr(float(score))


# A no-break space is printable to nobody's `isprintable`, and so takes the whole rule.
@pytest.mark.parametrize("uuid", ["x", "x" * 256, "\u00a0", "\u00a0" * 256])
@pytest.mark.parametrize("score", [0, 1, 5, 0.0, -0.0, 1.0, 5.0])
def test_the_least_and_the_most_of_an_inspectors_score(uuid: str, score: float) -> None:
    assert repr(parse_score({"UUID": uuid, "score": score})) == repr(Score(uuid, int(score)))


@pytest.mark.parametrize("uuid", ["x", "\u00a0"])
@pytest.mark.parametrize("score", [-1, 6, -1.0, 5.5, 6.0, math.nan, True, None, "5"])
def test_what_is_no_inspectors_score(uuid: str, score: object) -> None:
    assert "score must be" in said(score, UUID=uuid)


def test_the_policies_are_named_as_the_setting_names_them() -> None:
    assert [policy.value for policy in Repeats] == ["last", "first", "max", "min"]


# The quick ways, which must be taken: that they answer as the slow ones do is said above, and in `web/test_lines.py`.

SCORES = [
    Score(uuid, score) for uuid in ("a", "..a", "x" * MAX_ID_LENGTH, "🎓" * MAX_ID_LENGTH) for score in (0, 5)
]


def test_results_written_the_usual_way_are_not_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(models, "parse_result")
    results = [
        Result(student, exam, score)
        for student in ("a", "..a", "x" * MAX_ID_LENGTH)
        for exam in (0, 3, MAX_EXAM)
        for score in (0.0, 0.5, 1.0)
    ]
    data: list[dict[str, Any]] = [
        {"studentId": student, "exam": exam, "score": score, "more": None} for student, exam, score in results
    ]
    assert parse_results(data) == results
    assert parse_results(data[:1]) == results[:1]
    assert parse_results([]) == []


def test_a_score_written_the_usual_way_needs_less_than_the_whole_rule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("_members", "is_id"):
        monkeypatch.delattr(models, name)
    assert [parse_score({"UUID": uuid, "score": score}) for uuid, score in SCORES] == SCORES


@pytest.mark.parametrize("scores", [SCORES, SCORES[:1], SCORES[1:2]])
def test_scores_written_the_usual_way_are_not_read_one_by_one(
    monkeypatch: pytest.MonkeyPatch, scores: list[Score]
) -> None:
    monkeypatch.delattr(models, "parse_score")
    assert parse_scores([{"UUID": uuid, "score": score, "more": 1} for uuid, score in scores]) == scores


@pytest.mark.parametrize(
    "member",
    [{"UUID": uuid} for uuid in ("", ".", "..", "a\nb", "\ud800", "a" * 257, 5, None)]
    + [{"score": score} for score in (-1, 6, 5.5, math.nan, True, None, "5")],
)
def test_one_of_many_scores_that_is_none_is_its_own_error_and_nobody_elses(
    member: dict[str, object],
) -> None:
    good = {"UUID": "a1-b1", "score": 5}
    first, refused, last = parse_scores([good, good | member, good])
    assert first == last == Score("a1-b1", 5)
    assert isinstance(refused, InvalidInput)
    assert refused.__traceback__ is None
    assert [fault.where for fault in refused.faults] == [f"/{next(iter(member))}"]


def test_no_scores_are_none() -> None:
    assert parse_scores([]) == []
