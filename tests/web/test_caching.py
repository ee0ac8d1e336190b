"""Tags and 304, HEAD, `Cache-Control`, and the fields that every answer has."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from support.api import Answer, Api
from support.requests import request
from support.wire import Wire, wire_server

from scores.web import inspectors
from scores.web.caching import Static, respond_static, tag_of

ApiFor = Callable[..., Awaitable[Api]]

READS = ["/students", "/students/foo", "/exams", "/exams/3", "/exams?limit=1", "/inspectors", "/inspectors/a1-b1", "/feed", "/livez"]  # fmt: skip


@pytest.fixture
async def filled(api_for: ApiFor) -> Api:
    api = await api_for()
    await api.put(3, "foo", 0.5)
    await api.put(4, "foo", 0.5)
    await api.post("a1-b1", 5)
    return api


def check_same_fields(one: Answer, other: Answer, *but: str) -> None:
    def told(answer: Answer) -> dict[str, str]:
        return {name: value for name, value in answer.headers.items() if name not in {"Date", *but}}

    assert told(one) == told(other)


@pytest.mark.parametrize("path", READS)
async def test_a_read_has_a_tag_and_is_not_sent_again(filled: Api, path: str) -> None:
    first = await filled.get(path)
    assert first.status == 200
    assert first.headers["Cache-Control"] == "no-cache"
    tag = first.headers["ETag"]
    assert tag.startswith('"')
    for known in (tag, f"W/{tag}", f'"x", {tag}', f'"x",W/{tag} ,"y"', "*"):
        for method in ("GET", "HEAD"):
            second = await filled(method, path, headers={"If-None-Match": known})
            assert (second.status, second.body) == (304, b"")
            check_same_fields(first, second, "Content-Type", "Content-Length", "Link")
            assert "Content-Type" not in second.headers


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("known", ['"other"', "W/x", "", '"*"', '"', "tag"])
async def test_another_tag_is_no_match(filled: Api, path: str, known: str) -> None:
    assert (await filled.get(path, headers={"If-None-Match": known})).status == 200


async def test_one_of_two_fields_matches(filled: Api) -> None:
    tag = (await filled.get("/exams/3")).headers["ETag"]
    fields = {"If-None-Match": f'"x"\r\nIf-None-Match: {tag}', "Connection": "close"}
    assert b" 304 " in await filled.raw(request("GET", "/exams/3", fields))


@pytest.mark.parametrize("path", READS)
async def test_head_says_what_get_says(filled: Api, path: str) -> None:
    for headers in ({}, {"Accept-Encoding": "identity;q=0, gzip"}):
        get = await filled.session.get(filled.address + path, headers=headers)
        head = await filled("HEAD", path, headers=headers)
        assert head.body == b""
        assert {k: v for k, v in head.headers.items() if k != "Date"} == {
            k: v for k, v in get.headers.items() if k != "Date"
        }
        assert int(head.headers["Content-Length"]) > 0


async def test_a_tag_changes_with_what_it_is_of(filled: Api) -> None:
    paths = ["/students/foo", "/exams/3", "/exams", "/inspectors/a1-b1", "/inspectors"]
    before = {path: (await filled.get(path)).headers["ETag"] for path in paths}
    assert len(set(before.values())) == len(paths)
    await filled.put(3, "foo", 0.75)
    await filled.post("a1-b1", 5)
    for path in paths:
        assert (await filled.get(path, headers={"If-None-Match": before[path]})).status == 200


async def test_a_tag_is_the_same_on_every_server(api_for: ApiFor) -> None:
    found = []
    for _ in range(2):
        api = await api_for()
        await api.put(3, "foo", 0.5)
        await api.post("a1-b1", 5)
        found.append([(await api.get(path)).headers["ETag"] for path in ("/exams/3", "/inspectors/a1-b1")])
    assert found[0] == found[1]


async def test_means_that_are_equal_are_told_apart(api: Api) -> None:
    await api.post("one", 5)
    await api.post("two", 5)
    await api.post("two", 5)
    assert (await api.get("/inspectors/one")).headers["ETag"] != (await api.get("/inspectors/two")).headers[
        "ETag"
    ]


async def test_what_a_client_has_is_not_computed_again(
    monkeypatch: pytest.MonkeyPatch, api_for: ApiFor
) -> None:
    api = await api_for()
    await api.post("a1-b1", 5)
    tag = (await api.get("/inspectors/a1-b1")).headers["ETag"]

    def document(_inspector: Any) -> Any:
        raise AssertionError("computed")

    monkeypatch.setattr(inspectors, "document", document)
    assert (await api.get("/inspectors/a1-b1", headers={"If-None-Match": tag})).status == 304


async def test_errors_and_answers_to_writes_are_not_kept(api: Api) -> None:
    answers = [
        await api.get("/exams/3", headers={"If-None-Match": "*"}),
        await api.get("/nowhere"),
        await api("PATCH", "/exams"),
        await api.post("a1-b1", 9),
        await api.post("a1-b1", 5),
        await api.put(3, "foo", 0.5),
        await api("DELETE", "/students/foo"),
        await api("POST", "/scores", data=b"", headers={"Content-Type": "application/x-ndjson"}),
    ]
    assert [answer.status for answer in answers] == [404, 404, 405, 422, 200, 201, 204, 200]
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert "ETag" not in answer.headers


# Fields of every answer.

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}


async def one_wire(*pieces: bytes, **settings: Any) -> bytes:
    """What a server writes to a client that sends these, each when the ones before have been answered."""
    async with wire_server(**settings) as server:
        wire = server.connect()
        for piece in pieces:
            await wire.settle()
            wire.send(piece)
        await wire.settle()
        return wire.take()


@pytest.mark.parametrize(
    "data",
    [
        request("GET", "/exams"),
        request("GET", "/exams", {"If-None-Match": "*"}),
        request("GET", "/inspectors/nobody"),
        request("DELETE", "/exams/3/results/foo"),
        request("POST", "/scores", {"Content-Type": "application/json"}, b'{"UUID":"a1-b1","score":5}'),
        request("POST", "/scores", {"Content-Type": "application/x-ndjson"}, b'{"UUID":"a1-b1","score":5}\n'),
        request("POST", "/scores", {"Content-Type": "application/json", "Expect": "200-maybe"}, b"{}"),
        request("GET", "/" + "x" * 9000),
        b"GARBAGE\r\n\r\n",
    ],
)
async def test_every_answer_tells_a_browser_to_take_care(data: bytes) -> None:
    # Twice: what the lane answers has them too.
    answer = await one_wire(data, *([data] if b"/scores" in data else []))
    for name, value in SECURITY.items():
        assert answer.count(f"\r\n{name}: {value}\r\n".encode()) == answer.count(b"HTTP/1.")
    assert answer.count(b"\r\nCache-Control: ") == answer.count(b"HTTP/1.")


async def test_answers_without_a_request_have_them_too() -> None:
    async with wire_server(max_connections=1) as server:
        wires: list[Wire] = [server.connect(), server.connect()]
        answer = wires[1].take()
        assert b" 503 " in answer
        for name, value in SECURITY.items():
            assert f"\r\n{name}: {value}\r\n".encode() in answer


# Documents that do not change.

PAGE = Static.of(b"<p>" * 1000, "text/html; charset=utf-8", policy="default-src 'self'")


def ask(method: str = "GET", **headers: str) -> web.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return respond_static(make_mocked_request(method, "/", named), PAGE)


def test_a_page_has_a_policy_of_its_own() -> None:
    answer = ask()
    assert answer.body == PAGE.body
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == "default-src 'self'"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (answer.headers["ETag"], answer.headers["Vary"]) == (tag_of(PAGE.body), "Accept-Encoding")


def test_a_page_is_compressed_once() -> None:
    answer = ask(Accept_Encoding="gzip")
    assert answer.body is PAGE.compressed
    assert answer.headers["Content-Encoding"] == "gzip"
    assert ask(Accept_Encoding="gzip", If_None_Match=answer.headers["ETag"]).status == 304
    assert ask(If_None_Match=answer.headers["ETag"]).status == 200
    assert ask(If_None_Match=PAGE.tag).status == 304
