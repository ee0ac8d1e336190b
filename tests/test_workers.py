"""Several server processes: all of them real, on real sockets, and none left when a test ends."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import orjson
import pytest
from support.commands import Command
from support.redis_servers import redis_server
from support.sockets import connection, refuses

from scores.workers.restarts import SETTLED, Restarts

SHARED_STORE = str(Path(__file__).parent / "support" / "shared_store")
LISTENS = r"worker (\d+) is listening"
SCORE = {"UUID": "a1-b1", "score": 5}


@dataclass
class Service:
    """`scores … --workers N`, and the workers that it has said are listening."""

    command: Command
    address: str = ""
    workers: list[int] = field(default_factory=list)

    async def until(self, pattern: str) -> re.Match[str]:
        """The first match in what it logs from here on."""
        while True:
            match = await self.command.until(f"{pattern}|{LISTENS}")
            if found := re.search(LISTENS, match[0]):
                self.workers.append(int(found[1]))
            if found := re.search(pattern, match[0]):
                return found

    async def end(self) -> tuple[int, str]:
        """Its exit status and what it has still logged, once it has ended."""
        async with asyncio.timeout(20):
            _, err = await self.command.process.communicate()
        self.workers += map(int, re.findall(LISTENS, err.decode()))
        assert self.command.process.returncode is not None
        return self.command.process.returncode, err.decode()

    async def stop(self) -> int:
        self.command.process.terminate()
        return (await self.end())[0]


Start = Callable[..., Awaitable[Service]]


@pytest.fixture
async def start(command: Callable[..., Awaitable[Command]]) -> AsyncIterator[Start]:
    """Starts a server with two workers on a shared store; at the end nothing of it may be left."""
    services: list[Service] = []

    async def begin(*arguments: str, workers: int = 2, name: str = "serve", listening: int = -1) -> Service:
        settings = {"--workers": str(workers), "--port": "0", "--store": "shared:"}
        if name == "serve":
            settings["--feed"] = "off"
        flags = [word for pair in settings.items() for word in pair]
        path = os.pathsep.join(filter(None, [SHARED_STORE, os.environ.get("PYTHONPATH")]))
        started = await command(name, *flags, *arguments, listening=False, PYTHONPATH=path)
        services.append(service := Service(started))
        if listening:
            service.address = (await service.until(r"listening: (http://\S+)"))[1]
        while len(service.workers) < (workers if listening < 0 else listening):
            await service.until(LISTENS)
        return service

    yield begin
    for service in services:
        try:
            if service.command.process.returncode is None:
                await service.stop()
            await gone(*service.workers)
        finally:
            for worker in filter(lives, service.workers):
                os.kill(worker, signal.SIGKILL)


async def gone(*pids: int) -> None:
    """Returns when these processes have ended."""
    async with asyncio.timeout(10):
        while any(map(lives, pids)):  # noqa: ASYNC110  # they are nobody's children: nothing tells of their end
            await asyncio.sleep(0.01)


def lives(pid: int) -> bool:
    # An orphan whose new parent does not ask for its status stays as a zombie.
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S607  # wherever it is
    return state.stdout.strip()[:1] not in ("", "Z")


async def post(address: str) -> None:
    """One request on a connection of its own."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session, session.post(address + "/scores", json=SCORE) as response:  # fmt: skip
        assert response.status == 200
        await response.read()


async def test_every_worker_answers_at_the_one_address(start: Start) -> None:
    service = await start("--access-log", "on", workers=3)
    assert len(set(service.workers)) == 3
    for worker in service.workers:
        others = set(service.workers) - {worker}
        for other in others:
            os.kill(other, signal.SIGSTOP)
        try:
            await post(service.address)
        finally:
            for other in others:
                os.kill(other, signal.SIGCONT)
        await service.until(rf'\[{worker}\] .*"POST /scores HTTP/1.1" 200')
    assert await service.stop() == 0


async def test_the_start_is_told_once_and_by_the_one_that_serves_nothing(start: Start) -> None:
    service = await start(listening=0)
    parent = service.command.process.pid
    await service.until(LISTENS)
    await service.until(rf"INFO    \[{parent}\] store: shared:")
    await service.until(rf"\[{parent}\] workers: 2")
    await service.until(rf"\[{parent}\] listening: http://127.0.0.1:\d+")
    await service.until(LISTENS)
    service.command.process.terminate()
    status, err = await service.end()
    assert status == 0
    assert "listening: http" not in err
    assert f"[{parent}] stopped" in err


async def test_json_lines_name_their_process(start: Start) -> None:
    service = await start("--log-format", "json", listening=0)
    line = (await service.until(r"^(.*is listening.*)$"))[1]
    assert orjson.loads(line)["pid"] == service.command.process.pid
    assert await service.stop() == 0


