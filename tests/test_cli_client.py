"""The commands that ask a server, as processes: what they print, to whom, and what they exit with."""

import asyncio
import json
import os
import pty
import re
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support.feeds import HEAD, event
from support.keyed_server import keyed_server

from scores.cli.bar import described
from scores.cli.command import main
from scores.cli.output import shown, width
from scores.cli.table import Table
from scores.client import Client
from scores.client.importing import Running

Serve = Callable[..., Awaitable[str]]
Ask = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def ask(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs a command to its end: its status, what it prints, and what it says on standard error."""

    async def run(*arguments: str, **variables: str) -> tuple[int, str, str]:
        for name in [name for name in os.environ if name.startswith("SCORES_")]:
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        try:
            status = await asyncio.to_thread(main, arguments)
        except SystemExit as exc:
            status = int(str(exc.code))
        return status, *capfd.readouterr()

    return run


async def test_people_read_tables(serve: Serve, ask: Ask) -> None:
    address = await serve()
    assert await ask("post", "a1-b1", "5", SCORES_URL=address) == (0, "a1-b1: mean 5.0\n", "")
    async with Client(address) as client:
        await client.post("日本", 2)
        await client.post("\u202eevil\\", 3)
        await client.put_result(3, "foo", 0.5)
        await client.put_result(12, "foo", 0.991)
    table = """\
inspector         mean  scores
a1-b1         5.000000       1
\\u202eevil\\\\  3.000000       1
日本          2.000000       1
3 inspectors
"""
    assert await ask("inspectors", "--url", address) == (0, table, "")
    assert await ask("exams", "--url", address) == (
        0, "exam   average  results\n   3  0.500000        1\n  12  0.991000        1\n2 exams\n", ""
    )  # fmt: skip
    assert await ask("student", "foo", "--url", address) == (
        0, "foo: average 0.7455 of 2 results\nexam     score\n   3  0.500000\n  12  0.991000\n2 results\n", ""
    )  # fmt: skip


async def test_machines_read_json(serve: Serve, ask: Ask) -> None:
    address = await serve()
    async with Client(address) as client:
        await client.put_result(3, "foo", 0.5)
        await client.put_result(12, "föö", 0.991)
        await client.post("a1-b1", 4)

    async def lines(*arguments: str) -> list[Any]:
        status, out, err = await ask(*arguments, "--json", SCORES_URL=address)
        assert (status, err, out.isascii()) == (0, "", True)
        return [json.loads(line) for line in out.splitlines()]

    first, second = (
        {"studentId": "foo", "average": 0.5, "count": 1},
        {"studentId": "föö", "average": 0.991, "count": 1},
    )
    assert await lines("students") == [first, second]
    assert await lines("student", "foo") == [{**first, "results": [{"exam": 3, "score": 0.5}]}]
    assert await lines("exam", "12") == [
        {"exam": 12, "average": 0.991, "count": 1, "results": [{"studentId": "föö", "score": 0.991}]}
    ]
    assert await lines("inspector", "a1-b1") == [{"UUID": "a1-b1", "mean": 4.0, "count": 1}]


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["post", "a1-b1", "6"], 1, "score must be an integer from 0 to 5, not 6"),
        (["post", "", "5"], 1, "UUID must be a string of 1 to 256 characters"),
        (["post", "a1-b1", "five"], 2, "'five' is not allowed: it must be an integer from 0 to 5"),
        (["post", "a1-b1"], 2, "required: SCORE"),
        (["student", "no\nbody"], 1, "studentId must be a string"),
        (["student", "nobody"], 1, "no student 'nobody' is known"),
        (["exam", "3"], 1, "no exam 3 is known"),
        (["exams", "--url", "http://127.0.0.1:9"], 1, "cannot reach http://127.0.0.1:9: Connection refused"),
        (["exams", "--url", "nowhere"], 2, "the server's URL 'nowhere' is not allowed"),
        (["import", "/no/such/file"], 2, "cannot read '/no/such/file': No such file or directory"),
        (["import", "-", "--parallel", "0"], 2, "it must be an integer from 1 to 256"),
    ],
)  # fmt: skip
async def test_what_goes_wrong_is_one_line_and_a_status(
    serve: Serve, ask: Ask, arguments: list[str], status: int, sentence: str
) -> None:
    found, out, err = await ask(*arguments, SCORES_URL=await serve())
    assert (found, out) == (status, "")
    assert sentence in err
    assert len([line for line in err.splitlines() if line.startswith("scores")]) == 1


async def test_a_misspelt_variable_is_named_and_the_clients_own_are_known(serve: Serve, ask: Ask) -> None:
    address = await serve()
    status, _, err = await ask("exams", SCORES_URL=address, SCORES_TOKEN="secret", SCORES_TOKENS="x")
    assert (status, err) == (
        0,
        "scores: warning: SCORES_TOKENS is not a setting and is ignored; did you mean SCORES_TOKEN?\n",
    )
    status, _, err = await ask("exams", SCORES_URL=address, SCORES_TOKEN="two words")
    assert status == 2
    assert "words" not in err


async def test_the_token_is_shown_to_the_server(ask: Ask) -> None:
    async with keyed_server() as server:
        assert (await ask("post", "a1-b1", "5", SCORES_URL=server.address, SCORES_TOKEN="secret"))[0] == 0
        assert server.headers[0]["Authorization"] == "Bearer secret"


async def test_a_post_in_doubt_says_how_it_is_settled(ask: Ask) -> None:
    async with keyed_server(lambda number: "fail" if number == 0 else "ok") as server:
        status, _, err = await ask("post", "a1-b1", "5", SCORES_URL=server.address)
        assert status == 1
        key = err.split("the key ")[1].split()[0]
        assert (await ask("post", "a1-b1", "5", "--key", key, SCORES_URL=server.address))[0] == 0
        assert set(server.arrivals) == {key}


async def test_nobody_who_reads_is_no_error(serve: Serve, command: Callable[..., Any]) -> None:
    address = await serve()
    async with Client(address) as client:
        await client.import_scores((f"{number:0250}", 1) for number in range(2000))
    listing = await command("inspectors", listening=False, SCORES_URL=address)
    await listing.process.stdout.readline()
    listing.process._transport.get_pipe_transport(1).close()
    async with asyncio.timeout(20):
        assert await listing.process.wait() == 141
        assert await listing.process.stderr.read() == b""


async def test_nobody_who_reads_the_last_line_is_no_error(serve: Serve) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scores", "exams", "--url", await serve(), env=buffered,
        stdout=writing, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    os.close(writing)
    _, err = await process.communicate()
    assert (err, process.returncode) == (b"", 141)


async def test_watching_prints_each_event_as_it_comes_until_ctrl_c(
    command: Callable[..., Any], no_leaks: None
) -> None:
    targets: list[bytes] = []
    hold = asyncio.Event()

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        targets.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(HEAD + event("foo\u202e", number="7"))
        writer.write(b'id: 8\nevent: mean\ndata: {"UUID":"a1-b1","mean":4.5,"count":2}\n\n')
        await hold.wait()
        writer.close()

    server = await asyncio.start_server(stream, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        watching = await command("watch", listening=False, SCORES_URL=url)
        async with asyncio.timeout(20):
            assert await watching.process.stdout.readline() == b"exam 3: foo\\u202e has 0.5\n"
            assert await watching.process.stdout.readline() == b"inspector a1-b1: mean 4.5 of 2\n"
        assert await watching.stop(signal.SIGINT) == 130
        machine = await command("watch", "--json", "--all", listening=False, SCORES_URL=url)
        async with asyncio.timeout(20):
            first, second = [json.loads(await machine.process.stdout.readline()) for _ in range(2)]
        assert first == {"id": "7", "event": "score", "studentId": "foo\u202e", "exam": 3, "score": 0.5}
        assert second == {"id": "8", "event": "mean", "UUID": "a1-b1", "mean": 4.5, "count": 2}
        assert await machine.stop(signal.SIGINT) == 130
    finally:
        hold.set()
        server.close()
    assert [target.split(b" ")[1] for target in targets] == [b"/scores?start=now", b"/scores"]


def scores_file(path: Path, count: int) -> Path:
    path.write_bytes(
        b"".join(b'{"UUID":"i%d","score":%d}\n' % (number % 3, number % 6) for number in range(count))
    )
    return path


@pytest.mark.parametrize("options", [[], ["--fast"]])
async def test_a_file_is_imported(serve: Serve, ask: Ask, tmp_path: Path, options: list[str]) -> None:
    address = await serve()
    path = scores_file(tmp_path / "scores.ndjson", 600)
    path.write_bytes(path.read_bytes() + b"rubbish\n")
    status, out, err = await ask("import", str(path), *options, SCORES_URL=address)
    assert (status, out) == (1, "601 lines: 600 accepted, 1 rejected\n")
    assert err.startswith("scores: line 601: ")
    async with Client(address) as client:
        assert {(one.uuid, one.count) async for one in client.inspectors()} == {
            (f"i{n}", 200) for n in range(3)
        }
    assert os.listdir(tmp_path) == [path.name]  # noqa: PTH208  # it is what a person would look at


async def test_a_summary_may_be_json(serve: Serve, ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "scores.ndjson"
    path.write_bytes(b'{"exam":3,"studentId":"foo","score":0.5}\n{"UUID":"a1-b1"}\n')
    status, out, err = await ask("import", "--json", str(path), SCORES_URL=await serve())
    assert (status, err) == (1, "")
    summary = json.loads(out)
    assert (summary["accepted"], summary["rejected"]) == (1, 1)
    assert summary["errors"][0]["line"] == 2
    assert "score is missing" in summary["errors"][0]["detail"]


async def test_standard_input_is_imported(serve: Serve) -> None:
    address = await serve()
    process = await asyncio.create_subprocess_shell(
        f'printf \'{{"UUID":"a1-b1","score":5}}\\n%.0s\' 1 2 3 | {sys.executable} -m scores import - --url {address}',
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert out == b"3 lines: 3 accepted, 0 rejected\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
async def test_an_import_that_is_stopped_goes_on_and_counts_each_line_once(
    command: Callable[..., Any], ask: Ask, tmp_path: Path, number: signal.Signals
) -> None:
    path = scores_file(tmp_path / "scores.ndjson", 300)
    async with keyed_server(lambda number: "stop" if number == 123 else "ok") as server:
        first = await command("import", str(path), listening=False, SCORES_URL=server.address)
        async with asyncio.timeout(20):
            await server.stopped.wait()
        first.process.send_signal(number)
        _, err = await first.process.communicate()
        assert first.process.returncode == (130 if number == signal.SIGINT else -9)
        assert number == signal.SIGKILL or b"lines have their answer: the same command goes on" in err
        assert (await ask("import", str(path), SCORES_URL=server.address))[:2] == (
            0, "300 lines: 300 accepted, 0 rejected\n"
        )  # fmt: skip
        assert {uuid: len(scores) for uuid, scores in server.scores.items()} == {
            "i0": 100,
            "i1": 100,
            "i2": 100,
        }
    assert os.listdir(tmp_path) == [path.name]  # noqa: PTH208  # it is what a person would look at


async def test_a_terminal_sees_a_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = scores_file(tmp_path / "scores.ndjson", 500)
    terminal, end = pty.openpty()
    os.set_blocking(terminal, False)
    async with keyed_server(lambda number: "stop" if number == 499 else "ok") as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "scores", "import", str(path), "--url", server.address, stderr=end, stdout=end,
        )  # fmt: skip
        async with asyncio.timeout(20):
            await server.stopped.wait()
        process.send_signal(signal.SIGINT)
        await process.wait()
        seen = os.read(terminal, 65536).decode()
    os.close(terminal)
    os.close(end)
    assert "\r\x1b[K" in seen
    assert re.search(
        r"scores: stopped; \d+ lines have their answer: the same command goes on from there", seen
    )


def test_the_bar_says_how_far_how_fast_and_how_long() -> None:
    running = Running(accepted=1400, rejected=100, size=4000, done_bytes=3000, begun_bytes=1000)
    assert (
        described(running, 500, 10.0)
        == "[##################......]  75%  1,500 lines  100/s  100 rejected  0:05 left"
    )
    assert described(Running(accepted=7), 0, 0.0) == "7 lines  0/s"


@pytest.mark.parametrize(
    ("text", "safe"),
    [("a b", "a b"), ("\x1b[31m", "\\x1b[31m"), ("\u202e", "\\u202e"), ("\\u202e", "\\\\u202e"), ("é😀", "é😀"), ("\x9b", "\\x9b"), ("a\u2028b", "a\\u2028b")],
)  # fmt: skip
def test_nothing_that_moves_a_terminal_is_printed(text: str, safe: str) -> None:
    assert shown(text) == safe


def test_columns_are_what_a_terminal_takes() -> None:
    assert [width(text) for text in ("abc", "日本", "e\u0301", "😀")] == [3, 4, 1, 2]


def test_a_table_keeps_few_rows_and_cuts_none(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("id", ">n")
    for number in range(1500):
        table.row("x" if number < 1400 else "x" * 9, str(number))
        assert len(table._first) <= 1001
    table.end(one="row", many="rows")
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0], lines[1], lines[-2], lines[-1]) == (
        "id    n",
        "x     0",
        "xxxxxxxxx  1499",
        "1500 rows",
    )


@pytest.mark.parametrize("arguments", [["openapi"], ["students"], ["post", "a1-b1", "5"]])
async def test_a_full_disk_is_said_in_one_line(serve: Serve, arguments: list[str]) -> None:
    environ = {**os.environ, "SCORES_URL": await serve()}
    with Path("/dev/full").open("wb") as full:  # noqa: ASYNC230  # it is no file, and is only handed on
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "scores",
            *arguments,
            stdout=full,
            stderr=asyncio.subprocess.PIPE,
            env=environ,
        )
        _, err = await process.communicate()
    assert (process.returncode, err) == (1, b"scores: cannot write the output: No space left on device\n")


async def test_a_directory_is_no_file(ask: Ask, tmp_path: Path) -> None:
    status, _, err = await ask("import", str(tmp_path), "--url", "http://127.0.0.1:1")
    assert (status, err.count("\n")) == (2, 1)
    assert "it is a directory" in err
