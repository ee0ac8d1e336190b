"""`create_app(config)`: what the application is made of, and how long each part lives."""

from collections.abc import AsyncIterator

from aiohttp import web

from scores.config import PREFIX, Config
from scores.errors import ConfigError
from scores.feed.client import FeedClient
from scores.feed.status import without_password
from scores.stores import Store, open_store
from scores.web.keys import CONFIG, FEED, IN_FLIGHT, STORE
from scores.web.routes import add_routes

__all__ = ["create_app"]


def create_app(config: Config) -> web.Application:
    """The application with the store and the feed that the settings name, from its start to its cleanup.

    Raises `ConfigError`, here or at its start, for a setting that is wrong.
    """
    app = web.Application(client_max_size=config.max_body)
    app[CONFIG] = config
    app[IN_FLIGHT] = set()
    add_routes(app)
    app.cleanup_ctx.append(_lifetime)
    return app


async def _lifetime(app: web.Application) -> AsyncIterator[None]:
    config = app[CONFIG]
    async with open_store(_store_url(config)) as store:
        _check_shared(config, store)
        app[STORE] = store
        feed = FeedClient(config, store)
        app[FEED] = feed.status
        async with feed.listening():
            yield


def _store_url(config: Config) -> str:
    """The store's URL, with the setting that is for one kind of store among its options."""
    if config.redis_require_aof == "off":
        return config.store
    if not config.store.startswith(("redis", "unix:")):
        raise ConfigError(
            f"SCORES_REDIS_REQUIRE_AOF={config.redis_require_aof} is not allowed with the store"
            f" {config.store!r}, which has no append-only file"
        )
    joint = "&" if "?" in config.store else "?"
    return f"{config.store}{joint}require_aof={config.redis_require_aof}"


def _check_shared(config: Config, store: Store) -> None:
    if config.workers > 1 and not store.shared:
        raise ConfigError(
            f"{PREFIX}WORKERS={config.workers} is not allowed with the store"
            f" {without_password(config.store)!r}, which lives in one process:"
            " use a shared store, such as redis://localhost:6379/0, or one worker"
        )
