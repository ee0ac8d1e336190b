"""`create_app(config)`: what the application is made of, and how long each part lives."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from importlib import import_module

from aiohttp import web

import scores
from scores.config import Config
from scores.errors import ConfigError
from scores.feed.client import FeedClient
from scores.feed.status import FeedStatus, without_password
from scores.live.hub import Hub
from scores.live.local import LocalJournal, Published
from scores.metrics.board import Board
from scores.metrics.tally import FeedTally, LaneTally, Tally
from scores.stores import Store, open_store
from scores.stores.base import lacking
from scores.stores.journal import Journal
from scores.stores.observed import Observed
from scores.web.access import Guard
from scores.web.cors import Cors
from scores.web.documentation import OPENAPI
from scores.web.drain import Drain
from scores.web.keys import CONFIG, CORS, DRAIN, FEED, GUARD, HUB, IN_FLIGHT, PENDING, STORE
from scores.web.metrics import METRICS, Metrics
from scores.web.openapi.document import described
from scores.web.pending import Pending
from scores.web.routes import LAYOUT, add_routes, served_routes

__all__ = ["create_app"]


def create_app(config: Config, board: Board | None = None, place: int = 0) -> web.Application:
    """The application with the store and the feed that the settings name, from its start to its cleanup.

    What it counts goes to its place on the board; without one, to a board of its own. Raises
    `ConfigError`, here or at its start, for a setting that is wrong.
    """
    app = web.Application(client_max_size=config.max_body)
    app[CONFIG] = config
    app[IN_FLIGHT] = set()
    app[DRAIN] = Drain(config.drain)
    app[GUARD], app[CORS], app[PENDING] = Guard(config), Cors(config), Pending(config.max_pending)
    if config.metrics:
        app[METRICS] = _metrics(config, board or Board.of_one(LAYOUT), place)
    add_routes(app)
    app[OPENAPI] = described(served_routes(config))
    app.cleanup_ctx.append(_lifetime)
    if config.live:
        app.on_shutdown.append(_end_streams)
    return app


async def _lifetime(app: web.Application) -> AsyncIterator[None]:
    config = app[CONFIG]
    async with open_store(_store_url(config)) as opened:
        _check(config, opened)
        app[STORE] = store = _publish(app, opened) if config.live else opened
        feed = FeedClient(config, store, note=_observe(app, opened))
        app[FEED] = feed.status
        async with feed.listening():
            yield


def _observe(app: web.Application, store: Store) -> Callable[[FeedStatus], None]:
    """Has what the store sends counted, unless nothing is; gives what is to be told of the feed."""
    metrics = app.get(METRICS)
    if metrics is None:
        return lambda _: None
    row, lanes = metrics.tally.row, LAYOUT.lanes
    if isinstance(store, Observed):
        store.observe(reads=LaneTally(lanes["read"], row), writes=LaneTally(lanes["write"], row))
    return FeedTally(LAYOUT, row).note


def _publish(app: web.Application, store: Store) -> Store:
    """Has readers told of what is recorded: by the store's own journal, or else by that of this process."""
    config = app[CONFIG]
    journal: Journal | None = getattr(store, "journal", None)
    if journal is None:
        journal = local = LocalJournal(config.live_history)
        store = Published(store, local)
    app[HUB] = Hub(
        journal,
        store,
        history=config.live_history,
        readers=config.live_readers,
        heartbeat=config.live_heartbeat,
    )
    return store


async def _end_streams(app: web.Application) -> None:
    await app[HUB].close()


def _metrics(config: Config, board: Board, place: int) -> Metrics:
    # Only now: a server that tells nothing need not import what writes it.
    expose = import_module("scores.metrics.exposition").expose
    tally = Tally(LAYOUT, board.row(place))
    return Metrics(tally, partial(expose, board, version=scores.__version__, workers=config.workers))


def _store_url(config: Config) -> str:
    """The store's URL, with the setting that is for one kind of store among its options."""
    if config.redis_require_aof == "off":
        return config.store
    source = config.source("redis_require_aof")
    if not config.store.startswith(("redis", "unix:")):
        raise ConfigError(
            f"{source}={config.redis_require_aof} is not allowed with the store"
            f" {config.store!r}, which has no append-only file"
        )
    joint = "&" if "?" in config.store else "?"
    # Under the name that was used, which is what an error says.
    return f"{config.store}{joint}{source}={config.redis_require_aof}"


def _check(config: Config, store: Store) -> None:
    if missing := lacking(store):
        raise ConfigError(
            f"the store {without_password(config.store)!r} lacks what this version asks of a store:"
            f" {', '.join(missing)}"
        )
    if config.workers > 1 and not store.shared:
        raise ConfigError(
            f"{config.source('workers')}={config.workers} is not allowed with the store"
            f" {without_password(config.store)!r}, which lives in one process:"
            " use a shared store, such as redis://localhost:6379/0, or one worker"
        )
