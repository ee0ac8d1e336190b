"""The journal in a real Redis: what any server records, every server's readers are told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Self

import aiohttp
import pytest
from support.live import ACCEPT, listening_to, put, results_of, stored_results
from support.redis_cluster import redis_cluster
from support.redis_servers import RedisServer, redis_server

from scores.live.frames import parse_id
from scores.models import InspectorKey, Outcome, Repeats, Result, Score
from scores.stores import open_store
from scores.stores.journal import Entry
from scores.stores.redis.journal import RedisJournal
from scores.stores.redis.store import RedisStore

Serve = Callable[..., Awaitable[str]]


@pytest.fixture(params=["single", "cluster"])
async def shape(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, str]]:
    """What it is, and its URL; it outlives the servers."""
    opening = redis_server() if request.param == "single" else redis_cluster()
    async with opening as opened:
        yield request.param, opened.url


@pytest.fixture
async def redis() -> AsyncIterator[RedisServer]:
    """It keeps its data, and outlives the servers."""
    async with redis_server(appendonly="always") as server:
        yield server


@asynccontextmanager
async def two_stores(url: str) -> AsyncIterator[tuple[RedisStore, RedisStore]]:
    async with open_store(url) as one, open_store(url) as other:
        assert isinstance(one, RedisStore)
        assert isinstance(other, RedisStore)
        yield one, other


class Following:
    """Follows a journal as a hub does."""

    def __init__(self, journal: RedisJournal, history: int = 1000) -> None:
        self._news = journal.follow(history)
        self.entries: list[Entry] = []

    async def until(self, ready: Callable[[list[Entry]], bool]) -> list[Entry]:
        async with asyncio.timeout(20):
            while not self.entries or not ready(self.entries):
                self.entries += await anext(self._news)
        return self.entries

    async def events(self, number: int) -> list[Any]:
        await self.until(lambda entries: sum(len(one.events) for one in entries) >= number)
        return [event for one in self.entries for event in one.events]

    async def __aenter__(self) -> Self:
        await self.until(bool)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._news.aclose()


async def test_two_servers_tell_what_either_records(shape: tuple[str, str], serve: Serve) -> None:
    name, url = shape
    one, other = await serve(store=url), await serve(store=url)
    async with (
        aiohttp.ClientSession() as http,
        listening_to(one) as reader,
        listening_to(other) as second,
    ):
        random = Random(1)
        for number in range(60):
            address = (one, other)[number % 2]
            path = f"{address}/exams/{number % 5}/results/s{number % 7}"
            async with http.put(path, json={"score": random.random()}) as answer:
                assert answer.status in (200, 201)
        async with http.post(f"{other}/scores", json={"UUID": "u", "score": 4}) as answer:
            assert answer.status == 200
        expected = await stored_results(one)
        for each in (reader, second):
            await each.become(expected)
            events = await each.until(lambda events: any(event.type == "mean" for event in events))
            assert '{"UUID":"u","mean":4.0,"count":1}' in [event.data for event in events]
        # On one server, the same numbers for all; a reader may change servers.
        if name == "single":
            assert [one.id for one in reader.events[-5:]] == [two.id for two in second.events[-5:]]
            last = reader.events[-3]
            async with listening_to(other, last.id) as resumed:
                assert await resumed.count(2) == reader.events[-2:]


async def test_four_who_write_the_same_results_are_told_in_the_order_of_the_store(
    shape: tuple[str, str],
) -> None:
    async with two_stores(shape[1]) as (one, other), Following(one.journal) as following:

        async def write(store: RedisStore, seed: int) -> None:
            random = Random(seed)
            for _ in range(50):
                results = [Result("foo", random.randrange(3), random.random()) for _ in range(4)]
                await store.record(results, repeats=Repeats.LAST)

        await asyncio.gather(*(write(store, seed) for seed, store in enumerate([one, other] * 2)))
        await put(one, "end", 9, 1.0)
        await following.until(lambda entries: any(event.uuid == "end" if not isinstance(event, Result) else event.student_id == "end" for one in entries for event in one.events))  # fmt: skip
        # In a cluster each shard has its own order: everything else may still be on its way.
        stored = {}
        for exam in range(3):
            report = await one.exam(exam, limit=9)
            assert report is not None
            stored[exam] = report.results.items[0].score

        def told(entries: list[Entry]) -> dict[int, float]:
            return {event.exam: event.score for one in entries for event in one.events if isinstance(event, Result) and event.student_id == "foo"}  # fmt: skip

        await following.until(lambda entries: told(entries) == stored)


async def test_events_are_numbered_without_a_gap_and_say_what_is_stored() -> None:
    async with redis_server() as server, two_stores(server.url) as (one, other):
        async with Following(one.journal) as following:
            await one.add([Score("u", 5)] * 3 + [Score("v", 0)])
            outcomes = await other.record(
                [
                    Result("é 🎓", 2**63 - 1, 0.1),
                    Result("é 🎓", 2**63 - 1, 0.05),
                    Result("é 🎓", 2**63 - 1, 0.3),
                ],
                repeats=Repeats.MAX,
            )
            assert outcomes == [Outcome.NEW, Outcome.KEPT, Outcome.REPLACED]
            assert await one.remove(InspectorKey("u"))
            await one.add([Score("u", 1)])
            assert await following.events(7) == [
                ("u", 1, 5), ("u", 2, 10), ("u", 3, 15), ("v", 1, 0),
                ("é 🎓", 2**63 - 1, 0.1), ("é 🎓", 2**63 - 1, 0.3), ("u", 1, 1),
            ]  # fmt: skip
            entries = following.entries
            assert {entry.epoch for entry in entries} == {entries[0].epoch}
            assert [entry.first for entry in entries[1:]] == [entry.last + 1 for entry in entries[:-1]]
        # Who comes later, and elsewhere, has the same past.
        async with Following(other.journal) as later:
            assert [e for one in later.entries for e in one.events] == [
                e for one in entries for e in one.events
            ]


@pytest.mark.parametrize("count", [20_000, 2**29 + 1])
async def test_a_count_that_lua_writes_another_way_is_told_exactly(count: int) -> None:
    """Of the first it would make an exponent; the second no double holds."""
    async with (
        redis_server() as server,
        two_stores(server.url) as (one, _),
        Following(one.journal) as following,
    ):
        await one.add([Score("u", 1)])
        (key,) = await server.command("KEYS", "*inspectors:*")
        await server.command("HSET", key, "u", count * 2**33 + 7)
        await one.add([Score("u", 5)])
        assert (await following.events(2))[1] == ("u", count + 1, 12)


async def test_while_nobody_listens_nothing_is_written() -> None:
    async with redis_server() as server, two_stores(server.url) as (one, _):
        await one.add([Score("u", 1)])
        await put(one, "foo", 1, 0.5)
        assert await server.command("KEYS", "*:events*") == []


async def test_what_is_kept_is_bounded_in_events() -> None:
    async with redis_server() as server, two_stores(server.url) as (one, other):
        async with Following(one.journal, 500) as following:
            for batch in range(1, 21):
                await one.add([Score("u", 1)] * 200)
                await following.events(200 * batch)
        (key,) = await server.command("KEYS", "*:events")
        assert await server.command("XLEN", key) <= 5
        async with Following(other.journal, 500) as later:
            assert 500 <= sum(len(entry.events) for entry in later.entries) <= 1500


async def test_when_nobody_has_listened_for_a_while_a_new_epoch_begins() -> None:
    async with redis_server() as server, two_stores(server.url) as (one, other):
        async with Following(one.journal) as following:
            await one.add([Score("u", 1)])
            await following.events(1)
        (key,) = await server.command("KEYS", "*:heard")
        assert 0 < await server.command("TTL", key) <= 120
        await server.command("DEL", key)  # as if that time had passed
        await one.add([Score("u", 1)])
        async with Following(other.journal) as later:
            assert later.entries[0].epoch > following.entries[-1].epoch
            assert later.entries[0].events == ()


async def test_a_second_listener_goes_on_in_the_same_epoch() -> None:
    async with (
        redis_server() as server,
        two_stores(server.url) as (one, other),
        Following(one.journal) as following,
    ):
        await one.add([Score("u", 1)])
        await following.events(1)
        async with Following(other.journal) as later:
            assert later.entries[-1].epoch == following.entries[-1].epoch
            assert later.entries[-1].last == 1


async def test_data_that_is_lost_begins_a_new_epoch_for_those_who_listen() -> None:
    async with (
        redis_server() as server,
        two_stores(server.url) as (one, _),
        Following(one.journal) as following,
    ):
        await one.add([Score("u", 1)])
        await following.events(1)
        epoch = following.entries[-1].epoch
        await server.command("FLUSHALL")
        await following.until(lambda entries: entries[-1].epoch != epoch)
        await one.add([Score("v", 1)])
        await following.until(lambda entries: any(event[0] == "v" for one in entries for event in one.events))


async def test_a_redis_that_was_started_anew_begins_a_new_epoch() -> None:
    async with redis_server(appendonly="always") as server, two_stores(server.url) as (one, other):
        async with Following(one.journal) as following:
            await put(one, "foo", 1, 0.5)
            await following.events(1)
        server.kill()
        await server.start()
        async with Following(other.journal) as later:
            # Of the one that answers now it is not known whether it has all that was told.
            assert later.entries[-1].epoch > following.entries[-1].epoch


async def test_while_redis_is_away_streams_end_and_none_begins(redis: RedisServer, serve: Serve) -> None:
    address = await serve(store=f"{redis.url}?timeout=0.5")
    async with aiohttp.ClientSession() as http:

        async def status() -> int:
            async with http.get(f"{address}/scores", headers=ACCEPT) as answer:
                return answer.status

        async with listening_to(address) as reader:
            await record(http, address, 1)
            (event,) = (await reader.count(1))[:1]
            redis.kill()
            await reader.ended()
        assert await status() == 503
        await redis.start()
        await record(http, address, 2)
        # What came before may have been lost: everything is told again.
        async with listening_to(address, event.id) as reader:
            await reader.become({("foo", 1): 0.5, ("foo", 2): 0.5})
            assert [exam for one in reader.events for _, exam in results_of([one])][:1] == [1]
            assert parse_id(reader.events[0].id) != parse_id(event.id)


async def record(http: aiohttp.ClientSession, address: str, exam: int) -> None:
    """Until the store has it."""
    async with asyncio.timeout(20):
        while True:
            async with http.put(f"{address}/exams/{exam}/results/foo", json={"score": 0.5}) as answer:
                if answer.status in (200, 201):
                    return


@pytest.mark.parametrize("damage", [("SET", ""), ("SET", ":at"), ("DEL", ":at")])
async def test_a_journal_that_is_damaged_keeps_no_write_from_being_recorded(damage: tuple[str, str]) -> None:
    command, part = damage
    async with redis_server() as server, two_stores(server.url) as (one, _), Following(one.journal):
        base = (await server.command("KEYS", "*:heard"))[0].decode().removesuffix(":heard")
        await server.command(command, base + part, *(["no stream"] if command == "SET" else []))
        assert await one.add([Score("u", 4)]) == [("u", 1, 4)]
        assert await one.record([Result("foo", 3, 0.5)], repeats=Repeats.LAST) == [Outcome.NEW]
        assert await one.inspector("u") == ("u", 1, 4)


async def test_two_workers_tell_what_each_other_records(command: Any) -> None:
    async with redis_server() as server:
        started = await command(
            "serve", "--port", "0", "--store", server.url, "--feed", "off", "--workers", "2"
        )
        async with listening_to(started.address) as one, listening_to(started.address) as other:
            for exam in range(20):
                # A new connection each: to either of the two.
                async with aiohttp.ClientSession() as http:
                    await record(http, started.address, exam)
            expected = {("foo", exam): 0.5 for exam in range(20)}
            await one.become(expected)
            await other.become(expected)
        assert await started.stop() == 0
