"""Whose turn it is to read a feed: of all servers on one store, one at a time.

The store keeps the right as a lease, with a token that grows with every holder and the position that the
feed was read up to. Rule: a holder says every `RENEW` seconds that it lives; one that is silent for
`SECONDS` has lost its turn, and the token keeps what it may still write from undoing what came after.
"""

import secrets
from typing import Final

from scores.errors import LeaseLost
from scores.models import Lease
from scores.stores import Store

__all__ = ["POLL", "RENEW", "SECONDS", "Turn"]

SECONDS: Final = 3.0
RENEW: Final = 1.0
POLL: Final = 0.5
"""Seconds between two attempts of a server that waits for its turn."""


class Turn:
    """This process' turn to read the feed at that URL."""

    def __init__(self, store: Store, feed: str) -> None:
        self.lease: Lease | None = None
        self._store = store
        self._feed = feed
        self._holder = secrets.token_hex(8)

    async def take(self) -> Lease | None:
        """The lease, if nobody else has it; raises `StoreError` when the store does not say."""
        self.lease = await self._store.lease(self._feed, self._holder, seconds=SECONDS)
        return self.lease

    async def keep(self, position: str | None = None) -> None:
        """Goes on, and has the store keep the position; raises `LeaseLost`, or `StoreError`."""
        lease = await self._store.lease(self._feed, self._holder, seconds=SECONDS, position=position)
        # A token of another's in between: what we would record now may be older than what is there.
        if lease is None or self.lease is None or lease.token != self.lease.token:
            raise LeaseLost("another server reads the feed by now")
        self.lease = lease

    async def give_back(self) -> None:
        """Lets the next one have it at once; raises `StoreError` when the store does not hear it."""
        if self.lease is not None:
            self.lease = None
            await self._store.lease(self._feed, self._holder, seconds=0)
