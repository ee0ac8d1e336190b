"""Masters that die and slots that move while clients write: nothing acknowledged is missing or doubled."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from redis.crc import key_slot
from support.audit import Audit, posting, stored
from support.redis_cluster import Cluster, redis_cluster
from support.redis_sentinel import sentinel_setup
from support.redis_servers import RedisServer, until
from support.tcp_proxy import tcp_proxy

from scores.errors import StoreError
from scores.models import Repeats, Result, Score, StudentKey
from scores.stores import open_store
from scores.stores.redis.layout import Layout
from scores.testing import add_one
from scores.testing.oracle import exact_mean

Serve = Callable[..., Awaitable[str]]

LAYOUT = Layout("scores", 64)
BUSY = LAYOUT.home("a1-b0")[0]
"""The shard of one of the inspectors that the clients write to."""
SLOT = key_slot(LAYOUT.bases[BUSY].encode())


async def other_master(cluster: Cluster) -> RedisServer:
    owner = await cluster.node_of(SLOT)
    return next(node for node in cluster.masters if node is not owner)


async def checked(address: str, audit: Audit) -> dict[str, str]:
    assert audit.acked.total() > 0
    return audit.violations(await stored(address))


async def test_a_slot_that_moves_under_load_loses_nothing(serve: Serve) -> None:
    async with redis_cluster(appendonly="always") as cluster:
        address = await serve(store=f"{cluster.url}?timeout=60")
        async with posting(address, clients=16) as audit:
            for _ in range(3):
                await audit.more(100)
                # The other shards go on while this one waits in between.
                await cluster.migrate(
                    SLOT, await other_master(cluster), between=lambda: audit.more(20), batch=2
                )
            await audit.more(100)
        assert not audit.unknown
        # Nobody was refused: who wrote to the shard that moved has waited for it.
        assert not audit.refused
        assert not await checked(address, audit)


async def test_while_a_slot_moves_the_other_shards_of_its_node_go_on() -> None:
    async with redis_cluster() as cluster, open_store(f"{cluster.url}?timeout=60") as store:
        owner, target = await cluster.node_of(SLOT), await other_master(cluster)
        beside = [f"u{n}" for n in range(40) if await owner_of(cluster, f"u{n}") is owner]
        beside = [uuid for uuid in beside if LAYOUT.home(uuid)[0] != BUSY]
        await add_one(store, Score("a1-b0", 3))
        for node, state, other in ((target, "IMPORTING", owner), (owner, "MIGRATING", target)):
            await node.command("CLUSTER SETSLOT", SLOT, state, await other.command("CLUSTER", "MYID"))
        waiting = asyncio.create_task(add_one(store, Score("a1-b0", 3)))
        async with asyncio.timeout(5):
            for uuid in beside:
                assert (await add_one(store, Score(uuid, 3))).count == 1
        assert not waiting.done()
        for node in (target, owner):
            await node.command("CLUSTER SETSLOT", SLOT, "STABLE")
        assert (await waiting).count == 2


async def test_a_cluster_that_moved_to_other_addresses_is_found_where_the_url_says() -> None:
    async with (
        redis_cluster() as old,
        redis_cluster() as new,
        tcp_proxy("127.0.0.1", old.masters[0].port) as name,
        open_store(f"redis+cluster://127.0.0.1:{name.port}?timeout=20") as store,
    ):
        await add_one(store, Score("a1-b0", 3))
        for node in old.nodes:
            node.kill()
        name.upstream = ("127.0.0.1", new.masters[0].port)
        assert (await add_one(store, Score("a1-b0", 3))).count == 1


async def test_in_a_slot_that_moves_no_script_runs_on_half_of_its_keys() -> None:
    async with redis_cluster() as cluster, open_store(f"{cluster.url}?timeout=0.3") as store:
        await add_one(store, Score("a1-b0", 3))
        owner, target = await cluster.node_of(SLOT), await other_master(cluster)
        for node, state, other in ((target, "IMPORTING", owner), (owner, "MIGRATING", target)):
            await node.command("CLUSTER SETSLOT", SLOT, state, await other.command("CLUSTER", "MYID"))
        same_shard = next(f"u{n}" for n in range(10_000) if LAYOUT.home(f"u{n}")[0] == BUSY)
        for write in (add_one(store, Score("a1-b0", 3)), add_one(store, Score(same_shard, 3))):
            with pytest.raises(StoreError, match=r"(?i)tryagain|multiple keys request during rehashing"):
                await write
        for node in (target, owner):
            await node.command("CLUSTER SETSLOT", SLOT, "STABLE")
        assert (await add_one(store, Score("a1-b0", 3))).count == 2
        assert await store.inspector(same_shard) is None


async def test_a_master_that_is_killed_and_comes_back_has_lost_nothing(serve: Serve) -> None:
    async with redis_cluster(appendonly="always") as cluster:
        address = await serve(store=f"{cluster.url}?timeout=60")
        async with posting(address, clients=16) as audit:
            for _ in range(3):
                await audit.more(100)
                master = await cluster.node_of(SLOT)
                master.kill()
                await master.start()
                await cluster.healthy()
            await audit.more(100)
        assert not audit.unknown
        assert not await checked(address, audit)


async def test_a_master_that_is_killed_while_its_slot_moves_has_lost_nothing(serve: Serve) -> None:
    async with redis_cluster(appendonly="always") as cluster:
        address = await serve(store=f"{cluster.url}?timeout=60")
        target = await other_master(cluster)
        killed = False

        async def kill_once() -> None:
            nonlocal killed
            if not killed:
                killed = True
                target.kill()
                await target.start()
                await cluster.healthy()

        async with posting(address, clients=16) as audit:
            await audit.more(100)
            await cluster.migrate(SLOT, target, between=kill_once, batch=1)
            await audit.more(100)
        assert killed
        assert not await checked(address, audit)


async def cut_off(replica: RedisServer, master: RedisServer) -> None:
    """From now on nothing gets to the replica: a frozen one would still find what waits in its socket."""
    replica.pause()
    await master.command("CLIENT", "KILL", "TYPE", "replica")


async def cluster_fails_over(serve: Serve, *, options: str) -> dict[str, str]:
    """Kills a master that acknowledged what its replica has not got."""
    async with redis_cluster(replicas=1) as cluster:
        address = await serve(store=f"{cluster.url}?timeout=2&{options}")
        async with posting(address, clients=16) as audit:
            await audit.more(100)
            master = await cluster.node_of(SLOT)
            replica = cluster.nodes[len(cluster.masters) + cluster.masters.index(master)]
            await cut_off(replica, master)
            await audit.more(50)
            master.kill()
            replica.resume()
            await cluster.healthy()
            await audit.more(100)
        return await checked(address, audit)


async def test_a_replica_takes_over_with_all_that_was_acknowledged(serve: Serve) -> None:
    assert not await cluster_fails_over(serve, options="replicas=1")


async def test_control_without_waiting_for_replicas_a_failover_loses_scores(serve: Serve) -> None:
    assert await cluster_fails_over(serve, options="replicas=0")


async def sentinels_fail_over(serve: Serve, *, options: str) -> dict[str, str]:
    async with sentinel_setup() as setup:
        address = await serve(store=f"{setup.url}?timeout=2&{options}")
        async with posting(address, clients=16) as audit:
            await audit.more(100)
            await cut_off(setup.replica, setup.master)
            posted = asyncio.create_task(audit.more(50))
            # Without a replica nothing can be acknowledged where replicas are asked for.
            await asyncio.wait([posted], timeout=1)
            setup.master.kill()
            setup.replica.resume()

            async def taken_over() -> bool:
                return await setup.master_port() == setup.replica.port

            await until(taken_over)
            await setup.master.start()
            await posted
            await audit.more(100)
        return await checked(address, audit)


async def test_sentinels_fail_over_with_all_that_was_acknowledged(serve: Serve) -> None:
    assert not await sentinels_fail_over(serve, options="replicas=1")


async def test_control_sentinels_fail_over_without_what_no_replica_had(serve: Serve) -> None:
    assert await sentinels_fail_over(serve, options="replicas=0")


async def test_a_student_with_more_results_than_may_wait_is_removed_in_a_cluster(serve: Serve) -> None:
    async with redis_cluster() as cluster, open_store(f"{cluster.url}?queue=100") as store:
        await store.record([Result("foo", number, 0.5) for number in range(600)], repeats=Repeats.LAST)
        assert await store.remove(StudentKey("foo"))
        assert (await store.exams(limit=10)).total == 0


@pytest.mark.parametrize("seed", [1, 2])
async def test_in_a_cluster_both_views_become_equal_whoever_writes_what(serve: Serve, seed: int) -> None:
    """Two servers correct the same results at once, each over two keys in two slots."""
    async with redis_cluster() as cluster, aiohttp.ClientSession() as http:
        addresses = [await serve(store=cluster.url), await serve(store=cluster.url)]

        async def correct(number: int) -> None:
            for turn in range(10):
                path = f"{addresses[number % 2]}/exams/{turn % 3}/results/foo{turn % 2}"
                async with http.put(path, json={"score": (seed * 7 + number * turn) % 11 / 10}) as answer:
                    assert answer.status in (200, 201)

        await asyncio.gather(*map(correct, range(8)))
        of_students: dict[tuple[str, int], float] = {}
        of_exams: dict[tuple[str, int], float] = {}
        for student in ("foo0", "foo1"):
            async with http.get(f"{addresses[0]}/students/{student}") as answer:
                report = await answer.json()
            of_students |= {(student, result["exam"]): result["score"] for result in report["results"]}
            assert report["average"] == exact_mean([result["score"] for result in report["results"]])
        for exam in range(3):
            async with http.get(f"{addresses[1]}/exams/{exam}") as answer:
                report = await answer.json()
            of_exams |= {(result["studentId"], exam): result["score"] for result in report["results"]}
            assert report["average"] == exact_mean([result["score"] for result in report["results"]])
        assert of_students == of_exams
        assert len(of_students) == 6


async def test_while_one_master_is_down_the_shards_of_the_others_go_on(serve: Serve) -> None:
    async with redis_cluster(config={"cluster-require-full-coverage": "no"}) as cluster:
        address = await serve(store=f"{cluster.url}?timeout=60")
        down = await cluster.node_of(SLOT)
        elsewhere = [
            f"u{number}" for number in range(30) if await owner_of(cluster, f"u{number}") is not down
        ]
        async with aiohttp.ClientSession() as http:
            await post(http, address, "a1-b0")
            down.kill()
            waiting = asyncio.create_task(post(http, address, "a1-b0"))
            async with asyncio.timeout(10):
                for uuid in elsewhere:
                    assert await post(http, address, uuid) == 200
            assert not waiting.done()
            await down.start()
            assert await waiting == 200


async def owner_of(cluster: Cluster, uuid: str) -> RedisServer:
    return await cluster.node_of(key_slot(LAYOUT.home(uuid)[1].encode()))


async def post(http: aiohttp.ClientSession, address: str, uuid: str) -> int:
    async with http.post(f"{address}/scores", json={"UUID": uuid, "score": 3}) as answer:
        return answer.status
