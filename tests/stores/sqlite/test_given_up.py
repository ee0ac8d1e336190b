"""A check that takes long is given up when nobody waits for it any more: no signal waits for its end."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scores.models import Inspector, Score
from scores.stores import open_store
from scores.stores.sqlite import checking
from scores.stores.sqlite.driver import Connection

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c"
"""One statement that is never done, as the check of a file of any size."""

COMMAND = f"""
import sys
from scores.cli import main
from scores.stores.sqlite import checking
def endless(connection):
    print("looking", flush=True)
    connection.value({ENDLESS!r})
checking.verify = endless
sys.exit(main(sys.argv[1:]))
"""


@contextmanager
def checking_for_ever(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """The command with these arguments, when it has begun to look through the file."""
    line = [sys.executable, "-c", COMMAND, *arguments]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "looking\n"
            yield process
        finally:
            process.kill()


async def made(url: str) -> None:
    async with open_store(url) as store:
        await store.add([Score("a1-b1", 5)])


@pytest.mark.parametrize("times", [1, 2])
async def test_who_no_longer_waits_is_let_go(
    store_url: str, file: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    await made(store_url)
    looking = asyncio.Event()
    loop = asyncio.get_running_loop()

    def endless(connection: Connection) -> None:
        loop.call_soon_threadsafe(looking.set)
        connection.value(ENDLESS)

    monkeypatch.setattr(checking, "verify", endless)
    opening = asyncio.create_task(open_store(f"{store_url}?check=full").__aenter__())
    await looking.wait()
    for _ in range(times):
        opening.cancel()
        await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await asyncio.wait([opening])
    assert opening.cancelled()
    # Nothing is held any longer, and nothing is left beside the file.
    assert list(file.parent.iterdir()) == [file]
    async with open_store(store_url) as store:
        assert await store.inspector("a1-b1") == Inspector("a1-b1", 1, 5)


async def test_a_check_between_two_statements_is_given_up_too(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made(store_url)
    looking = asyncio.Event()
    loop = asyncio.get_running_loop()

    def many(connection: Connection) -> None:
        loop.call_soon_threadsafe(looking.set)
        while True:
            connection.value("SELECT 1")
            sum(range(1000))

    monkeypatch.setattr(checking, "verify", many)
    opening = asyncio.create_task(open_store(f"{store_url}?check=full").__aenter__())
    await looking.wait()
    opening.cancel()
    async with asyncio.timeout(20):
        await asyncio.wait([opening])
    assert opening.cancelled()


async def test_a_server_that_is_still_looking_ends_at_once(store_url: str, file: Path) -> None:
    await made(store_url)
    with checking_for_ever("serve", "--store", f"{store_url}?check=full", "--port", "0") as server:
        server.send_signal(signal.SIGTERM)
        _, err = server.communicate(timeout=20)
    assert server.returncode == 0
    assert err.splitlines()[-1].endswith("stopped before it had started")
    assert "Traceback" not in err
    assert list(file.parent.iterdir()) == [file]


async def test_a_copy_that_is_still_looking_ends_at_once(store_url: str, file: Path) -> None:
    await made(store_url)
    with checking_for_ever("copy", f"{store_url}?check=full", f"sqlite:{file.parent}/to.db") as copying:
        copying.send_signal(signal.SIGINT)
        _, err = copying.communicate(timeout=20)
    assert copying.returncode == 130
    assert "Traceback" not in err
    assert list(file.parent.iterdir()) == [file]
