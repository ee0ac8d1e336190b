"""`/students`, `/exams` and the results beneath, over a real socket."""

from collections.abc import Awaitable, Callable
from fractions import Fraction
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scores.models import Repeats, is_id
from scores.web.queries import MAX_LIMIT

IDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=256).filter(is_id)
AWKWARD_IDS = [
    "a/b",
    "/",
    "//",
    "a b",
    "%2F",
    "%252F",
    "%",
    "a?b#c",
    "a+b",
    "...",
    ".a",
    "{id}",
    "\\",
    "é",
    "🎓",
    "~",
    ";",
    "%GG",
]


async def test_a_result_is_recorded_and_corrected(api: Any) -> None:
    first, second = await api.put(3, "foo", 0.5), await api.put(3, "foo", 0.991)
    assert (first.status, first.body) == (201, b'{"studentId":"foo","exam":3,"score":0.5}')
    assert (second.status, second.body) == (200, b'{"studentId":"foo","exam":3,"score":0.991}')
    assert (await api.get("/students/foo")).json["average"] == 0.991


@pytest.mark.parametrize("repeats", Repeats)
async def test_a_correction_stands_whatever_the_policy_for_the_feed(
    api_for: Callable[..., Awaitable[Any]], repeats: Repeats
) -> None:
    api = await api_for(repeats=repeats)
    for score in (0.5, 0.9, 0.2):
        assert (await api.put(3, "foo", score)).json["score"] == score
        assert (await api.get("/exams/3")).json["average"] == score


async def test_the_four_reads_have_the_shape_of_the_contract(api: Any) -> None:
    await api.put(3, "foo", 0.991)
    assert (await api.get("/students")).body == (
        b'{"students":[{"studentId":"foo","average":0.991,"count":1}],"total":1,"next":null}'
    )
    assert (await api.get("/students/foo")).body == (
        b'{"studentId":"foo","average":0.991,"count":1,"results":[{"exam":3,"score":0.991}],"next":null}'
    )
    assert (
        await api.get("/exams")
    ).body == b'{"exams":[{"exam":3,"average":0.991,"count":1}],"total":1,"next":null}'
    assert (await api.get("/exams/3")).body == (
        b'{"exam":3,"average":0.991,"count":1,"results":[{"studentId":"foo","score":0.991}],"next":null}'
    )


async def test_an_average_is_the_nearest_double(api: Any) -> None:
    scores = [0.1, 0.2, 0.3, 0.7]
    for exam, score in enumerate(scores):
        await api.put(exam, "foo", score)
    expected = float(sum(map(Fraction, scores)) / 4)
    assert (await api.get("/students/foo")).json["average"] == expected


@pytest.mark.parametrize(
    "path", ["/students", "/students/foo", "/exams", "/exams/3", "/inspectors", "/feed", "/livez", "/readyz"]
)
async def test_a_trailing_slash_changes_nothing(api: Any, path: str) -> None:
    await api.put(3, "foo", 0.5)
    without, with_slash = await api.get(path), await api.get(path + "/")
    assert without.status == with_slash.status == 200
    assert without.body == with_slash.body


@pytest.mark.parametrize(
    "path", ["/", "/students", "/students/foo", "/exams/3", "/exams/", "/feed", "/livez", "/readyz"]
)
async def test_every_get_answers_head(api: Any, path: str) -> None:
    await api.put(3, "foo", 0.5)
    get, head = await api.get(path), await api("HEAD", path)
    assert (head.status, head.body) == (get.status, b"")
    assert head.headers["Content-Length"] == str(len(get.body))


@pytest.mark.parametrize("one", AWKWARD_IDS)
async def test_an_id_of_any_shape_is_read_back_by_its_path(api: Any, one: str) -> None:
    assert (await api.put(3, one, 0.25)).json["studentId"] == one
    await api.put(3, "other", 0.75)
    path = "/students/" + quote(one, safe="")
    assert (await api.get(path)).json["studentId"] == one
    assert (await api.get(path + "/")).json["average"] == 0.25
    results = (await api.get("/exams/3?student_name=" + quote(one, safe=""))).json["results"]
    assert results == [{"studentId": one, "score": 0.25}]
    assert (await api("DELETE", "/exams/3/results/" + quote(one, safe=""))).status == 204
    assert (await api.get("/exams/3")).json["results"] == [{"studentId": "other", "score": 0.75}]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=IDS)
def test_any_id_that_is_accepted_is_read_back(one: str, blocking_api: Any) -> None:
    path = "/inspectors/" + quote(one, safe="")
    assert blocking_api("POST", "/scores", json={"UUID": one, "score": 3}).status == 200
    assert blocking_api("GET", path).json["UUID"] == one
    assert blocking_api("DELETE", path).status == 204


@pytest.mark.parametrize("segment", [".", "..", "%2E%2E", "%00", "a%0Ab", "x" * 257])
async def test_an_id_that_no_path_can_address_is_refused(api: Any, segment: str) -> None:
    answer = await api.raw(
        b"PUT /exams/3/results/%b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        b'Content-Length: 13\r\n\r\n{"score":0.5}' % segment.encode()
    )
    assert answer.split(b" ", 2)[1] in (b"422", b"404")
    assert (await api.get("/students")).json["total"] == 0


@pytest.mark.parametrize("number", ["-1", "x", "1.5", "03", "9223372036854775808", "+3", "%D9%A3"])
async def test_an_exam_that_is_no_number_is_unknown(api: Any, number: str) -> None:
    assert (await api.get(f"/exams/{number}")).status == 404
    assert (await api("DELETE", f"/exams/{number}/results/foo")).status == 404


