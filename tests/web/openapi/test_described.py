"""The check that every test of the web goes through finds what it is there to find."""

from typing import Any

import orjson
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from support.api import Answer
from support.described import Unlike, check

MEAN = {"UUID": "a1-b1", "mean": 5.0}
NO_STORE = {
    "type": "urn:problem-type:scores:store-busy",
    "title": "Store busy",
    "status": 503,
    "detail": "no",
}


def answer(status: int, body: object, kind: str = "application/json", **headers: str) -> Answer:
    fields = {"Content-Type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Answer(status, CIMultiDictProxy(CIMultiDict(fields)), orjson.dumps(body))


def problem(body: dict[str, Any], **headers: str) -> Answer:
    return answer(body["status"], body, "application/problem+json", **headers)


def test_what_is_described_is_let_through() -> None:
    check("POST", "/scores", answer(200, MEAN))
    check("POST", "/scores/", answer(200, MEAN, Preference_Applied="return=minimal"))
    check("POST", "/scores", problem(NO_STORE, Retry_After="1"))
    check(
        "GET",
        "/students/a%2Fb?limit=1",
        problem({**NO_STORE, "type": "urn:problem-type:scores:not-found", "status": 404}),
    )


@pytest.mark.parametrize(
    ("method", "path", "wrong"),
    [
        ("POST", "/scores", answer(202, MEAN)),
        ("POST", "/scores", answer(200, MEAN, "text/plain")),
        ("POST", "/scores", answer(200, MEAN, X_More="1")),
        ("POST", "/scores", answer(200, {**MEAN, "count": 1})),
        ("POST", "/scores", answer(200, {**MEAN, "mean": 5.5})),
        ("POST", "/scores", answer(200, {"UUID": "a1-b1"})),
        ("POST", "/scores", answer(200, {"line": 1}, "application/x-ndjson")),
        ("POST", "/scores", problem(NO_STORE)),
        ("POST", "/scores", problem(NO_STORE, Retry_After="soon")),
        ("POST", "/scores", problem({**NO_STORE, "type": "urn:problem-type:scores:other"}, Retry_After="1")),
        ("POST", "/scores", problem({**NO_STORE, "status": 422})),
        ("POST", "/students", answer(200, MEAN)),
        ("POST", "/students", problem({**NO_STORE, "status": 405}, Allow="GET")),
        ("POST", "/students", problem({**NO_STORE, "status": 405, "type": "urn:problem-type:scores:method-not-allowed"}, Allow="GET")),
        ("GET", "/nothing", answer(200, MEAN)),
        ("GET", "/nothing", problem(NO_STORE, Retry_After="1")),
        ("DELETE", "/students/foo", answer(204, None)),
    ],
)  # fmt: skip
def test_what_is_not_described_is_found(method: str, path: str, wrong: Answer) -> None:
    with pytest.raises(Unlike):
        check(method, path, wrong)
