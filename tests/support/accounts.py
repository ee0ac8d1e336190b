"""What clients were told of their scores, and whether what is stored agrees with it.

Rule: an account knows only what came back over the wire. A score that was acknowledged is stored; one that was
refused is not; of one whose answer never came nobody knows, and it is stored once or not at all.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from time import monotonic
from typing import NamedTuple

from support.listings import listing

__all__ = ["NOTHING", "Account", "Stored", "Toll", "stored_at"]

Stored = Mapping[str, tuple[float, int]]
"""Each inspector's mean and count."""


class Toll(NamedTuple):
    """What is wrong with what is stored."""

    lost: int
    """Scores that were acknowledged and are not there."""
    doubled: int
    """Scores that are there, and more than anybody can have meant."""
    wrong: int
    """Inspectors whose mean is that of no choice among the scores in question."""


NOTHING = Toll(0, 0, 0)


@dataclass(slots=True)
class Account:
    """The scores that some clients have sent, by inspector and by what they were told."""

    acknowledged: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    unknown: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    refused: Counter[str] = field(default_factory=Counter)
    """Attempts that were refused, by the problem's code."""
    under_way: int = 0
    """Requests that have been sent, and not been answered."""
    broken: int = 0
    """Requests whose connection broke off, or on which nothing came for too long."""
    answers: int = 0
    longest_outage: float = 0.0
    """Seconds in which none of these clients was told of a success."""
    _last: float | None = None
    _answered: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def acknowledge(self, uuid: str, *scores: int) -> None:
        """The server has said that it has these."""
        self.acknowledged[uuid] += scores
        self.answers += len(scores)
        now = monotonic()
        if self._last is not None:
            self.longest_outage = max(self.longest_outage, now - self._last)
        self._last = now
        async with self._answered:
            self._answered.notify_all()

    def rest(self) -> None:
        """Nobody asks for a while: that is no outage."""
        self._last = None

    async def more(self, count: int) -> None:
        """Returns when so many more scores have been acknowledged."""
        wanted = self.answers + count
        async with asyncio.timeout(120), self._answered:
            await self._answered.wait_for(lambda: self.answers >= wanted)

    def toll(self, stored: Stored) -> Toll:
        """What is wrong with what is stored of these inspectors."""
        lost = doubled = wrong = 0
        for uuid in self.acknowledged.keys() | self.unknown.keys():
            known, perhaps = self.acknowledged.get(uuid, []), sorted(self.unknown.get(uuid, []))
            mean, count = stored.get(uuid, (0.0, 0))
            lost += max(0, len(known) - count)
            more = count - len(known)
            doubled += max(0, more - len(perhaps))
            if 0 <= more <= len(perhaps):
                least = sum(known) + sum(perhaps[:more])
                most = sum(known) + sum(perhaps[len(perhaps) - more :])
                wrong += not any(mean == _mean(total, count) for total in range(least, most + 1))
        return Toll(lost, doubled, wrong)


def _mean(total: int, count: int) -> float:
    return float(Fraction(total, count)) if count else 0.0


async def stored_at(address: str) -> Stored:
    """What a server says that it has stored."""
    return {one["UUID"]: (one["mean"], one["count"]) for one in await listing(address, "inspectors")}