async def test_a_worker_that_is_killed_is_replaced_and_the_others_go_on(start: Start) -> None:
    service = await start()
    victim, other = service.workers
    broken = answered = 0
    replaced = asyncio.Event()

    async def client() -> None:
        nonlocal broken, answered
        while not replaced.is_set():
            try:
                await post(service.address)
                answered += 1
            except aiohttp.ClientConnectionError:
                broken += 1

    async with asyncio.TaskGroup() as clients:
        for _ in range(4):
            clients.create_task(client())
        os.kill(victim, signal.SIGKILL)
        await service.until(rf"ERROR .*worker {victim} was killed by SIGKILL; the next one starts in 0\.\d s")
        before = answered
        await service.until(LISTENS)
        replaced.set()
    # Only what the victim held at that moment can be lost.
    assert broken <= 4
    assert answered > before
    assert lives(other)
    assert len(set(service.workers)) == 3
    assert await service.stop() == 0


async def test_a_worker_that_is_told_to_stop_is_replaced_too(start: Start) -> None:
    service = await start()
    os.kill(service.workers[0], signal.SIGTERM)
    await service.until(rf"worker {service.workers[0]} has ended with status 0; the next one starts")
    await service.until(LISTENS)
    assert await service.stop() == 0


async def test_a_crash_loop_is_slowed_down_and_leaves_the_others_alone(start: Start, tmp_path: Path) -> None:
    service = await start("--store", f"shared:crash:{tmp_path / 'first'}", listening=1)
    crash = r"worker \d+ has ended with status 3; the next one starts in ([\d.]+) s"
    waits = [float((await service.until(crash))[1]) for _ in range(4)]
    assert all(0.1 <= wait <= 0.1 * 2 ** (n + 1) for n, wait in enumerate(waits))
    await post(service.address)
    assert len(service.workers) == 1
    assert await service.stop() == 0


class Highest(Random):
    def uniform(self, _low: float, high: float) -> float:
        return high


def test_the_waits_of_a_crash_loop_double_up_to_half_a_minute() -> None:
    restarts = Restarts(clock=lambda: 0.0, random=Highest())
    assert [round(restarts.wait(), 1) for _ in range(10)] == [
        0.2,
        0.4,
        0.8,
        1.6,
        3.2,
        6.4,
        12.8,
        25.6,
        30,
        30,
    ]


def test_a_worker_that_has_lived_for_a_while_is_replaced_as_if_it_were_the_first() -> None:
    times = deque([0.0, 0.0, 1.0, 2.0, SETTLED + 1, 100.0, 100.0 + SETTLED])
    restarts = Restarts(clock=times.popleft, random=Highest())
    waits = []
    for _ in range(3):
        restarts.begin()
        waits.append(restarts.wait())
    assert waits == [0.2, 0.4, 0.2]


HEAD = (
    b"POST /scores HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 26\r\n"
    b"Expect: 100-continue\r\n\r\n"
)
BODY = b'{"UUID":"a1-b1","score":5}'


