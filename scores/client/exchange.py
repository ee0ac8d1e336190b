"""Requests to one server: sent, tried again where that is safe, answered with a document or an error of ours.

Rule: a request is repeated only if doing it twice is doing it once (GET, PUT, DELETE, and POST with a key),
and only after no answer, a 409 that says that the key is in flight, or 502, 503 and 504. Tries, pauses and
time are bounded. Whether an earlier try may have been carried out is never forgotten: `ClientError.doubt`.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from random import SystemRandom
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

import aiohttp
import orjson
from yarl import URL

import scores
from scores.backoff import Backoff
from scores.client.errors import ApiError, BadAnswer, ClientError, Problem, Unreachable
from scores.errors import ConfigError

__all__ = ["CONNECTIONS", "GATEWAY", "RETRY_AFTER_MAX", "Exchange", "Reply"]

CONNECTIONS: Final = 256
"""Most connections at a time; further requests wait for one."""

MAX_ANSWER: Final = 64 * 1024 * 1024
"""Most bytes of an answer that is kept whole; a page has a thousand items at most."""

RETRY_AFTER_MAX: Final = 30.0
"""Most seconds that a server's `Retry-After` can ask for."""

GATEWAY: Final = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)
_REPEATED: Final = GATEWAY | {HTTPStatus.CONFLICT}
_UNSAFE: Final = frozenset({"POST"})


class Reply(NamedTuple):
    """An answer below 300."""

    status: int
    document: Any
    """None where there is no body."""


