"""Falcon's ASGI application: media in, media out."""

from falcon import HTTPUnprocessableEntity
from falcon.asgi import App, Request, Response

from benchmarks.peers.apps.means import Means, check

means = Means()


class Scores:
    """The resource."""

    async def on_post(self, req: Request, resp: Response) -> None:
        """Adds a score."""
        try:
            uuid, score = check(await req.get_media())
        except ValueError as exc:
            raise HTTPUnprocessableEntity(description=str(exc)) from exc
        resp.media = {"UUID": uuid, "mean": means.add(uuid, score)}


app = App()
app.add_route("/scores", Scores())
