"""Starlette, which has no validation of its own."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.peers.apps.means import Means, check

means = Means()


async def post_score(request: Request) -> JSONResponse:
    """Adds a score."""
    try:
        uuid, score = check(await request.json())
    except ValueError as exc:
        raise HTTPException(422, str(exc)) from exc
    return JSONResponse({"UUID": uuid, "mean": means.add(uuid, score)})


app = Starlette(routes=[Route("/scores", post_score, methods=["POST"])])
