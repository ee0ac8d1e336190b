"""A request and the end of its connection cross: it is not taken, and nothing is reset."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from support.requests import post, request
from yarl import URL

from scores.config import Config
from scores.web.server import running


@asynccontextmanager
async def parted(**settings: object) -> AsyncIterator[socket.socket]:
    """A client whose server has closed its side, and waits for the other."""
    loop, stack = asyncio.get_running_loop(), AsyncExitStack()
    url = URL(await stack.enter_async_context(running(Config(feed=None, port=0, **settings))))  # type: ignore[arg-type]  # each is a setting
    with socket.create_connection((url.host or "", url.port or 0)) as client:
        client.setblocking(False)
        await loop.sock_sendall(client, request("GET", "/livez"))
        assert b" 200 OK" in await loop.sock_recv(client, 4096)
        stopping = asyncio.create_task(stack.aclose())
        assert await loop.sock_recv(client, 4096) == b""
        yield client
    await stopping


@pytest.mark.parametrize("express", [True, False])
async def test_a_request_after_the_end_is_not_answered_by_a_reset(no_leaks: None, *, express: bool) -> None:
    async with parted(express=express) as client:
        for _ in range(3):
            client.send(post())
            assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
            await asyncio.sleep(0)


async def test_a_client_that_does_not_go_is_not_waited_for_for_ever(no_leaks: None) -> None:
    async with asyncio.timeout(10), parted() as client:
        while client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
            client.send(b"x")
            await asyncio.sleep(0.01)
