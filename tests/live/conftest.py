"""A hub to ask for what readers would be sent."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from support.house import House


@pytest.fixture
async def house(no_leaks: None) -> AsyncIterator[Callable[..., House]]:
    async with AsyncExitStack() as stack:

        def make(**options: Any) -> House:
            made = House(**options)
            stack.push_async_callback(made.hub.close)
            return made

        yield make
