"""What a Redis says that cannot do something, and what becomes of it: one outcome and one log line each."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from redis.crc import key_slot
from support.redis_cluster import redis_cluster
from support.redis_servers import RedisServer, redis_server, until
from support.tcp_proxy import tcp_proxy

from scores.errors import ConfigError, OutcomeUnknown, StoreBusy, StoreError
from scores.models import Exam, Inspector, Outcome, Repeats, Result, Score, StudentKey
from scores.stores import open_store
from scores.stores.redis import results
from scores.stores.redis.lanes import MAX_WEIGHT
from scores.stores.redis.layout import Layout
from scores.testing import add_one

Serve = Callable[..., Awaitable[str]]

LAST = Repeats.LAST


@pytest.fixture
async def server(no_leaks: None) -> AsyncIterator[RedisServer]:
    async with redis_server() as server:
        yield server


async def post(address: str, score: int = 3) -> tuple[int, dict[str, Any]]:
    body = {"UUID": "a1-b1", "score": score}
    async with aiohttp.ClientSession() as http, http.post(f"{address}/scores", json=body) as answer:
        return answer.status, await answer.json(content_type=None)


async def readiness(address: str) -> int:
    async with aiohttp.ClientSession() as http, http.get(f"{address}/readyz") as answer:
        return answer.status


async def refused_to_open(url: str) -> str:
    with pytest.raises(ConfigError) as caught:
        async with open_store(url):
            pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Away at the start, and back.


async def test_a_redis_that_is_down_at_the_start_is_waited_for(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with redis_server() as server:
        await server.stop()
        address = await serve(store=server.url)
        assert await readiness(address) == 503
        status, problem = await post(address)
        assert (status, problem["type"]) == (503, "urn:problem-type:scores:store-unavailable")
        await server.start()
        assert await readiness(address) == 200
        assert await post(address) == (200, {"UUID": "a1-b1", "mean": 3.0})
    assert [record.message for record in caplog.records if "store away" in record.message]
    assert "store back" in caplog.messages


async def test_while_it_is_away_requests_are_refused_at_once(serve: Serve) -> None:
    async with redis_server() as server:
        await server.stop()
        address = await serve(store=f"{server.url}?timeout=60")
        await readiness(address)
        async with asyncio.timeout(5):
            answers = await asyncio.gather(*(post(address) for _ in range(20)))
        assert {status for status, _ in answers} == {503}


async def test_a_redis_that_is_still_loading_is_waited_for(serve: Serve) -> None:
    async with redis_server(appendonly="always", config={"key-load-delay": 200}) as server:
        address = await serve(store=f"{server.url}?timeout=60")
        await asyncio.gather(*(post(address) for _ in range(300)))
        server.kill()
        server.launch()
        assert await post(address) == (200, {"UUID": "a1-b1", "mean": 3.0})


# Refusals.


async def test_a_wrong_password_stops_the_start_in_one_line_without_it() -> None:
    async with redis_server(password="right") as server:
        sentence = await refused_to_open(f"redis://:wr0ng@127.0.0.1:{server.port}")
    assert sentence.startswith("Redis does not let us in: ")
    assert "wr0ng" not in sentence


async def test_over_a_unix_socket_a_wrong_password_stops_the_start_as_well() -> None:
    async with redis_server(password="right") as server:
        for credentials in ("", ":wr0ng@"):
            assert "Redis does not let us in" in await refused_to_open(
                f"unix://{credentials}{server.socket_path}"
            )


async def test_a_password_that_changes_is_a_503_until_it_is_right_again(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with redis_server(password="first") as server:
        address = await serve(store=f"redis://:first@127.0.0.1:{server.port}?timeout=0.5")
        assert (await post(address))[0] == 200
        await server.command("CONFIG", "SET", "requirepass", "second")
        await server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        status, problem = await post(address)
        assert status == 503
        assert "Redis does not let us in" in problem["detail"]
        assert any("Redis does not let us in" in message for message in caplog.messages)
        await server.command("CONFIG", "SET", "requirepass", "first")
        assert (await post(address))[0] == 200


async def test_a_user_who_may_not_run_scripts_is_told_so() -> None:
    async with (
        redis_server(users=["limited on >pw ~* +@all -@scripting"]) as server,
        open_store(f"redis://limited:pw@127.0.0.1:{server.port}") as store,
    ):
        with pytest.raises(StoreError, match="Redis does not let us in"):
            await add_one(store, Score("a1-b1", 3))


async def test_a_node_of_a_cluster_is_told_from_a_server_and_back(server: RedisServer) -> None:
    assert "redis://" in await refused_to_open(server.url.replace("redis://", "redis+cluster://"))
    async with redis_server(config={"cluster-enabled": "yes"}) as node:
        assert "redis+cluster://" in await refused_to_open(node.url)


async def test_a_server_that_is_too_old_is_refused(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scores.stores.redis.greeting._OLDEST", (99, 0))
    assert "is too old: it must be 99.0 or later" in await refused_to_open(server.url)


async def test_shards_other_than_those_there_are_refused_and_none_take_what_is_there(
    server: RedisServer,
) -> None:
    async with open_store(f"{server.url}?shards=4") as store:
        await add_one(store, Score("a1-b1", 3))
    assert "the data in Redis is cut in 4" in await refused_to_open(f"{server.url}?shards=8")
    async with open_store(server.url) as store:
        assert await store.inspector("a1-b1") is not None


@pytest.mark.parametrize(("version", "shards"), [("abc", "64"), ("1", "0"), ("1", "100000"), ("1", "-1")])
async def test_a_damaged_layout_stops_the_start(server: RedisServer, version: str, shards: str) -> None:
    await server.command("HSET", "scores:layout", "version", version, "shards", shards)
    assert "scores:layout in Redis is damaged" in await refused_to_open(server.url)


@pytest.mark.parametrize("nonsense", [b":1\r\n", b"$-1\r\n", b"*0\r\n"])
async def test_what_is_no_redis_stops_the_start(nonsense: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            if line.strip() in (b"INFO", b"CONFIG"):
                writer.write(nonsense)
            elif line.startswith((b"CLIENT", b"SELECT")):
                writer.write(b"+OK\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as fake:
        port = fake.sockets[0].getsockname()[1]
        assert "what answers there is no Redis" in await refused_to_open(
            f"redis://127.0.0.1:{port}?timeout=2"
        )


async def test_a_lease_grows_over_a_loss_of_all_data(server: RedisServer) -> None:
    async with open_store(server.url) as store:
        leases = [await store.lease("http://feed", holder, seconds=0) for holder in "abc"]
        old = leases[-1]
        assert old is not None
        await store.record([Result("foo", 3, 0.1)], repeats=LAST, lease=old)
        await server.command("DEL", *await server.command("KEYS", "*feed:*"))
        new = await store.lease("http://feed", "d", seconds=60)
        assert new is not None
        assert new.token >= old.token
        assert await store.record([Result("foo", 3, 0.2)], repeats=LAST, lease=new) == [Outcome.REPLACED]


async def test_a_page_goes_on_when_the_bucket_it_ended_in_is_gone(server: RedisServer) -> None:
    async with open_store(server.url) as store:
        for number in range(20):
            await add_one(store, Score(f"u{number}", 3))
        page = await store.inspectors(limit=5)
        place = Layout("scores", 64).place(page.next or "")
        await server.command("DEL", f"{Layout('scores', 64).bases[place.shard]}inspectors:{place.bucket}")
        assert len((await store.inspectors(limit=50, after=page.next)).items) == 15


async def test_two_prefixes_are_two_stores(server: RedisServer) -> None:
    async with open_store(f"{server.url}?prefix=one") as one, open_store(f"{server.url}?prefix=two") as two:
        await add_one(one, Score("a1-b1", 3))
        assert await two.inspector("a1-b1") is None


@pytest.mark.parametrize(
    ("appendonly", "required", "met"),
    [
        ("no", "everysec", False),
        ("no", "always", False),
        ("everysec", "everysec", True),
        ("everysec", "always", False),
        ("always", "everysec", True),
        ("always", "always", True),
        ("no", "off", True),
    ],
)
async def test_less_durability_than_required_stops_the_start(
    serve: Serve, appendonly: str, required: str, met: bool
) -> None:
    async with redis_server(appendonly=appendonly) as server:
        settings = {"store": server.url, "redis_require_aof": required}
        if met:
            assert await readiness(await serve(**settings)) == 200
        else:
            with pytest.raises(ConfigError, match=f"SCORES_REDIS_REQUIRE_AOF={required} is not met"):
                await serve(**settings)


@pytest.mark.parametrize(
    ("appendonly", "words", "level"),
    [
        ("no", "memory only", logging.WARNING),
        ("everysec", "within a second or two", logging.INFO),
        ("always", "on Redis' disk", logging.INFO),
    ],
)
async def test_what_an_acknowledgement_is_worth_is_logged(
    caplog: pytest.LogCaptureFixture, appendonly: str, words: str, level: int
) -> None:
    caplog.set_level(logging.INFO)
    async with redis_server(appendonly=appendonly) as server, open_store(server.url):
        pass
    (line,) = [record for record in caplog.records if "an acknowledged score is" in record.message]
    assert words in line.message
    assert line.levelno == level


async def test_a_redis_without_memory_refuses_writes_and_answers_reads(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_store(server.url) as store:
        before = await add_one(store, Score("a1-b1", 3))
        await store.record([Result("foo", 3, 0.5)], repeats=LAST)
        await server.command("CONFIG", "SET", "maxmemory", 1)
        with pytest.raises(StoreError, match="no memory left"):
            await add_one(store, Score("a1-b1", 3))
        with pytest.raises(StoreError, match="no memory left"):
            await store.record([Result("foo", 3, 0.1), Result("bar", 3, 0.1)], repeats=LAST)
        assert "store refuses: Redis has no memory left (maxmemory)" in caplog.messages
        assert await store.inspector("a1-b1") == before
        assert (await store.exam(3, limit=9)).exam.average == 0.5  # type: ignore[union-attr]  # it is there
        await server.command("CONFIG", "SET", "maxmemory", 0)
        assert (await add_one(store, Score("a1-b1", 3))).count == before.count + 1


async def test_a_replica_takes_no_writes_until_it_is_a_master(server: RedisServer) -> None:
    async with redis_server() as master, open_store(f"{server.url}?timeout=0.5") as store:
        await add_one(store, Score("a1-b1", 3))
        await server.command("REPLICAOF", "127.0.0.1", master.port)
        with pytest.raises(StoreError, match="Redis cannot do it now"):
            await add_one(store, Score("a1-b1", 3))
        await server.command("REPLICAOF", "NO", "ONE")
        assert (await add_one(store, Score("a1-b1", 3))).count >= 1


async def test_a_redis_that_comes_back_with_less_durability_than_required_is_not_used() -> None:
    async with (
        redis_server(appendonly="everysec") as durable,
        open_store(f"{durable.url}?require_aof=everysec&timeout=1") as store,
    ):
        await add_one(store, Score("a1-b1", 3))
        await durable.command("CONFIG", "SET", "appendonly", "no")
        await durable.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        with pytest.raises(StoreError, match="require_aof=everysec is not met"):
            await add_one(store, Score("a1-b1", 3))
        await durable.command("CONFIG", "SET", "appendonly", "yes")
        assert (await add_one(store, Score("a1-b1", 3))).count == 2


async def test_scripts_that_were_flushed_are_sent_again(server: RedisServer) -> None:
    async with open_store(server.url) as store:
        for count in range(1, 4):
            assert (await add_one(store, Score("a1-b1", 3))).count == count
            assert (await store.inspector("a1-b1")).count == count  # type: ignore[union-attr]  # it is there
            await server.command("SCRIPT", "FLUSH")


async def test_a_key_of_somebody_else_in_the_way_is_an_error_and_not_a_crash(server: RedisServer) -> None:
    async with open_store(server.url) as store:
        place = Layout("scores", 64).place("a1-b1")
        await server.command(
            "SET", f"{Layout('scores', 64).bases[place.shard]}inspectors:{place.bucket}", "mine"
        )
        with pytest.raises(StoreError, match="WRONGTYPE"):
            await add_one(store, Score("a1-b1", 3))
        assert (await add_one(store, Score("a1-b2", 3))).count == 1


# Waiting, together and apart.


async def test_more_requests_than_may_wait_are_refused(server: RedisServer) -> None:
    async with open_store(f"{server.url}?queue=10&timeout=60") as store:
        server.pause()
        adding = [asyncio.create_task(add_one(store, Score("a1-b1", 3))) for _ in range(50)]
        done, waiting = await asyncio.wait(adding, return_when=asyncio.FIRST_COMPLETED)
        assert len(waiting) == 10
        assert all(isinstance(task.exception(), StoreBusy) for task in done)
        server.resume()
        assert {(await task).count for task in waiting} == set(range(1, 11))


async def test_more_results_than_may_wait_are_recorded_all_the_same(server: RedisServer) -> None:
    many = [Result("foo", number, number / 999) for number in range(900)]
    async with open_store(f"{server.url}?queue=7") as store:
        assert await store.record(many, repeats=LAST) == [Outcome.NEW] * len(many)
        report = await store.student("foo", limit=1000)
        assert report is not None
        assert list(report.results.items) == many


async def test_a_student_with_very_many_results_is_removed_in_steps(server: RedisServer) -> None:
    async with open_store(server.url) as store:
        await store.record([Result("foo", number, 0.5) for number in range(1700)], repeats=LAST)
        await store.record([Result("bar", 3, 0.25)], repeats=LAST)
        assert await store.remove(StudentKey("foo"))
        assert not await store.remove(StudentKey("foo"))
        assert list((await store.exams(limit=10)).items) == [Exam(3, 0.25, 1)]


async def test_more_exams_are_looked_for_than_one_script_takes(server: RedisServer) -> None:
    async with open_store(server.url) as store:
        await store.record([Result("foo", number, 0.5) for number in range(0, 9000, 30)], repeats=LAST)
        report = await store.student("foo", exams=range(9000), limit=1000)
        assert report is not None
        assert (report.results.total, len(report.results.items)) == (300, 300)


async def test_a_client_that_goes_away_takes_nobody_along(server: RedisServer) -> None:
    async with open_store(f"{server.url}?timeout=60") as store:
        server.pause()
        first = asyncio.create_task(add_one(store, Score("a1-b1", 3)))
        for _ in range(5):
            await asyncio.sleep(0)
        others = [
            asyncio.create_task(add_one(store, Score(f"u{number}", number % 6))) for number in range(100)
        ]
        for _ in range(5):
            await asyncio.sleep(0)
        first.cancel()
        for task in others[::2]:
            task.cancel()
        server.resume()
        for number, task in enumerate(others):
            if number % 2:
                assert (await task).uuid == f"u{number}"
                assert (await task).total == number % 6
        # The one that was sent counts; those that had not been sent have asked for nothing.
        assert (await store.inspector("a1-b1")).count == 1  # type: ignore[union-attr]  # it is there
        assert await store.inspector("u0") is None


async def test_what_waits_together_is_one_command(server: RedisServer) -> None:
    async with open_store(server.url) as store:
        await asyncio.gather(*(add_one(store, Score(f"u{number}", 3)) for number in range(100)))
        before = await scripts_run(server)
        await asyncio.gather(*(add_one(store, Score(f"u{number}", 3)) for number in range(100)))
        assert await scripts_run(server) - before == 1
        await asyncio.gather(*(store.inspector(f"u{number}") for number in range(100)))
        assert await scripts_run(server) - before == 2


async def test_a_batch_of_scores_is_one_command_for_each_that_is_full(server: RedisServer) -> None:
    async with open_store(server.url) as store:
        await store.add([Score("a1-b1", 3)])
        before = await scripts_run(server)
        await store.add([Score(f"u{number}", 3) for number in range(MAX_WEIGHT)])
        assert await scripts_run(server) - before == 1
        await store.add([Score(f"u{number}", 3) for number in range(3 * MAX_WEIGHT)])
        assert await scripts_run(server) - before == 4


async def test_a_batch_larger_than_what_may_wait_is_added_all_the_same(server: RedisServer) -> None:
    async with open_store(f"{server.url}?queue=7") as store:
        answers = await store.add([Score("a1-b1", 3)] * 100)
        assert answers == [Inspector("a1-b1", number, 3 * number) for number in range(1, 101)]


async def test_a_batch_counts_as_many_requests_as_it_has_scores(server: RedisServer) -> None:
    async with open_store(f"{server.url}?queue=10&timeout=60") as store:
        server.pause()
        batches = [asyncio.create_task(store.add([Score("a1-b1", 3)] * 6)) for _ in range(2)]
        (refused,), (waiting,) = await asyncio.wait(batches, return_when=asyncio.FIRST_COMPLETED)
        assert [type(answer) for answer in refused.result()] == [StoreBusy] * 6
        server.resume()
        assert [answer.count for answer in await waiting if isinstance(answer, Inspector)] == [*range(1, 7)]


async def test_a_batch_for_a_redis_that_is_away_is_an_error_for_each_score(server: RedisServer) -> None:
    await server.stop()
    async with open_store(f"{server.url}?timeout=0.3") as store:
        for _ in range(2):
            answers = await store.add([Score(f"u{number}", 3) for number in range(1000)])
            assert [type(answer) for answer in answers] == [StoreError] * 1000
            await server.start()
            assert await store.add([Score("u0", 3)]) == [Inspector("u0", 1, 3)]
            await server.stop()


async def test_the_outcome_of_a_batch_that_is_not_answered_is_unknown_for_each_score(
    server: RedisServer,
) -> None:
    async with (
        tcp_proxy("127.0.0.1", server.port) as proxy,
        open_store(f"redis://127.0.0.1:{proxy.port}?timeout=0.4") as store,
    ):
        await store.add([Score("a1-b1", 3)])
        proxy.black_hole = True
        answers = await store.add([Score("a1-b1", 3)] * 5)
        assert [type(answer) for answer in answers] == [OutcomeUnknown] * 5


async def test_in_a_cluster_each_shard_of_a_batch_has_its_own_outcome() -> None:
    async with redis_cluster() as cluster, open_store(f"{cluster.url}?timeout=0.5") as store:
        layout, uuids = Layout("scores", 64), [f"u{number}" for number in range(200)]
        place = layout.place("u7")
        key = f"{layout.bases[place.shard]}inspectors:{place.bucket}"
        node = await cluster.node_of(key_slot(key.encode()))
        await node.command("SET", key, "mine")
        answers = await store.add([Score(uuid, 3) for uuid in uuids])
        refused = [
            uuid for uuid, answer in zip(uuids, answers, strict=True) if isinstance(answer, StoreError)
        ]
        assert refused == [uuid for uuid in uuids if layout.place(uuid) == place]


async def scripts_run(server: RedisServer) -> int:
    statistics = await server.command("INFO", "commandstats")
    found = [statistics.get(f"cmdstat_{name}", {}) for name in ("eval", "evalsha")]
    return sum(int(one.get("calls", 0)) - int(one.get("failed_calls", 0)) for one in found)


async def test_a_store_whose_redis_is_frozen_is_closed_in_time(server: RedisServer) -> None:
    async with asyncio.timeout(10):
        async with open_store(f"{server.url}?timeout=300") as store:
            await add_one(store, Score("a1-b1", 3))
            server.pause()
            adding = asyncio.create_task(add_one(store, Score("a1-b1", 3)))
            await asyncio.sleep(0.01)
        with pytest.raises(OutcomeUnknown):
            await adding
        async with open_store(f"{server.url}?timeout=300"):
            # It is opened in time as well.
            pass
    server.resume()


async def test_an_answer_that_never_comes_is_said_to_be_unknown(server: RedisServer) -> None:
    async with (
        tcp_proxy("127.0.0.1", server.port) as proxy,
        open_store(f"redis://127.0.0.1:{proxy.port}?timeout=0.4") as store,
    ):
        await add_one(store, Score("a1-b1", 3))
        proxy.black_hole = True
        with pytest.raises(OutcomeUnknown, match="it is not known whether this was recorded"):
            await add_one(store, Score("a1-b1", 3))


async def test_what_was_recorded_by_halves_is_finished_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    async with redis_cluster() as cluster:
        monkeypatch.setattr(results.Results, "_mirror", died)
        async with open_store(cluster.url) as store:
            with pytest.raises(Died):
                await store.record([Result("foo", 3, 0.5)], repeats=LAST)
            assert (await store.student("foo", limit=9)) is not None
            assert (await store.exam(3, limit=9)) is None
        monkeypatch.undo()
        monkeypatch.setattr(results, "_NOTE_AGE", -1)
        monkeypatch.setattr(results, "_SWEEP_EVERY", 0.05)
        async with open_store(cluster.url) as store:

            async def finished() -> bool:
                return await store.exam(3, limit=9) is not None

            await until(finished)
            report = await store.exam(3, limit=9)
            assert report is not None
            assert list(report.results.items) == [Result("foo", 3, 0.5)]
            assert await store.record([Result("foo", 3, 0.5)], repeats=LAST) == [Outcome.REPLACED]
            assert await store.remove(StudentKey("foo"))


class Died(Exception):
    """The end of a process, between two writes."""


async def died(*_arguments: Any) -> None:
    raise Died
