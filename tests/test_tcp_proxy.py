"""The proxy of the tests has the faults that it is told to have, and no others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, suppress

import pytest
from support.redis_servers import RedisServer, redis_server, until
from support.sockets import connection
from support.tcp_proxy import TcpProxy, tcp_proxy

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
async def server() -> AsyncIterator[RedisServer]:
    async with redis_server() as server:
        yield server


@pytest.fixture
async def proxy(server: RedisServer) -> AsyncIterator[TcpProxy]:
    async with tcp_proxy("127.0.0.1", server.port) as proxy:
        yield proxy


def client_of(proxy: TcpProxy) -> AbstractAsyncContextManager[Streams]:
    return connection(f"tcp://127.0.0.1:{proxy.port}")


async def ask(streams: Streams, request: bytes) -> bytes:
    """The reply to a command, which is one line."""
    reader, writer = streams
    writer.write(request + b"\r\n")
    async with asyncio.timeout(10):
        return await reader.readline()


async def is_silent(streams: Streams, request: bytes = b"PING") -> bool:
    reader, writer = streams
    writer.write(request + b"\r\n")
    with suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            await reader.read(1)
            return False
    return True


async def clients_of(server: RedisServer) -> int:
    """How many clients it has on its port."""
    clients = (await server.command("CLIENT", "LIST", "TYPE", "NORMAL")).splitlines()
    return sum(f"laddr=127.0.0.1:{server.port} ".encode() in client for client in clients)


async def has_no_clients(server: RedisServer) -> bool:
    return await clients_of(server) == 0


async def test_without_a_fault_all_passes(proxy: TcpProxy) -> None:
    async with client_of(proxy) as client:
        assert [await ask(client, b"INCR a") for _ in range(3)] == [b":1\r\n", b":2\r\n", b":3\r\n"]


async def test_the_connections_are_counted(proxy: TcpProxy) -> None:
    async with client_of(proxy) as one, client_of(proxy) as other:
        await ask(one, b"PING")
        await ask(other, b"PING")
        assert (proxy.connections, proxy.open_connections) == (2, 2)


async def test_the_end_of_a_client_is_passed_on(server: RedisServer, proxy: TcpProxy) -> None:
    async with client_of(proxy) as client:
        await ask(client, b"PING")
        assert await clients_of(server) == 1
    await until(lambda: has_no_clients(server))


async def test_the_end_of_the_upstream_is_passed_on(server: RedisServer, proxy: TcpProxy) -> None:
    async with client_of(proxy) as client:
        await ask(client, b"PING")
        server.kill()
        assert await client[0].read() == b""


async def test_a_client_is_reset_when_the_upstream_refuses(server: RedisServer, proxy: TcpProxy) -> None:
    server.kill()
    async with client_of(proxy) as (reader, _):
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_latency_is_added_each_way(proxy: TcpProxy) -> None:
    clock = asyncio.get_running_loop().time
    async with client_of(proxy) as client:
        proxy.latency = 0.1
        before = clock()
        await ask(client, b"PING")
        assert 0.2 <= clock() - before < 1


async def test_latency_is_not_added_up(server: RedisServer, proxy: TcpProxy) -> None:
    clock = asyncio.get_running_loop().time
    await server.command("SETRANGE", "a", 2_000_000, "b")
    async with client_of(proxy) as (reader, writer):
        proxy.latency = 0.2
        before = clock()
        writer.write(b"GET a\r\n")
        await reader.readexactly(2_000_000)
        assert clock() - before < 3


async def test_a_slice_is_read_alone(proxy: TcpProxy) -> None:
    async with client_of(proxy) as (reader, writer):
        proxy.slice_bytes = 2
        writer.write(b"PING\r\n")
        assert [await reader.read(100) for _ in range(4)] == [b"+P", b"ON", b"G\r", b"\n"]


async def test_bandwidth_is_limited(server: RedisServer, proxy: TcpProxy) -> None:
    clock = asyncio.get_running_loop().time
    await server.command("SETRANGE", "a", 1999, "b")
    async with client_of(proxy) as (reader, writer):
        proxy.bandwidth = 10_000
        before = clock()
        writer.write(b"GET a\r\n")
        await reader.readexactly(2000)
        assert 0.2 <= clock() - before < 2


async def test_all_connections_are_reset(server: RedisServer, proxy: TcpProxy) -> None:
    async with client_of(proxy) as client:
        await ask(client, b"PING")
        await proxy.reset_all()
        with pytest.raises(ConnectionResetError):
            await client[0].read()
    await until(lambda: has_no_clients(server))
    async with client_of(proxy) as client:
        assert await ask(client, b"PING") == b"+PONG\r\n"


async def test_a_reply_is_cut_after_the_request_is_executed(server: RedisServer, proxy: TcpProxy) -> None:
    async with client_of(proxy) as client, client_of(proxy) as other:
        await ask(client, b"PING")
        proxy.cut_before_reply()
        with pytest.raises(ConnectionResetError):
            await ask(client, b"INCR a")
        assert proxy.replies_cut == 1
        assert await server.command("GET", "a") == b"1"
        assert await ask(other, b"INCR a") == b":2\r\n"


async def test_only_the_replies_to_matching_requests_are_cut(proxy: TcpProxy) -> None:
    proxy.cut_before_reply(2, matching=b"INCR")
    for _ in range(2):
        async with client_of(proxy) as client:
            assert await ask(client, b"PING") == b"+PONG\r\n"
            with pytest.raises(ConnectionResetError):
                await ask(client, b"INCR a")
    async with client_of(proxy) as client:
        assert await ask(client, b"INCR a") == b":3\r\n"


async def test_a_black_hole_takes_everything(server: RedisServer, proxy: TcpProxy) -> None:
    async with client_of(proxy) as client:
        await ask(client, b"PING")
        proxy.black_hole = True
        assert await is_silent(client, b"INCR a")
        assert await server.command("GET", "a") is None
        proxy.black_hole = False
        assert await ask(client, b"PING") == b"+PONG\r\n"


async def test_a_black_hole_accepts(server: RedisServer, proxy: TcpProxy) -> None:
    proxy.black_hole = True
    async with client_of(proxy) as client:
        assert await is_silent(client)
        assert await clients_of(server) == 0


async def test_a_black_hole_hides_the_end_of_the_upstream(server: RedisServer, proxy: TcpProxy) -> None:
    async with client_of(proxy) as client:
        await ask(client, b"PING")
        proxy.black_hole = True
        server.kill()
        assert await is_silent(client)


async def test_a_half_open_connection_is_silent(server: RedisServer, proxy: TcpProxy) -> None:
    async with client_of(proxy) as client:
        await ask(client, b"PING")
        proxy.half_open()
        await until(lambda: has_no_clients(server))
        assert await is_silent(client)
    async with client_of(proxy) as client:
        assert await ask(client, b"PING") == b"+PONG\r\n"


async def test_a_client_that_is_gone_may_leave_the_upstream_in_the_dark(
    server: RedisServer, proxy: TcpProxy
) -> None:
    async with client_of(proxy) as client:
        await ask(client, b"PING")
        proxy.half_open("client")
        assert await client[0].read() == b""
    async with client_of(proxy) as other:
        # Whatever the end of the first would have brought on has come by now.
        assert await ask(other, b"PING") == b"+PONG\r\n"
        assert await clients_of(server) == 2


async def test_a_silent_connection_is_open_on_both_sides_and_carries_nothing(
    server: RedisServer, proxy: TcpProxy
) -> None:
    async with client_of(proxy) as client, client_of(proxy) as subscriber:
        await ask(client, b"PING")
        await ask(subscriber, b"SUBSCRIBE news")
        await subscriber[0].readuntil(b":1\r\n")
        proxy.fall_silent()
        assert await is_silent(client, b"INCR a")
        assert await server.command("PUBLISH", "news", "one") == 1
        assert await is_silent(subscriber)
        assert await clients_of(server) == 1
        assert await server.command("GET", "a") is None
        async with client_of(proxy) as other:
            assert await ask(other, b"INCR a") == b":1\r\n"


async def test_the_end_of_a_client_may_be_kept_from_the_upstream(
    server: RedisServer, proxy: TcpProxy
) -> None:
    proxy.keep_ends = True
    async with client_of(proxy) as client:
        await ask(client, b"PING")
        client[1].write_eof()
        async with client_of(proxy) as other:
            assert await ask(other, b"PING") == b"+PONG\r\n"
            assert await clients_of(server) == 2


async def test_the_end_of_the_upstream_may_be_kept_from_a_client(
    server: RedisServer, proxy: TcpProxy
) -> None:
    async with client_of(proxy) as client:
        await ask(client, b"PING")
        proxy.keep_ends = True
        server.kill()
        assert await is_silent(client)
        proxy.keep_ends = False
        assert await is_silent(client)


async def test_new_connections_are_refused_until_they_are_accepted_again(proxy: TcpProxy) -> None:
    async with client_of(proxy) as client:
        await ask(client, b"PING")
        await proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", proxy.port)
        assert await ask(client, b"PING") == b"+PONG\r\n"
        await proxy.accept()
        async with client_of(proxy) as other:
            assert await ask(other, b"PING") == b"+PONG\r\n"


@pytest.mark.parametrize("fault", ["none", "black_hole", "half_open", "fall_silent", "latency"])
async def test_everything_is_closed_with_the_proxy(server: RedisServer, fault: str) -> None:
    async with tcp_proxy("127.0.0.1", server.port) as proxy, client_of(proxy) as client:
        await ask(client, b"PING")
        if fault in ("half_open", "fall_silent"):
            getattr(proxy, fault)()
        elif fault != "none":
            setattr(proxy, fault, 60)
        assert await is_silent(client) or fault == "none"
        await proxy.close()
        assert await client[0].read() in (b"", b"PONG\r\n")
    await until(lambda: has_no_clients(server))
    assert proxy.open_connections == 0


async def test_a_deaf_client_does_not_keep_the_proxy(server: RedisServer) -> None:
    await server.command("SETRANGE", "a", 20_000_000, "b")
    async with tcp_proxy("127.0.0.1", server.port) as proxy, client_of(proxy) as (_, writer):
        writer.write(b"GET a\r\n")
        await until(lambda: is_busy(server))


async def is_busy(server: RedisServer) -> bool:
    """Whether replies wait for a client that does not read them."""
    clients = (await server.command("CLIENT", "LIST")).decode()
    return any("oll=0 " not in client for client in clients.splitlines())


async def test_connections_that_are_just_made_are_closed_with_the_proxy(server: RedisServer) -> None:
    for turns in range(6):
        async with tcp_proxy("127.0.0.1", server.port) as proxy:
            _, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            for _ in range(turns):
                await asyncio.sleep(0)
        with suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()
