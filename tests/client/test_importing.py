"""A file is imported exactly: whatever is lost on the way, wherever it is interrupted, however often."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from support.keyed_server import Fate, KeyedServer, keyed_server

from scores.client import ApiError, Client, Problem, Unreachable
from scores.client.importing import Interrupted, Running, run_import
from scores.client.journal import Journal, JournalError, Progress, journal_beside, opened
from scores.client.source import Source

Connect = Callable[..., Awaitable[Client]]


@pytest.fixture(autouse=True)
def _short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small file has several."""
    monkeypatch.setattr("scores.client.importing.CHUNK", 50)
    monkeypatch.setattr("scores.client.importing.FAST_CHUNK", 50)
    monkeypatch.setattr("scores.client.importing._BATCH", 10)


def written(path: Path, count: int, seed: int = 0, results: bool = True) -> Path:
    """A file of scores, of results that repeat themselves, and of rubbish."""
    random = Random(seed)
    lines = []
    for number in range(count):
        kind = random.random()
        if kind < 0.1:
            lines.append(
                random.choice(
                    [b"", b"{", b"[]", b'{"UUID":"","score":1}', b'{"exam":-1,"studentId":"s","score":1}']
                )
            )
        elif kind < 0.4 and results:
            lines.append(
                orjson.dumps(
                    {
                        "exam": random.randrange(3),
                        "studentId": f"s{random.randrange(3)}",
                        "score": number / count,
                    }
                )
            )
        else:
            lines.append(orjson.dumps({"UUID": f"i{random.randrange(5)}", "score": random.randrange(6)}))
    path.write_bytes(b"\n".join(lines) + (b"\n" if seed % 2 else b""))
    return path


def expected(path: Path) -> tuple[dict[str, list[int]], dict[tuple[str, str], float], int]:
    """By the plainest reading of the file: scores, results, and how many lines are neither."""
    scores: dict[str, list[int]] = {}
    results: dict[tuple[str, str], float] = {}
    rejected = 0
    for line in path.read_bytes().removesuffix(b"\n").split(b"\n"):
        try:
            data = orjson.loads(line)
            if "UUID" in data:
                assert data["UUID"]
                scores.setdefault(data["UUID"], []).append(data["score"])
            else:
                assert data["exam"] >= 0
                results[str(data["exam"]), data["studentId"]] = data["score"]
        except (orjson.JSONDecodeError, AssertionError, TypeError):
            rejected += 1
    return {uuid: sorted(all_) for uuid, all_ in scores.items()}, results, rejected


def recorded(server: KeyedServer) -> tuple[dict[str, list[int]], dict[tuple[str, str], float]]:
    return {uuid: sorted(all_) for uuid, all_ in server.scores.items()}, server.results


async def run(client: Client, path: Path, running: Running | None = None, **options: Any) -> Running:
    """One run of the import, from a fresh look at the file."""
    running = running or Running()
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with opened(journal_beside(path)) as journal:
            await run_import(client, Source(descriptor, path.name), journal, running, **options)
    finally:
        os.close(descriptor)
    return running


