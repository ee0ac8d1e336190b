"""What a JSON body may be made of: UTF-8, and each member once, or the last of them counts."""

import pytest
from support.api import Api


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"\xff", "the body is not UTF-8: byte 1 is 0xFF"),
        (b'{"UUID":"\xc3\xa9\xc3","score":5}', "the body is not UTF-8: byte 12 is 0xC3"),
        (b'{"UUID":"\xed\xa0\x80","score":5}', "the body is not UTF-8: byte 10 is 0xED"),
    ],
)
@pytest.mark.parametrize("path", ["/scores", "/scores?", "/exams/3/results/foo"])
async def test_a_body_that_is_not_utf_8_is_said_to_be_so(
    api: Api, path: str, body: bytes, detail: str
) -> None:
    method = "POST" if path.startswith("/scores") else "PUT"
    answer = await api(method, path, data=body, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.json["detail"]) == (400, detail)


async def test_a_line_that_is_not_utf_8_is_said_to_be_so(api: Api) -> None:
    body = b'{"UUID":"a","score":5}\n{"UUID":"\xff","score":5}\n'
    answer = await api("POST", "/scores", data=body, headers={"Content-Type": "application/x-ndjson"})
    first, second = answer.body.splitlines()
    assert b'"mean":5.0' in first
    assert b"the body is not UTF-8: byte 10 is 0xFF" in second


TWICE = b'{"UUID":"a","score":4,"score":5}'


async def test_of_a_member_that_comes_twice_the_last_counts(api: Api) -> None:
    for headers in ({"Content-Type": "application/json"}, {"Content-Type": "application/x-ndjson"}):
        answer = await api("POST", "/scores", data=TWICE, headers=headers)
        assert (answer.status, answer.json["mean"]) == (200, 5.0)
    answer = await api(
        "PUT",
        "/exams/3/results/foo",
        data=b'{"score":0.5,"score":0.25}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.json["score"] == 0.25
