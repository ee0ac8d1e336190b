"""`POST /scores`, `/inspectors` and `/inspectors/{UUID}`, over a real socket."""

from typing import Any

import pytest


async def test_the_three_examples(api: Any) -> None:
    answers = [await api.post("a1-b1", score) for score in (5, 3, 4)]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert [answer.body for answer in answers] == [
        b'{"UUID":"a1-b1","mean":5.0}',
        b'{"UUID":"a1-b1","mean":4.0}',
        b'{"UUID":"a1-b1","mean":4.0}',
    ]


async def test_the_answer_is_json_with_a_length(api: Any) -> None:
    answer = await api.post("a1-b1", 5)
    assert answer.headers["Content-Type"] == "application/json"
    assert int(answer.headers["Content-Length"]) == len(answer.body)


async def test_a_mean_is_rounded_once(api: Any) -> None:
    answers = [await api.post("a1-b1", score) for score in (5, 5, 4)]
    assert answers[-1].json["mean"] == 14 / 3


async def test_members_that_are_not_known_are_ignored(api: Any) -> None:
    answer = await api("POST", "/scores", json={"UUID": "a1-b1", "score": 5, "mean": 1, "": None})
    assert (answer.status, answer.json) == (200, {"UUID": "a1-b1", "mean": 5.0})


@pytest.mark.parametrize("text", ["5.0", "5", "5e0", "0.5e1"])
async def test_an_integer_may_be_written_as_any_number(api: Any, text: str) -> None:
    body = b'{"UUID":"a1-b1","score":%b}' % text.encode()
    answer = await api("POST", "/scores", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.json["mean"]) == (200, 5.0)


@pytest.mark.parametrize(
    "score",
    ["4.5", "true", "false", '"5"', "null", "-1", "6", "-0.1", "1e19", "99999999999999999999", "[]", "{}"],
)
async def test_what_is_no_score_is_refused_and_changes_nothing(api: Any, score: str) -> None:
    await api.post("a1-b1", 4)
    body = b'{"UUID":"a1-b1","score":%b}' % score.encode()
    answer = await api("POST", "/scores", data=body, headers={"Content-Type": "application/json"})
    assert answer.status == 422
    assert [error["pointer"] for error in answer.json["errors"]] == ["/score"]
    assert "an integer from 0 to 5" in answer.json["detail"]
    assert (await api.get("/inspectors/a1-b1")).json == {"UUID": "a1-b1", "mean": 4.0, "count": 1}


@pytest.mark.parametrize(
    "uuid", ["", None, 5, True, "a\nb", "a\u0085b", ".", "..", "x" * 257, ["a"], {"a": 1}]
)
async def test_what_is_no_uuid_is_refused(api: Any, uuid: object) -> None:
    answer = await api.post(uuid, 5)
    assert answer.status == 422
    assert [error["pointer"] for error in answer.json["errors"]] == ["/UUID"]
    assert (await api.get("/inspectors")).json["total"] == 0


async def test_everything_that_is_wrong_is_said_at_once(api: Any) -> None:
    answer = await api("POST", "/scores", json={"uuid": "a1-b1"})
    assert [error["pointer"] for error in answer.json["errors"]] == ["/UUID", "/score"]
    assert "UUID is missing" in answer.json["detail"]


@pytest.mark.parametrize("body", ["[]", '"a1-b1"', "5", "null", "true"])
async def test_a_body_that_is_no_object_is_refused(api: Any, body: str) -> None:
    answer = await api("POST", "/scores", data=body, headers={"Content-Type": "application/json"})
    assert answer.status == 422
    assert answer.json["errors"][0]["pointer"] == ""


async def test_an_inspector_reads_as_it_was_posted(api: Any) -> None:
    await api.post("a1-b1", 5)
    await api.post("a1-b1", 4)
    assert (await api.get("/inspectors/a1-b1")).body == b'{"UUID":"a1-b1","mean":4.5,"count":2}'
    listing = await api.get("/inspectors")
    assert listing.body == b'{"inspectors":[{"UUID":"a1-b1","mean":4.5,"count":2}],"total":1,"next":null}'


async def test_a_deleted_inspector_is_unknown(api: Any) -> None:
    await api.post("a1-b1", 5)
    answer = await api("DELETE", "/inspectors/a1-b1")
    assert (answer.status, answer.body) == (204, b"")
    assert (await api.get("/inspectors/a1-b1")).status == 404
    assert (await api("DELETE", "/inspectors/a1-b1")).status == 404