async def hold(stack: AsyncExitStack, address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request that a worker has begun to answer, and that waits for its body."""
    reader, writer = await stack.enter_async_context(connection(address))
    writer.write(HEAD + BODY[:5])
    assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def finish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(BODY[5:])
    assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_what_is_in_flight_in_any_worker_is_finished_after_sigterm(start: Start) -> None:
    service = await start()
    async with AsyncExitStack() as stack:
        held = []
        for worker in service.workers:
            os.kill(worker, signal.SIGSTOP)
            held += [await hold(stack, service.address) for _ in range(4)]
            os.kill(worker, signal.SIGCONT)
        service.command.process.terminate()
        for _ in range(3):
            await service.until("stopping: finishing what is in flight")
        await refuses(service.address)
        for reader, writer in held:
            await finish(reader, writer)
    status, err = await service.end()
    assert status == 0
    assert "killed" not in err


async def test_sigterm_under_load_resets_no_request(start: Start) -> None:
    service = await start()
    answered = 0
    busy = asyncio.Event()

    async def client(session: aiohttp.ClientSession) -> None:
        nonlocal answered
        while True:
            try:
                async with session.post(service.address + "/scores", json=SCORE) as response:
                    assert response.status == 200
                    await response.read()
            except aiohttp.ClientConnectorError:
                # Refused: nobody listens any more. Any other error fails the test.
                return
            answered += 1
            if answered > 500:
                busy.set()

    async with (
        aiohttp.ClientSession() as lasting,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as fresh,
        asyncio.TaskGroup() as clients,
    ):
        for session in (lasting, fresh):
            for _ in range(6):
                clients.create_task(client(session))
        await busy.wait()
        before = asyncio.get_running_loop().time()
        assert await service.stop() == 0
        assert asyncio.get_running_loop().time() - before < 5


@pytest.mark.parametrize("times", [1, 2])
async def test_ctrl_c_reaches_the_whole_group_and_does_no_harm(start: Start, times: int) -> None:
    service = await start()
    async with AsyncExitStack() as stack:
        held = []
        for worker in service.workers:
            os.kill(worker, signal.SIGSTOP)
            held.append(await hold(stack, service.address))
            os.kill(worker, signal.SIGCONT)
        for _ in range(times):
            for pid in (service.command.process.pid, *service.workers):
                os.kill(pid, signal.SIGINT)
        for _ in range(3):
            await service.until("stopping: finishing what is in flight")
        for reader, writer in held:
            await finish(reader, writer)
    status, err = await service.end()
    assert status == 0
    # Each has said it once, although the workers have also been told by their supervisor.
    assert "stopping" not in err
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_waits_until_a_new_worker_can_stop_in_order(
    start: Start, number: signal.Signals
) -> None:
    service = await start(listening=1)
    async with asyncio.timeout(10):
        while not (new := children(service.command.process.pid) - set(service.workers)):  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0)
    (worker,) = new
    os.kill(worker, number)
    await service.until(rf"worker {worker} has ended with status 0")
    service.command.process.terminate()
    status, err = await service.end()
    assert status == 0
    assert "Traceback" not in err


def children(parent: int) -> set[int]:
    command = ["ps", "-A", "-o", "pid=,ppid="]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return {int(pid) for pid, ppid in map(str.split, lines) if int(ppid) == parent}


async def test_a_worker_that_does_not_stop_is_killed_in_time(start: Start, tmp_path: Path) -> None:
    service = await start("--store", f"shared:deaf:{tmp_path / 'first'}", "--shutdown-timeout", "0.1")
    service.command.process.terminate()
    status, err = await service.end()
    assert status == 0
    for worker in service.workers:
        assert f"worker {worker} has not stopped in time, and is killed" in err


async def test_no_worker_outlives_the_one_that_started_it(start: Start) -> None:
    service = await start()
    async with AsyncExitStack() as stack:
        held = await hold(stack, service.address)
        service.command.process.kill()
        async with asyncio.timeout(5):
            for _ in range(2):
                await service.until("the supervisor is gone: stopping")
            await finish(*held)
            await gone(*service.workers)


async def test_an_orphan_that_does_not_stop_ends_itself(start: Start, tmp_path: Path) -> None:
    service = await start("--store", f"shared:deaf:{tmp_path / 'first'}", "--shutdown-timeout", "0.1")
    service.command.process.kill()
    for _ in range(2):
        await service.until("not stopped in time: ending at once")
    await gone(*service.workers)


async def test_a_store_of_one_process_is_refused_in_one_line(start: Start) -> None:
    service = await start("--store", "dict", workers=4, listening=0)
    assert await service.end() == (
        2,
        (
            "scores: --workers=4 is not allowed with the store 'dict', which lives in one process:"
            " use a shared store, such as redis://localhost:6379/0, or one worker\n"
        ),
    )


async def test_a_port_that_is_taken_is_said_in_one_line(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, err = await (await start("--port", str(port), listening=0)).end()
    assert status == 1
    assert err.startswith(f"scores: cannot listen on '127.0.0.1' port {port}: ")
    assert len(err.splitlines()) == 1


async def test_a_setting_that_has_become_wrong_takes_nothing_down(start: Start, tmp_path: Path) -> None:
    service = await start("--store", f"shared:refuse:{tmp_path / 'first'}", listening=1)
    for _ in range(2):
        await service.until(r"worker \d+ has ended with status 2; the next one starts in")
    async with aiohttp.ClientSession() as http, http.get(f"{service.address}/livez") as answer:
        assert answer.status == 200
    assert await service.stop() == 0


async def test_a_worker_that_hangs_at_its_start_does_not_hold_up_the_end(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "first").touch()
    service = await start(
        "--store", f"shared:stuck:{tmp_path / 'first'}", "--shutdown-timeout", "0", listening=0
    )
    await service.until("the store is stuck")
    assert await service.stop() == 0


async def test_the_demos_workers_listen_to_one_simulated_feed(start: Start) -> None:
    service = await start(name="demo", listening=0)
    feeds = {(await service.until(r"\[(\d+)\] feed open: (\S+)")).groups() for _ in range(2)}
    assert {int(pid) for pid, _ in feeds} == set(service.workers)
    assert len({url for _, url in feeds}) == 1
    assert await service.stop() == 0


async def test_workers_on_one_redis_count_together(start: Start, http: aiohttp.ClientSession) -> None:
    async with redis_server() as redis:
        service = await start("--store", redis.url)
        for worker in service.workers:
            os.kill(worker, signal.SIGSTOP)
            for _ in range(5):
                await post(service.address)
            os.kill(worker, signal.SIGCONT)
        os.kill(service.workers[0], signal.SIGKILL)
        async with http.get(service.address + "/inspectors/a1-b1") as response:
            assert await response.json() == {"UUID": "a1-b1", "mean": 5.0, "count": 10}
        await service.until(LISTENS)
        assert await service.stop() == 0


async def test_a_worker_is_not_started_by_hand(command: Callable[..., Any]) -> None:
    worker = await command("worker", "77", "78", listening=False)
    _, err = await worker.process.communicate()
    assert worker.process.returncode == 2
    assert err == b"scores: `scores worker` is started by `scores serve --workers`, not by hand\n"


def test_several_workers_are_refused_on_windows() -> None:
    code = (
        "import sys; from scores.cli import main; sys.platform = 'win32';"
        " sys.exit(main(['serve', '--workers', '2']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stderr) == (
        2,
        "scores: --workers=2 is not allowed on Windows: it must be 1\n",
    )
