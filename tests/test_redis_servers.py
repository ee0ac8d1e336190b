"""The redis servers of the tests do what the tests rely on."""

import asyncio
import os
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from support.redis_cluster import SLOTS, redis_cluster
from support.redis_sentinel import SentinelSetup, sentinel_setup
from support.redis_servers import RedisServer, ServerFailed, assert_all_gone, hold_port, redis_server, until
from support.sockets import connection

WORD = "abc"


@pytest.fixture(autouse=True)
def none_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test leaves a server behind; those of other tests are none of their business."""
    monkeypatch.setattr("support.redis_servers._started", [])
    yield
    assert_all_gone()


async def reply(url: str, *args: object, **options: Any) -> object:
    async with Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_timeout=0.2, **options) as client:
        return await client.execute_command(*args)  # type: ignore[no-untyped-call]  # redis-py's own gap


async def test_a_server_answers_at_its_url() -> None:
    async with redis_server() as server:
        assert await reply(server.url, "SET", "a", 1)
        assert await server.command("GET", "a") == b"1"


async def test_a_server_answers_on_its_unix_socket() -> None:
    async with redis_server() as server:
        assert await reply(f"unix://{server.socket_path}", "PING")


async def test_two_servers_know_nothing_of_each_other() -> None:
    async with redis_server() as one, redis_server() as other:
        await one.command("SET", "a", 1)
        assert await other.command("GET", "a") is None


async def test_a_server_and_its_directory_are_gone_afterwards() -> None:
    async with redis_server() as server:
        pid = server.pid
    assert not server.socket_path.parent.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_frozen_server_is_gone_afterwards() -> None:
    async with redis_server() as server:
        server.pause()
    assert not server.running


async def test_a_server_is_gone_after_a_failure() -> None:
    with pytest.raises(ZeroDivisionError):
        async with redis_server() as server:
            raise ZeroDivisionError
    assert not server.running


async def test_what_was_answered_survives_a_kill_when_flushed_always() -> None:
    async with redis_server(appendonly="always") as server:
        await server.command("SET", "a", 1)
        server.kill()
        await server.start()
        assert await reply(server.url, "GET", "a") == b"1"


async def test_without_the_append_only_file_a_kill_loses_all() -> None:
    async with redis_server() as server:
        await server.command("SET", "a", 1)
        server.kill()
        await server.start()
        assert await server.command("GET", "a") is None


async def test_what_was_flushed_each_second_survives_a_stop() -> None:
    async with redis_server(appendonly="everysec") as server:
        await server.command("SET", "a", 1)
        await server.stop()
        await server.start()
        assert await server.command("GET", "a") == b"1"


async def test_a_server_that_is_down_refuses() -> None:
    async with redis_server() as server:
        server.kill()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", server.port)


async def test_a_frozen_server_is_silent_until_it_is_resumed() -> None:
    async with redis_server() as server:
        server.pause()
        server.pause()
        with pytest.raises(RedisError):
            await reply(server.url, "PING")
        server.resume()
        assert await reply(server.url, "PING")


async def test_a_frozen_server_can_be_stopped() -> None:
    async with redis_server() as server:
        server.pause()
        await server.stop()
        assert not server.running


async def test_a_loading_server_is_waited_for() -> None:
    slow = {"key-load-delay": 100}  # microseconds; while it loads, redis looks at its clients every 1024 keys
    async with redis_server(appendonly="always", config=slow) as server:
        await server.command("EVAL", "for i = 1, 8000 do redis.call('SET', i, i) end", 0)
        server.kill()
        server.launch()
        assert (await first_words(server)).startswith(b"-LOADING")
        await server.ready()
        assert await server.command("DBSIZE") == 8000


async def first_words(server: RedisServer) -> bytes:
    """What the server says as soon as it listens; redis-py would take several rounds to get there."""
    async with asyncio.timeout(20):
        while True:
            with suppress(ConnectionRefusedError):
                async with connection(f"tcp://127.0.0.1:{server.port}") as (reader, writer):
                    writer.write(b"DBSIZE\r\n")
                    return await reader.readline()


@pytest.mark.parametrize("password", [WORD, 'a "b" \\c@/é'])
async def test_a_password_is_asked_for_and_is_in_the_url(password: str) -> None:
    async with redis_server(password=password) as server:
        assert await reply(server.url, "PING")
        with pytest.raises(AuthenticationError):
            await reply(f"redis://127.0.0.1:{server.port}/0", "PING")


async def test_users_have_their_rules() -> None:
    async with redis_server(users=["default off", "reader on >word ~* +get +ping"]) as server:
        url = f"redis://reader:word@127.0.0.1:{server.port}/0"
        assert await reply(url, "GET", "a") is None
        with pytest.raises(RedisError, match="no permissions"):
            await reply(url, "SET", "a", 1)
        assert await server.command("SET", "a", 1)


async def test_directives_are_passed_on() -> None:
    async with redis_server(config={"maxmemory": "5mb"}) as server:
        assert await server.command("CONFIG GET", "maxmemory") == {"maxmemory": "5242880"}


async def test_a_wrong_directive_is_told_with_the_log() -> None:
    with pytest.raises(ServerFailed, match="no-such-directive"):
        async with redis_server(config={"no-such-directive": 1}):
            pass


async def test_a_tls_server_is_trusted_by_its_certificate_only() -> None:
    async with redis_server(tls=True) as server:
        assert await reply(server.url, "PING", ssl_ca_certs=str(server.ca_file))
        with pytest.raises((RedisError, ssl.SSLError), match="certificate verify failed"):
            await reply(server.url, "PING")


async def test_a_held_port_is_given_to_nobody_else() -> None:
    with hold_port() as held:
        port = held.getsockname()[1]
        async with redis_server(port=port) as server:
            assert server.port == port


async def test_a_forgotten_server_is_told_and_ended(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.launch()
    with pytest.raises(AssertionError, match=str(server.pid)):
        assert_all_gone()
    assert not server.running
    server.close()


async def test_the_log_is_that_of_redis() -> None:
    async with redis_server() as server:
        assert "Ready to accept connections" in server.log()


async def test_a_password_does_not_keep_a_replica_from_its_master() -> None:
    async with redis_server(password=WORD) as master, redis_server(password=WORD[::-1]) as replica:
        await replica.command("REPLICAOF", "127.0.0.1", master.port)
        await until(lambda: has_status(replica, "up"))


async def has_status(replica: RedisServer, status: str) -> bool:
    return bool((await replica.command("INFO", "replication"))["master_link_status"] == status)


async def test_sentinels_name_the_master() -> None:
    async with sentinel_setup() as setup:
        assert await setup.master_port() == setup.master.port
        assert [await port_from(sentinel) for sentinel in addresses(setup.url)] == [setup.master.port] * 3


async def test_what_is_written_to_the_master_comes_to_the_replica() -> None:
    async with sentinel_setup() as setup:
        await setup.master.command("SET", "a", 1)
        await until(lambda: holds(setup.replica, "a"))


async def test_sentinels_promote_the_replica_of_a_dead_master() -> None:
    async with sentinel_setup() as setup:
        setup.master.kill()
        await until(lambda: is_master(setup, setup.replica))
        await setup.master.start()
        await until(lambda: follows(setup.master))


async def test_sentinels_promote_the_replica_of_a_frozen_master_without_the_first_of_them() -> None:
    async with sentinel_setup() as setup:
        setup.sentinels[0].kill()
        setup.master.pause()
        await until(lambda: is_master(setup, setup.replica))


async def port_from(sentinel: tuple[str, int]) -> int:
    host, port = sentinel
    answer = await reply(f"redis://{host}:{port}", "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "scores")
    assert isinstance(answer, list)
    return int(answer[1])


def addresses(url: str) -> list[tuple[str, int]]:
    pairs = (address.split(":") for address in url.split("/")[2].split(","))
    return [(host, int(port)) for host, port in pairs]


async def is_master(setup: SentinelSetup, server: RedisServer) -> bool:
    return await setup.master_port() == server.port


async def follows(server: RedisServer) -> bool:
    return bool((await server.command("ROLE"))[0] == b"slave")


async def holds(server: RedisServer, key: str) -> bool:
    return bool(await server.command("EXISTS", key))


async def test_a_cluster_spreads_its_slots_over_its_masters() -> None:
    async with redis_cluster(masters=3) as cluster:
        assert [await cluster.node_of(slot) for slot in (0, SLOTS // 2, SLOTS - 1)] == list(cluster.masters)
        first, *_ = addresses(cluster.url)
        async with RedisCluster(*first) as client:
            await asyncio.gather(*(client.set(str(key), key) for key in range(20)))
        assert sum([await node.command("DBSIZE") for node in cluster.nodes]) == 20


async def test_a_slot_moves_under_load_without_a_loss() -> None:
    async with redis_cluster(masters=3, password=WORD) as cluster:
        slot, keys = 15495, [f"{{a}}{number}" for number in range(25)]
        source = await cluster.node_of(slot)
        target = next(node for node in cluster.masters if node is not source)
        async with RedisCluster("127.0.0.1", source.port, password=WORD) as client:

            async def count() -> None:
                for key in keys:
                    await client.incr(key)

            await count()
            await cluster.migrate(slot, target, between=count, batch=5)
            assert await cluster.node_of(slot) is target
            await cluster.healthy()
            await count()
            # The first, the last, one before each of the 5 batches, and one before the end.
            assert [await client.get(key) for key in keys] == [b"8"] * len(keys)
        assert await source.command("DBSIZE") == 0


async def test_a_replica_takes_over_from_a_dead_master() -> None:
    async with redis_cluster(masters=3, replicas=1) as cluster:
        cluster.masters[0].kill()
        await cluster.healthy()
        assert await cluster.node_of(0) is cluster.nodes[3]
        await cluster.masters[0].start()
        await cluster.healthy()
        assert await follows(cluster.masters[0])
