"""`/metrics`: exactly what was sent, and no label that a client made up."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open_metrics
from support.api import Api
from support.redis_servers import redis_server
from support.requests import post, request
from support.scrapes import Scrape, Series
from support.sockets import connection, deaf_client

from scores.metrics.board import Board
from scores.metrics.collector import Rows
from scores.web.routes import LAYOUT

ApiFor = Callable[..., Awaitable[Api]]
HEAD = b"POST /scores HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 26\r\n"


async def scrape(api: Api) -> Scrape:
    answer = await api.get("/metrics")
    assert answer.status == 200
    return Scrape(answer.body.decode())


@pytest.mark.parametrize("express", [True, False])
async def test_requests_are_counted_exactly(api_for: ApiFor, express: bool) -> None:
    api = await api_for(express=express)
    for n in range(7):
        await api.post("a1-b1", n)
    for n in range(3):
        await api.put(3, "foo", n * 0.75)
    for path in ("/inspectors/a1-b1", "/inspectors/a1-b1/", "/inspectors/nobody", "/exams?limt=3", "/exams/"):
        await api.get(path)
    for method in ("HEAD", "DELETE", "DELETE", "PATCH", "PATCH", "BREW"):
        await api(method, "/students/foo")
    await api.get("/nowhere")
    seen = await scrape(api)
    assert seen.requests() == {
        ("/scores", "POST", "200"): 6,
        ("/scores", "POST", "422"): 1,
        ("/exams/{number}/results/{id}", "PUT", "201"): 1,
        ("/exams/{number}/results/{id}", "PUT", "200"): 1,
        ("/exams/{number}/results/{id}", "PUT", "422"): 1,
        # A method that the parser does not know.
        ("other", "other", "400"): 1,
        ("/inspectors/{uuid}", "GET", "200"): 2,
        ("/inspectors/{uuid}", "GET", "404"): 1,
        ("/exams", "GET", "400"): 1,
        ("/exams", "GET", "200"): 1,
        ("/students/{id}", "HEAD", "200"): 1,
        ("/students/{id}", "DELETE", "204"): 1,
        ("/students/{id}", "DELETE", "404"): 1,
        ("/students/{id}", "other", "405"): 2,
        ("other", "GET", "404"): 1,
    }
    assert seen.by("code", "scores_http_problems_total") == {
        "bad-request": 1, "invalid-input": 2, "invalid-query": 1, "method-not-allowed": 2, "not-found": 3,
    }  # fmt: skip
    total = sum(seen.requests().values())
    assert seen.get("scores_http_request_duration_seconds_count") == total
    hits = seen.get("scores_express_requests_total", result="hit")
    assert hits + seen.get("scores_express_requests_total", result="miss") == total
    assert bool(hits) is express
    # The scrape itself is in flight, and was not counted yet.
    assert seen.get("scores_http_requests_in_flight") == 1
    assert (await scrape(api)).requests(without="")["/metrics", "GET", "200"] == 1


async def test_a_histogram_adds_up(api_for: ApiFor) -> None:
    api = await api_for()
    for _ in range(50):
        await api.post("a", 5)
    seen = await scrape(api)
    name = "scores_http_request_duration_seconds"
    (buckets,) = (family.samples for family in seen.families.values() if family.name == name)
    counts = [one.value for one in buckets if one.name == f"{name}_bucket"]
    assert counts == sorted(counts)
    assert counts[-1] == seen.get(f"{name}_count") == 50
    assert 0 < seen.get(f"{name}_sum") < 50


async def test_what_clients_make_up_makes_no_series(api_for: ApiFor) -> None:
    api = await api_for()

    async def knock(number: int) -> None:
        await api.post(f"id{number}", 5)
        await api.get(f"/inspectors/id{number}")
        await api.get(f"/inspectors/none{number}")
        await api.get(f"/nowhere/{number}?x={number}")
        await api.get(f"/exams?x{number}=1")
        await api("PATCH", "/scores")
        await api(f"BREW{number}", "/scores")
        await api("GET", "/livez", headers={"Accept": f"text/x{number}", "traceparent": str(number)})

    await knock(0)
    await scrape(api)
    before = (await scrape(api)).series()
    for number in range(1, 150):
        await knock(number)
    after = await scrape(api)
    assert after.series() == before
    assert after.requests()["other", "GET", "404"] == 150
    assert after.requests()["/scores", "other", "405"] == 150
    assert len(after.samples) < 1500


async def test_both_formats_are_what_their_readers_take(api_for: ApiFor) -> None:
    api = await api_for()
    await api.post("a", 5)
    plain = await api.get("/metrics")
    assert plain.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
    modern = await api.get("/metrics", headers={"Accept": accept})
    assert modern.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    read = read_open_metrics(modern.body.decode())  # type: ignore[no-untyped-call]  # the library's
    families = {family.name: family.type for family in read}
    assert families == {name: family.type for name, family in Scrape(plain.body.decode()).families.items()}
    head = await api("HEAD", "/metrics")
    assert (head.status, head.body) == (200, b"")


async def test_every_family_says_what_it_is(api_for: ApiFor) -> None:
    for family in (await scrape(await api_for())).families.values():
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram")
        if family.type == "counter":
            assert all(one.name.endswith("_total") for one in family.samples)


async def test_off_means_off(api_for: ApiFor) -> None:
    api = await api_for(metrics=False)
    # Unlike the other tests' answers, this one is not held to the description of all routes.
    assert (await Api(api.address, api.session).get("/metrics")).status == 404
    assert "/metrics" not in (await api.get("/openapi.json")).json["paths"]
    assert "metrics" not in (await api.get("/")).json
    for _ in range(3):
        assert (await api.post("a", 5)).status == 200


async def test_what_is_stored_is_told(api_for: ApiFor) -> None:
    api = await api_for()
    for number in range(3):
        await api.post(f"i{number}", 5)
        await api.put(1, f"s{number}", 0.5)
    seen = await scrape(api)
    assert seen.by("kind", "scores_stored") == {"inspectors": 3, "students": 3, "exams": 1}
    assert seen.get("scores_store_up") == 1


async def test_a_store_that_is_away_is_told_of_in_time(api_for: ApiFor) -> None:
    api = await api_for(store="redis://127.0.0.1:1/0?timeout=0.1", metrics_timeout=0.2)
    seen = await scrape(api)
    assert seen.get("scores_store_up") == 0
    assert not seen.by("kind", "scores_stored")


async def test_a_store_that_hangs_does_not_hold_up_a_scrape(api_for: ApiFor) -> None:
    async with redis_server() as redis:
        api = await api_for(store=f"{redis.url}?timeout=60", metrics_timeout=0.1)
        assert (await scrape(api)).get("scores_store_up") == 1
        redis.pause()
        try:
            async with asyncio.timeout(15):
                assert (await scrape(api)).get("scores_store_up") == 0
        finally:
            redis.resume()


async def test_a_stream_is_counted_and_not_measured(api_for: ApiFor, monkeypatch: pytest.MonkeyPatch) -> None:
    def respond(_data: object) -> web.StreamResponse:
        return web.StreamResponse(headers={"Content-Type": "text/event-stream"})

    monkeypatch.setattr("scores.web.service.respond", respond)
    api = await api_for()
    # No description has this answer to be held to.
    await Api(api.address, api.session).get("/livez")
    seen = await scrape(api)
    assert seen.requests() == {("/livez", "GET", "200"): 1}
    assert seen.get("scores_http_request_duration_seconds_count") == 0
    assert seen.get("scores_http_requests_in_flight") == 1


async def test_connections_are_counted_and_those_refused(api_for: ApiFor) -> None:
    api = await api_for(max_connections=2)
    async with connection(api.address), connection(api.address) as (reader, writer):
        assert b" 503 " in await api.raw(request("GET", "/livez"))
        writer.write(request("GET", "/metrics"))
        await reader.readuntil(b"\r\n\r\n")
        text = (await reader.readuntil(b"process_max_fds{worker")).decode().rpartition("\n")[0]
    seen = Scrape(text + "\n")
    assert seen.get("scores_http_connections") == 2
    assert seen.get("scores_http_connections_accepted_total") == 3
    assert seen.by("code", "scores_http_problems_total") == {"overloaded": 1}


@pytest.mark.parametrize(
    ("data", "code", "requests"),
    [
        (b"GARBAGE\r\n\r\n", "bad-request", {("other", "other", "400"): 1}),
        (request("GET", "/", {"A": "x" * 600}), "head-too-large", {("other", "other", "431"): 1}),
        (b"GET / HT", "request-timeout", {}),
        (HEAD + b"\r\n{", "request-timeout", {("/scores", "POST", "408"): 1}),
        (HEAD + b"Expect: 200-maybe\r\n\r\n", "expectation-failed", {("/scores", "POST", "417"): 1}),
    ],
)
async def test_what_is_refused_is_counted_by_its_code(
    api_for: ApiFor, data: bytes, code: str, requests: dict[tuple[str, str, str], int]
) -> None:
    api = await api_for(head_timeout=0.1, body_timeout=0.1, max_header=512, keepalive_timeout=0.5)
    assert b"problem+json" in await api.raw(data)
    seen = await scrape(api)
    assert seen.by("code", "scores_http_problems_total") == {code: 1}
    assert seen.requests() == requests
    assert seen.get("scores_http_requests_in_flight") == 1


async def test_a_client_that_goes_away_is_counted_and_no_longer_in_flight(api_for: ApiFor) -> None:
    api = await api_for()
    async with connection(api.address) as (reader, writer):
        writer.write(HEAD + b"Expect: 100-continue\r\n\r\n{")
        await reader.readuntil(b"100 Continue\r\n\r\n")
        assert (await scrape(api)).get("scores_http_requests_in_flight") == 2
        writer.transport.abort()
    async with asyncio.timeout(10):
        while not (seen := await scrape(api)).get("scores_http_requests_aborted_total"):
            pass
    assert seen.get("scores_http_requests_in_flight") == 1
    assert seen.requests() == {}


async def test_a_client_that_takes_nothing_is_counted(api_for: ApiFor) -> None:
    api = await api_for(send_timeout=0.1)
    with deaf_client(api.address, request("GET", "/metrics") * 3000):
        async with asyncio.timeout(20):
            while b"scores_http_connections_cut_total 0.0" in (await api.get("/metrics")).body:
                pass


async def test_scrapes_while_it_is_loaded_never_go_back(api_for: ApiFor) -> None:
    api = await api_for()
    before: dict[Series, float] = {}
    async with connection(api.address) as (reader, writer):
        for _ in range(4):
            writer.write(post() * 200)
            now = await scrape(api)
            for name in ("scores_http_requests_total", "scores_http_request_duration_seconds_count"):
                assert now.get(name, route="/scores") == sum(now.requests().values())
            assert all(now.counters()[series] >= count for series, count in before.items())
            before = now.counters()
        for _ in range(800):
            await reader.readuntil(b"}")
    assert (await scrape(api)).requests() == {("/scores", "POST", "200"): 800}


def test_the_reference_page_has_every_family_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/metrics.md").read_text(encoding="utf-8")
    rows = Rows(Board.of_one(LAYOUT), {"exams": 1}, version="1", workers=1)
    names = {family.name + ("_total" if family.type == "counter" else "") for family in rows.collect()}
    assert set(re.findall(r"^\| `([a-z_]+)", page, re.MULTILINE)) == {n for n in names if "process_" not in n}
