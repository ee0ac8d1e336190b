"""The event loop that a command runs on: the fast one, where the platform has it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

try:
    import uvloop
except ImportError:  # not on this platform: it is an optional speed-up
    uvloop = None  # type: ignore[assignment]  # a module or nothing

__all__ = ["run"]

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs it to its end."""
    if uvloop is None:
        return asyncio.run(main)
    return uvloop.run(main)
