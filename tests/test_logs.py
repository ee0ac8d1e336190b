"""Log lines: one JSON object each, with the request that it is about, and nothing that is secret."""

import json
import logging
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import aiohttp
import pytest
from support.commands import Command

from scores import logs
from scores.config import Config
from scores.tracing import Trace, current

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Has something logged as the settings say, and gives what was written."""

    def write(log: Callable[[logging.Logger], object], **settings: Any) -> str:
        root = logging.getLogger()
        before, level = root.handlers, root.level
        monkeypatch.setattr(root, "handlers", [])
        try:
            logs.configure(Config(feed=None, **settings))
            log(logging.getLogger("scores.test"))
        finally:
            root.setLevel(level)
            monkeypatch.setattr(root, "handlers", before)
        return capsys.readouterr().err

    return write


def fail(log: logging.Logger) -> None:
    try:
        int("what\nit was")
    except ValueError:
        log.exception("it failed")


def test_a_json_line_says_when_how_bad_who_and_what(line: Callable[..., str]) -> None:
    text = line(lambda log: log.warning("a %s", "thing"), log_format="json")
    said = json.loads(text)
    assert text.count("\n") == 1
    assert datetime.fromisoformat(said.pop("time")).utcoffset() is not None
    assert said == {"level": "warning", "logger": "scores.test", "message": "a thing"}


def test_an_exception_is_one_field_of_one_line(line: Callable[..., str]) -> None:
    text = line(fail, log_format="json")
    assert text.count("\n") == 1
    assert json.loads(text)["exception"].endswith(r"'what\nit was'")


@pytest.mark.parametrize("text", ["\ud800", 'quote " and \\', "new\nline", "é 🎓"])
def test_whatever_is_logged_is_json(line: Callable[..., str], text: str) -> None:
    written = line(lambda log: log.info("%s", text), log_format="json")
    assert written.count("\n") == 1
    assert json.loads(written)["message"] == text


def test_what_is_logged_for_a_request_carries_its_ids(line: Callable[..., str]) -> None:
    trace = Trace(f"00-{TRACE}-{SPAN}-01")
    token = current.set(trace)
    try:
        said = json.loads(line(fail, log_format="json"))
        text = line(fail)
    finally:
        current.reset(token)
    assert (said["trace_id"], said["parent_id"], said["span_id"]) == (TRACE, SPAN, trace.span_id)
    assert text.splitlines()[0].endswith(f"it failed [{trace.span_id}]")
    assert text.splitlines()[-1].startswith("ValueError: ")


def test_what_is_logged_for_no_request_has_none(line: Callable[..., str]) -> None:
    assert "span_id" not in line(fail, log_format="json")
    assert line(lambda log: log.info("it is so")).endswith("it is so\n")


async def test_the_access_log_says_which_request_and_nothing_that_was_said_in_it(
    command: Callable[..., Awaitable[Command]], http: aiohttp.ClientSession
) -> None:
    server = await command(
        *("serve", "--feed", "off", "--port", "0", "--log-format", "json", "--access-log", "on"),
        listening=False,
    )
    assert json.loads((await server.until("^.*express lane.*$"))[0])["message"] == "express lane: on"
    address = (await server.until(r"listening: (http://[^\"]+)"))[1]
    secret = {"Authorization": "Bearer s3cret", "traceparent": f"00-{TRACE}-{SPAN}-01"}
    lines = []
    # The third and the fourth are on the express lane, which a head with a traceparent never is.
    for headers in (secret, {}, {}, {}):
        async with http.post(
            address + "/scores", json={"UUID": "s3cret", "score": 5}, headers=headers
        ) as answer:
            assert answer.status == 200
        lines.append(json.loads((await server.until(r"^.*scores\.access.*$"))[0]))
    async with http.get(address + "/exams/s3cret?token=s3cret2") as answer:
        assert answer.status == 400
    lines.append(json.loads((await server.until(r"^.*scores\.access.*$"))[0]))
    assert await server.stop() == 0
    for said in lines[:4]:
        assert (said["method"], said["route"], said["path"], said["status"]) == (
            "POST",
            "/scores",
            "/scores",
            200,
        )
        assert (said["remote"], said["version"]) == ("127.0.0.1", "HTTP/1.1")
        assert said["bytes"] > 150
        assert 0 < said["duration"] < 20
        assert "s3cret" not in json.dumps(said)
    assert (lines[0]["trace_id"], lines[0]["parent_id"]) == (TRACE, SPAN)
    assert lines[0].keys() - lines[1].keys() == {"parent_id"}
    assert lines[1].keys() == lines[2].keys() == lines[3].keys()
    assert len({said["trace_id"] for said in lines}) == len({said["span_id"] for said in lines}) == 5
    assert all(re.fullmatch("[0-9a-f]{16}", said["span_id"]) for said in lines)
    assert (lines[4]["route"], lines[4]["path"]) == ("/exams/{number}", "/exams/s3cret")
    assert "s3cret2" not in json.dumps(lines[4])


async def test_that_the_lane_is_off_is_logged(command: Callable[..., Awaitable[Command]]) -> None:
    server = await command("serve", "--feed", "off", "--port", "0", "--express", "off", listening=False)
    await server.until("express lane: off$")
    assert await server.stop() == 0
