"""Every kind of error is provoked over HTTP, and its answer is one that the description allows at that place."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import support.draining
from multidict import CIMultiDict, CIMultiDictProxy
from support.api import Answer, Api
from support.described import check, operations
from support.requests import POST, request
from support.sockets import connection

from scores.errors import OutcomeUnknown, StoreBusy, StoreError, StoreFull
from scores.stores.embedded import EmbeddedStore
from scores.web.openapi.errors import ERRORS, EVERYWHERE, ON_NO_OPERATION
from scores.web.openapi.operations import EVENTS, OPERATIONS

WRITE, READ = "write-token-0123456", "read-token-0123456"

Starts = Callable[..., Awaitable[Api]]

METHODS = ("students", "student", "exams", "exam", "inspectors", "inspector", "record", "remove", "add")
ALL = {"GET", "POST", "PUT", "DELETE"}
STORE_ERRORS: dict[type[StoreError], set[str]] = {
    StoreError: ALL,
    StoreBusy: ALL,
    StoreFull: {"POST", "PUT"},
    OutcomeUnknown: ALL - {"GET"},
}
"""What a store may raise, and to which methods."""
TARGETS = {"{id}": "foo", "{number}": "3", "{uuid}": "a1-b1", "{file}": "docs.js"}


def parsed(raw: bytes) -> Answer:
    """The answer that the bytes are."""
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    fields = CIMultiDict((name, value) for name, _, value in (line.partition(": ") for line in lines))
    return Answer(int(status.split()[1]), CIMultiDictProxy(fields), body)


async def asked(api: Api, method: str, path: str, **options: Any) -> tuple[str, str, Answer]:
    return method, path, await api(method, path, **options)


async def bad_request(start: Starts) -> tuple[str, str, Answer]:
    return await asked(await start(), "GET", "/students/%FF")


async def invalid_query(start: Starts) -> tuple[str, str, Answer]:
    return await asked(await start(), "GET", "/livez?x=1")


async def malformed_json(start: Starts) -> tuple[str, str, Answer]:
    return await asked(
        await start(), "PUT", "/exams/3/results/foo", data=b"{", headers={"Content-Type": "application/json"}
    )


async def invalid_input(start: Starts) -> tuple[str, str, Answer]:
    return await asked(await start(), "PUT", "/exams/x/results/foo", json={"score": 2})


async def not_found(start: Starts) -> tuple[str, str, Answer]:
    return await asked(await start(), "DELETE", "/inspectors/a%2Fb")


async def method_not_allowed(start: Starts) -> tuple[str, str, Answer]:
    return await asked(await start(), "PATCH", "/students/foo")


async def request_timeout(start: Starts) -> tuple[str, str, Answer]:
    api = await start(body_timeout=0.1)
    return (
        "POST",
        "/scores",
        parsed(await api.raw(POST + b"Connection: close\r\nContent-Length: 26\r\n\r\n{")),
    )


async def payload_too_large(start: Starts) -> tuple[str, str, Answer]:
    return await asked(await start(max_body=10), "POST", "/scores", json={"UUID": "a1-b1", "score": 5})


async def unsupported_media_type(start: Starts) -> tuple[str, str, Answer]:
    return await asked(await start(), "POST", "/scores", data=b"5")


async def expectation_failed(start: Starts) -> tuple[str, str, Answer]:
    return await asked(await start(), "GET", "/feed", headers={"Expect": "miracles"})


async def head_too_large(start: Starts) -> tuple[str, str, Answer]:
    api = await start(max_header=256)
    return "GET", "/exams", parsed(await api.raw(request("GET", "/exams", {"X": "x" * 300})))


async def overloaded(start: Starts) -> tuple[str, str, Answer]:
    api = await start(max_connections=1)
    async with connection(api.address):
        return "GET", "/exams", parsed(await api.raw(b""))


async def draining(start: Starts) -> tuple[str, str, Answer]:
    api = await start()
    async with support.draining.draining() as address:
        return await asked(replace(api, address=address), "GET", "/readyz")


async def internal(start: Starts) -> tuple[str, str, Answer]:
    return await asked(await start(error=RuntimeError("no")), "GET", "/exams")


async def store_unavailable(start: Starts) -> tuple[str, str, Answer]:
    return await asked(await start(error=StoreError("no")), "GET", "/readyz")


async def store_busy(start: Starts) -> tuple[str, str, Answer]:
    return await asked(await start(error=StoreBusy("no")), "GET", "/students")


async def store_full(start: Starts) -> tuple[str, str, Answer]:
    return await asked(
        await start(error=StoreFull("no")), "POST", "/scores", json={"UUID": "a1-b1", "score": 5}
    )


async def outcome_unknown(start: Starts) -> tuple[str, str, Answer]:
    return await asked(await start(error=OutcomeUnknown("no")), "DELETE", "/students/foo")


async def unauthorized(start: Starts) -> tuple[str, str, Answer]:
    return await asked(await start(write_token=(WRITE,)), "DELETE", "/students/foo")


async def insufficient_scope(start: Starts) -> tuple[str, str, Answer]:
    api = await start(write_token=(WRITE,), read_token=(READ,))
    return await asked(api, "DELETE", "/students/foo", headers={"Authorization": f"Bearer {READ}"})


async def not_acceptable(start: Starts) -> tuple[str, str, Answer]:
    return await asked(await start(), "GET", "/scores", headers={"Accept": "text/html"})


async def idempotency_key_reused(start: Starts) -> tuple[str, str, Answer]:
    api, headers = await start(), {"Idempotency-Key": "k"}
    await api("POST", "/scores", json={"UUID": "a1-b1", "score": 5}, headers=headers)
    return await asked(api, "POST", "/scores", json={"UUID": "a1-b1", "score": 4}, headers=headers)


async def idempotency_key_in_flight(start: Starts) -> tuple[str, str, Answer]:
    api, headers = await start(store="slow:0.2"), {"Idempotency-Key": "k"}
    score = {"UUID": "a1-b1", "score": 5}
    tries = [asked(api, "POST", "/scores", json=score, headers=headers) for _ in range(2)]
    (refused,) = [one for one in await asyncio.gather(*tries) if one[2].status != 200]
    return refused


PROVOKED = {
    one.__name__.replace("_", "-"): one
    for one in (
        bad_request, invalid_query, malformed_json, invalid_input, not_found, method_not_allowed, request_timeout,
        payload_too_large, unsupported_media_type, expectation_failed, head_too_large, overloaded, draining, internal,
        store_unavailable, store_busy, store_full, outcome_unknown, unauthorized, insufficient_scope,
        not_acceptable, idempotency_key_reused, idempotency_key_in_flight,
    )
}  # fmt: skip


@pytest.fixture(autouse=True)
def _odd_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "support" / "odd_stores")


@pytest.fixture
def start(api_for: Starts, monkeypatch: pytest.MonkeyPatch) -> Starts:
    """Starts a server with these settings; with `error`, whose store answers everything with that."""

    async def starting(*, error: Exception | None = None, **settings: Any) -> Api:
        if error is not None:
            monkeypatch.setattr("scores.web.app.open_store", failing(error))
        return await api_for(**settings)

    return starting


def failing(error: Exception) -> Callable[[str], Any]:
    async def fail(*_: object, **__: object) -> None:
        raise error

    @asynccontextmanager
    async def opening(_url: str) -> Any:
        store: Any = type("FailingStore", (EmbeddedStore,), {name: staticmethod(fail) for name in METHODS})(
            dict
        )
        store.add_now = None
        yield store

    return opening


def test_every_error_that_leaves_by_http_is_provoked() -> None:
    assert {*PROVOKED} == {*ERRORS} - ON_NO_OPERATION | {"method-not-allowed"}


@pytest.mark.parametrize("code", PROVOKED)
async def test_an_error_is_answered_as_it_is_described(start: Starts, code: str) -> None:
    method, path, answer = await PROVOKED[code](start)
    assert answer.json["type"] == f"urn:problem-type:scores:{code}"
    assert answer.status == ERRORS[code].status
    check(method, path, answer)


@pytest.mark.parametrize("error", STORE_ERRORS)
async def test_an_operation_says_which_errors_of_the_store_it_has(
    start: Starts, error: type[StoreError]
) -> None:
    api = await start(error=error("no"))
    for method, path, operation in operations():
        if EVENTS in operation["responses"].get("200", {}).get("content", {}):
            continue  # a stream does not end, and has tests of its own
        target = path
        for name, value in TARGETS.items():
            target = target.replace(name, value)
        described = error.code in OPERATIONS[method, path].errors
        assert not described or method in STORE_ERRORS[error]
        if method in STORE_ERRORS[error]:
            body = {"UUID": "a1-b1", "score": 1} if method in ("PUT", "POST") else None
            answer = await api(method, target, json=body)
            assert (answer.status == error.status) == described, (method, path)


def test_errors_that_come_everywhere_are_on_every_operation() -> None:
    for _, _, operation in operations():
        assert {str(ERRORS[code].status) for code in EVERYWHERE} <= {*operation["responses"]}
