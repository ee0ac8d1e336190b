"""`create_app(config)`: what the application is made of, and how long each part lives."""

from collections.abc import AsyncIterator

from aiohttp import web

from scores.config import Config
from scores.feed.client import FeedClient
from scores.stores import open_store
from scores.web.connection import heads
from scores.web.keys import CONFIG, FEED, STORE
from scores.web.problems import problems
from scores.web.routes import add_routes

__all__ = ["create_app"]


def create_app(config: Config) -> web.Application:
    """The application with the store and the feed that the settings name, from its start to its cleanup.

    Raises `ConfigError`, here or at its start, for a setting that is wrong.
    """
    app = web.Application(middlewares=[heads, problems], client_max_size=config.max_body)
    app[CONFIG] = config
    add_routes(app)
    app.cleanup_ctx.append(_lifetime)
    return app


async def _lifetime(app: web.Application) -> AsyncIterator[None]:
    config = app[CONFIG]
    async with open_store(config.store) as store:
        app[STORE] = store
        feed = FeedClient(config, store)
        app[FEED] = feed.status
        async with feed.listening():
            yield
