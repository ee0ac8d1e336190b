"""One client's connection: aiohttp's own, with our limits and our error bodies.

Rule: what aiohttp's protocol leaves open is closed here, through its public methods only: how many
connections there may be, how long a head may take, how a refused head is answered, when a shutdown ends.
"""

import asyncio
import logging
from collections.abc import Coroutine
from time import monotonic
from typing import Any, Final, cast

from aiohttp import StreamReader, web
from aiohttp.http_exceptions import BadHttpMessage
from multidict import istr

from scores.config import Config
from scores.errors import Overloaded, RequestTimeout, ScoresError
from scores.metrics.layout import OTHER
from scores.metrics.tally import Tally
from scores.tracing import TRACEPARENT, Trace, current
from scores.web.access_log import Entry, access_log, remote
from scores.web.fields import is_stream
from scores.web.head import is_last
from scores.web.pending import Pending, let_go
from scores.web.problems import Problem, failure, problem, raw_problem, refusal
from scores.web.receipt import Receipt

__all__ = ["Connection", "Connections"]

_END_OF_HEAD: Final = b"\r\n\r\n"
_EOF_GRACE: Final = 0.1
"""Seconds in which the next of a client's last requests has begun to be answered."""
_GATHERED: Final = 16_384
"""Bytes of answers above which a client that does not take them calls `pause_writing`.

What is below, uvloop gathers and sends at the end of a turn of its loop: at 32 connections that is a
quarter more requests than with each answer sent by itself, as it would be with 0.
"""

_TRACEPARENT: Final = istr(TRACEPARENT)

log = logging.getLogger(__name__)


class Connections:
    """Makes the connections of one server, and knows how many are open: what its socket calls."""

    def __init__(self, server: web.Server, config: Config, pending: Pending, tally: Tally | None) -> None:
        """`tally` is what counts; None if nothing is to be counted."""
        self.server = server
        self.config = config
        self.pending = pending
        self.tally = tally
        self.access = access_log(config)
        self.open = 0
        self.closing = False
        """Whether every answer from now on is its connection's last."""

    def __call__(self) -> "Connection":
        """A connection for a client that has just come."""
        return Connection(self)