async def test_an_exam_that_is_no_number_cannot_be_put(api: Any) -> None:
    answer = await api("PUT", "/exams/x/results/foo", json={"score": 0.5})
    assert answer.status == 422
    assert "an integer from 0 to 9223372036854775807" in answer.json["detail"]


async def test_zero_is_an_exam_and_zero_is_a_score(api: Any) -> None:
    assert (await api.put(0, "foo", 0)).status == 201
    assert (await api.get("/exams/0")).json["results"] == [{"studentId": "foo", "score": 0.0}]


@pytest.mark.parametrize("score", ["1.01", "-0.1", "true", "null", '"0.5"', "[]", "2", "1e30"])
async def test_what_is_no_score_is_refused_and_changes_nothing(api: Any, score: str) -> None:
    await api.put(3, "foo", 0.5)
    body = b'{"score":%b}' % score.encode()
    answer = await api("PUT", "/exams/3/results/foo", data=body, headers={"Content-Type": "application/json"})
    assert answer.status == 422
    assert answer.json["errors"][0]["pointer"] == "/score"
    assert (await api.get("/exams/3")).json["results"] == [{"studentId": "foo", "score": 0.5}]


async def test_a_deleted_result_was_never_there(api: Any) -> None:
    await api.put(3, "foo", 0.1)
    await api.put(3, "bar", 0.7)
    assert (await api("DELETE", "/exams/3/results/foo")).status == 204
    assert (await api.get("/exams/3")).json["average"] == 0.7
    assert (await api.get("/students/foo")).status == 404
    assert (await api("DELETE", "/exams/3/results/foo")).status == 404


async def test_a_deleted_student_takes_all_results_along(api: Any) -> None:
    await api.put(3, "foo", 0.1)
    await api.put(4, "foo", 0.1)
    await api.put(4, "bar", 0.7)
    assert (await api("DELETE", "/students/foo")).status == 204
    assert (await api.get("/exams")).json["exams"] == [{"exam": 4, "average": 0.7, "count": 1}]
    assert (await api("DELETE", "/students/foo")).status == 404


# Filters.


async def test_a_filter_narrows_the_results_and_not_the_average(api: Any) -> None:
    for exam in range(4):
        await api.put(exam, "foo", exam / 4)
    answer = await api.get("/students/foo?exam_id=1&exam_id=3&exam_id=99&exam_id=")
    assert (answer.json["average"], answer.json["count"]) == (0.375, 4)
    assert answer.json["results"] == [{"exam": 1, "score": 0.25}, {"exam": 3, "score": 0.75}]


async def test_an_empty_filter_filters_nothing(api: Any) -> None:
    await api.put(3, "foo", 0.5)
    assert (await api.get("/exams/3?student_name=")).body == (await api.get("/exams/3")).body


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "9223372036854775808"])
async def test_a_filter_that_can_match_nothing_is_refused(api: Any, value: str) -> None:
    await api.put(3, "foo", 0.5)
    answer = await api.get(f"/students/foo?exam_id={value}")
    assert answer.status == 400
    assert answer.json["errors"][0]["parameter"] == "exam_id"
    assert (await api.get("/exams/3?student_name=" + "x" * 257)).status == 400


@pytest.mark.parametrize("path", ["/students", "/exams/3", "/exams", "/inspectors", "/feed", "/livez", "/"])
async def test_a_parameter_that_is_not_known_is_refused_by_name(api: Any, path: str) -> None:
    await api.put(3, "foo", 0.5)
    answer = await api.get(path + "?studentname=foo")
    assert answer.status == 400
    assert answer.json["errors"][0]["parameter"] == "studentname"
    assert ("limit" in answer.json["detail"]) is (path in ("/students", "/exams/3", "/exams", "/inspectors"))


# Pages.


async def follow(api: Any, path: str, member: str) -> list[Any]:
    items: list[Any] = []
    link: str | None = path
    while link:
        page = await api.get(link)
        assert page.status == 200
        items += page.json[member]
        link = page.json["next"]
        assert page.headers.get("Link") == (link and f'<{link}>; rel="next"')
    return items


async def test_following_next_gives_everything_once(api: Any) -> None:
    for i in range(25):
        await api.put(3, f"s/{i}", 0.5)
        await api.put(i, "s/0", 0.5)
        await api.post(f"u{i}", 3)
    students = await follow(api, "/students?limit=4", "students")
    assert sorted(student["studentId"] for student in students) == sorted(f"s/{i}" for i in range(25))
    assert [exam["exam"] for exam in await follow(api, "/exams?limit=4", "exams")] == list(range(25))
    assert len(await follow(api, "/inspectors?limit=4", "inspectors")) == 25
    results = await follow(api, "/exams/3?limit=4&student_name=s/1&student_name=", "results")
    assert results == [{"studentId": "s/1", "score": 0.5}]
    assert len(await follow(api, "/students/s%2F0?limit=7", "results")) == 25
    assert len(await follow(api, "/exams/3?limit=7", "results")) == 25


async def test_a_page_has_a_hundred_items_unless_told(api: Any) -> None:
    for i in range(101):
        await api.put(i, "foo", 0.5)
    page = (await api.get("/exams")).json
    assert (len(page["exams"]), page["total"]) == (100, 101)
    assert page["next"] is not None
    assert (await api.get(f"/exams?limit={MAX_LIMIT}")).json["next"] is None


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "limit=", "limit=1.0", "limit=1&limit=2", "after=%25"]
)
async def test_a_page_that_cannot_be_is_refused(api: Any, query: str) -> None:
    answer = await api.get("/exams?" + query)
    assert answer.status == 400
    assert answer.json["errors"][0]["parameter"] == query.partition("=")[0]
