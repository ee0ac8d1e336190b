"""The Lua scripts on a real server: big integers, batches that come again, and whose keys are whose."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.crc import key_slot
from redis.exceptions import ResponseError
from support.redis_keys import IDS, names_of

from scores.errors import StoreError, StoreFull
from scores.models import (
    Inspector,
    InspectorKey,
    Repeats,
    Result,
    ResultKey,
    Score,
    Student,
    StudentKey,
    is_id,
)
from scores.stores import Store
from scores.stores.redis.layout import ONE, Layout
from scores.stores.redis.session import WRITE, Call
from scores.testing import BlockingStore, add_one, open_blocking
from scores.testing.oracle import Oracle, exact_mean

LAST = Repeats.LAST
LAYOUT = Layout("scores", 64)


@pytest.fixture
def store(server_url: str, client: Redis) -> Iterator[BlockingStore]:
    with open_blocking(server_url) as store:
        yield store


def inspector_key(uuid: str) -> str:
    """The hash that the inspector is in."""
    place = LAYOUT.place(uuid)
    return f"{LAYOUT.bases[place.shard]}inspectors:{place.bucket}"


# Integers that are too big for a double.


@pytest.mark.parametrize("count", [2**20 - 1, 2**20, 2**20 + 1, 2**29, 2**30 - 2])
@pytest.mark.parametrize("score", [0, 1, 5])
def test_an_inspector_with_very_many_scores_is_exact(
    store: BlockingStore, client: Redis, count: int, score: int
) -> None:
    total = 3 * count + 1
    client.hset(inspector_key("u"), "u", str(count * ONE + total))
    expected = Inspector("u", count + 1, total + score)
    assert store.add_one(Score("u", score)) == expected
    assert store.inspector("u") == expected
    assert client.hget(inspector_key("u"), "u") == b"%d" % ((count + 1) * ONE + total + score)


def test_listings_are_exact_too(store: BlockingStore, client: Redis) -> None:
    store.add_one(Score("u", 0))
    client.hset(inspector_key("u"), "u", str((2**30 - 1) * ONE + 5 * (2**30 - 1)))
    assert list(store.inspectors(limit=9).items) == [Inspector("u", 2**30 - 1, 5 * (2**30 - 1))]


def test_the_highest_sum_and_the_last_count_go_together(store: BlockingStore, client: Redis) -> None:
    client.hset(inspector_key("u"), "u", str((2**30 - 2) * ONE + 5 * (2**30 - 2)))
    assert store.add_one(Score("u", 5)) == Inspector("u", 2**30 - 1, 5 * (2**30 - 1))


def test_a_full_inspector_is_refused_and_the_others_in_the_batch_are_not(
    store: BlockingStore, client: Redis
) -> None:
    full = (2**30 - 1) * ONE + 7
    client.hset(inspector_key("full"), "full", str(full))
    store.add_one(Score("a", 1))
    keys = {name: client.dump(name) for name in names_of(client) if b"writer" not in name}
    client.config_resetstat()

    async def refused(store: Store) -> str:
        with pytest.raises(StoreFull) as caught:
            await add_one(store, Score("full", 0))
        return str(caught.value)

    answers = store.together(
        lambda store: add_one(store, Score("b", 2)), refused, lambda store: add_one(store, Score("a", 3))
    )
    assert answers[0::2] == [Inspector("b", 1, 2), Inspector("a", 2, 4)]
    assert "'full'" in answers[1]
    assert "\n" not in answers[1]
    assert client.info("commandstats")["cmdstat_evalsha"]["calls"] == 1
    assert client.hget(inspector_key("full"), "full") == b"%d" % full
    assert store.inspectors(limit=9).total == 2
    store.remove(InspectorKey("b"))
    client.hset(inspector_key("a"), "a", str(ONE + 1))
    assert {name: client.dump(name) for name in keys} == keys


def test_a_full_inspector_in_a_batch_keeps_out_its_own_scores_only(
    store: BlockingStore, client: Redis
) -> None:
    client.hset(inspector_key("full"), "full", str((2**30 - 2) * ONE))
    batch = [Score(uuid, 1) for uuid in ("foo", "full", "full", "foo", "full")]
    first, last, *others = store.add(batch)
    assert (first, last) == (Inspector("foo", 1, 1), Inspector("full", 2**30 - 1, 1))
    assert others[1] == Inspector("foo", 2, 2)
    assert all(isinstance(answer, StoreFull) for answer in others[::2])
    assert store.inspector("full") == last


def test_what_is_no_integer_is_refused_and_the_others_in_the_batch_are_not(
    store: BlockingStore, client: Redis
) -> None:
    client.hset(inspector_key("odd"), "odd", "many")

    async def refused(store: Store) -> str:
        with pytest.raises(StoreError, match="not an integer") as caught:
            await add_one(store, Score("odd", 0))
        return type(caught.value).__name__

    answers = store.together(refused, lambda store: add_one(store, Score("b", 2)))
    assert answers == ["StoreError", Inspector("b", 1, 2)]


# Batches that come twice.


def send_batch(client: Redis, number: int) -> Any:
    """The answers to a batch of a writer's: two inspectors, the second with more scores than a double can count."""
    base = LAYOUT.bases[0]
    adds = [part for uuid in ("u", "v") for part in ("add", f"{base}inspectors:3", uuid, ONE + 2)]
    call = Call(WRITE, (f"{base}writer:me", f"{base}moving"), [number, 900, *adds])
    return client.execute_command(*call.command(whole=True))  # type: ignore[no-untyped-call]  # redis-py's own gap


