"""Tokens: who is let in, what is said to who is not, and that nobody is shown one."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support.api import Api
from support.redis_servers import redis_server
from support.requests import request

from scores.config import Config, settings
from scores.errors import ConfigError
from scores.web.access import Guard
from scores.web.routes import ROUTES

ApiFor = Callable[..., Awaitable[Api]]

WRITE, SECOND, READ = "write-token-0123456", "second+token/0123==", "read-token-0123456"
ONLY_WRITES = {"write_token": (WRITE, SECOND)}
BOTH = {**ONLY_WRITES, "read_token": (READ,)}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def targets(needs: str) -> list[tuple[str, str]]:
    """A request of each route of the table that needs this."""
    return [(route.method, re.sub(r"{[^}]*}", "1", route.path)) for route in ROUTES if route.needs == needs]


def test_who_needs_what() -> None:
    about = ("/docs", "/openapi.json", "/page/")
    assert {path for _, path in targets("open") if not path.startswith(about)} == {"/", "/livez", "/readyz"}
    assert {method for method, _ in targets("read")} == {"GET"}
    assert {method for method, _ in targets("write")} == {"POST", "PUT", "DELETE"}


@pytest.mark.parametrize("express", [True, False])
async def test_without_a_token_only_what_is_open_is_answered(api_for: ApiFor, *, express: bool) -> None:
    api = await api_for(**BOTH, express=express)
    for method, path in targets("open"):
        # One asks for a file that is not there.
        assert (await api(method, path)).status in (200, 404)
    for method, path in targets("read") + [("HEAD", path) for _, path in targets("read")] + targets("write"):
        answer = await api(method, path)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="scores"'
        assert answer.headers["Cache-Control"] == "no-store"
        if method != "HEAD":
            assert answer.json["type"] == "urn:problem-type:scores:unauthorized"


async def test_only_writes_are_guarded_with_a_write_token_alone(api_for: ApiFor) -> None:
    api = await api_for(**ONLY_WRITES)
    assert (await api.post("a1-b1", 5)).status == 401
    assert (await api.get("/inspectors")).status == 200
    assert (await api.get("/inspectors", headers=bearer("no"))).status == 200


async def test_nothing_is_guarded_without_tokens(api_for: ApiFor) -> None:
    api = await api_for()
    assert (await api.post("a1-b1", 5)).status == 200


@pytest.mark.parametrize("token", [WRITE, SECOND])
async def test_each_write_token_may_do_all(api_for: ApiFor, token: str) -> None:
    api = await api_for(**BOTH)
    for scheme in ("Bearer", "bearer", "BEARER "):
        headers = {"Authorization": f"{scheme} {token}"}
        answer = await api("POST", "/scores", json={"UUID": "a1-b1", "score": 5}, headers=headers)
        assert answer.status == 200
        assert (await api.get("/inspectors/a1-b1", headers=headers)).status == 200


async def test_a_read_token_may_only_read(api_for: ApiFor) -> None:
    api = await api_for(**BOTH)
    for method, path in targets("write"):
        answer = await api(method, path, headers=bearer(READ))
        assert (answer.status, answer.json["type"]) == (403, "urn:problem-type:scores:insufficient-scope")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="scores", error="insufficient_scope"'
    assert (await api.get("/inspectors", headers=bearer(READ))).json["total"] == 0


@pytest.mark.parametrize(
    "credentials",
    [f"Bearer {WRITE}x", f"Bearer {WRITE[:-1]}", "Bearer", "Bearer é", f"Bearer {WRITE},{READ}"],
)
async def test_a_wrong_token(api_for: ApiFor, credentials: str) -> None:
    api = await api_for(**BOTH)
    answer = await api("POST", "/scores", data=b"", headers={"Authorization": credentials})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="scores", error="invalid_token"'


async def test_another_scheme_is_no_token(api_for: ApiFor) -> None:
    api = await api_for(**BOTH)
    answer = await api.get("/exams", headers={"Authorization": f"Basic {WRITE}"})
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="scores"')


async def test_two_tokens_are_wrong(api_for: ApiFor) -> None:
    api = await api_for(**BOTH)
    fields = {"Authorization": f"Bearer {WRITE}\r\nAuthorization: Bearer {WRITE}", "Connection": "close"}
    assert b'error="invalid_token"' in await api.raw(request("GET", "/exams", fields))


async def test_who_may_not_write_need_not_send(api_for: ApiFor) -> None:
    api = await api_for(**BOTH, body_timeout=60)
    head = b"POST /scores HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
    # Answered while nothing of the body has come.
    answers = await asyncio.gather(api.raw(head + b"\r\n"), api.raw(head + b"Expect: 100-continue\r\n\r\n"))
    assert all(answer.startswith(b"HTTP/1.1 401 ") for answer in answers)


def test_every_token_is_compared_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(token: bytes, given: bytes) -> bool:
        compared.append((token, given))
        return token == given

    monkeypatch.setattr("scores.web.access.compare_digest", compare)
    guard = Guard(Config(write_token=(WRITE, SECOND), read_token=(READ,)))
    for given in (WRITE, READ, "wrong"):
        compared.clear()
        guard.admits("read", [f"Bearer {given}"])
        assert compared == [(token.encode(), given.encode()) for token in (WRITE, SECOND, READ)]


# Settings.


def test_tokens_are_read() -> None:
    config = Config.read({"SCORES_WRITE_TOKEN": f"{WRITE}, {SECOND}", "SCORES_READ_TOKEN": READ}, {})
    assert (config.write_token, config.read_token) == ((WRITE, SECOND), (READ,))
    assert Config.read(config.environ(), {}) == config


@pytest.mark.parametrize("text", ["", "off", " "])
def test_tokens_can_be_off(text: str) -> None:
    assert Config.read({"SCORES_WRITE_TOKEN": text}, {}) == Config()


@pytest.mark.parametrize(
    "text", ["short", "x" * 257, "with space 0123456", "é" * 20, "x" * 16 + ",", "=" * 16, "x" * 15 + "="]
)
def test_a_wrong_token_stops_the_start_and_is_not_shown(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.read({"SCORES_WRITE_TOKEN": text}, {})
    assert str(caught.value).startswith("SCORES_WRITE_TOKEN is not allowed: it must be tokens of 16 to 256 ")
    assert text not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_read_token_alone_is_wrong() -> None:
    with pytest.raises(
        ConfigError, match="SCORES_READ_TOKEN is not allowed without SCORES_WRITE_TOKEN"
    ) as caught:
        Config.read({"SCORES_READ_TOKEN": READ}, {})
    assert READ not in str(caught.value)


def test_no_token_is_shown() -> None:
    config = Config(write_token=(WRITE,), read_token=(READ,), feed_token=SECOND)
    assert SECOND not in repr(config)
    assert WRITE not in repr(config)
    assert READ not in repr(config)
    assert WRITE not in repr(vars(Guard)) + repr(Guard(config))
    assert [setting.name for setting in settings() if setting.secret] == [
        "feed_token",
        "write_token",
        "read_token",
    ]


async def test_tokens_have_no_flag(command: Any) -> None:
    started = await command("serve", "--write-token", WRITE, listening=False)
    out, err = await started.process.communicate()
    assert started.process.returncode == 2
    assert b"set SCORES_WRITE_TOKEN instead" in err
    assert WRITE.encode() not in out + err


async def test_the_help_names_the_variables_and_no_value(command: Any) -> None:
    started = await command("serve", "--help", listening=False, SCORES_WRITE_TOKEN=WRITE)
    out, _ = await started.process.communicate()
    assert b"SCORES_WRITE_TOKEN" in out
    assert b"--write-token" not in out
    assert WRITE.encode() not in out


async def test_who_listens_to_all_without_a_token_is_warned(command: Any) -> None:
    started = await command("serve", "--feed", "off", "--port", "0", "--host", "0.0.0.0", listening=False)  # noqa: S104  # that is the case
    await started.until("WARNING .*SCORES_WRITE_TOKEN is not set")
    await started.until("listening")
    assert await started.stop() == 0


@pytest.mark.parametrize(
    ("host", "tokens"),
    [("127.0.0.1", {}), ("0.0.0.0", {"SCORES_WRITE_TOKEN": WRITE})],  # noqa: S104  # likewise
)
async def test_who_need_not_be_warned_is_not(command: Any, host: str, tokens: dict[str, str]) -> None:
    started = await command(
        "serve", "--feed", "off", "--port", "0", "--host", host, listening=False, **tokens
    )
    before = (await started.until("(WARNING|listening)"))[1]
    assert (before, await started.stop()) == ("listening", 0)


async def test_a_worker_has_the_tokens_and_no_process_shows_them(
    command: Any, http: aiohttp.ClientSession
) -> None:
    flags = ("--feed", "off", "--port", "0", "--workers", "2")
    async with redis_server() as redis:
        started = await command("serve", *flags, SCORES_STORE=redis.url, SCORES_WRITE_TOKEN=WRITE)
        api = Api(started.address, http)
        assert (await api.post("a1-b1", 5)).status == 401
        score = {"UUID": "a1-b1", "score": 5}
        assert (await api("POST", "/scores", json=score, headers=bearer(WRITE))).status == 200
        titles = _titles(started.process.pid)
        assert len(titles) >= 2
        assert not any(WRITE.encode() in title for title in titles)
        assert await started.stop() == 0


def _titles(pid: int) -> list[bytes]:
    """What a list of processes shows of this one and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [Path(f"/proc/{process}/cmdline").read_bytes() for process in (pid, *children)]


async def test_no_token_is_logged(api_for: ApiFor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    api = await api_for(**BOTH, access_log=True)
    for token in (WRITE, READ, "wrong-token-0123456"):
        await api("POST", "/scores", json={"UUID": "a1-b1", "score": 9}, headers=bearer(token))
        await asyncio.sleep(0)
    assert len([record for record in caplog.records if record.name == "scores.access"]) == 3
    assert "token-0123456" not in caplog.text


async def test_a_guarded_server_is_the_feed_of_who_has_its_token(api_for: ApiFor) -> None:
    guarded = await api_for(**BOTH)
    await guarded("PUT", "/exams/3/results/foo", json={"score": 0.5}, headers=bearer(WRITE))
    feed = f"{guarded.address}/scores"
    wrong = await api_for(feed=feed, feed_token="wrong-token-0123456")
    right = await api_for(feed=feed, feed_token=READ)
    async with asyncio.timeout(10):
        while (await right.get("/exams/3")).status != 200:  # noqa: ASYNC110  # only asking tells
            await asyncio.sleep(0.01)
    assert (await wrong.get("/feed")).json["state"] != "open"
    assert (await wrong.get("/exams/3")).status == 404
