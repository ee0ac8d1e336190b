"""Marks in Redis: where they are, for how long, and that a lost answer or a dead server changes nothing."""

import asyncio
from collections.abc import Iterable, Iterator

import pytest
from redis import Redis
from redis.crc import key_slot
from support.redis_cluster import Cluster, redis_cluster
from support.redis_servers import redis_server
from support.tcp_proxy import tcp_proxy

from scores.errors import KeyReused, OutcomeUnknown, StoreError, StoreFull
from scores.marks import Replayed
from scores.models import Inspector, Score
from scores.stores import Store, open_store
from scores.stores.redis import inspectors
from scores.stores.redis.layout import ONE, Layout
from scores.testing import BlockingStore, open_blocking
from scores.testing.marks import mark_of

LAYOUT = Layout("scores", 64)
SCORE = Score("a1-b1", 5)


@pytest.fixture
def store(server_url: str, client: Redis) -> Iterator[BlockingStore]:
    with open_blocking(server_url) as store:
        yield store


def mark_key(key: str, at: str) -> str:
    """The Redis key of a mark that is in the slot of this id."""
    return f"{LAYOUT.home(at)[1]}mark:{key}"


async def add(store: Store, score: Score, key: str) -> Inspector | StoreError:
    (answer,) = await store.add([score], marks=[mark_of(score, key)])
    return answer


# What is where.


def test_on_one_server_a_mark_is_one_key_and_has_its_time(store: BlockingStore, client: Redis) -> None:
    store.add([SCORE], marks=[mark_of(SCORE, "k", seconds=60)])
    assert client.keys("*mark*") == [mark_key("k", "k").encode()]
    assert client.get(mark_key("k", "k")) == mark_of(SCORE, "k").body + b"%d" % (ONE + 5)
    assert 50_000 < client.pttl(mark_key("k", "k")) <= 60_000


def test_what_comes_again_does_not_prolong_a_mark(store: BlockingStore, client: Redis) -> None:
    store.add([SCORE], marks=[mark_of(SCORE, "k", seconds=60)])
    store.add([SCORE], marks=[mark_of(SCORE, "k", seconds=6000)])
    assert client.pttl(mark_key("k", "k")) <= 60_000


@pytest.mark.parametrize("count", [0, 2**14, 2**20 - 3, 2**20 - 1, 2**20, 2**29, 2**30 - 2])
def test_a_very_large_inspector_is_answered_again_to_the_bit(
    store: BlockingStore, client: Redis, count: int
) -> None:
    place = LAYOUT.place("u")
    if count:
        client.hset(
            f"{LAYOUT.bases[place.shard]}inspectors:{place.bucket}", "u", str(count * ONE + 3 * count)
        )
    score = Score("u", 1)
    first = store.add([score], marks=[mark_of(score, "k")])
    again = store.add([score], marks=[mark_of(score, "k")])
    assert first == again == [Inspector("u", count + 1, 3 * count + 1)]
    assert isinstance(again[0], Replayed)


def test_what_a_full_inspector_keeps_out_leaves_no_mark(store: BlockingStore, client: Redis) -> None:
    place = LAYOUT.place("u")
    client.hset(f"{LAYOUT.bases[place.shard]}inspectors:{place.bucket}", "u", str((2**30 - 1) * ONE))
    score = Score("u", 1)
    for _ in range(2):
        (refused,) = store.add([score], marks=[mark_of(score, "k")])
        assert isinstance(refused, StoreFull)
    assert client.keys("*mark*") == []
    assert store.add([SCORE], marks=[mark_of(SCORE, "k")]) == [Inspector("a1-b1", 1, 5)]


def test_a_key_of_somebody_else_in_the_way_is_its_own_outcome(store: BlockingStore, client: Redis) -> None:
    client.hset(mark_key("k", "k"), "mine", "1")
    other = Score("foo", 1)
    refused, added, again = store.add(
        [SCORE, other, SCORE], marks=[mark_of(SCORE, "k"), mark_of(other, "k2"), mark_of(SCORE, "k3")]
    )
    assert isinstance(refused, StoreError)
    assert "WRONGTYPE" in str(refused)
    assert [added, again] == [Inspector("foo", 1, 1), Inspector("a1-b1", 1, 5)]


def test_a_mark_takes_about_200_bytes(store: BlockingStore, client: Redis) -> None:
    store.add([SCORE])
    before = client.info("memory")["used_memory"]
    for start in range(0, 10_000, 500):
        marks = [mark_of(SCORE, f"{number:036}") for number in range(start, start + 500)]
        store.add([SCORE] * 500, marks=marks)
    assert 150 < (client.info("memory")["used_memory"] - before) / 10_000 < 250


# Lost answers.


