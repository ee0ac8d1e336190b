"""The time between the word to stop and the stop: whoever sends clients here learns that it is over.

Rule: `/readyz` says so before anything is closed, and for as long as anything is answered; all else is
answered as before, each time as the last of its connection, so that its client comes again elsewhere.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from scores.errors import Draining

__all__ = ["DRAINING", "Drain"]

DRAINING: Final = "the server has been told to stop: what is asked is answered, send new clients elsewhere"

log = logging.getLogger(__name__)


class Drain:
    """One server's."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun = False

    def check(self) -> None:
        """Raises `Draining` once the server has been told to stop."""
        if self._begun:
            raise Draining(DRAINING)

    async def begin(self, hurry: asyncio.Event) -> None:
        """Has it said from now on, and returns when the time is over, or nobody wants it to be waited for."""
        self._begun = True
        if self._seconds and not hurry.is_set():
            log.info("draining for %g s: /readyz is 503, requests are answered", self._seconds)
            with suppress(TimeoutError):
                await asyncio.wait_for(hurry.wait(), self._seconds)
        log.info("stopping: finishing what is in flight")
