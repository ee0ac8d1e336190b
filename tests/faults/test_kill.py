"""A server that is killed under load, again and again: what it has acknowledged is there, once."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic

import pytest
from aiohttp.test_utils import TestServer
from support.accounts import NOTHING, Account, Toll, stored_at
from support.crowds import Crowd, Errand, crowd_of
from support.durable import durable_store
from support.errands import Bulk, Correction, Post
from support.feed_series import averages_at, averages_of, stored_of_feed
from support.listings import member
from support.mortals import Mortal, Start, mortal_server
from support.redis_servers import until
from support.soak import LONG, times
from support.tally import note

from scores.feed.simulator import SimulatorOptions, create_simulator

UNSAFE_STORES = str(Path(__file__).parents[1] / "support" / "unsafe_stores")
CLIENTS = 32
KILLS = times(5) if LONG else 3
CHANCES = 10
"""Kills in which a control must be found out: one does, unless it happens to come at a moment that does no harm."""
RATE = 200
"""Events a second of the feed, and as many in all for each kill."""


@dataclass
class Load:
    """All kinds of clients that record something, and what each kind was told."""

    address: str
    accounts: dict[str, Account] = field(default_factory=dict)
    errands: list[Errand] = field(default_factory=list)
    corrections: list[Correction] = field(default_factory=list)

    def __post_init__(self) -> None:
        at = self.address
        once, keyed, put, bulk = (self._account(kind) for kind in ("no key", "key", "PUT", "bulk"))
        self.corrections += [Correction(at, put, f"student{number}") for number in range(4)]
        self.errands += [
            *(Post(at, once, "once", name=f"once{number}") for number in range(CLIENTS)),
            *(Post(at, keyed, "keyed", name=f"keyed{number}") for number in range(CLIENTS)),
            *(Bulk(at, bulk, name=f"bulk{number}") for number in range(4)),
            *self.corrections,
        ]

    def _account(self, kind: str) -> Account:
        return self.accounts.setdefault(kind, Account())

    async def tolls(self) -> dict[str, Toll]:
        """What is wrong with each kind."""
        stored = await stored_at(self.address)
        found = {kind: account.toll(stored) for kind, account in self.accounts.items() if kind != "PUT"}
        return {**found, "PUT": await self._toll_of_results()}

    async def _toll_of_results(self) -> Toll:
        """A student has exactly the results that were acknowledged."""
        lost = doubled = wrong = 0
        for one in self.corrections:
            found = await member(self.address, f"/students/{one.student}?limit=1000", "results") or []
            stored = {result["exam"]: result["score"] for result in found}
            lost += len(one.results.keys() - stored.keys())
            doubled += len(found) - len(stored)
            wrong += sum(one.results.get(exam) != score for exam, score in stored.items())
        return Toll(lost, doubled, wrong)


@pytest.mark.parametrize("store", ["redis", "sqlite"])
async def test_what_was_acknowledged_outlives_a_kill_and_is_counted_once(command: Start, store: str) -> None:
    async with (
        durable_store(store) as url,
        feed_of(KILLS * RATE) as feed,
        mortal_server(command, "--store", url, "--feed", feed) as server,
    ):
        load = Load(server.address)
        # A reader of the feed that dies before the store knows any position leaves nothing to go on after.
        await until(partial(has_events, server, RATE // 10))
        async with crowd_of(load.errands, *load.accounts.values()) as crowd:
            in_flight = await kill_again_and_again(server, load, crowd)
        tolls = await load.tolls()
        assert set(tolls.values()) == {NOTHING}
        ended = monotonic()
        await until(partial(has_events, server, KILLS * RATE))
        caught_up = monotonic() - ended
        assert await averages_at(server.address) == averages_of(KILLS * RATE)
        assert await server.stop() == 0
    for kind, account in load.accounts.items():
        note(
            fault=f"server killed, {store}: {kind}",
            injected=KILLS,
            in_flight=in_flight[kind],
            acknowledged=account.answers,
            lost=tolls[kind].lost,
            doubled=tolls[kind].doubled,
            longest_outage=account.longest_outage,
        )
    note(
        fault=f"server killed, {store}: feed", injected=KILLS, in_flight=KILLS, acknowledged=KILLS * RATE,
        lost=0, doubled=0, longest_outage=caught_up,
    )  # fmt: skip


async def kill_again_and_again(server: Mortal, load: Load, crowd: Crowd) -> dict[str, int]:
    """How many requests of each kind were under way when the server was killed."""
    rng = random.Random(server.address)
    in_flight = dict.fromkeys(load.accounts, 0)
    for _ in range(KILLS):
        await load.accounts["no key"].more(rng.randint(50, 500))
        await asyncio.sleep(rng.random() * 0.02)  # the moment is not that of an answer
        for kind, account in load.accounts.items():
            in_flight[kind] += account.under_way
        await server.kill()
        await server.start()
        await asyncio.gather(*(account.more(1) for account in load.accounts.values()))
        await crowd.pause()
        assert set((await load.tolls()).values()) == {NOTHING}
        crowd.resume()
    await load.accounts["no key"].more(100)
    return in_flight


async def test_control_a_store_that_answers_before_it_has_written_loses_scores(command: Start) -> None:
    async with unsafe_server(command, "hasty") as server:
        account = Account()
        posts = [Post(server.address, account, "once", name=f"once{number}") for number in range(CLIENTS)]
        for _ in range(CHANCES):
            await kill_once(server, posts, account)
            if account.toll(await stored_at(server.address)).lost:
                return
        pytest.fail("nothing was lost")


async def test_control_who_asks_again_without_a_key_is_counted_twice(command: Start) -> None:
    async with unsafe_server(command, "late") as server:
        blind, keyed = Account(), Account()
        posts = [Post(server.address, blind, "blind", name=f"blind{number}") for number in range(CLIENTS)]
        posts += [Post(server.address, keyed, "keyed", name=f"keyed{number}") for number in range(CLIENTS)]
        # A kill may come when nobody's score is written and not answered: few do.
        for _ in range(CHANCES):
            await kill_once(server, posts, blind, keyed)
            stored = await stored_at(server.address)
            assert keyed.toll(stored) == NOTHING
            if blind.toll(stored).doubled:
                return
        pytest.fail("nothing was counted twice")


@asynccontextmanager
async def unsafe_server(command: Start, store: str) -> AsyncIterator[Mortal]:
    async with (
        durable_store("redis") as url,
        mortal_server(
            command, "--store", f"{store}:{url}", "--feed", "off", PYTHONPATH=UNSAFE_STORES
        ) as server,
    ):
        yield server


async def kill_once(server: Mortal, posts: list[Post], *accounts: Account) -> None:
    async with crowd_of(posts, *accounts) as crowd:
        await asyncio.gather(*(account.more(100) for account in accounts))
        await server.kill()
        await server.start()
        await crowd.pause()


@asynccontextmanager
async def feed_of(events: int) -> AsyncIterator[str]:
    simulator = create_simulator(SimulatorOptions(rate=RATE, ids=True, count=events))
    async with TestServer(simulator, shutdown_timeout=0) as feed:
        yield str(feed.make_url("/scores"))


async def has_events(server: Mortal, count: int) -> bool:
    return await stored_of_feed(server.address) >= count
