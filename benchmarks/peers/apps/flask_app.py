"""Flask, which has no validation of its own."""

from flask import Flask, request

from benchmarks.peers.apps.means import Means, check

means = Means()
app = Flask("benchmark")


@app.post("/scores")
def post_score() -> tuple[dict[str, object], int]:
    """Adds a score."""
    try:
        uuid, score = check(request.get_json())
    except ValueError as exc:
        return {"title": str(exc)}, 422
    return {"UUID": uuid, "mean": means.add(uuid, score)}, 200
