"""Every error is `application/problem+json`, whoever raised it; nothing shows a traceback."""

import gzip
import zlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.requests import request
from support.wire import wire_server

from scores.errors import StoreError, StoreFull
from scores.marks import Mark
from scores.models import Inspector, Page, Score
from scores.stores.embedded import EmbeddedStore

HEADERS = {"Content-Type": "application/json"}


def check_problem(answer: Any, status: int, code: str) -> None:
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["type"] == f"urn:problem-type:scores:{code}"
    assert answer.json["status"] == status
    assert answer.json["title"]
    assert answer.json["detail"]


@pytest.mark.parametrize("path", ["/nope", "/students/foo/bar", "/students//", "/exams/3/results", "/%00"])
async def test_a_path_that_leads_nowhere(api: Any, path: str) -> None:
    check_problem(await api.get(path), 404, "not-found")


@pytest.mark.parametrize("path", ["/students/foo", "/exams/3", "/inspectors/a1-b1"])
async def test_an_id_that_is_not_known(api: Any, path: str) -> None:
    check_problem(await api.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/students", "GET, HEAD"),
        ("PATCH", "/students/foo", "DELETE, GET, HEAD"),
        ("PUT", "/scores", "GET, HEAD, POST"),
        ("POST", "/exams/3/results/foo", "DELETE, PUT"),
        ("DELETE", "/inspectors/", "GET, HEAD"),
    ],
)
async def test_a_method_that_a_resource_does_not_take(api: Any, method: str, path: str, allow: str) -> None:
    answer = await api(method, path)
    check_problem(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"] == allow


@pytest.mark.parametrize(
    "headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/json; charset=utf-16"}]
)
async def test_a_body_that_is_not_declared_as_json(api: Any, headers: dict[str, str]) -> None:
    answer = await api("POST", "/scores", data=b'{"UUID":"a1-b1","score":5}', headers=headers)
    check_problem(answer, 415, "unsupported-media-type")
    assert "Content-Type: application/json" in answer.json["detail"]


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", '; charset="UTF-8"'])
async def test_a_body_that_is_declared_as_json(api: Any, charset: str) -> None:
    headers = {"Content-Type": "application/json" + charset}
    assert (await api("POST", "/scores", data=b'{"UUID":"a1-b1","score":5}', headers=headers)).status == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"{'UUID':'a'}", b'{"UUID":"a1-b1","score":.5}', b"NaN", b"\xff", b'{"UUID":"\xff","score":5}', b"{}{}",
     b'{"UUID":"\\ud800","score":5}', b'{"UUID":"a","score":1e400}', b"\xef\xbb\xbf{}", b"[" * 100_000],
)  # fmt: skip
async def test_a_body_that_is_not_json(api: Any, body: bytes) -> None:
    answer = await api("POST", "/scores", data=body, headers=HEADERS)
    check_problem(answer, 400, "malformed-json")
    assert (await api.get("/inspectors")).json["total"] == 0


async def test_a_body_at_the_limit_and_one_over_it(api_for: Callable[..., Awaitable[Any]]) -> None:
    api = await api_for(max_body=100)
    body = b'{"UUID":"a1-b1","score":5}'
    assert (await api("POST", "/scores", data=body.ljust(100), headers=HEADERS)).status == 200
    answer = await api("POST", "/scores", data=body.ljust(101), headers=HEADERS)
    check_problem(answer, 413, "payload-too-large")
    assert "100 bytes" in answer.json["detail"]
    assert (await api.get("/inspectors/a1-b1")).json["count"] == 1


async def test_a_body_of_no_declared_length_has_the_same_limit(
    api_for: Callable[..., Awaitable[Any]],
) -> None:
    api = await api_for(max_body=100)

    async def chunks() -> Any:
        for _ in range(11):
            yield b" " * 10

    check_problem(await api("POST", "/scores", data=chunks(), headers=HEADERS), 413, "payload-too-large")


async def test_a_body_that_inflates_has_the_same_limit(api_for: Callable[..., Awaitable[Any]]) -> None:
    api = await api_for(max_body=1000)
    headers = {**HEADERS, "Content-Encoding": "deflate"}
    answer = await api("POST", "/scores", data=zlib.compress(b" " * 100_000), headers=headers)
    check_problem(answer, 413, "payload-too-large")


async def test_a_body_that_does_not_inflate(api: Any, caplog: pytest.LogCaptureFixture) -> None:
    headers = {**HEADERS, "Content-Encoding": "gzip"}
    answer = await api("POST", "/scores", data=b"\x1f\x8bxxxx", headers=headers)
    check_problem(answer, 400, "bad-request")
    assert not caplog.records


