"""What a seed says of the world: the events, the settings, which faults there are, and who is stopped when.

Rule: a plan is a function of its seed, drawn before anything runs. A seed has only some of the faults, so that
each has worlds in which it can do harm before another one ends everything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from scores.models import Repeats, Result

__all__ = ["ADDRESS", "FAULTS", "SLOWEST", "Made", "Plan", "Stop", "Trouble"]

ADDRESS: Final = "http://192.0.2.7:8080/scores"
"""Of the feed: an address that is nobody's (RFC 5737)."""

SLOWEST: Final = 2.0
"""Seconds that a call of the store may take on its way there, and as many on its way back."""

_CONNECT = ("refuse", "hole", "wait")
_ANSWER = (
    "mute", "drop", "hang up", "503", "503 later", "500", "404", "401", "html", "rubbish", "half", "redirect",
    "circle", "204",
)  # fmt: skip
_STREAM = (
    "cut", "end", "stall", "pause", "trickle", "comment", "noise", "giant", "repeat", "retry",
    "invalid", "flood",
)  # fmt: skip
_STORE = ("slow", "unknown", "refused")
_WORLD = ("restart", "crash", "second", "partition", "outage", "thief", "wall")
FAULTS: Final = frozenset((*_CONNECT, *_ANSWER, *_STREAM, *_STORE, *_WORLD))
"""Their names."""


@dataclass(frozen=True, slots=True)
class Made:
    """An event of the feed."""

    number: int
    """From 1 on."""
    id: str
    result: Result
    at: float
    """When the feed has it."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The end of a server: asked to end, or killed; another is started a while later."""

    at: float
    killed: bool
    pause: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that begins at a time and lasts."""

    kind: str
    at: float
    seconds: float
    server: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a seed decides in advance."""

    seed: int
    faults: frozenset[str]
    settings: dict[str, Any]
    events: Sequence[Made]
    stops: Sequence[Sequence[Stop]]
    """Of each server."""
    troubles: Sequence[Trouble]
    jumps: Sequence[tuple[float, float]]
    """When the wall clock is set, and by how many seconds."""
    retry: int
    """What the feed says in `retry:`, in milliseconds."""
    calm: float
    """From then on nothing goes wrong any more."""

    @classmethod
    def of(cls, seed: int) -> "Plan":
        """The plan of that seed."""
        random = Random(f"plan/{seed}")
        likely = random.choice((0.15, 0.3, 0.6))
        faults = frozenset(fault for fault in sorted(FAULTS) if random.random() < likely)
        calm = random.choice((5.0, 15.0, 40.0))
        servers = 2 if "second" in faults else 1
        return cls(
            seed=seed,
            faults=faults,
            settings=_settings(random),
            events=_events(random, calm),
            stops=[_stops(random, faults, calm) for _ in range(servers)],
            troubles=_troubles(random, faults, calm, servers),
            jumps=_jumps(random, faults, calm),
            retry=random.choice((0, 700, 5000, 10_000_000)),
            calm=calm,
        )


def _settings(random: Random) -> dict[str, Any]:
    return {
        "feed": ADDRESS,
        "repeats": random.choice(list(Repeats)),
        "feed_backoff_min": random.choice((0.1, 0.5, 1.0)),
        "feed_backoff_max": random.choice((1.0, 4.0, 8.0)),
        "feed_retry_max": random.choice((2.0, 15.0)),
        "feed_connect_timeout": random.choice((2.0, 5.0, 12.0)),
        "feed_idle_timeout": random.choice((4.0, 10.0)),
        "feed_max_event": random.choice((256, 2000)),
    }


def _events(random: Random, calm: float) -> list[Made]:
    at, events = 0.0, []
    pace = calm / random.choice((4, 10, 20))
    for number in range(1, random.randint(4, 16)):
        at = min(at + random.choice((0.0, 0.0, random.expovariate(1 / pace))), calm)
        # Few enough students and exams that some results are corrected.
        result = Result(f"s{random.randint(1, 5)}", random.randint(1, 3), random.random())
        events.append(Made(number, f"{random.choice(('e', 'e ', 'é'))}{number}", result, at))
    return events


def _stops(random: Random, faults: frozenset[str], calm: float) -> list[Stop]:
    kinds = [kind == "crash" for kind in ("restart", "crash") if kind in faults]
    if not kinds:
        return []
    times = sorted(random.uniform(0, calm) for _ in range(random.randint(1, 3)))
    return [Stop(at, random.choice(kinds), random.choice((0.0, 0.3, 5.0))) for at in times]


def _troubles(random: Random, faults: frozenset[str], calm: float, servers: int) -> list[Trouble]:
    troubles = []
    for kind in ("partition", "outage", "thief"):
        for _ in range(random.randint(1, 3) if kind in faults else 0):
            at, seconds = random.uniform(0, calm), random.choice((0.2, 2.0, 9.0))
            troubles.append(Trouble(kind, at, min(seconds, calm - at), random.randrange(servers)))
            if kind == "thief":
                # It can only take what its owner cannot keep.
                troubles.append(Trouble("partition", max(0.0, at - 4), 5.0, random.randrange(servers)))
    return sorted(troubles, key=lambda one: one.at)


def _jumps(random: Random, faults: frozenset[str], calm: float) -> list[tuple[float, float]]:
    if "wall" not in faults:
        return []
    far = (-3600.0, 3600.0, -86_400.0 * 900, 86_400.0 * 900, -0.5)
    return sorted((random.uniform(0, calm), random.choice(far)) for _ in range(3))
