"""FastAPI: both members are checked by a pydantic model, and so is the answer."""

from fastapi import FastAPI
from pydantic import BaseModel, Field

from benchmarks.peers.apps.means import MAX_LENGTH, MAX_SCORE, Means

means = Means()
app = FastAPI()


class Score(BaseModel):
    """A request."""

    UUID: str = Field(min_length=1, max_length=MAX_LENGTH)
    score: int = Field(ge=0, le=MAX_SCORE)


class Mean(BaseModel):
    """An answer."""

    UUID: str
    mean: float


@app.post("/scores")
async def post_score(score: Score) -> Mean:
    """Adds a score."""
    return Mean(UUID=score.UUID, mean=means.add(score.UUID, score.score))