@pytest.mark.parametrize("coding", ["foo", "gzip, gzip", "compress"])
async def test_a_coding_that_is_not_understood(api: Any, coding: str) -> None:
    headers = {**HEADERS, "Content-Encoding": coding}
    answer = await api("POST", "/scores", data=b'{"UUID":"a1-b1","score":5}', headers=headers)
    check_problem(answer, 415, "unsupported-media-type")
    assert (await api.get("/inspectors")).json["total"] == 0


async def test_a_body_that_is_compressed(api: Any) -> None:
    headers = {**HEADERS, "Content-Encoding": "gzip"}
    body = gzip.compress(b'{"UUID":"a1-b1","score":5}')
    assert (await api("POST", "/scores", data=body, headers=headers)).json["mean"] == 5.0


async def test_a_thousand_unknown_parameters_have_a_short_answer(api: Any) -> None:
    answer = await api.get("/exams?" + "&".join(f"p{i}" for i in range(1000)))
    check_problem(answer, 400, "invalid-query")
    assert len(answer.body) < 3000


async def test_an_expectation_that_is_not_known(api: Any) -> None:
    answer = await api("POST", "/scores", json={"UUID": "a1-b1", "score": 5}, headers={"Expect": "miracles"})
    check_problem(answer, 417, "expectation-failed")


async def test_a_body_that_waits_for_100_continue(api: Any) -> None:
    answer = await api.raw(
        b"POST /scores HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\n"
        b'Content-Type: application/json\r\nContent-Length: 26\r\n\r\n{"UUID":"a1-b1","score":5}'
    )
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert answer.endswith(b'{"UUID":"a1-b1","mean":5.0}')


async def test_the_last_answer_before_the_end_says_so(api_for: Callable[..., Awaitable[Any]]) -> None:
    lines = b'{"UUID":"a1-b1","score":5}\n'
    async with wire_server() as server:
        wire = server.connect()
        await wire.settle()
        server.connections.closing = True
        wire.send(request("POST", "/scores", {"Content-Type": "application/x-ndjson"}, lines))
        await wire.settle()
        assert b"\r\nConnection: close\r\n" in wire.take()


async def test_a_client_that_breaks_off_a_request_of_many_lines_leaves_nothing_behind() -> None:
    lines = b'{"UUID":"a1-b1","score":5}\n' * 2000
    async with wire_server() as server:
        wire = server.connect()
        await wire.settle()
        wire.send(request("POST", "/scores", {"Content-Type": "application/x-ndjson"}, lines))
        wire.connection.pause_writing()
        await wire.settle()
        assert wire.connection.busy
        wire.connection.eof_received()
        wire.closed = True
        wire.lose()
        await wire.settle()
        assert not wire.connection.busy


async def test_a_store_that_raises_a_connection_error(broken_api: Any) -> None:
    api = await broken_api(ConnectionRefusedError("no"))
    for _ in range(3):
        check_problem(await api.post("a1-b1", 5), 500, "internal")


class BrokenStore(EmbeddedStore):
    """Says what a store may say, and what none should."""

    def __init__(self, error: Exception) -> None:
        super().__init__(dict)
        self.error = error

    async def add(
        self, scores: Sequence[Score], *, marks: Sequence[Mark | None] = ()
    ) -> list[Inspector | StoreError]:
        if isinstance(self.error, StoreError):
            return [self.error] * len(scores)
        raise self.error

    def add_now(self, score: Score) -> Inspector:
        raise self.error

    async def exams(self, *, after: str | None = None, limit: int) -> Page[Any]:
        raise self.error


@pytest.fixture
async def broken_api(api_for: Callable[..., Awaitable[Any]], monkeypatch: pytest.MonkeyPatch) -> Any:
    async def start(error: Exception) -> Any:
        @asynccontextmanager
        async def open_broken(_url: str) -> Any:
            yield BrokenStore(error)

        monkeypatch.setattr("scores.web.app.open_store", open_broken)
        return await api_for()

    return start


async def test_a_store_that_is_away(broken_api: Any) -> None:
    api = await broken_api(StoreError("no connection"))
    answer = await api.post("a1-b1", 5)
    check_problem(answer, 503, "store-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    ready = await api.get("/readyz")
    check_problem(ready, 503, "store-unavailable")
    assert (await api.get("/livez")).status == 200


async def test_a_store_that_is_full(broken_api: Any) -> None:
    api = await broken_api(StoreFull("no more"))
    check_problem(await api.post("a1-b1", 5), 507, "store-full")


async def test_a_bug_is_logged_whole_and_told_without_its_traceback(
    broken_api: Any, caplog: pytest.LogCaptureFixture
) -> None:
    api = await broken_api(RuntimeError("secret"))
    answer = await api.post("a1-b1", 5)
    check_problem(answer, 500, "internal")
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body
    (record,) = caplog.records
    assert record.exc_info is not None
    assert "secret" in str(record.exc_info[1])