def test_a_batch_that_comes_twice_counts_once(client: Redis) -> None:
    key = f"{LAYOUT.bases[0]}inspectors:3"
    client.hset(key, "v", str(2**29 * ONE))
    answers = [send_batch(client, 1) for _ in range(3)]
    assert answers == [[ONE + 2, b"%d" % (2**29 * ONE + ONE + 2)]] * 3
    assert client.hget(key, "u") == b"%d" % (ONE + 2)
    assert send_batch(client, 2)[0] == 2 * ONE + 4


def test_a_batch_that_comes_after_its_successor_is_refused(client: Redis) -> None:
    send_batch(client, 10)
    before = client.hgetall(f"{LAYOUT.bases[0]}inspectors:3")
    with pytest.raises(ResponseError, match="STALE"):
        send_batch(client, 9)
    assert client.hgetall(f"{LAYOUT.bases[0]}inspectors:3") == before


# Scripts that Redis has forgotten.


def test_scripts_that_are_forgotten_between_calls_lose_nothing(store: BlockingStore, client: Redis) -> None:
    oracle = Oracle()
    for number in range(30):
        result = Result(f"s{number % 7}", number % 5, number / 30)
        client.script_flush()
        store.record([result], repeats=LAST)
        oracle.record(result, LAST)
        client.script_flush()
        assert store.add_one(Score("u", number % 6)).count == number + 1
        client.script_flush()
        expected = oracle.of_student(result.student_id)
        report = store.student(result.student_id, limit=9)
        assert report.student == Student(result.student_id, exact_mean(expected.values()), len(expected))
    client.script_flush()
    assert store.remove(ResultKey("s0", 0))
    client.script_flush()
    assert store.students(limit=9).total == 7


def test_scripts_that_are_forgotten_lose_nothing_of_a_batch(store: BlockingStore, client: Redis) -> None:
    for round_ in range(1, 6):
        client.script_flush()
        answers = store.together(*(lambda store, i=i: add_one(store, Score(f"u{i}", 5)) for i in range(100)))
        assert answers == [Inspector(f"u{i}", round_, 5 * round_) for i in range(100)]


# Whose keys are whose.


def fill(store: BlockingStore, ids: list[str]) -> None:
    results = [Result(one, exam, 0.5) for one in ids for exam in (0, 7, 2**63 - 1)]
    store.record(results, repeats=LAST)
    store.together(*(lambda store, one=one: add_one(store, Score(one, 3)) for one in ids))
    for one in ids:
        store.lease(one, "holder", seconds=60)


def test_no_id_chooses_its_slot(store: BlockingStore, client: Redis) -> None:
    fill(store, IDS)
    names = names_of(client) - {LAYOUT.meta.encode()}
    slots = {f"scores:{{{tag}}}:".encode(): key_slot(b"%d" % tag) for tag in LAYOUT.tags}
    assert len(names) > 3 * len(IDS)
    for name in names:
        base, brace, _ = name.partition(b"}:")
        assert key_slot(name) == slots[base + brace]


@settings(deadline=None, max_examples=30)
@given(ids=st.lists(st.text(min_size=1, max_size=8).filter(is_id), min_size=1, max_size=8))
def test_any_id_is_where_its_digest_says(
    store_once: BlockingStore, client_once: Redis, ids: list[str]
) -> None:
    client_once.flushall()
    fill(store_once, ids)
    for one in ids:
        base = LAYOUT.home(one)[1]
        assert client_once.zcard(f"{base}student:{one}") == 3
        assert client_once.hexists(inspector_key(one), one)
        assert key_slot(f"{base}student:{one}".encode()) == key_slot(
            b"%d" % LAYOUT.tags[LAYOUT.place(one).shard]
        )


NAMESAKES = [
    "foo",
    "foo/leaf:x",
    "/leaf:foo",
    "foo/leaf",
    "leaf:foo",
    "/leaves:foo",
    "/leaves",
    "s",
    "s/leaf",
    "}:foo",
]


def test_students_whose_names_look_like_keys_keep_their_results_apart(
    store: BlockingStore, client: Redis
) -> None:
    oracle = Oracle()
    results = [
        Result(name, exam, (exam + at) / 1000) for exam in range(300) for at, name in enumerate(NAMESAKES)
    ]
    store.record(results, repeats=LAST)
    for result in results:
        oracle.record(result, LAST)
    for gone in [None, *NAMESAKES]:
        if gone is not None:
            assert store.remove(StudentKey(gone))
            oracle.results = {key: score for key, score in oracle.results.items() if key[0] != gone}
        check_students(store, oracle)
    assert [name for name in names_of(client) if client.type(name) == b"zset"] == []


def check_students(store: BlockingStore, oracle: Oracle) -> None:
    """Every student has what the oracle says."""
    for name in NAMESAKES:
        scores, report = oracle.of_student(name), store.student(name, limit=1000)
        if not scores:
            assert report is None
            continue
        assert report.student == Student(name, exact_mean(scores.values()), len(scores))
        assert {result.exam: result.score for result in report.results.items} == scores


def test_inspectors_that_are_removed_leave_nothing_but_zeros(store: BlockingStore, client: Redis) -> None:
    fill(store, IDS)
    for one in IDS:
        assert store.remove(InspectorKey(one))
        assert store.remove(StudentKey(one))
    for base in LAYOUT.bases:
        assert not any(map(int, client.hvals(f"{base}counts")))
        assert not any(client.get(f"{base}inspectors") or b"")
    left = {name.partition(b"}:")[2].partition(b":")[0] for name in names_of(client)}
    assert left == {b"", b"counts", b"inspectors", b"writer", b"feed"}
