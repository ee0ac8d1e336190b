"""`open_store(url)`: from a URL to a store, by its scheme.

The built-in schemes are a plain dict; any other is looked up among the entry points of the group
`scores.stores`, so that another package's store is opened in the same way. Rule: a module that needs
a driver is imported only when its scheme is asked for.
"""

import re
from contextlib import AbstractAsyncContextManager
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from scores.errors import ConfigError
from scores.stores.base import Store, StoreFactory

__all__ = ["ENTRY_POINTS", "Store", "StoreFactory", "open_store", "schemes"]

ENTRY_POINTS: Final = "scores.stores"
"""The entry-point group in which a package names its own stores: scheme = "module:factory"."""

_BUILT_IN: Final = {
    "dict": "scores.stores.memory:open_memory",
    "sharded": "scores.stores.sharded:open_sharded",
    "sqlite": "scores.stores.sqlite.store:open_sqlite",
    **dict.fromkeys(
        ("redis", "rediss", "unix", "redis+sentinel", "redis+cluster"), "scores.stores.redis.store:open_redis"
    ),
}
"""Written as an entry point is, scheme to "module:factory", and loaded in the same way."""


def open_store(url: str) -> AbstractAsyncContextManager[Store]:
    """The store that the URL names, open within `async with`.

    Raises `ConfigError` for a scheme that nobody provides and for options that are not allowed.
    """
    scheme = url.partition(":")[0]
    return _factory(scheme)(url)


def schemes() -> list[str]:
    """Every scheme that can be opened, built-in ones first."""
    return [*_BUILT_IN, *sorted(entry_points(group=ENTRY_POINTS).names - _BUILT_IN.keys())]


def _factory(scheme: str) -> StoreFactory:
    if scheme in _BUILT_IN:
        entry_point = EntryPoint(scheme, _BUILT_IN[scheme], ENTRY_POINTS)
    elif not (named := entry_points(group=ENTRY_POINTS, name=scheme)):
        shown = repr(scheme) if re.fullmatch("[A-Za-z][A-Za-z0-9+.-]*", scheme) else "whose URL this is"
        raise ConfigError(f"the store {shown} is not known: it must be one of {', '.join(schemes())}")
    else:
        (entry_point, *_) = named
    try:
        factory: StoreFactory = entry_point.load()
    except (ImportError, AttributeError) as exc:
        raise ConfigError(f"the store {scheme!r} cannot be loaded from {entry_point.value}: {exc}") from exc
    return factory
