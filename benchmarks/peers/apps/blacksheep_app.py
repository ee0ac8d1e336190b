"""BlackSheep: both members are checked by a pydantic model that the handler's signature asks for."""

from blacksheep import Application, FromJSON, Response, json, post
from pydantic import BaseModel, Field

from benchmarks.peers.apps.means import MAX_LENGTH, MAX_SCORE, Means

means = Means()
app = Application()


class Score(BaseModel):
    """A request."""

    UUID: str = Field(min_length=1, max_length=MAX_LENGTH)
    score: int = Field(ge=0, le=MAX_SCORE)


@post("/scores")
async def post_score(data: FromJSON[Score]) -> Response:
    """Adds a score."""
    score = data.value
    return json({"UUID": score.UUID, "mean": means.add(score.UUID, score.score)})
