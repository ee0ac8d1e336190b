"""Robyn: its server is written in Rust, and the handler runs in one Python process."""

import os

from robyn import Request, Response, Robyn, jsonify

from benchmarks.peers.apps.means import Means, check

means = Means()
app = Robyn(__file__)


@app.post("/scores")
async def post_score(request: Request) -> Response:
    """Adds a score."""
    try:
        uuid, score = check(request.json())
    except ValueError as exc:
        return Response(422, {"Content-Type": "text/plain"}, str(exc))
    body = jsonify({"UUID": uuid, "mean": means.add(uuid, score)})
    return Response(200, {"Content-Type": "application/json"}, body)


if __name__ == "__main__":
    # Its own parser has the command line.
    app.start("127.0.0.1", int(os.environ["PORT"]))