async def test_an_outcome_that_is_unknown_is_known_by_the_same_key() -> None:
    async with (
        redis_server() as server,
        tcp_proxy("127.0.0.1", server.port) as proxy,
        open_store(f"redis://127.0.0.1:{proxy.port}?timeout=0.4") as store,
        open_store(server.url) as other,
    ):
        await add(store, SCORE, "first")
        # Lost on its way to Redis.
        proxy.black_hole = True
        assert isinstance(await add(store, SCORE, "k"), OutcomeUnknown)
        assert await other.inspector("a1-b1") == Inspector("a1-b1", 1, 5)
        proxy.black_hole = False
        await proxy.reset_all()
        assert [await add(one, SCORE, "k") for one in (store, other)] == [Inspector("a1-b1", 2, 10)] * 2
        # Carried out, and never answered.
        proxy.cut_before_reply(1_000, matching=b"EVALSHA")
        assert isinstance(await add(store, SCORE, "k2"), OutcomeUnknown)
        assert await other.inspector("a1-b1") == Inspector("a1-b1", 3, 15)
        proxy.cut_before_reply(0)
        assert [await add(one, SCORE, "k2") for one in (other, store)] == [Inspector("a1-b1", 3, 15)] * 2


async def test_many_servers_that_are_sent_the_same_add_it_once() -> None:
    async with (
        redis_server() as server,
        open_store(server.url) as one,
        open_store(server.url) as two,
        open_store(server.url) as three,
    ):
        keys = [f"k{number}" for number in range(100)]
        answers = await asyncio.gather(
            *(add(store, SCORE, key) for key in keys for store in (one, two, three))
        )
        counts = [answer.count for answer in answers if isinstance(answer, Inspector)]
        assert sorted(counts) == sorted([*range(1, 101)] * 3)
        assert counts[::3] == counts[1::3] == counts[2::3]
        assert sum(isinstance(answer, Replayed) for answer in answers) == 200


# A cluster.


async def test_in_a_cluster() -> None:
    async with redis_cluster() as cluster, open_store(cluster.url) as store:
        await a_mark_is_in_the_slot_of_its_inspector(store)
        for master in cluster.masters:
            names = [name.decode() for name in await master.command("KEYS", "*mark:where")]
            assert all(name in (mark_key("where", "where"), mark_key("where", SCORE.uuid)) for name in names)
        await a_key_is_for_one_body_whatever_slots_they_are_in(store)
        await a_claim_whose_server_died_is_its_bodys(store)
        await a_batch_has_two_round_trips(store)
        await a_mark_that_was_one_servers_is_known(store, cluster)
        await a_claim_without_an_answer_says_that_nothing_was_recorded(store)


async def a_mark_is_in_the_slot_of_its_inspector(store: Store) -> None:
    # Or it would not be one step.
    place = LAYOUT.place(SCORE.uuid)
    inspector = f"{LAYOUT.bases[place.shard]}inspectors:{place.bucket}"
    assert key_slot(mark_key("where", SCORE.uuid).encode()) == key_slot(inspector.encode())
    assert await add(store, SCORE, "where") == Inspector("a1-b1", 1, 5)


async def a_key_is_for_one_body_whatever_slots_they_are_in(store: Store) -> None:
    others = [Score(f"other{number}", 3) for number in range(100)]
    for score in others:
        assert isinstance(await add(store, score, "where"), KeyReused)
    assert (await store.inspectors(limit=200)).total == 1


async def a_claim_whose_server_died_is_its_bodys(store: Store) -> None:
    score, other = Score("claimed", 1), Score("other", 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inspectors.Inspectors, "_additions_once", died)
        with pytest.raises(Died):
            await add(store, score, "claim")
    assert await store.inspector("claimed") is None
    assert isinstance(await add(store, other, "claim"), KeyReused)
    assert [await add(store, score, "claim") for _ in range(2)] == [Inspector("claimed", 1, 1)] * 2


async def a_batch_has_two_round_trips(store: Store) -> None:
    sent: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        whole = inspectors.Inspectors._send

        async def send(*arguments: object) -> None:
            sent.append(1)
            await whole(*arguments)  # type: ignore[arg-type]  # passed on as they are

        patch.setattr(inspectors.Inspectors, "_send", send)
        batch = [Score(f"u{number}", 2) for number in range(200)]
        answers = await store.add(batch, marks=[mark_of(score, f"b{score.uuid}") for score in batch])
    assert answers == [Inspector(score.uuid, 1, 2) for score in batch]
    assert len(sent) == 2


async def a_mark_that_was_one_servers_is_known(store: Store, cluster: Cluster) -> None:
    score = Score("moved", 5)
    mark = mark_of(score, "moved key")
    name = mark_key("moved key", "moved key")
    node = await cluster.node_of(key_slot(name.encode()))
    await node.command("SET", name, mark.body + b"%d" % (7 * ONE + 20))
    assert await add(store, score, "moved key") == Inspector("moved", 7, 20)
    assert await store.inspector("moved") is None


async def a_claim_without_an_answer_says_that_nothing_was_recorded(store: Store) -> None:
    async def send(
        _self: object, operations: Iterable[tuple[int, int, object]], replies: list[object]
    ) -> None:
        for number, _, _ in operations:
            replies[number] = OutcomeUnknown("it is not known whether this was recorded")

    score = Score("nothing", 5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inspectors.Inspectors, "_send", send)
        answer = await add(store, score, "unclaimed")
    # As an addition was never asked for.
    assert type(answer) is StoreError
    assert await add(store, score, "unclaimed") == Inspector("nothing", 1, 5)


class Died(Exception):
    """The end of a process, between two writes."""


def died(*_arguments: object) -> None:
    raise Died
