"""The store in a file when its disk is full or may not be written: refused and said so, and what was acknowledged stays.

Rule: as in `test_disk.py`, a disk is full by the limit of a file's size, which holds for root and for everybody else.
"""

import resource
import signal
from pathlib import Path

import pytest
from support.crowd import crowd
from support.honest import Honest, honest
from support.outside import server, until
from support.soak import times

LEFT = 20
"""Descriptors that the server may still open."""


def largest(folder: Path) -> int:
    """Bytes of the largest file there."""
    return max(file.stat().st_size for file in folder.iterdir())


async def check_kept(clients: Honest, store: str, fault: str, injected: int) -> None:
    """Starts a server on the file anew, and compares what it has with what was acknowledged."""
    async with server(store=store) as again:
        clients.address = again.address
        await clients.report(fault, injected=injected, in_flight=4 * injected)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_a_full_disk_refuses_writes_and_keeps_what_was_acknowledged(
    tmp_path: Path, end: signal.Signals
) -> None:
    store, rounds = f"sqlite:{tmp_path}/scores.db", times(3)
    async with server(store=store) as one, honest(one.address) as clients:
        for _ in range(rounds):
            await clients.more(20)
            one.allow(resource.RLIMIT_FSIZE, largest(tmp_path))
            await clients.until_refused()
            # What is stored can be read all the while.
            assert clients.statuses["GET", 200] > 0
            one.allow(resource.RLIMIT_FSIZE)
        await clients.more(20)
        # In the middle of the fault, too.
        one.allow(resource.RLIMIT_FSIZE, 1)
        await clients.until_refused()
        await clients.stop()
        clients.check(("POST", 503), ("POST", 507))
        await one.stop(end)
    await check_kept(clients, store, f"store's file on a full disk, {end.name}", rounds + 1)


async def test_a_store_that_is_gone_with_its_process_loses_it() -> None:
    """The control: the same comparison."""
    async with server(store="dict") as one, honest(one.address) as clients:
        await clients.more(20)
        await clients.stop()
    async with server(store="dict") as again:
        clients.address = again.address
        lost, _ = await clients.compare()
        assert lost == clients.acknowledged > 0


async def test_a_file_that_may_not_be_written_stops_the_start_with_one_line() -> None:
    # Nobody makes a file there, not even root.
    async with server(store="sqlite:/proc/scores.db", listening=False) as one:
        assert await one.ended() == 2
        assert "Traceback" not in one.log
        assert "/proc/scores.db" in one.log


async def test_no_descriptors_are_needed_to_go_on(tmp_path: Path) -> None:
    store = f"sqlite:{tmp_path}/scores.db"
    async with server(store=store) as one, honest(one.address) as clients:
        one.allow(resource.RLIMIT_NOFILE, one.descriptors + LEFT)
        async with crowd(one.address, 2 * LEFT) as flood:
            await until(lambda: flood.open() <= LEFT + 5)
            await clients.more(50)
        await one.serves()
        await clients.stop()
        clients.check()
        await one.stop(signal.SIGKILL)
    await check_kept(clients, store, "descriptors used up, store in a file", 1)
