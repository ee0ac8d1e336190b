"""Clients at work, each on one errand after the other, who all wait when they are told to.

Rule: a pause comes between two errands: while it lasts no request is under way.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from support.accounts import Account

__all__ = ["Crowd", "Errand", "crowd_of"]


class Errand(Protocol):
    """What a client does again and again."""

    async def __call__(self) -> None:
        """Does it once."""
        ...

    def end(self) -> None:
        """Closes what it has left open."""
        ...


class Crowd:
    """The clients of one test."""

    def __init__(self, accounts: Sequence[Account]) -> None:
        self._accounts = accounts
        self._open = asyncio.Event()
        self._open.set()
        self._idle = asyncio.Event()
        self._busy = 0
        self._over = False

    @property
    def under_way(self) -> int:
        """Requests that have been sent, and not been answered."""
        return sum(account.under_way for account in self._accounts)

    @property
    def longest_outage(self) -> float:
        return max(account.longest_outage for account in self._accounts)

    async def pause(self) -> None:
        """Lets everybody finish, and nobody begin."""
        self._open.clear()
        async with asyncio.timeout(120):
            await self._idle.wait()
        for account in self._accounts:
            account.rest()

    def resume(self) -> None:
        self._open.set()

    async def work(self, errand: Errand) -> None:
        """What one client does until the crowd goes home."""
        while True:
            await self._open.wait()
            if self._over:
                return
            self._busy += 1
            self._idle.clear()
            try:
                await errand()
            finally:
                self._busy -= 1
                if not self._busy:
                    self._idle.set()

    def go_home(self) -> None:
        self._over = True
        self._open.set()


@asynccontextmanager
async def crowd_of(errands: Sequence[Errand], *accounts: Account) -> AsyncIterator[Crowd]:
    """A client for each errand, at work within `async with`; they finish what they have begun."""
    crowd = Crowd(accounts)
    try:
        async with asyncio.TaskGroup() as group:
            clients = [group.create_task(crowd.work(errand)) for errand in errands]
            try:
                yield crowd
            except BaseException:
                # Whoever tries again and again would do so for ever.
                for client in clients:
                    client.cancel()
                raise
            crowd.go_home()
    finally:
        for errand in errands:
            errand.end()
        await asyncio.sleep(0)  # a connection that is given up is closed by the loop
