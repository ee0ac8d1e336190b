"""Lanes: who is told what, and how long a batch that never ends keeps them from closing."""

import asyncio

import pytest

from scores.errors import OutcomeUnknown, StoreBusy, StoreError
from scores.stores.redis import lanes as module
from scores.stores.redis.lanes import Batch, Lanes

pytestmark = pytest.mark.usefixtures("no_leaks")


class Notes:
    """A watcher that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def start(self) -> float:
        return 17.0

    def sent(self, requests: int, started: float) -> None:
        self.told.append((requests, started))

    def failed(self) -> None:
        self.told.append("failed")

    def refused(self) -> None:
        self.told.append("refused")


async def answering(_route: str, batch: Batch, _apart: bool) -> set[int]:
    for requests in batch.values():
        for request in requests:
            request.answer.set_result(None)
    return set()


async def never(_route: str, _batch: Batch, _apart: bool) -> set[int]:
    await asyncio.Event().wait()
    return set()


async def test_the_watcher_is_told_of_what_is_sent_refused_and_given_up() -> None:
    lanes, notes = Lanes(route=lambda _: "a", send=answering, limit=3), Notes()
    lanes.watcher = notes
    asked = [lanes.ask(0, ["x"], operations=2), lanes.ask(1, ["y"])]
    with pytest.raises(StoreBusy, match="3 requests"):
        await lanes.ask(0, ["z"])
    await asyncio.gather(*asked)
    given_up = lanes.ask(2, ["w"])
    lanes.fail_waiting(2, "gone")
    with pytest.raises(StoreError, match="gone"):
        await given_up
    await lanes.close()
    assert notes.told == ["refused", (3, 17.0), "failed"]


async def test_a_batch_that_never_ends_is_given_up_when_the_lanes_are_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.01)
    lanes = Lanes(route=lambda _: "a", send=never, limit=9)
    asked = lanes.ask(0, ["x"])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await lanes.close()
    with pytest.raises(OutcomeUnknown):
        await asked
