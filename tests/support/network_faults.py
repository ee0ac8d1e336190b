"""The faults of a network by their names, each for as long as a block lasts, and schedules of them.

Rule: a schedule is made of a seed alone, and whoever fails under one is told which it was.
"""

import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from typing import Any

from support.tcp_proxy import Side, TcpProxy

__all__ = ["FAULTS", "Step", "schedule", "striking", "told"]

Step = tuple[str, ...]
"""Faults that strike at once."""


@asynccontextmanager
async def _switched(proxy: TcpProxy, *, name: str, value: Any) -> AsyncIterator[None]:
    before = getattr(proxy, name)
    setattr(proxy, name, value)
    yield
    setattr(proxy, name, before)


@asynccontextmanager
async def _reset(proxy: TcpProxy) -> AsyncIterator[None]:
    await proxy.reset_all()
    yield
    await proxy.reset_all()


@asynccontextmanager
async def _half_open(proxy: TcpProxy, *, side: Side) -> AsyncIterator[None]:
    proxy.half_open(side)
    yield


@asynccontextmanager
async def _silent(proxy: TcpProxy) -> AsyncIterator[None]:
    proxy.fall_silent()
    yield


@asynccontextmanager
async def _black_hole(proxy: TcpProxy) -> AsyncIterator[None]:
    proxy.black_hole = True
    yield
    # No TCP connection goes on with a part of what was sent missing: those that were there then stay dead.
    proxy.fall_silent()
    proxy.black_hole = False


@asynccontextmanager
async def _ends_kept(proxy: TcpProxy) -> AsyncIterator[None]:
    """The connections that are open now end, and one side is not told."""
    proxy.keep_ends = True
    yield
    proxy.keep_ends = False


@asynccontextmanager
async def _cut(proxy: TcpProxy) -> AsyncIterator[None]:
    proxy.cut_before_reply(20)
    yield
    proxy.cut_before_reply(0)


@asynccontextmanager
async def _refused(proxy: TcpProxy) -> AsyncIterator[None]:
    await proxy.refuse()
    await proxy.reset_all()
    yield
    await proxy.accept()


FAULTS: Mapping[str, Callable[[TcpProxy], AbstractAsyncContextManager[None]]] = {
    "latency": partial(_switched, name="latency", value=0.05),
    "bandwidth": partial(_switched, name="bandwidth", value=20_000),
    "single bytes": partial(_switched, name="slice_bytes", value=1),
    "reset": _reset,
    "half-open, the far side gone": partial(_half_open, side="upstream"),
    "half-open, the near side gone": partial(_half_open, side="client"),
    "ends not passed on": _ends_kept,
    "silent peer": _silent,
    "black hole": _black_hole,
    "cut between request and reply": _cut,
    "refused": _refused,
}


def schedule(*, seed: int, pairs: int) -> Sequence[Step]:
    """Each fault by itself, and then so many pairs at random."""
    rng = random.Random(seed)
    return [*((name,) for name in FAULTS), *(tuple(rng.sample(list(FAULTS), 2)) for _ in range(pairs))]


@asynccontextmanager
async def striking(proxy: TcpProxy, step: Step) -> AsyncIterator[None]:
    """The faults of a step."""
    async with AsyncExitStack() as stack:
        for name in step:
            await stack.enter_async_context(FAULTS[name](proxy))
        yield


@contextmanager
def told(seed: int, steps: Sequence[Step]) -> Iterator[None]:
    """Names the schedule under which something failed."""
    try:
        yield
    except BaseException as exc:
        exc.add_note(f"seed {seed}, schedule {steps}")
        raise
