"""Every way to a Redis: TCP, TLS, a Unix socket, users and passwords, databases."""

import asyncio

import pytest
from support.redis_cluster import redis_cluster
from support.redis_sentinel import sentinel_setup
from support.redis_servers import redis_server

from scores.errors import StoreError
from scores.models import Inspector, Repeats, Result, Score
from scores.stores import Store, open_store
from scores.testing import add_one


async def works(url: str) -> bool:
    async with open_store(url) as store:
        added = await add_one(store, Score("a1-b1", 3))
        return await store.inspector("a1-b1") == added


async def test_over_a_unix_socket() -> None:
    async with redis_server() as server:
        assert await works(f"unix://{server.socket_path}")
        assert await works(f"unix://{server.socket_path}?db=3")
        assert await server.command("DBSIZE") > 0


async def test_a_database_by_its_number() -> None:
    async with redis_server() as server:
        async with open_store(f"redis://127.0.0.1:{server.port}/5") as store:
            await add_one(store, Score("a1-b1", 3))
        async with open_store(f"redis://127.0.0.1:{server.port}/6") as store:
            assert await store.inspector("a1-b1") is None


async def test_with_a_password_that_needs_escaping() -> None:
    async with redis_server(password="p@ss/w:rd") as server:
        assert await works(f"redis://:p%40ss%2Fw%3Ard@127.0.0.1:{server.port}")


async def test_as_a_user_who_may_do_just_what_is_needed() -> None:
    rights = "~scores:* +eval +evalsha +hsetnx +hmget +info +@connection +@read +@write +time"
    async with redis_server(users=[f"limited on >pw {rights}"]) as server:
        assert await works(f"redis://limited:pw@127.0.0.1:{server.port}")


async def test_over_tls_with_the_servers_certificate_checked() -> None:
    async with redis_server(tls=True) as server:
        address = f"rediss://localhost:{server.port}"
        assert await works(f"{address}?tls_ca={server.ca_file}")
        assert await works(f"{address}?tls_verify=off")
        async with open_store(f"{address}?timeout=0.3") as store:
            with pytest.raises(StoreError, match="certificate"):
                await add_one(store, Score("a1-b1", 3))


async def test_behind_sentinels_of_which_one_is_enough() -> None:
    async with sentinel_setup() as setup:
        setup.sentinels[0].kill()
        setup.sentinels[1].kill()
        async with open_store(setup.url) as store:
            assert await add_one(store, Score("a1-b1", 3)) == Inspector("a1-b1", 1, 3)


async def test_what_one_server_has_is_imported_into_a_cluster_as_it_is() -> None:
    results = [Result(f"s{number}", number % 7, number / 999) for number in range(900)]
    async with redis_server() as server, redis_cluster() as cluster:
        async with open_store(server.url) as store:
            await store.record(results, repeats=Repeats.LAST)
            for number in range(100):
                await add_one(store, Score(f"u{number}", number % 6))
            before = await everything(store)
        command = ["redis-cli", "--cluster", "import", f"127.0.0.1:{cluster.masters[0].port}"]
        importing = await asyncio.create_subprocess_exec(
            *command, "--cluster-from", f"127.0.0.1:{server.port}", stdout=asyncio.subprocess.DEVNULL
        )
        assert await importing.wait() == 0
        async with open_store(cluster.url) as store:
            assert await everything(store) == before


async def everything(store: Store) -> list[object]:
    exams = await store.exams(limit=1000)
    reports = [await store.exam(exam.exam, limit=1000) for exam in exams.items]
    return [exams, await store.students(limit=1000), await store.inspectors(limit=1000), reports]
