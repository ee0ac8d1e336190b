"""CORS: what a browser is told of pages of other origins."""

from collections.abc import Awaitable, Callable

import pytest
from support.api import Answer, Api
from support.requests import request

from scores.config import Config
from scores.errors import ConfigError

ApiFor = Callable[..., Awaitable[Api]]

ONE, OTHER = "https://one.example", "http://localhost:3000"
TOKENS = {"write_token": ("write-token-0123456",), "read_token": ("read-token-0123456",)}
FIELDS = {
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Headers",
    "Access-Control-Max-Age",
}


async def preflight(api: Api, path: str, origin: str, method: str = "POST") -> Answer:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return await api("OPTIONS", path, headers=headers)


async def test_it_is_off_unless_origins_are_named(api_for: ApiFor) -> None:
    api = await api_for()
    answer = await preflight(api, "/scores", ONE)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, POST")
    for found in (answer, await api.get("/exams", headers={"Origin": ONE})):
        assert not FIELDS & set(found.headers)
        assert "Origin" not in found.headers.get("Vary", "")


@pytest.mark.parametrize("express", [True, False])
@pytest.mark.parametrize("origin", [ONE, OTHER])
async def test_a_page_of_a_named_origin_may_read(api_for: ApiFor, origin: str, *, express: bool) -> None:
    api = await api_for(cors_origins=(ONE, OTHER), express=express)
    await api.post("a1-b1", 5)
    for path, status in (("/exams", 200), ("/inspectors/a1-b1", 200), ("/nowhere", 404), ("/exams?x", 400)):
        for _ in range(3):
            answer = await api.get(path, headers={"Origin": origin})
            assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (status, origin)
            exposed = answer.headers["Access-Control-Expose-Headers"]
            assert {"ETag", "Link", "Retry-After"} <= set(exposed.split(", "))
            assert answer.headers["Vary"].endswith("Origin")


async def test_the_answer_of_304_and_the_stream_say_it_too(api_for: ApiFor) -> None:
    api = await api_for(cors_origins=(ONE,))
    kept = await api.get("/exams", headers={"Origin": ONE, "If-None-Match": "*"})
    assert (kept.status, kept.headers["Access-Control-Allow-Origin"]) == (304, ONE)
    assert kept.headers["Vary"] == "Accept-Encoding, Origin"
    bulk = await api(
        "POST", "/scores", data=b"", headers={"Origin": ONE, "Content-Type": "application/x-ndjson"}
    )
    assert bulk.headers["Access-Control-Allow-Origin"] == ONE


@pytest.mark.parametrize("express", [True, False])
@pytest.mark.parametrize(
    "origin",
    [None, "null", "https://two.example", "http://one.example", ONE + ":444", ONE + "/", ONE.upper()],
)
async def test_a_page_of_another_origin_may_not(
    api_for: ApiFor, origin: str | None, *, express: bool
) -> None:
    api = await api_for(cors_origins=(ONE, OTHER), express=express)
    for _ in range(3):
        answer = await api.get("/exams/3", headers={"Origin": origin} if origin else {})
        assert not FIELDS & set(answer.headers)
        # Who keeps the answer must not give it to a page of a named origin.
        assert answer.headers["Vary"] == "Origin"
        score = await api("POST", "/scores", json={"UUID": "a1-b1", "score": 5})
        assert score.headers["Vary"] == "Origin"


async def test_all_origins(api_for: ApiFor) -> None:
    api = await api_for(cors_origins=("*",))
    for headers in ({}, {"Origin": ONE}):
        answer = await api.get("/exams", headers=headers)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Vary"] == "Accept-Encoding"
    assert (await preflight(api, "/scores", "https://anybody.example")).status == 204


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/exams/3/results/foo", "DELETE, PUT"),
        ("/students/foo", "DELETE, GET, HEAD"),
        ("/inspectors/", "GET, HEAD"),
    ],
)
async def test_a_preflight_tells_the_methods_and_needs_no_token(
    api_for: ApiFor, path: str, methods: str
) -> None:
    api = await api_for(cors_origins=(ONE,), **TOKENS)
    answer = await preflight(api, path, ONE)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Methods"] == methods
    assert answer.headers["Access-Control-Allow-Origin"] == ONE
    allowed = set(answer.headers["Access-Control-Allow-Headers"].split(", "))
    assert allowed >= {
        "Authorization",
        "Content-Type",
        "Idempotency-Key",
        "Prefer",
        "Last-Event-ID",
        "If-None-Match",
    }
    assert int(answer.headers["Access-Control-Max-Age"]) > 0
    assert answer.headers["Vary"] == "Origin"


async def test_a_refused_request_can_be_read_by_the_page(api_for: ApiFor) -> None:
    api = await api_for(cors_origins=(ONE,), **TOKENS)
    answer = await api("POST", "/scores", json={"UUID": "a1-b1", "score": 5}, headers={"Origin": ONE})
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (401, ONE)
    assert "WWW-Authenticate" in answer.headers["Access-Control-Expose-Headers"]


async def test_a_preflight_of_another_origin_is_refused(api_for: ApiFor) -> None:
    api = await api_for(cors_origins=(ONE,))
    answer = await preflight(api, "/scores", "https://two.example")
    assert (answer.status, answer.json["type"]) == (403, "urn:problem-type:scores:origin-refused")
    assert "SCORES_CORS_ORIGINS" in answer.json["detail"]
    assert not FIELDS & set(answer.headers)


async def test_a_preflight_for_nothing(api_for: ApiFor) -> None:
    api = await api_for(cors_origins=(ONE,))
    assert (await preflight(api, "/nowhere", ONE)).status == 404


async def test_options_that_is_no_preflight(api_for: ApiFor) -> None:
    api = await api_for(cors_origins=(ONE,))
    answer = await api("OPTIONS", "/exams", headers={"Origin": ONE})
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


async def test_two_origins_are_none(api_for: ApiFor) -> None:
    api = await api_for(cors_origins=(ONE,))
    fields = {"Origin": f"https://two.example\r\nOrigin: {ONE}", "Connection": "close"}
    assert b"Access-Control-Allow-Origin" not in await api.raw(request("GET", "/exams", fields))


# Settings.


def test_origins_are_read() -> None:
    config = Config.read({"SCORES_CORS_ORIGINS": f"{ONE}, {OTHER},http://[::1]:8080"}, {})
    assert config.cors_origins == (ONE, OTHER, "http://[::1]:8080")
    assert Config.read(config.environ(), {}) == config


@pytest.mark.parametrize(
    "text",
    [
        "one.example",
        "https://one.example/",
        "https://one.example/path",
        "https://*.example",
        "https://One.example",
        "https://one.example:443",
        "http://one.example:80",
        "https://one.example:0",
        "https://one.example:99999",
        "ftp://one.example",
        "https://user@one.example",
        "https://[zz]",
        "https://",
        "null",
        f"{ONE},",
        f"{ONE} {OTHER}",
    ],
)
def test_a_wrong_origin_stops_the_start(text: str) -> None:
    with pytest.raises(
        ConfigError, match=r"SCORES_CORS_ORIGINS=.* is not allowed: it must be origins such as"
    ):
        Config.read({"SCORES_CORS_ORIGINS": text}, {})


def test_all_origins_stand_alone() -> None:
    with pytest.raises(ConfigError, match="stands alone"):
        Config.read({"SCORES_CORS_ORIGINS": f"{ONE},*"}, {})
