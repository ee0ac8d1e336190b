"""aiohttp's own server on uvloop."""

import sys

import uvloop
from aiohttp import web

from benchmarks.peers.apps.means import Means, check

means = Means()


async def post_score(request: web.Request) -> web.Response:
    """Adds a score."""
    try:
        uuid, score = check(await request.json())
    except ValueError as exc:
        raise web.HTTPUnprocessableEntity(text=str(exc)) from exc
    return web.json_response({"UUID": uuid, "mean": means.add(uuid, score)})


if __name__ == "__main__":
    app = web.Application()
    app.router.add_post("/scores", post_score)
    web.run_app(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        access_log=None,
        print=None,
        loop=uvloop.new_event_loop(),
    )
