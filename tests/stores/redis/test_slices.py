"""Many scores in one call: each is added and answered as if it had come alone, in one script call or in several."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from itertools import chain
from random import Random
from typing import Any

import pytest
from redis import Redis
from support.redis_keys import IDS
from support.redis_servers import RedisServer, redis_server
from support.tcp_proxy import tcp_proxy

from scores.errors import OutcomeUnknown, StoreError, StoreFull
from scores.models import Inspector, InspectorKey, Score, is_id
from scores.stores import open_store
from scores.stores.redis.lanes import MAX_WEIGHT
from scores.stores.redis.layout import ONE, Layout
from scores.stores.redis.session import WRITE, Call
from scores.stores.redis.store import RedisStore
from scores.testing import BlockingStore, open_blocking

LAYOUT = Layout("scores", 64)
BASE = LAYOUT.bases[0]

ODD = [
    uuid
    for uuid in [*IDS, '"', "\\", '\\"', "\\u0000", "\\n", "[", '","', "]}", "null", "1e9", "é" * 256]
    if is_id(uuid)
]


@pytest.fixture
def store(server_url: str, client: Redis) -> Iterator[BlockingStore]:
    with open_blocking(server_url) as store:
        yield store


@pytest.fixture
async def server(no_leaks: None) -> AsyncIterator[RedisServer]:
    async with redis_server() as server:
        yield server


def expected(scores: list[Score]) -> list[Inspector]:
    """What an empty store answers to these, one by one."""
    so_far: dict[str, tuple[int, int]] = {}
    answers = []
    for uuid, score in scores:
        count, total = so_far.get(uuid, (0, 0))
        so_far[uuid] = count + 1, total + score
        answers.append(Inspector(uuid, *so_far[uuid]))
    return answers


def script_calls(client: Redis) -> int:
    stats: Any = client.info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "eval"))


# In every shape.


def test_each_score_is_answered_in_its_place_and_its_inspectors_order(store_url: str) -> None:
    random = Random(1)
    scores = [Score(random.choice(ODD), random.randrange(6)) for _ in range(3 * MAX_WEIGHT + 7)]
    answers = expected(scores)
    with open_blocking(store_url) as store:
        assert store.add(scores) == answers
        last = {inspector.uuid: inspector for inspector in answers}
        page = store.inspectors(limit=1000)
        assert page.total == len(last)
        assert {inspector.uuid: inspector for inspector in page.items} == last
        for uuid in last:
            assert store.remove(InspectorKey(uuid))
        assert store.inspectors(limit=1).total == 0


# On one server.


def test_a_slice_is_one_script_call(store: BlockingStore, client: Redis) -> None:
    store.add([Score("warm", 1)])
    before = script_calls(client)
    store.add([Score(f"u{number}", 3) for number in range(MAX_WEIGHT)])
    assert script_calls(client) == before + 1
    store.add([Score(f"u{number}", 3) for number in range(MAX_WEIGHT + 1)])
    assert script_calls(client) == before + 3


def test_inspectors_whose_hash_is_not_remembered_any_more_are_found(
    store: BlockingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = store.store
    assert isinstance(inner, RedisStore)
    opened = inner._opened
    assert opened is not None
    remembered = opened.traffic.layout.hash_of.cache_info().maxsize
    assert remembered is not None
    uuids = [f"u{number}" for number in range(remembered + 100)]
    for count in (1, 2):
        answers = store.add([Score(uuid, 3) for uuid in uuids])
        assert answers == [Inspector(uuid, count, 3 * count) for uuid in uuids]
    assert opened.traffic.layout.hash_of.cache_info().currsize == remembered
    assert store.inspectors(limit=1).total == len(uuids)


def test_what_is_refused_keeps_out_nothing_else(store: BlockingStore, client: Redis) -> None:
    _, key = LAYOUT.hash_of("text")
    client.hset(key, "text", "many")
    _, key = LAYOUT.hash_of("full")
    client.hset(key, "full", str((2**30 - 2) * ONE))
    _, wrong = LAYOUT.hash_of("wrong")
    client.set(wrong, "no hash")
    scores = [Score(uuid, 2) for uuid in ["a", "text", "full", "é", "full", "wrong", "a", "full"] * 40]
    answers = store.add(scores)
    kept = [
        (score, answer) for score, answer in zip(scores, answers, strict=True) if score.uuid in ("a", "é")
    ]
    assert [answer for _, answer in kept] == expected([score for score, _ in kept])
    by_uuid = {
        uuid: [answer for score, answer in zip(scores, answers, strict=True) if score.uuid == uuid]
        for uuid in ("text", "full", "wrong")
    }
    assert by_uuid["full"][0] == Inspector("full", 2**30 - 1, 2)
    assert all(isinstance(answer, StoreFull) for answer in by_uuid["full"][1:])
    assert all("not an integer" in str(answer) for answer in by_uuid["text"])
    assert all("WRONGTYPE" in str(answer) for answer in by_uuid["wrong"])
    assert all(type(answer) is StoreError for answer in by_uuid["text"] + by_uuid["wrong"])
    assert client.get(wrong) == b"no hash"


def test_answers_too_big_for_a_double_are_exact_amid_small_ones(store: BlockingStore, client: Redis) -> None:
    _, key = LAYOUT.hash_of("big")
    client.hset(key, "big", str(2**29 * ONE + 2**53 // ONE))
    scores = [Score(uuid, 1) for uuid in ("a", "big", "a", "big", "é")]
    first = 2**53 // ONE
    assert store.add(scores) == [
        Inspector("a", 1, 1),
        Inspector("big", 2**29 + 1, first + 1),
        Inspector("a", 2, 2),
        Inspector("big", 2**29 + 2, first + 2),
        Inspector("é", 1, 1),
    ]


def test_without_memory_all_are_refused_and_none_is_counted(store: BlockingStore, client: Redis) -> None:
    scores = [Score(f"u{number}", 3) for number in range(300)]
    store.add(scores)
    client.config_set("maxmemory", 1)
    try:
        answers = store.add(scores)
    finally:
        client.config_set("maxmemory", 0)
    assert all(type(answer) is StoreError and "no memory left" in str(answer) for answer in answers)
    assert store.add(scores) == [Inspector(uuid, 2, 6) for uuid, _ in scores]


# What the script answers.


def send(client: Redis, number: int, *operations: tuple[Any, ...]) -> Any:
    """The answers to a writer's batch."""
    arguments = [number, 900, *chain.from_iterable(operations)]
    call = Call(WRITE, (f"{BASE}writer:me", f"{BASE}moving"), arguments)
    return client.execute_command(*call.command(whole=True))  # type: ignore[no-untyped-call]  # redis-py's own gap


