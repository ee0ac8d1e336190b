"""The command as a process: what it prints, what it listens to, how it goes down."""

import asyncio
import signal
import socket
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from support.feeds import eventually
from support.sockets import answered, connection, deaf_client, refuses

from scores.config import settings
from scores.web.openapi.document import printed
from scores.web.routes import ROUTES


async def output_of(command: Callable[..., Any], *arguments: str, **variables: str) -> tuple[int, str, str]:
    started = await command(*arguments, listening=False, **variables)
    async with asyncio.timeout(20):
        out, err = await started.process.communicate()
    return started.process.returncode, out.decode(), err.decode()


async def test_help_names_every_setting_with_its_variable_and_default(command: Callable[..., Any]) -> None:
    status, out, _ = await output_of(command, "serve", "--help")
    assert status == 0
    text = " ".join(out.split())
    for setting in settings():
        # A secret has none: a list of processes would show it.
        assert (setting.flag in text) is not setting.secret
        assert setting.variable in text.replace("- ", "-")


async def test_help_names_the_commands(command: Callable[..., Any]) -> None:
    status, out, _ = await output_of(command, "--help")
    assert status == 0
    assert all(name in out for name in ("scores demo", "scores serve", "scores feed", "scores openapi"))


async def test_the_version_is_the_packages(command: Callable[..., Any]) -> None:
    import scores  # noqa: PLC0415  # only this test needs it

    assert await output_of(command, "--version") == (0, f"scores {scores.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "variables", "sentence"),
    [
        (["--port", "http"], {}, "--port='http' is not allowed: it must be an integer from 0 to 65535"),
        ([], {"SCORES_PORT": "-1"}, "SCORES_PORT='-1' is not allowed: it must be an integer from 0 to 65535"),
        (["--store", "nosuch:"], {}, "the store 'nosuch' is not known: it must be one of dict, sharded"),
        (["--store", "dict:?x=1"], {}, "the store 'dict:?x=1' is not allowed: dict takes no options"),
        (["--store", "sharded:?shards=3"], {}, "with N a power of two from 1 to 65536"),
        (["--store", "sharded:?parts=4"], {}, "the store 'sharded:?parts=4' is not allowed"),
        (["--workers", "65"], {}, "--workers='65' is not allowed: it must be an integer from 1 to 64"),
        (["--host", "no-such-host.invalid"], {}, "cannot listen on 'no-such-host.invalid' port 8000"),
        (["--host", "a..b"], {}, "cannot listen on 'a..b' port 8000"),
        (["--host", "a\nb"], {}, r"cannot listen on 'a\nb' port 8000"),
        (["--port", "1_0"], {}, "--port='1_0' is not allowed"),
    ],
)
async def test_a_wrong_setting_stops_the_start_with_one_line(
    command: Callable[..., Any], arguments: list[str], variables: dict[str, str], sentence: str
) -> None:
    status, out, err = await output_of(command, "serve", "--feed", "off", *arguments, **variables)
    assert (status, out) == (2, "")
    assert sentence in err
    assert len(err.splitlines()) == 1
    assert err.startswith("scores: ")


async def test_a_port_that_is_taken_is_said_in_one_line(command: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, _, err = await output_of(command, "serve", "--feed", "off", "--port", port)
    assert status == 1
    assert f"cannot listen on '127.0.0.1' port {port}" in err
    assert "--port" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [["--host", "a..b"], ["--fault", "cut"], ["--rate", "-1"], ["--students", "1"], ["--port", "99999"]],
)
async def test_a_wrong_option_of_the_feed_is_said_in_one_line(
    command: Callable[..., Any], arguments: list[str]
) -> None:
    status, _, err = await output_of(command, "feed", *arguments)
    assert status == 2
    assert "Traceback" not in err
    assert "must be" in err or "cannot listen" in err


async def test_a_demo_whose_words_nobody_reads_runs_on(command: Callable[..., Any]) -> None:
    demo = await command("demo", "--port", "0", listening=False)
    demo.process.stdout.feed_eof()
    demo.process._transport.get_pipe_transport(1).close()
    await demo.until("listening")
    await demo.until("cannot print: Broken pipe")
    assert await demo.stop() == 0


async def test_a_misspelt_variable_is_named_in_a_warning(command: Callable[..., Any]) -> None:
    server = await command("serve", "--feed", "off", "--port", "0", listening=False, SCORES_PROT="1")
    await server.until("WARNING SCORES_PROT is not a setting and is ignored; did you mean SCORES_PORT?")
    await server.until("listening")
    assert await server.stop() == 0


async def test_the_start_states_store_feed_and_address(command: Callable[..., Any]) -> None:
    server = await command(
        "serve", "--port", "0", "--store", "sharded:?shards=8", "--feed", "http://me:secret@127.0.0.1:9/", listening=False
    )  # fmt: skip
    await server.until("store: sharded:.shards=8")
    await server.until("feed: http://127.0.0.1:9/")
    await server.until(r"listening: http://127.0.0.1:\d+")
    assert await server.stop() == 0


async def test_no_password_is_logged(command: Callable[..., Any]) -> None:
    server = await command(
        "serve", "--port", "0", "--feed", "http://me:secret@127.0.0.1:9/", "--log-level", "debug"
    )
    await server.until("feed waiting")
    server.process.send_signal(signal.SIGTERM)
    _, err = await server.process.communicate()
    assert b"secret" not in err