class Connection(web.RequestHandler):
    """One client's connection."""

    __slots__ = (
        "_access",
        "_answered",
        "_began",
        "_body",
        "_connections",
        "_draining",
        "_gone",
        "_head_deadline",
        "_head_size",
        "_piled",
        "_request",
        "_route",
        "_send_deadline",
        "_stream",
        "_tally",
        "_unsent",
        "said_all",
    )

    def __init__(self, connections: Connections) -> None:
        config = connections.config
        super().__init__(
            connections.server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=config.keepalive_timeout,
            max_line_size=config.max_header,
            max_field_size=config.max_header,
            max_headers=config.max_headers,
            # Only a request that was refused unread lingers; its sender has no claim on more time.
            lingering_time=1.0,
            # Bodies are inflated where they are read, with what is said of them there.
            auto_decompress=False,
            # Ours is written where the answer is counted.
            access_log=None,  # type: ignore[arg-type]  # as its own runner passes it
        )
        self._connections = connections
        self._tally = connections.tally
        self._access = connections.access
        self._began = 0.0
        """When the request that is being answered was, by `monotonic`; 0 while none is."""
        self._route = ""
        """The name of its route."""
        self._gone = False
        """Whether the client has gone, and what was in flight then has been counted."""
        self._request: web.Request | None = None
        self._body: StreamReader | None = None
        """Of the last request."""
        self._answered: asyncio.Future[None] | None = None
        self._draining = False
        self._head_deadline: asyncio.TimerHandle | None = None
        self._send_deadline: asyncio.TimerHandle | None = None
        self._unsent = 0
        self.said_all = False
        """Whether the client has closed its side: all of it, or only the one that sends."""
        self._head_size = self._piled = 0
        """Bytes of a head that is not complete, and of answers not taken, as the server counts them."""

    @property
    def busy(self) -> bool:
        """Whether a request is being answered."""
        return self._request is not None

    @property
    def ending(self) -> bool:
        """Whether the next answer is the last."""
        return self._draining or self._connections.closing

    @property
    def complete(self) -> bool:
        """Whether a request is being answered, and all of it has come."""
        return self._request is not None and self._request.content.is_eof()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connections.open += 1
        if self._tally is not None:
            self._tally.opened()
        self._stream = stream = cast(asyncio.Transport, transport)
        if self._connections.open <= self._connections.config.max_connections:
            stream.set_write_buffer_limits(high=_GATHERED)
            super().connection_made(transport)
            return
        limit = self._connections.config.max_connections
        stream.write(self._refusal_of(Overloaded(f"the server has all of its {limit} connections open")))
        stream.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._connections.open -= 1
        if self._tally is not None:
            self._tally.closed()
            if self._began:
                self._tally.end()
                self._tally.aborted()
        self._gone = True
        self._request = None
        self.head_arrived()
        self._end_send_deadline()
        self._count(head=0, piled=0)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # A head that does not come at once has its time, a body has another.
        if (
            self._request is None
            and _END_OF_HEAD not in data
            and data
            and (self._body is None or self._body.is_eof())
        ):
            self._begin_head(len(data))
        web.RequestHandler.data_received(self, data)

    async def start(self) -> None:
        """Answers what the client asks, until the connection is to end."""
        try:
            await super().start()
        except Exception:
            # aiohttp takes a connection apart when its client goes; a request that was just to begin then
            # stumbles over what is missing, which concerns nobody.
            if not self._gone:
                raise
        self._begin_send_deadline()

    def force_close(self) -> None:
        """Ends the connection; what is on its way to the client has its time."""
        super().force_close()
        self._begin_send_deadline()

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio's signature, which aiohttp narrows
        """Keeps the connection of a client that has said all it has to say, until it is answered."""
        self.said_all = True
        asyncio.get_running_loop().call_later(_EOF_GRACE, self._end_after_eof)
        return True

    def pause_writing(self) -> None:
        super().pause_writing()
        self._begin_send_deadline()
        self._count(head=self._head_size, piled=self._stream.get_write_buffer_size())

    def resume_writing(self) -> None:
        self._end_send_deadline()
        self._count(head=self._head_size, piled=0)
        super().resume_writing()

    def head_arrived(self) -> None:
        """The head is complete, or nothing more will come: it is not waited for any longer."""
        self._count(head=0, piled=self._piled)
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def begin(self, request: web.Request, route: str) -> None:
        """The request, to the route of this name, is going to be answered, unless it was given up before."""
        if self._stream.is_closing():
            raise ConnectionAbortedError("its client has been told that it is not answered")
        self._begin(route)
        current.set(Trace(*request.headers.getall(_TRACEPARENT, ())))
        self._request = request
        self._body = request.content
        if self._head_deadline is not None:
            self.head_arrived()

    def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> Coroutine[Any, Any, tuple[web.StreamResponse, bool]]:
        """Sends the answer; what no route has answered is answered here."""
        self._request = None
        if self._head_deadline is not None:
            self.head_arrived()
        self.answered()
        # To ask a class that has a metaclass is dear.
        if type(resp) is Receipt:
            resp.alone = True
        elif type(resp) is not web.Response and isinstance(resp, web.HTTPException):
            resp = failure(request, resp)
        if self.ending or is_last(request):
            resp.force_close()
        return super().finish_response(request, resp, start_time)

    def log_access(
        self,
        request: web.BaseRequest,
        response: web.StreamResponse,
        time: float | None,  # noqa: ARG002  # aiohttp's signature; ours is taken later
    ) -> None:
        """Counts and logs an answer: aiohttp calls it when all is written, or the client has gone."""
        if not self._began:
            # No route has seen it.
            self._begin(OTHER)
        began, self._began = self._began, 0.0
        seconds = monotonic() - began
        if self._tally is not None and not self._gone:
            usual = type(response) is Receipt or type(response) is web.Response
            lasts = not usual and is_stream(response.headers)
            self._tally.answered(self._route, request.method, response.status, None if lasts else seconds)
            if not usual and isinstance(response, Problem):
                self._tally.problem(response.code)
        if self._access is not None:
            self._access.write(
                Entry(
                    remote(self.peername),
                    request.method,
                    request.rel_url.raw_path,
                    f"HTTP/{request.version.major}.{request.version.minor}",
                    self._route,
                    response.status,
                    response.body_length,
                    seconds,
                    current.get() or Trace(),
                )
            )
        let_go(request, response)

    def answered(self) -> None:
        """Tells a shutdown that waits for it that the answer is there."""
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(None)

    def close(self) -> None:
        """Closes the connection, after the answer that is under way."""
        # aiohttp's own would from now on drop what is still to come of the request's body.
        self._draining = True
        if not self.busy:
            super().close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,  # noqa: ARG002  # aiohttp's signature; the exception says more
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  # likewise
    ) -> web.StreamResponse:
        """What aiohttp answers to a head that its parser refused, and to an error outside of any handler."""
        self.head_arrived()
        if not self._began:
            self._begin(OTHER)
        if isinstance(exc, ConnectionError):
            # The client has gone: there is nobody to answer.
            raise exc
        error = refusal(self._connections.config, exc) if isinstance(exc, BadHttpMessage) else None
        if error is None:
            log.error("%s %s failed", request.method, request.path, exc_info=exc)
            error = ScoresError("the server failed to answer; the reason is in its log")
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is under way, another cannot begin") from exc
        response = problem(error)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **options: Any) -> None:
        """What aiohttp logs; a body that broke off has been answered, and is no error of the server."""
        if not isinstance(options.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **options)

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109  # aiohttp's signature
        """Lets what is in flight finish, for `timeout` seconds in all."""
        try:
            async with asyncio.timeout(timeout):
                if self.busy:
                    self._answered = asyncio.get_running_loop().create_future()
                    await self._answered
                await super().shutdown(timeout)
        except TimeoutError:
            log.warning("a request was still in flight after %s s", timeout)
            self._stream.abort()

    def _count(self, *, head: int, piled: int) -> None:
        """Tells the server what this connection holds in memory."""
        self._connections.pending.held += head - self._head_size + piled - self._piled
        self._head_size, self._piled = head, piled

    def _begin_head(self, size: int) -> None:
        """So many bytes more have come of a head, and not all of it."""
        if self._head_deadline is None:
            timeout = self._connections.config.head_timeout
            self._head_deadline = asyncio.get_running_loop().call_later(timeout, self._give_up)
        self._count(head=self._head_size + size, piled=self._piled)
        try:
            self._connections.pending.check()
        except Overloaded as exc:
            self._refuse(exc)

    def _end_after_eof(self) -> None:
        if self.complete:
            asyncio.get_running_loop().call_later(_EOF_GRACE, self._end_after_eof)
        else:
            # All is answered, or the rest of the body will never come.
            self.force_close()

    def _begin_send_deadline(self) -> None:
        # aiohttp forgets a transport that it closes; what is still unsent there has its time too.
        self._unsent = self._stream.get_write_buffer_size()
        if self._unsent and self._send_deadline is None:
            timeout = self._connections.config.send_timeout
            self._send_deadline = asyncio.get_running_loop().call_later(timeout, self._check_sending)

    def _check_sending(self) -> None:
        self._send_deadline = None
        if self._stream.get_write_buffer_size() < self._unsent:
            self._begin_send_deadline()
        else:
            if self._tally is not None:
                self._tally.cut()
            self._stream.abort()

    def _begin(self, route: str) -> None:
        self._route = route
        self._began = monotonic()
        if self._tally is not None:
            # When the client has left since its head came, nothing will end what would begin here.
            (self._tally.aborted if self._gone else self._tally.begin)()

    def _refusal_of(self, error: ScoresError) -> bytes:
        """The answer to a client that has no request to be answered."""
        if self._tally is not None:
            self._tally.problem(error.code)
        return raw_problem(error)

    def _end_send_deadline(self) -> None:
        if self._send_deadline is not None:
            self._send_deadline.cancel()
            self._send_deadline = None

    def _give_up(self) -> None:
        self._head_deadline = None
        timeout = self._connections.config.head_timeout
        self._refuse(RequestTimeout(f"the head did not arrive within {timeout:g} s"))

    def _refuse(self, error: ScoresError) -> None:
        """Ends the connection with this, as there is no request yet to answer."""
        if not self._stream.is_closing():
            self._stream.write(self._refusal_of(error))
        self.force_close()
