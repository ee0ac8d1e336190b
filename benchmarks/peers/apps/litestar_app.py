"""Litestar: both members are checked by a msgspec struct."""

from typing import Annotated

from litestar import Litestar, post
from msgspec import Meta, Struct

from benchmarks.peers.apps.means import MAX_LENGTH, MAX_SCORE, Means

means = Means()


class Score(Struct):
    """A request."""

    UUID: Annotated[str, Meta(min_length=1, max_length=MAX_LENGTH)]
    score: Annotated[int, Meta(ge=0, le=MAX_SCORE)]


class Mean(Struct):
    """An answer."""

    UUID: str
    mean: float


@post("/scores", status_code=200)
async def post_score(data: Score) -> Mean:
    """Adds a score."""
    return Mean(data.UUID, means.add(data.UUID, data.score))


app = Litestar([post_score])
