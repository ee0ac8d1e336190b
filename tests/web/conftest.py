"""A server on each embedded store, and short ways to ask it: through a client, and byte by byte."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest
from multidict import CIMultiDictProxy
from yarl import URL

from scores.config import Config
from scores.web.server import running


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(frozen=True, slots=True)
class Api:
    """Asks one server; paths are sent as they are written."""

    address: str
    session: aiohttp.ClientSession

    async def __call__(self, method: str, path: str, **options: Any) -> Answer:
        url = URL(self.address + path, encoded=True)
        async with self.session.request(method, url, **options) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, **options: Any) -> Answer:
        return await self("GET", path, **options)

    async def post(self, uuid: object, score: object) -> Answer:
        return await self("POST", "/scores", json={"UUID": uuid, "score": score})

    async def put(self, exam: int, student_id: str, score: float) -> Answer:
        return await self("PUT", f"/exams/{exam}/results/{quote(student_id)}", json={"score": score})

    async def raw(self, data: bytes) -> bytes:
        """Sends the bytes on a connection of their own, and gives all that comes until it is closed."""
        url = URL(self.address)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        try:
            writer.write(data)
            async with asyncio.timeout(20):
                return await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()


def quote(text: str) -> str:
    """Percent-encodes all that RFC 3986 does not call unreserved."""
    return "".join(
        chr(byte) if chr(byte).isalnum() and byte < 128 or byte in b"-._~" else f"%{byte:02X}"
        for byte in text.encode()
    )


@pytest.fixture
def api_for(
    serve: Callable[..., Awaitable[str]], http: aiohttp.ClientSession
) -> Callable[..., Awaitable[Api]]:
    """Starts a server with these settings."""

    async def start(**settings: Any) -> Api:
        return Api(await serve(**settings), http)

    return start


@pytest.fixture(params=["dict", "sharded"])
async def api(request: pytest.FixtureRequest, api_for: Callable[..., Awaitable[Api]]) -> AsyncIterator[Api]:
    """A server on each embedded store."""
    yield await api_for(store=request.param)


@pytest.fixture
def blocking_api() -> Iterator[Callable[..., Answer]]:
    """A server to ask from plain functions: a property test asks many times in one test."""
    with asyncio.Runner() as runner:

        async def ask(method: str, path: str, **options: Any) -> Answer:
            async with aiohttp.ClientSession() as session:
                return await Api(address, session)(method, path, **options)

        server = running(Config(feed=None, port=0))
        address = runner.run(server.__aenter__())
        yield lambda *args, **options: runner.run(ask(*args, **options))
        runner.run(server.__aexit__(None, None, None))
