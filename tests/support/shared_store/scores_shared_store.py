"""A store that says it is shared, to test what runs several processes; each keeps its own.

`shared:` only does that. `shared:crash:FILE`, `refuse`, `stuck` misbehave when they are opened, in every
process but the first, which makes the file; `shared:deaf:FILE` never closes.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from scores import ConfigError, Store
from scores.stores.embedded import EmbeddedStore


class SharedStore(EmbeddedStore):
    shared = True


@asynccontextmanager
async def open_shared(url: str) -> AsyncIterator[Store]:
    _, _, options = url.partition(":")
    fault, _, file = options.partition(":")
    if fault and not is_first(Path(file)):
        await misbehave(fault)
    yield SharedStore(dict)
    if fault == "deaf":
        await asyncio.Event().wait()


def is_first(file: Path) -> bool:
    try:
        file.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


async def misbehave(fault: str) -> None:
    if fault == "crash":
        os._exit(3)
    if fault == "refuse":
        raise ConfigError("the store has changed its mind")
    if fault == "stuck":
        logging.getLogger(__name__).warning("the store is stuck")
        await asyncio.Event().wait()