class Exchange:
    """The connections to one server, within `async with`."""

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        retries: int,
        timeout: float,
        patience: float,
        backoff: tuple[float, float],
    ) -> None:
        self.url = _checked_url(url)
        self.retries = retries
        self.timeout = timeout
        self._patience = patience
        self._backoff = backoff
        self._headers = {"User-Agent": f"scores/{scores.__version__}", "Accept": "application/json"}
        if token is not None:
            if not (token.isascii() and token.isprintable() and token and " " not in token):
                raise ConfigError("the token is not allowed: it must be visible ASCII characters")
            self._headers["Authorization"] = f"Bearer {token}"
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            middlewares=(self._lost,),
        )
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def pauses(self) -> Backoff:
        """Pauses between tries, from their beginning."""
        return Backoff(*self._backoff, SystemRandom())

    async def call(
        self, method: str, path: str, *, query: str = "", document: object = None, key: str | None = None
    ) -> Reply:
        """The answer to one request, after as many tries as it may take.

        `path` and `query` are percent-encoded. Raises `ApiError`, `Unreachable` and `BadAnswer`; `doubt` says
        of the first two whether any try may have been carried out.
        """
        clock = asyncio.get_running_loop().time
        pauses, tries, deadline, doubt = self.pauses(), self.retries, clock() + self._patience, False
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    return await self._once(method, path, query=query, document=document, key=key)
            except TimeoutError:
                error: ApiError | Unreachable = self._silent(self._patience)
            except (ApiError, Unreachable) as exc:
                error = exc
            doubt = error.doubt = doubt or _may_have_been_done(error)
            pause = max(pauses.next(), _asked_pause(error))
            repeatable = method not in _UNSAFE or key is not None
            if not (repeatable and tries and _is_passing(error) and clock() + pause < deadline):
                raise error
            tries -= 1
            await asyncio.sleep(pause)

    @asynccontextmanager
    async def open(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        idle: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One try; the answer is to be read within `async with`, where the library's errors become ours.

        `idle` is the most seconds without a byte of the answer. Raises `ApiError` for 300 and above.
        """
        if self._session is None:
            raise RuntimeError("the client is used within `async with Client(…) as client:`")
        target = URL(self.url + path + (f"?{query}" if query else ""), encoded=True)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self.timeout, sock_read=idle)
        try:
            async with self._session.request(
                method, target, headers=headers, data=data, timeout=timeout, allow_redirects=False
            ) as response:
                if response.status >= HTTPStatus.MULTIPLE_CHOICES:
                    raise await _refusal(response)
                yield response
        except aiohttp.ConnectionTimeoutError as exc:
            raise Unreachable(f"cannot reach {self.url}: no connection in time", sent=False) from exc
        except aiohttp.ClientConnectorError as exc:
            raise Unreachable(f"cannot reach {self.url}: {_reason(exc)}", sent=False) from exc
        except TimeoutError as exc:
            raise self._silent(idle or self.timeout) from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise Unreachable(f"lost the connection to {self.url}: {_reason(exc)}", sent=True) from exc

    async def _once(self, method: str, path: str, *, query: str, document: object, key: str | None) -> Reply:
        headers, data = {}, None
        if document is not None:
            headers["Content-Type"], data = "application/json", orjson.dumps(document)
        if key is not None:
            headers["Idempotency-Key"] = key
        async with self.open(
            method, path, query=query, headers=headers, data=data, idle=self.timeout
        ) as response:
            return Reply(response.status, _decode(await _body(response), self.url))

    async def _lost(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Translates the loss of a connection before the library repeats the request by itself, unseen."""
        try:
            return await handler(request)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as exc:
            raise Unreachable(f"lost the connection to {self.url}: {_reason(exc)}", sent=True) from exc

    def _silent(self, seconds: float) -> Unreachable:
        return Unreachable(f"{self.url} did not answer within {seconds:g} s", sent=True)


def _checked_url(text: str) -> str:
    """The server's URL without a slash at its end; raises `ConfigError`."""
    text = text.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        # Reading the port raises ValueError for one that is none.
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not (known and text.isprintable() and " " not in text):
        shown = text.rpartition("@")[2][:80]
        raise ConfigError(
            f"the server's URL {shown!a} is not allowed: it must be http://HOST:PORT or https://…"
        )
    parts = urlsplit(text)
    if parts.username is not None or parts.query or parts.fragment:
        # What is before the host may be a password, so the URL is not repeated.
        raise ConfigError(
            "the server's URL must have no user, query or fragment: a token goes into SCORES_TOKEN"
        )
    return text


def _is_passing(error: ClientError) -> bool:
    """Whether the next try may go better."""
    return not isinstance(error, ApiError) or error.status in _REPEATED


def _may_have_been_done(error: ApiError | Unreachable) -> bool:
    """Whether the request that ended so may have been carried out."""
    if isinstance(error, Unreachable):
        return error.sent
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE and error.code:
        # The server's own 503 says that nothing was recorded, but for this one.
        return error.code == "outcome-unknown"
    return error.status in _REPEATED or error.status == HTTPStatus.INTERNAL_SERVER_ERROR


def _asked_pause(error: ClientError) -> float:
    return min(error.retry_after, RETRY_AFTER_MAX) if isinstance(error, ApiError) else 0.0


async def _refusal(response: aiohttp.ClientResponse) -> ApiError:
    try:
        document = orjson.loads(await _body(response))
    except orjson.JSONDecodeError:
        document = None
    problem = Problem.read(document, response.status)
    if "Location" in response.headers and document is None:
        problem = Problem(
            response.status, "", f"{problem.detail}: the API is at {response.headers['Location']!a}"
        )
    # The other form, a date (RFC 9110, section 10.2.3), is not worth a clock: our own pause stands.
    seconds = response.headers.get("Retry-After", "")
    asked = float(seconds) if seconds.isascii() and seconds.isdigit() else 0.0
    return ApiError(problem, retry_after=asked)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > MAX_ANSWER:
            raise BadAnswer(f"the server's answer is longer than {MAX_ANSWER} bytes")
    return bytes(body)


def _decode(body: bytes, url: str) -> object:
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError as exc:
        raise BadAnswer(f"{url} answered with something that is not JSON: is it a scores server?") from exc


def _reason(exc: Exception) -> str:
    if isinstance(exc, aiohttp.ClientConnectorError):
        return _os_reason(exc.os_error)
    if isinstance(exc, aiohttp.ClientSSLError):
        return str(exc)
    if isinstance(exc, aiohttp.ServerDisconnectedError):
        return "it closed it without an answer"
    if isinstance(exc, aiohttp.ClientPayloadError):
        return "its answer broke off"
    if isinstance(exc, aiohttp.ClientResponseError):
        return "its answer is not HTTP"
    return _os_reason(exc) if isinstance(exc, OSError) else (str(exc) or type(exc).__name__)


def _os_reason(exc: OSError) -> str:
    # The loops word it differently; the number is the same. Those of name resolution are negative.
    if exc.errno and exc.errno > 0:
        return os.strerror(exc.errno)
    return exc.strerror or str(exc) or type(exc).__name__
