"""Nothing more can be written: the log, an import's progress, Redis' append-only file. What was acknowledged stays.

Rule: a full disk is made by the limit of a file's size (`RLIMIT_FSIZE`, `ulimit -f`) and by `/dev/full`, which do the
same to everybody: a mode that forbids writing does nothing to root, and a file system of its own needs root.
"""

import asyncio
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.honest import honest
from support.outside import Process, saw, server
from support.redis_servers import RedisServer, hold_port, redis_server
from support.soak import LONG
from support.tally import note

LINES = 2100
"""More than an import sends before it says how far it is: it does so every 2000 lines."""


def limited(blocks: int) -> Sequence[str]:
    """Words before a command whose files may have so many blocks of 512 bytes."""
    return ("sh", "-c", f'ulimit -f {blocks} && exec "$@"', "sh")


# The log.


@pytest.mark.parametrize("fmt", ["text", "json"] if LONG else ["text"])
async def test_a_log_that_cannot_be_written_stops_nothing(fmt: str) -> None:
    held = hold_port()
    port = held.getsockname()[1]
    settings = {"port": port, "access_log": "on", "log_format": fmt}
    full = ("sh", "-c", 'exec "$@" 2>/dev/full', "sh")
    try:
        async with server(*full, listening=False, **settings) as one:
            one.address = f"http://127.0.0.1:{port}"
            await one.serves()
            async with honest(one.address) as clients:
                await clients.more(300)
                before = one.rss
                await clients.more(300)
                assert one.rss < before + 4 * 2**20
                clients.check()
                await clients.report(f"log on a full disk, {fmt}", injected=len(clients.waits), in_flight=0)
            assert one.log == ""
            assert await one.stop() == 0
    finally:
        held.close()


async def test_a_log_that_can_be_written_has_a_line_for_each_request() -> None:
    """The control: it is these lines that a full disk takes."""
    async with server(access_log="on") as one, honest(one.address) as clients:
        await clients.more(100)
        assert one.log.count('"POST /scores HTTP/1.1" 200') >= 50


# An import.


async def run_import(one: Process, file: Path, *before: str) -> tuple[int, str]:
    """The exit status of `scores import`, and what it says."""
    process = await asyncio.create_subprocess_exec(
        *before, sys.executable, "-m", "scores", "import", "--url", one.address, str(file),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def count_of(one: Process, uuid: str) -> int:
    async with honest(one.address, 1) as clients:
        return await clients.count(uuid)


async def test_an_import_whose_progress_cannot_be_written_stops_and_goes_on_later(tmp_path: Path) -> None:
    file = tmp_path / "scores.ndjson"
    file.write_text('{"UUID":"imported","score":5}\n' * LINES)
    async with server() as one:
        status, said = await run_import(one, file, *limited(1))
        assert status == 1
        assert "cannot write" in said
        assert "Traceback" not in said
        before = await count_of(one, "imported")
        assert before < LINES
        # There is room again: the same command goes on, and no line counts twice.
        status, said = await run_import(one, file)
        assert (status, await count_of(one, "imported")) == (0, LINES), said
        assert not file.with_name(file.name + ".progress").exists()
        saw(f"import: {before} of {LINES} lines before its progress could not be written")
        note(
            fault="progress of an import on a full disk", injected=1, in_flight=32, acknowledged=LINES,
            lost=0, doubled=0, longest_outage=0,
        )  # fmt: skip
        # The control: without the file of its progress it begins anew, and what it had sent counts twice.
        for _ in range(2):
            await run_import(one, file, *limited(1))
            file.with_name(file.name + ".progress").unlink()
        assert await count_of(one, "imported") == LINES + 2 * before


# Redis.


def fill_up(redis: RedisServer) -> None:
    """Nothing that it writes grows any more."""
    _, hard = resource.prlimit(redis.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(redis.pid, resource.RLIMIT_FSIZE, (1, hard))


def make_room(redis: RedisServer) -> None:
    _, hard = resource.prlimit(redis.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(redis.pid, resource.RLIMIT_FSIZE, (hard, hard))


async def test_a_redis_that_cannot_write_refuses_and_keeps_what_was_acknowledged() -> None:
    async with (
        redis_server(appendonly="everysec") as redis,
        server(store=f"{redis.url}?timeout=2") as one,
        honest(one.address) as clients,
    ):
        await clients.more(50)
        fill_up(redis)
        await clients.until_refused()
        make_room(redis)
        await clients.more(100)
        await clients.stop()
        assert "AOF write error looks solved" in redis.log()
        clients.check(("POST", 503))
        # What it says it has is on its disk: it is there when it comes back.
        await redis.stop()
        await redis.start()
        await one.serves()
        await clients.report("append-only file on a full disk, everysec", injected=1, in_flight=4)


async def test_a_redis_that_must_write_ends_and_what_it_acknowledged_is_there() -> None:
    async with (
        redis_server(appendonly="always") as redis,
        server(store=f"{redis.url}?timeout=2") as one,
        honest(one.address) as clients,
    ):
        await clients.more(50)
        fill_up(redis)
        await clients.until_refused()
        assert not redis.running
        await redis.start()
        await clients.more(100)
        await clients.stop()
        clients.check(("POST", 503), ("GET", 503))
        await clients.report("append-only file on a full disk, always", injected=1, in_flight=4)


async def test_a_redis_without_a_file_loses_what_it_acknowledged() -> None:
    """The control: the same comparison, of a Redis that writes nothing and is started anew."""
    async with (
        redis_server() as redis,
        server(store=f"{redis.url}?timeout=2") as one,
        honest(one.address) as clients,
    ):
        await clients.more(50)
        await clients.stop()
        redis.kill()
        await redis.start()
        await one.serves()
        lost, _ = await clients.compare()
        assert lost > 0
