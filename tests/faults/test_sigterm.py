"""A server that is stopped under load: nobody is cut off, it ends in time, and what was acknowledged is stored."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import NamedTuple

import pytest
from support.accounts import NOTHING, Stored
from support.durable import durable_store
from support.mortals import Start, mortal_server
from support.regulars import Ends, Regular
from support.soak import LONG, times
from support.tally import note

from scores.stores import open_store

CLIENTS = 24
GRACE = 5

SHUTDOWN = 10
"""Seconds that the server may take to finish what is in flight, and before them those for all else."""


class Setup(NamedTuple):
    """How a server is run."""

    store: str
    workers: int = 1
    express: bool = True
    durable: bool = True

    @property
    def arguments(self) -> tuple[str, ...]:
        lane = "on" if self.express else "off"
        return "--workers", str(self.workers), "--express", lane, "--shutdown-timeout", str(SHUTDOWN)


SHORT = [
    Setup("dict", durable=False),
    Setup("sqlite", express=False),
    Setup("redis", workers=2),
    Setup("cluster"),
]
FURTHER = [
    Setup("dict", express=False, durable=False),
    *(Setup("sharded", express=express, durable=False) for express in (True, False)),
    Setup("sqlite"),
    *(Setup("redis", express=express) for express in (True, False)),
    Setup("redis", workers=2, express=False),
    Setup("cluster", express=False),
    *(Setup("cluster", workers=2, express=express) for express in (True, False)),
]


@pytest.mark.parametrize("setup", [*SHORT, *FURTHER] if LONG else SHORT, ids=str)
async def test_a_stop_under_load_cuts_nobody_off_and_loses_nothing(command: Start, setup: Setup) -> None:
    stops = times(1)
    for number in range(stops):
        seen = Ends()
        async with durable_store(setup.store) as url, mortal_server(
            command, "--store", url, "--feed", "off", *setup.arguments
        ) as server:  # fmt: skip
            async with visited(server.address, seen):
                in_flight, began = seen.account.under_way, monotonic()
                assert await server.stop() == 0
                took = monotonic() - began
            assert took < SHUTDOWN + GRACE
            assert (seen.ends["reset"], seen.ends["torn"], seen.gaps) == (0, 0, 0), (
                f"stop {number}: {seen.ends}"
            )
            if setup.durable:
                assert seen.account.toll(await stored_in(url)) == NOTHING
        lane = "on" if setup.express else "off"
        note(
            fault=f"SIGTERM, {setup.store}, workers {setup.workers}, lane {lane}", injected=1, in_flight=in_flight,
            acknowledged=seen.account.answers, lost=0, doubled=0, longest_outage=took,
        )  # fmt: skip


async def test_control_a_kill_in_its_place_cuts_clients_off(command: Start) -> None:
    seen = Ends()
    async with (
        mortal_server(command, "--store", "dict", "--feed", "off") as server,
        visited(server.address, seen),
    ):
        await server.kill()
    assert seen.ends["said"] == 0
    assert seen.ends["reset"] + seen.ends["torn"] + seen.ends["closed"] > 0


@asynccontextmanager
async def visited(address: str, seen: Ends) -> AsyncIterator[None]:
    """Clients at work, until the server lets nobody in any more."""
    async with asyncio.TaskGroup() as group:
        for number in range(CLIENTS):
            group.create_task(Regular(address, seen, f"regular{number}").run())
        await seen.account.more(300)
        yield


async def stored_in(url: str) -> Stored:
    async with open_store(url) as store:
        found = (await store.inspectors(limit=1000)).items
    return {one.uuid: (one.mean, one.count) for one in found}