@pytest.mark.parametrize("seed", range(8))
async def test_no_line_counts_twice_through_losses_and_interruptions(
    connect: Connect, tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    path = written(tmp_path / "scores.ndjson", 300, seed)
    fates: list[Fate] = ["lose request", "lose reply", "busy", "in flight", "unknown", "fail", "html"]
    stops = sorted(random.sample(range(10, 400), 3))

    def fate(number: int) -> Fate:
        if stops and number >= stops[0]:
            stops.pop(0)
            return "stop"
        return random.choice(fates) if random.random() < 0.15 else "ok"

    async with keyed_server(fate) as server:
        client = await connect(server.address)
        done = None
        while done is None:
            task = asyncio.create_task(run(client, path, parallel=random.choice([1, 4, 16])))
            stopped = asyncio.create_task(server.stopped.wait())
            await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
            if server.stopped.is_set():
                task.cancel()
                server.stopped.clear()
            stopped.cancel()
            with suppress(asyncio.CancelledError, Interrupted):
                done = await task
        scores, results, rejected = expected(path)
        assert recorded(server) == (scores, results)
        assert done.rejected == rejected
        assert done.accepted + done.rejected == 300
    assert not journal_beside(path).exists()


@pytest.mark.parametrize("fast", [False, True])
async def test_the_real_server_has_what_the_file_says(client: Client, tmp_path: Path, fast: bool) -> None:
    path = written(tmp_path / "scores.ndjson", 400, 3, results=not fast)
    done = await run(client, path, fast=fast)
    scores, results, rejected = expected(path)
    assert (done.lines, done.rejected, done.done_bytes) == (400, rejected, path.stat().st_size)
    assert {one.uuid: (one.count, one.total) async for one in client.inspectors()} == {
        uuid: (len(all_), sum(all_)) for uuid, all_ in scores.items()
    }
    stored = {}
    async for exam in client.exams():
        async for result in (await client.exam(exam.exam)).results:
            stored[str(result.exam), result.student_id] = result.score
    assert stored == results


async def test_rejected_lines_are_named_as_the_server_would(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "scores.ndjson"
    path.write_bytes(
        b'{"UUID":"a1-b1","score":6}\n{"UUID":"a1-b1","score":5}\n{"exam":3,"studentId":"foo","score":2}\nx'
    )
    problems = (await run(client, path)).summary().errors
    assert [(one.line, one.status, one.code) for one in problems] == [
        (1, 422, "invalid-input"), (3, 422, "invalid-input"), (4, 400, "malformed-json"),
    ]  # fmt: skip
    with pytest.raises(ApiError) as said:
        await client.post("a1-b1", 6)
    assert (problems[0].detail, problems[0].errors) == (said.value.problem.detail, said.value.errors)


@contextmanager
def journal_of(path: Path) -> Any:
    with opened(journal_beside(path)) as journal:
        yield journal


def last(path: Path) -> Progress:
    with journal_of(path) as journal:
        assert isinstance(journal, Journal)
        progress = journal.read()
    assert progress is not None
    return progress


async def interrupted(client: Client, server: KeyedServer, path: Path, **options: Any) -> None:
    """Runs it until a request of the server's `stop`s."""
    task = asyncio.create_task(run(client, path, **options))
    await server.stopped.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    server.stopped.clear()


async def test_lines_in_doubt_whose_keys_are_forgotten_are_not_sent_unasked(
    connect: Connect, tmp_path: Path
) -> None:
    path = written(tmp_path / "scores.ndjson", 100, 1)
    async with keyed_server(lambda number: "stop" if number == 30 else "ok") as server:
        client = await connect(server.address)
        await interrupted(client, server, path, parallel=4)
        before = last(path)
        assert before.answered.line < before.sent.line <= 50
        with pytest.raises(
            JournalError, match=f"lines {before.answered.line + 1} to {before.sent.line} were sent"
        ):
            await run(client, path, key_ttl=100)
        # Each of these keeps how old the keys are.
        server.fate = lambda _: "stop"
        await interrupted(client, server, path, parallel=4)
        after = last(path)
        assert after.time == before.time
        server.fate = lambda _: "ok"
        done = await run(client, path, key_ttl=100, in_doubt="skip")
        assert done.accepted + done.rejected == 100 - (after.sent.line - after.answered.line)


async def test_lines_in_doubt_are_sent_again_when_asked(connect: Connect, tmp_path: Path) -> None:
    path = written(tmp_path / "scores.ndjson", 100, 1)
    async with keyed_server(lambda number: "stop" if number == 30 else "ok") as server:
        client = await connect(server.address)
        await interrupted(client, server, path, parallel=4)
        await run(client, path, key_ttl=0, in_doubt="send")
        assert recorded(server) == expected(path)[:2]


@pytest.mark.parametrize("change", ["before", "in doubt", "shorter"])
async def test_a_file_that_has_changed_is_not_gone_on_with(
    connect: Connect, tmp_path: Path, change: str
) -> None:
    path = written(tmp_path / "scores.ndjson", 100, 1)
    async with keyed_server(lambda number: "stop" if number == 60 else "ok") as server:
        client = await connect(server.address)
        await interrupted(client, server, path, parallel=4)
        progress, data = last(path), bytearray(path.read_bytes())
        at = {"before": 3, "in doubt": progress.sent.offset - 3, "shorter": 0}[change]
        path.write_bytes(
            data[: progress.sent.offset - 1] if change == "shorter" else data[:at] + b"?" + data[at + 1 :]
        )
        with pytest.raises(JournalError, match="has been changed"):
            await run(client, path)
        path.write_bytes(bytes(data) + b'\n{"UUID":"later","score":5}\n')
        assert (await run(client, path)).lines >= 101
        assert server.scores["later"] == [5]


async def test_an_import_goes_on_only_as_it_began(connect: Connect, tmp_path: Path) -> None:
    path = written(tmp_path / "scores.ndjson", 100, 1)
    async with (
        keyed_server(lambda number: "stop" if number == 60 else "ok") as server,
        keyed_server() as other,
    ):
        client = await connect(server.address)
        await interrupted(client, server, path)
        with pytest.raises(JournalError, match=f"is of an import into {server.address}, without --fast"):
            await run(await connect(other.address), path)
        with pytest.raises(JournalError, match="without --fast"):
            await run(client, path, fast=True)


async def test_two_imports_of_a_file_at_a_time_are_one_too_many(connect: Connect, tmp_path: Path) -> None:
    path = written(tmp_path / "scores.ndjson", 10)
    with opened(journal_beside(path)), pytest.raises(JournalError, match="another import"):
        await run(await connect("http://127.0.0.1:9"), path)


async def test_a_server_that_is_not_there_leaves_nothing_behind(connect: Connect, tmp_path: Path) -> None:
    path = written(tmp_path / "scores.ndjson", 10)
    with pytest.raises(Unreachable, match="cannot reach"):
        await run(await connect("http://127.0.0.1:9"), path)
    assert not journal_beside(path).exists()


async def test_what_every_line_would_meet_stops_the_import(connect: Connect, tmp_path: Path) -> None:
    path = written(tmp_path / "scores.ndjson", 200)
    async with keyed_server(lambda number: "busy" if number >= 70 else "ok") as server:
        with pytest.raises(Interrupted, match="it is store-busy"):
            await run(await connect(server.address, retries=1), path)
        server.fate = lambda _: "ok"
        await run(await connect(server.address), path)
        assert recorded(server) == expected(path)[:2]


async def test_lines_about_one_result_go_out_in_their_order(connect: Connect, tmp_path: Path) -> None:
    path = tmp_path / "results.ndjson"
    path.write_bytes(b"".join(b'{"exam":3,"studentId":"foo","score":%f}\n' % (n / 1000) for n in range(100)))
    async with keyed_server(lambda number: "lose request" if number % 7 == 3 else "ok") as server:
        await run(await connect(server.address), path, parallel=16)
        assert server.results == {("3", "foo"): 0.099}


async def test_a_fast_import_that_breaks_names_what_is_in_doubt_and_goes_on_after_it(
    client: Client, serve: Callable[..., Awaitable[str]], tmp_path: Path
) -> None:
    path = written(tmp_path / "scores.ndjson", 300, 5, results=False)
    running = Running()
    task = asyncio.create_task(run(client, path, running, fast=True))

    def stop() -> None:
        if running.lines == 120:
            task.cancel()

    running.changed = stop
    with suppress(asyncio.CancelledError):
        await task
    progress = last(path)
    assert progress.answered.line == 120
    doubtful = progress.sent.line - 120
    assert 0 < doubtful <= 30
    with pytest.raises(
        JournalError, match=f"lines 121 to {progress.sent.line} were sent, and have no answer"
    ):
        await run(client, path, fast=True)
    done = await run(client, path, fast=True, in_doubt="skip")
    assert done.accepted + done.rejected == 300 - doubtful
    counted = sum([one.count async for one in client.inspectors()])
    assert done.accepted <= counted <= done.accepted + doubtful


async def test_lines_that_the_store_refused_for_now_are_sent_again_one_by_one(
    connect: Connect, tmp_path: Path
) -> None:
    """In bulk such a line is a problem of its own, and nothing was recorded."""
    path = tmp_path / "scores.ndjson"
    path.write_bytes(b'{"UUID":"a1-b1","score":5}\n' * 3)
    async with keyed_server() as server:
        client = await connect(server.address)

        async def bulk(source: Any, tally: Any) -> Any:
            async for lines in source:
                tally.sent += len(lines)
            for code in (None, "store-busy", "outcome-unknown"):
                problem = code and Problem(503, code, code)
                tally.take(problem)
                yield problem

        client.send_lines = bulk  # type: ignore[method-assign]  # what a busy Redis would make of it
        done = await run(client, path, fast=True)
        assert (done.accepted, [one.code for one in done.errors]) == (2, ["outcome-unknown"])
        assert server.scores["a1-b1"] == [5]