async def test_log_lines_may_be_json(command: Callable[..., Any]) -> None:
    server = await command("serve", "--feed", "off", "--port", "0", "--log-format", "json", listening=False)
    await server.until(
        r'^{"time":"[^"]+","level":"info","logger":"scores","message":"listening: http://[^"]+"}$'
    )
    assert await server.stop() == 0


async def test_requests_are_logged_when_asked_for(
    command: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    server = await command("serve", "--feed", "off", "--port", "0", "--access-log", "on")
    await (await http.get(server.address + "/students?limit=1")).read()
    await server.until('"GET /students HTTP/1.1" 200')
    assert await server.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_with_zero(command: Callable[..., Any], number: signal.Signals) -> None:
    server = await command("serve", "--feed", "off", "--port", "0")
    assert await server.stop(number) == 0


async def test_the_demo_shows_live_data_at_the_address_it_prints(
    command: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    demo = await command("demo", "--port", "0", "--rate", "0", "--count", "500")
    line = (await demo.process.stdout.readline()).decode()
    assert line == f"scores is running: {demo.address}\n"
    total = 0
    async with asyncio.timeout(20):
        while total < 500:
            async with http.get(demo.address + "/feed") as response:
                total = (await response.json())["recorded"]
    for path, member in (("/students", "students"), ("/exams", "exams")):
        async with http.get(demo.address + path) as response:
            first = (await response.json())[member][0]
        one = first.get("studentId", first.get("exam"))
        async with http.get(f"{demo.address}{path}/{one}") as response:
            report = await response.json()
        assert report["average"] == first["average"]
        assert len(report["results"]) == first["count"]
    assert await demo.stop(signal.SIGINT) == 0


async def test_a_stop_under_load_breaks_no_request_off(command: Callable[..., Any]) -> None:
    server = await command("serve", "--feed", "off", "--port", "0")
    acknowledged = refused = 0
    started = asyncio.Event()

    async def post(session: aiohttp.ClientSession) -> None:
        nonlocal acknowledged, refused
        while True:
            try:
                async with session.post(
                    server.address + "/scores", json={"UUID": "a1-b1", "score": 5}
                ) as response:
                    assert response.status == 200
                    await response.read()
                acknowledged += 1
                if acknowledged > 200:
                    started.set()
            except aiohttp.ClientConnectorError:
                # It does not accept any more.
                return
            except aiohttp.ClientConnectionError:
                # An idle connection was closed at the moment of use: nothing was broken off if it was not counted.
                refused += 1
                return

    async with aiohttp.ClientSession() as session:
        clients = [asyncio.create_task(post(session)) for _ in range(8)]
        await started.wait()
        assert await server.stop() == 0
        await asyncio.gather(*clients)
    assert acknowledged > 200


HEAD = (
    b"POST /scores HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 26\r\n"
    b"Expect: 100-continue\r\n\r\n"
)


async def test_a_request_in_flight_is_finished_after_the_signal(command: Callable[..., Any]) -> None:
    server = await command("serve", "--feed", "off", "--port", "0")
    async with connection(server.address) as (reader, writer):
        writer.write(HEAD + b'{"UUID":"a1-')
        assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
        server.process.send_signal(signal.SIGTERM)
        await server.until("stopping")
        await refuses(server.address)
        writer.write(b'b1","score":5}')
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b'{"UUID":"a1-b1","mean":5.0}')
    await server.process.communicate()
    assert server.process.returncode == 0


async def test_a_request_that_does_not_finish_is_given_up_in_time(command: Callable[..., Any]) -> None:
    server = await command(
        "serve", "--feed", "off", "--port", "0", "--shutdown-timeout", "0.2", "--body-timeout", "60"
    )
    async with connection(server.address) as (reader, writer):
        writer.write(HEAD + b"{")
        await reader.readuntil(b"\r\n\r\n")
        before = asyncio.get_running_loop().time()
        assert await server.stop() == 0
        assert asyncio.get_running_loop().time() - before < 5


async def test_a_client_that_never_reads_is_cut_on_the_faster_loop_too(
    command: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    server = await command(
        "serve", "--feed", "off", "--port", "0", "--send-timeout", "0.2", "--max-connections", "2"
    )
    for i in range(1000):
        url = f"{server.address}/exams/1/results/{i:0256}"
        async with http.put(url, json={"score": 0.5}) as response:
            await response.read()
    with deaf_client(server.address, b"GET /exams/1?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n" * 40):
        # The client keeps one connection, the deaf one has the other: until it is cut there is no third.
        await answered(server.address)
    assert await server.stop() == 0


async def test_the_feeds_state_is_served(command: Callable[..., Any], http: aiohttp.ClientSession) -> None:
    server = await command("serve", "--port", "0", "--feed", "http://127.0.0.1:9/")
    answer: dict[str, Any] = {}

    async def reconnects() -> int:
        nonlocal answer
        async with http.get(server.address + "/feed") as response:
            answer = await response.json()
        count: int = answer["reconnects"]
        return count

    async with asyncio.timeout(20):
        while not await reconnects():
            await eventually(lambda: True)
    assert list(answer) == [
        "url", "state", "lastEventId", "lastEventAt", "received", "recorded", "rejected", "reconnects",
    ]  # fmt: skip
    assert answer["url"] == "http://127.0.0.1:9/"
    assert answer["state"] in ("connecting", "waiting")
    assert (answer["lastEventId"], answer["lastEventAt"]) == (None, None)
    assert await server.stop() == 0


async def test_the_description_is_printed_as_it_is_served(command: Callable[..., Any]) -> None:
    status, out, err = await output_of(command, "openapi")
    assert (status, err) == (0, "")
    assert out.encode() == printed(ROUTES)
