"""Script calls on a Redis that has been looked at: is it one that we can use, and what is it worth?

Rule: after each time that Redis was away, it is greeted again before anything else is asked of it.
"""

import asyncio
import logging
from collections.abc import Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final, NamedTuple

from scores.errors import ConfigError, StoreError
from scores.stores.redis.driver import Away, Command, Failure, Link, NoScript, Unmet
from scores.stores.redis.greeting import Greeting
from scores.stores.redis.layout import Layout
from scores.stores.redis.options import Options

__all__ = ["READ", "WRITE", "Call", "Script", "Session"]

_GREETINGS: Final = 3
"""How often one call greets a Redis to which each time a new connection leads."""

log = logging.getLogger(__name__)


class Script:
    """A Lua script, and the digest that Redis names it by (EVALSHA)."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = sha1(source.encode("utf-8"), usedforsecurity=False).hexdigest()

    @classmethod
    def of(cls, *names: str) -> "Script":
        """The script that files of this package make up."""
        folder = files(__package__)
        return cls("\n".join((folder / name).read_text(encoding="utf-8") for name in names))


WRITE: Final = Script.of("exact.lua", "sorted.lua", "write.lua")
READ: Final = Script.of("sorted.lua", "read.lua")


class Call(NamedTuple):
    """A script with its keys and arguments."""

    script: Script
    keys: Sequence[str]
    arguments: Sequence[str | bytes | int]

    def command(self, *, whole: bool = False) -> Command:
        """As it is sent, by its digest or with its whole source."""
        name, script = ("EVAL", self.script.source) if whole else ("EVALSHA", self.script.sha)
        return (name, script, len(self.keys), *self.keys, *self.arguments)


class Session:
    """Calls to one Redis, or to the nodes of a cluster."""

    def __init__(self, link: Link, options: Options) -> None:
        self.link = link
        self._options = options
        self._greeting = Greeting(link, options)
        self._known: set[str] = set()
        self._away: set[str] = set()
        self._said: dict[str, str] = {}
        self._connections = 0
        self._meeting: asyncio.Task[None] | None = None

    def is_away(self, route: str) -> bool:
        """Whether nobody answered there the last time."""
        return route in self._away

    def run_of(self, route: str) -> str:
        """A name that the server there has had since it was started; another one may know less."""
        return self._greeting.runs.get(route, "")

    async def meet(self) -> Layout:
        """The layout that is in use.

        Raises `StoreError` when Redis does not answer, `ConfigError` when it cannot be used as it is.
        """
        # Whoever comes while it is being greeted waits for the same answer.
        if self._meeting is None:
            self._meeting = asyncio.create_task(self._meet())
        await asyncio.shield(self._meeting)
        return self._greeting.layout

    async def call(self, route: str, calls: Sequence[Call], *, replicated: bool = False) -> list[Any]:
        """The reply to each call, or its `Failure`; with `replicated`, once enough replicas have them too."""
        replies: list[Any] = []
        for _ in range(_GREETINGS):
            unwelcome = await self._visit(route)
            if unwelcome is not None:
                return [unwelcome] * len(calls)
            replies = await self._send(route, [call.command() for call in calls], replicated=replicated)
            if not isinstance(replies[0], Unmet):
                break
        missing = [at for at, reply in enumerate(replies) if isinstance(reply, NoScript)]
        if missing:
            whole = [calls[at].command(whole=True) for at in missing]
            for at, reply in zip(missing, await self._send(route, whole, replicated=replicated), strict=True):
                replies[at] = reply
        return replies

    async def close(self) -> None:
        """Gives up a greeting that is under way."""
        if self._meeting is not None:
            self._meeting.cancel()
            await asyncio.wait([self._meeting])

    async def _visit(self, route: str) -> Failure | None:
        """Greets a server that is not known, or not any more; says why it cannot be used."""
        if self._connections != self.link.connections:
            self._known.clear()
        if route not in self._known:
            try:
                await self._greeting.visit(route)
            except (ConfigError, StoreError) as exc:
                self._leave(route, str(exc))
                return Away(str(exc)) if isinstance(exc, StoreError) else Failure(str(exc), passing=False)
            self._known.add(route)
            self._connections = self.link.connections
        return None

    async def _meet(self) -> None:
        try:
            self._known = await self._greeting.meet()
            self._connections = self.link.connections
        except StoreError as exc:
            self._leave("", str(exc))
            raise
        else:
            self._return("")
        finally:
            self._meeting = None

    async def _send(self, route: str, commands: list[Command], *, replicated: bool) -> list[Any]:
        wanted = self._options.replicas if replicated else 0
        if wanted:
            # Milliseconds, and less than a connection may be silent.
            commands = [*commands, ("WAIT", wanted, int(self._options.timeout * 250))]
        replies = await self.link.exchange(route, commands, met=self._connections)
        if isinstance(replies[0], Unmet):
            return replies[: len(replies) - bool(wanted)]
        troubles = [reply for reply in replies if isinstance(reply, Failure)]
        away = next((trouble for trouble in troubles if isinstance(trouble, Away)), None)
        if away is not None:
            self._leave(route, away.reason)
        elif not troubles:
            self._return(route)
        elif not isinstance(troubles[0], NoScript):
            self._away.discard(route)
            self._say(route, f"store refuses: {troubles[0].reason}")
        if wanted:
            have = replies.pop()
            if isinstance(have, Failure) or have < wanted:
                short = Failure(f"fewer than {wanted} replicas have it", lost=True)
                replies = [reply if isinstance(reply, Failure) else short for reply in replies]
        return replies

    def _leave(self, route: str, reason: str) -> None:
        self._known.discard(route)
        self._away.add(route)
        self._say(route, f"store away: {reason}")

    def _return(self, route: str) -> None:
        self._away.discard(route)
        if self._said.pop(route, None) is not None:
            log.info("store back")

    def _say(self, route: str, trouble: str) -> None:
        """Logs what is wrong there, unless that is known."""
        if self._said.get(route) != trouble:
            log.warning("%s", trouble)
            self._said[route] = trouble
