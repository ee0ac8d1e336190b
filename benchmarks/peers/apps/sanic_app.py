"""Sanic on its own server, in one process."""

import sys

from sanic import Request, Sanic, json
from sanic.exceptions import BadRequest
from sanic.response import HTTPResponse

from benchmarks.peers.apps.means import Means, check

means = Means()
app = Sanic("benchmark")


@app.post("/scores")
async def post_score(request: Request) -> HTTPResponse:
    """Adds a score."""
    try:
        uuid, score = check(request.json)
    except ValueError as exc:
        raise BadRequest(str(exc)) from exc
    return json({"UUID": uuid, "mean": means.add(uuid, score)})


if __name__ == "__main__":
    app.run("127.0.0.1", int(sys.argv[1]), single_process=True, access_log=False, motd=False)
