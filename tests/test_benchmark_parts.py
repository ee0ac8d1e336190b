"""The benchmarks' own parts do what their figures rest on: clients, contenders, charts.

Rule: they are called as the commands call them; the folder is not installed, so it is found by its place.
"""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib import import_module
from itertools import repeat
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from aiohttp import web

ROOT = Path(__file__).parent.parent
SVG = "{http://www.w3.org/2000/svg}"
CLIENTS = [name for name in ("wrk", "own") if name == "own" or shutil.which(name)]
ANSWER = b"HTTP/1.1 200 OK\r\n%bContent-Length: 2\r\n\r\n{}"

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module", autouse=True)
def _findable() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        yield


def part(module: str) -> Any:
    return import_module(f"benchmarks.{module}")


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[str]:
    """A server that does to each connection what it is told."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def load(client: str, address: str, path: str = "/", **options: Any) -> Any:
    requests = part("load.messages").gets(address, [path])
    options = {"connections": 3, "seconds": 1, **options}
    return await asyncio.to_thread(part("load.load").load, client, address, requests, **options)


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_counts_answers_and_no_errors(client: str, serve: Callable[..., Any]) -> None:
    done = await load(client, await serve(), "/livez")
    assert done.answers.errors == 0
    assert done.requests_per_s > 0
    assert 0 < done.answers.p50_us <= done.answers.p99_us <= done.answers.p99_9_us <= done.answers.max_us


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_counts_refusals_as_errors(client: str, serve: Callable[..., Any]) -> None:
    answers = (await load(client, await serve(), "/nowhere")).answers
    assert answers.errors == answers.requests > 0


async def test_our_client_opens_again_what_the_server_ends_after_an_answer() -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER % b"Connection: close\r\n")

    async with answering(once) as address:
        answers = (await load("own", address)).answers
    assert answers.errors == 0
    assert answers.requests > 3


async def test_our_client_counts_what_was_never_answered_as_an_error() -> None:
    async def never(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with answering(never) as address:
        answers = (await load("own", address)).answers
    assert answers.errors > answers.requests == 0


async def test_a_steady_load_counts_the_wait_of_what_was_due_during_a_stall() -> None:
    stall = iter((0.3,))

    async def stalling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            await asyncio.sleep(next(stall, 0))
            writer.write(ANSWER % b"")

    async with answering(stalling) as address:
        requests = (request for request, _ in zip(repeat(b"GET / HTTP/1.1\r\n\r\n"), range(40), strict=False))
        times = part("histogram").Histogram()
        done = await asyncio.to_thread(
            part("load.steady").send_steadily, address, requests, rate=100, connections=1, times=times
        )
    assert (times.count, done.errors) == (40, 0)
    assert times.worst >= 300e6
    assert times.percentile(50) >= 50e6


@pytest.mark.parametrize(("lines", "answers"), [(0, "lines"), (2500, "lines"), (10, "minimal")])
async def test_lines_go_out_while_answers_come_in(
    aiohttp_server: Callable[..., Any], lines: int, answers: str
) -> None:
    taken: list[bytes] = []

    async def echo(request: web.Request) -> web.StreamResponse:
        assert request.content_type == "application/x-ndjson"
        assert (request.headers.get("Prefer") == "return=minimal") == (answers == "minimal")
        response = web.StreamResponse()
        await response.prepare(request)
        async for line in request.content:
            taken.append(line)
            await response.write(b"{}\n")
        return response

    app = web.Application()
    app.router.add_post("/scores", echo)
    address = str((await aiohttp_server(app)).make_url(""))
    stream = part("lines").stream_lines
    done = await asyncio.to_thread(stream, address.rstrip("/"), lines, answers=answers)
    assert (done.status, done.answers, len(taken)) == (200, lines, lines)


@pytest.mark.parametrize(
    ("client_cpu", "server_cpu", "named"),
    [
        (1.0, 0.5, "generator"),
        (0.95, 0.89, "generator"),
        (0.5, 0.95, "server"),
        (1.0, 0.99, "server"),
        (0.5, 0.5, "neither"),
        (1.0, None, "unknown"),
    ],
)
def test_who_fills_a_core_is_the_bottleneck(client_cpu: float, server_cpu: float | None, named: str) -> None:
    assert part("load.load").bottleneck(client_cpu, server_cpu) == named


def contender(*command: str, needs: tuple[str, ...] = ("aiohttp",)) -> Any:
    return part("peers.table").Peer(name="other", needs=needs, command=(sys.executable, *command))


def measure(peer: Any) -> Any:
    module = part("peers.measure")
    (row,) = module.measure_peers(
        module.Plan(peers=[peer], connections=[2], clients=["own"], seconds=1, rounds=1)
    )
    return row


def test_a_contender_that_is_not_installed_is_named() -> None:
    row = measure(contender("-c", "", needs=("aiohttp", "no-such-distribution")))
    assert row == {"peer": "other", "status": "not installed", "needs": "aiohttp, no-such-distribution"}


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["-c", "raise SystemExit('it is broken')"], "it is broken"),
        (["-m", "http.server", "$port", "--bind", "127.0.0.1"], "answered 501"),
    ],
    ids=["does not start", "does not do the job"],
)
def test_a_contender_that_fails_is_named_with_the_reason(command: list[str], why: str) -> None:
    row = measure(contender(*command))
    assert (row["peer"], row["status"], row["passed"]) == ("other", "failed", False)
    assert why in row["why"]


DIES = """
import http.server, os
class Dying(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        os._exit(3)
http.server.HTTPServer(("127.0.0.1", $port), Dying).serve_forever()
"""


@pytest.mark.parametrize("client", CLIENTS)
def test_a_contender_that_dies_in_its_turn_fails_by_itself(client: str) -> None:
    module = part("peers.measure")
    dying = replace(contender("-c", DIES), does_the_job=False, needs=())
    plan = module.Plan(
        peers=[dying, part("peers.table").PEERS["aiohttp"]],
        connections=[2], clients=[client], seconds=1, rounds=2,
    )  # fmt: skip
    rows = {row["peer"]: row for row in module.measure_peers(plan)}
    assert (rows["other"]["status"], rows["other"]["passed"]) == ("failed", False)
    assert (rows["aiohttp"]["status"], rows["aiohttp"]["passed"]) == ("measured", True)


def measured(name: str, rate: int, *, connections: int = 1, bottleneck: str = "server") -> dict[str, Any]:
    rates = {"requests_per_s": rate, "low": rate - 10, "high": rate + 10, "rounds": [rate]}
    return {
        "peer": name, "status": "measured", "client": "own", "connections": connections,
        "bottleneck": bottleneck, **rates,
    }  # fmt: skip


def chart(*rows: dict[str, Any]) -> ET.Element:
    origin = {
        "benchmark": "peers",
        "date": "2026-01-01T00:00:00+00:00",
        "machine": {"cores": 2},
        "python": "CPython 3.11",
    }
    tree: ET.Element = ET.fromstring(part("pictures").chart({**origin, "figures": list(rows)}))  # noqa: S314 - ours
    return tree


def test_a_chart_has_a_bar_and_a_whisker_for_each_row_that_was_measured() -> None:
    absent = {"peer": "none", "status": "not installed", "needs": "none"}
    image = chart(measured("a<b", 500), measured("nginx", 1000), measured("a<b", 700, connections=32), absent)
    widths = [float(bar.attrib["width"]) for bar in image.iter(f"{SVG}rect")]
    assert len(list(image.iter(f"{SVG}path"))) == len(widths) == 3
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.2)
    assert max(float(bar.attrib["x"]) for bar in image.iter(f"{SVG}rect")) + max(widths) < 760


def test_a_chart_is_told_to_those_who_do_not_see_it() -> None:
    image = chart(measured("a<b", 500))
    told = image.find(f"{SVG}desc")
    assert image.find(f"{SVG}title") is not None
    assert told is not None
    assert "a<b 500 (490 to 510)" in str(told.text)


def test_a_chart_says_what_is_only_a_lower_bound() -> None:
    texts = [text.text for text in chart(measured("a", 500, bottleneck="generator")).iter(f"{SVG}text")]
    assert "≥ 500" in texts


def test_smoke_fails_when_a_command_does(capsys: pytest.CaptureFixture[str]) -> None:
    commands = {one.name: one for one in part("commands").COMMANDS}
    assert all(one.tiny for one in commands.values())
    works = replace(commands["decoder"], tiny=("--events", "1", "--rounds", "1"))
    fails = replace(commands["post"], tiny=("--url", "http://127.0.0.1:1"))
    assert part("smoke").smoke([works]) == 0
    assert part("smoke").smoke([fails, works]) == 1
    assert "post" in capsys.readouterr().out
