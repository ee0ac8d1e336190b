"""How big it gets: no key grows with what is stored, and what an inspector and a result take in memory."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from redis import Redis

from scores.models import InspectorKey, Repeats, Result, Score
from scores.testing import BlockingStore, add_one, open_blocking

LEAF = 128
"""Most members of a leaf, as sorted.lua has it; Redis keeps that many in a compact list."""

TOGETHER = 5000


@pytest.fixture
def store(server_url: str, client: Redis) -> Iterator[BlockingStore]:
    with open_blocking(server_url) as store:
        yield store


def id_of(number: int) -> str:
    """One of many ids that are 36 characters long and in no order."""
    return str(UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128))


def add_inspectors(store: BlockingStore, count: int) -> None:
    """Each with one score."""
    for first in range(0, count, TOGETHER):
        numbers = range(first, min(first + TOGETHER, count))
        store.together(*(lambda store, n=n: add_one(store, Score(id_of(n), n % 6)) for n in numbers))


def add_results(store: BlockingStore, students: int, exams: int) -> None:
    for exam in range(exams):
        for first in range(0, students, TOGETHER):
            numbers = range(first, min(first + TOGETHER, students))
            results = [Result(id_of(n), exam, n % 1009 / 1009) for n in numbers]
            store.record(results, repeats=Repeats.LAST)


def used_memory(client: Redis) -> int:
    used: int = client.info("memory")["used_memory"]
    return used


def each(client: Redis, names: list[bytes], *command: str) -> list[Any]:
    """The answers to a command about each key."""
    with client.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.execute_command(*command, name)  # type: ignore[no-untyped-call]  # redis-py's own gap
        return pipeline.execute()


def sizes(client: Redis) -> dict[str, int]:
    """The most members of any key, or bytes of a string, by the kind of key."""
    kinds: dict[str, int] = {}
    everything = list(client.scan_iter(count=10_000))
    types = each(client, everything, "TYPE")
    for type_, command in ((b"zset", "ZCARD"), (b"hash", "HLEN"), (b"string", "STRLEN")):
        names = [name for name, found in zip(everything, types, strict=True) if found == type_]
        for name, size in zip(names, each(client, names, command), strict=True):
            kind = kind_of(name)
            kinds[kind] = max(kinds.get(kind, 0), size)
    return kinds


def kind_of(name: bytes) -> str:
    """What kind of key it is: its name without whose it is."""
    return name.decode().partition("}:")[2].partition(":")[0].partition("\x1f")[0]


def encodings(client: Redis, *kinds: str) -> set[Any]:
    """How Redis keeps the keys of these kinds."""
    names = [name for name in client.scan_iter(count=10_000) if kind_of(name) in kinds]
    return set(each(client, names, "OBJECT", "ENCODING"))


def test_no_key_grows_with_what_is_stored(store: BlockingStore, client: Redis) -> None:
    add_results(store, 20_000, 1)
    add_inspectors(store, 20_000)
    found = sizes(client)
    found.pop("writer")
    # The directory of the exam's leaves: between one leaf and two for each LEAF results.
    assert 20_000 / LEAF < found.pop("exam/leaves") <= 2 * 20_000 / LEAF
    assert found.pop("inspectors") <= 128  # bytes of a bitmap of buckets, and scores in a bucket
    assert max(found.values()) <= LEAF
    assert found["exam/leaf"] > LEAF / 2


def test_a_writers_memory_is_of_one_batch(store: BlockingStore, client: Redis) -> None:
    add_results(store, 5000, 1)
    assert sizes(client)["writer"] < 16_384
    writers = list(client.scan_iter("*}:writer:*"))
    assert [ttl > 0 for ttl in each(client, writers, "TTL")] == [True]


def test_what_is_in_order_is_cut_in_leaves_too(store: BlockingStore, client: Redis) -> None:
    store.record([Result(f"{n:06}", 3, 0.5) for n in range(5000)], repeats=Repeats.LAST)
    found = sizes(client)
    assert found["exam/leaf"] <= LEAF
    assert found["exam/leaves"] <= 2 * 5000 / LEAF


def test_a_student_with_very_many_results_is_cut_in_leaves(store: BlockingStore, client: Redis) -> None:
    store.record([Result("foo", exam, 0.5) for exam in range(5000)], repeats=Repeats.LAST)
    found = sizes(client)
    assert found["student/leaf"] <= LEAF
    assert found["student"] <= LEAF
    assert found["student/leaves"] <= 2 * 5000 / LEAF


def test_leaves_are_kept_in_compact_lists(store: BlockingStore, client: Redis) -> None:
    add_results(store, 5000, 1)
    assert encodings(client, "exam", "exam/leaf", "student", "students") == {b"listpack"}


def test_an_inspector_takes_few_bytes(store: BlockingStore, client: Redis) -> None:
    store.add_one(Score("before", 1))
    before = used_memory(client)
    add_inspectors(store, 100_000)
    taken = (used_memory(client) - before) / 100_000
    assert encodings(client, "inspectors") == {b"listpack", b"raw"}  # raw is the bitmap of buckets
    # Of which half is for the hashes that they are spread over: with a million of them it is 60 in all.
    assert taken <= 120


def test_a_result_takes_few_bytes(store: BlockingStore, client: Redis) -> None:
    store.record([Result("before", 1, 0.5)], repeats=Repeats.LAST)
    before = used_memory(client)
    add_results(store, 1000, 50)
    taken = (used_memory(client) - before) / 50_000
    # It is kept twice, with a 36-character id in one place.
    assert taken <= 130


def test_what_is_removed_gives_its_memory_back(store: BlockingStore, client: Redis) -> None:
    store.record([Result("before", 1, 0.5)], repeats=Repeats.LAST)
    before = used_memory(client)
    add_inspectors(store, 10_000)
    grown = used_memory(client) - before
    for first in range(0, 10_000, TOGETHER):
        keys = [InspectorKey(id_of(n)) for n in range(first, first + TOGETHER)]
        store.together(*(lambda store, key=key: store.remove(key) for key in keys))
    assert used_memory(client) - before < grown / 4