KEY = f"{BASE}inspectors:3"
MANY = ("add_all", f'["{KEY}","{KEY}","{KEY}"]', '["u","v","u"]', bytes([5, 0, 2]))


def test_a_slice_has_its_answers_among_those_of_other_operations(client: Redis) -> None:
    one = ("add", KEY, "u", ONE + 1)
    answers = [ONE + 1, 2 * ONE + 6, ONE, 3 * ONE + 8, 4 * ONE + 9, 5 * ONE + 14, 2 * ONE, 6 * ONE + 16]
    assert send(client, 1, one, MANY, one, MANY) == answers
    # It comes again, as its answers were lost.
    assert send(client, 1, one, MANY, one, MANY) == answers
    assert client.hgetall(KEY) == {b"u": b"%d" % (6 * ONE + 16), b"v": b"%d" % (2 * ONE)}
    assert client.hget(f"{BASE}counts", "inspectors") == b"2"
    assert client.getbit(f"{BASE}inspectors", 3) == 1


@pytest.mark.parametrize("prefix", ["inspectors:5", "é:inspectors:7:x"])
def test_a_prefix_that_looks_like_a_hash_is_no_hindrance(server_url: str, client: Redis, prefix: str) -> None:
    with open_blocking(f"{server_url}?prefix={prefix}") as store:
        store.add([Score(f"u{number % 50}", 3) for number in range(100)])
        page = store.inspectors(limit=100)
        assert (page.total, len(page.items)) == (50, 50)


# Lost, and told.


async def test_a_slice_whose_answer_is_lost_is_sent_again_and_counts_once(server: RedisServer) -> None:
    async with (
        tcp_proxy("127.0.0.1", server.port) as proxy,
        open_store(f"redis://127.0.0.1:{proxy.port}?timeout=60") as store,
    ):
        scores = [Score(f"é{number % 5}", number % 6) for number in range(400)]
        # Redis has the script from now on: what is lost is no refusal.
        await store.add([Score("warm", 1)])
        proxy.cut_before_reply(matching=b"add_all")
        assert await store.add(scores) == expected(scores)
        assert proxy.replies_cut == 1


async def test_of_a_slice_whose_answer_does_not_come_each_score_is_in_doubt(server: RedisServer) -> None:
    async with (
        tcp_proxy("127.0.0.1", server.port) as proxy,
        open_store(f"redis://127.0.0.1:{proxy.port}?timeout=0.4") as store,
    ):
        scores = [Score(f"u{number % 5}", 3) for number in range(2 * MAX_WEIGHT)]
        await store.add(scores[:1])
        proxy.cut_before_reply(99, matching=b"add_all")
        answers = await store.add(scores)
        assert len(answers) == len(scores)
        assert all(isinstance(answer, OutcomeUnknown) for answer in answers)
        proxy.cut_before_reply(0)
        (last,) = await store.add([Score("u0", 3)])
        assert isinstance(last, Inspector)
        # The first slice was carried out, once; the second too.
        assert last.count == 1 + sum(score.uuid == "u0" for score in scores) + 1


async def test_who_listens_is_told_of_each_score_of_a_slice_in_its_order(server: RedisServer) -> None:
    async with open_store(server.url) as store:
        assert isinstance(store, RedisStore)
        scores = [Score(ODD[number % len(ODD)], number % 6) for number in range(MAX_WEIGHT + 100)]
        told: list[Any] = []
        async with asyncio.timeout(20), aclosing(store.journal.follow(10_000)) as news:
            await anext(news)
            assert await store.add(scores) == expected(scores)
            while len(told) < len(scores):
                told += [event for entry in await anext(news) for event in entry.events]
        assert told == expected(scores)


async def test_slices_and_single_scores_of_many_callers_are_all_counted_once(server: RedisServer) -> None:
    async with open_store(server.url) as store:
        calls = [
            [Score(f"u{number % 3}", 1) for number in range(size)] for size in (1, 300, 1, 513, 2, 1, 40)
        ]
        answers = await asyncio.gather(*(store.add(call) for call in calls))
        found = sorted(one for some in answers for one in some if isinstance(one, Inspector))
        assert len(found) == sum(map(len, calls))
        for uuid in ("u0", "u1", "u2"):
            counts = [inspector.count for inspector in found if inspector.uuid == uuid]
            assert counts == list(range(1, len(counts) + 1))
