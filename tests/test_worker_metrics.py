"""Metrics of several workers: the same whichever is asked, and nothing is lost when one is killed."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager

import pytest
from support.commands import Command
from support.feeds import event
from support.redis_servers import redis_server
from support.requests import post, request
from support.scrapes import Scrape
from support.sockets import connection

WORKERS = 4
METRICS = request("GET", "/metrics")


class Service:
    def __init__(self, command: Command, address: str, workers: list[int]) -> None:
        self.command = command
        self.address = address
        self.workers = workers

    async def ask(self, data: bytes) -> bytes:
        """One request on a connection of its own."""
        async with connection(self.address) as (reader, writer), asyncio.timeout(20):
            writer.write(data.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n"))
            return await reader.read()

    async def scrape(self) -> Scrape:
        return self.read(await self.ask(METRICS))

    @staticmethod
    def read(answer: bytes) -> Scrape:
        return Scrape(answer.partition(b"\r\n\r\n")[2].decode())

    async def only(self, worker: int, data: bytes) -> bytes:
        """What this worker answers."""
        with self.stopped(but=worker):
            return await self.ask(data)

    @contextmanager
    def stopped(self, *, but: int) -> Iterator[None]:
        """All workers but one do nothing meanwhile."""
        others = [one for one in self.workers if one != but]
        for other in others:
            os.kill(other, signal.SIGSTOP)
        try:
            yield
        finally:
            for other in others:
                os.kill(other, signal.SIGCONT)


@pytest.fixture
async def service(command: Callable[..., Awaitable[Command]]) -> AsyncIterator[Service]:
    """Four workers on one Redis."""
    feed = await asyncio.start_server(_feed, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{feed.sockets[0].getsockname()[1]}/"
    async with redis_server() as redis, feed:
        started = await command(
            *("serve", "--workers", str(WORKERS), "--port", "0", "--store", redis.url, "--feed", url),
            listening=False,
        )
        workers, address = list[int](), ""
        while len(workers) < WORKERS or not address:
            match = await started.until(r"worker (\d+) is listening|listening: (http://\S+)")
            workers += [int(match[1])] if match[1] else []
            address = match[2] or address
        yield Service(started, address, workers)
        assert await started.stop() == 0


async def _feed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Three events, of which one is no result, and then nothing more."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    writer.write(event("foo", 1, number="1") + event("bar", 1, number="2") + event("foo", 1, 7, number="3"))
    await reader.read()
    writer.close()


async def test_every_worker_tells_what_all_have_counted(service: Service) -> None:
    for worker in service.workers:
        for number in range(3):
            assert b" 200 OK" in await service.only(worker, post(f"id{number}"))
    # On one connection, so the express lane comes to know them.
    async with connection(service.address) as (reader, writer):
        for _ in range(8):
            writer.write(post())
            await reader.readuntil(b"}")
    async with asyncio.timeout(20):
        while (await service.scrape()).get("scores_feed_events_total") < 3:
            pass
    for worker in service.workers:
        seen = Service.read(await service.only(worker, METRICS))
        assert seen.requests() == {("/scores", "POST", "200"): 20}
        assert seen.by("kind", "scores_stored") == {"students": 2, "exams": 1, "inspectors": 4}
        assert seen.by("outcome", "scores_feed_events_total") == {"recorded": 2, "rejected": 1}
        assert seen.by("reason", "scores_feed_rejected_events_total") == {"score": 1}
        assert seen.by("state", "scores_feed_state") == {"open": 1, "waiting": 3}
        assert seen.get("scores_express_requests_total") == sum(seen.requests(without="").values())
        assert seen.get("scores_store_batch_size_sum", operation="write") >= 20
        assert set(seen.by("worker", "process_cpu_seconds_total")) == {*"0123", "supervisor"}
        assert seen.get("scores_workers_listening") == WORKERS
        assert seen.get("scores_worker_ends_total") == 0


async def test_a_worker_that_is_killed_takes_nothing_along_but_what_it_was(service: Service) -> None:
    victim = service.workers[0]
    for worker in service.workers:
        await service.only(worker, post())
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(asyncio.timeout(60))
        with service.stopped(but=victim):
            reader, writer = await stack.enter_async_context(connection(service.address))
            writer.write(post(Expect="100-continue")[:-5])
            await reader.readuntil(b"100 Continue\r\n\r\n")
        before = await service.scrape()
        assert before.get("scores_http_requests_in_flight") == 2
        os.kill(victim, signal.SIGKILL)
        await service.command.until(rf"worker {victim} was killed by SIGKILL")
        after = await service.scrape()
    # Its requests are counted; in flight and open is only what scrapes, and its process is none.
    assert after.requests() == {("/scores", "POST", "200"): WORKERS}
    assert after.get("scores_worker_ends_total") == 1
    assert after.get("scores_http_requests_in_flight") == 1
    assert after.get("scores_http_connections") < before.get("scores_http_connections")
    successor = int((await service.command.until(r"worker (\d+) is listening"))[1])
    service.workers[0] = successor
    await service.only(successor, post())
    end = await service.scrape()
    assert end.requests() == {("/scores", "POST", "200"): WORKERS + 1}
    assert end.get("scores_workers_listening") == WORKERS
    kept = {name: count for name, count in before.counters().items() if not name[0].startswith("process_")}
    for later in (after, end):
        assert all(later.counters()[series] >= count for series, count in kept.items())
