"""Lanes: what goes out together, what waits, and what becomes of requests whose client has gone away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from scores.errors import StoreBusy, StoreError
from scores.stores.redis.lanes import MAX_WEIGHT, Batch, Lanes, Request

pytestmark = pytest.mark.usefixtures("no_leaks")


class Wire:
    """Where lanes lead: it notes each batch, and answers a node's batches once that node is let go."""

    def __init__(self, *held: str) -> None:
        self.sent: list[tuple[str, dict[int, list[Any]]]] = []
        self.under_way: list[int] = []
        self.doubled: set[int] = set()
        self._gates = {route: asyncio.Event() for route in held}
        self._arrived = asyncio.Condition()

    async def send(self, route: str, batch: Batch, apart: bool = False) -> set[int]:
        self.doubled |= set(self.under_way) & batch.keys()
        self.sent.append((route, {unit: [a for (a,), *_ in requests] for unit, requests in batch.items()}))
        self.under_way += batch
        async with self._arrived:
            self._arrived.notify_all()
        try:
            if route in self._gates:
                await self._gates[route].wait()
        finally:
            self.under_way = [unit for unit in self.under_way if unit not in batch]
        for requests in batch.values():
            answer(requests)
        return set()

    async def batches(self, count: int) -> None:
        """Waits until so many have been sent."""
        async with asyncio.timeout(5), self._arrived:
            await self._arrived.wait_for(lambda: len(self.sent) >= count)

    def let_go(self, *routes: str) -> None:
        for route in routes:
            self._gates[route].set()


def answer(requests: list[Request]) -> None:
    for (argument,), future, *_ in requests:
        if not future.done():
            future.set_result(f"answer to {argument!s}")


def one_node(unit: int) -> str:
    return "a"


def lanes_to(
    send: Callable[[str, Batch, bool], Awaitable[set[int]]],
    *,
    route: Callable[[int], str] = one_node,
    limit: int = 10_000,
) -> Lanes:
    return Lanes(route=route, send=send, limit=limit)


async def turns(count: int = 5) -> None:
    """A few turns of the loop: whatever is going to happen at once has happened."""
    for _ in range(count):
        await asyncio.sleep(0)


# What goes out together.


async def test_a_lone_request_goes_out_at_once() -> None:
    wire = Wire()
    lanes = lanes_to(wire.send)
    asked = lanes.ask(0, ["x"])
    await turns(2)
    assert wire.sent == [("a", {0: ["x"]})]
    assert await asked == "answer to x"
    await lanes.close()


async def test_no_timer_delays_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire()
    lanes = lanes_to(wire.send)
    loop = asyncio.get_running_loop()

    def no_timers(*args: object, **options: object) -> asyncio.TimerHandle:
        raise AssertionError("a timer was set")

    with monkeypatch.context() as patch:
        patch.setattr(loop, "call_later", no_timers)
        patch.setattr(loop, "call_at", no_timers)
        assert await lanes.ask(0, ["x"]) == "answer to x"
    await lanes.close()


async def test_what_waits_at_the_same_moment_goes_out_in_one_batch() -> None:
    wire = Wire()
    lanes = lanes_to(wire.send)
    answers = await asyncio.gather(*(lanes.ask(unit, [f"{unit}{n}"]) for n in "xyz" for unit in (0, 1)))
    assert wire.sent == [("a", {0: ["0x", "0y", "0z"], 1: ["1x", "1y", "1z"]})]
    assert answers == [f"answer to {unit}{n}" for n in "xyz" for unit in (0, 1)]
    await lanes.close()


async def test_requests_of_different_tasks_in_one_turn_go_out_together() -> None:
    wire = Wire()
    lanes = lanes_to(wire.send)

    async def client(name: str) -> Any:
        return await lanes.ask(0, [name])

    answers = await asyncio.gather(*(client(name) for name in "xyz"))
    assert answers == ["answer to x", "answer to y", "answer to z"]
    assert wire.sent == [("a", {0: ["x", "y", "z"]})]
    await lanes.close()


async def test_while_a_batch_is_under_way_the_next_gathers() -> None:
    wire = Wire("a")
    lanes = lanes_to(wire.send)
    first = lanes.ask(0, ["x"])
    await wire.batches(1)
    rest = []
    for name in "yz":
        rest.append(lanes.ask(0, [name]))
        rest.append(lanes.ask(1, [name]))
        await turns()
    assert len(wire.sent) == 1
    wire.let_go("a")
    await asyncio.gather(first, *rest)
    assert wire.sent == [("a", {0: ["x"]}), ("a", {0: ["y", "z"], 1: ["y", "z"]})]
    await lanes.close()


async def test_a_unit_is_asked_in_the_order_of_its_requests() -> None:
    wire = Wire()
    lanes = lanes_to(wire.send)
    asked = []
    for number in range(300):
        asked.append(lanes.ask(number % 3, [number]))
        if number % 7 == 0:
            await asyncio.sleep(0)
    await asyncio.gather(*asked)
    for unit in range(3):
        sent = [number for _, batch in wire.sent for number in batch.get(unit, [])]
        assert sent == list(range(unit, 300, 3))
    assert 1 < len(wire.sent) < 300
    await lanes.close()


async def test_a_batch_has_no_more_than_its_most_of_each_unit() -> None:
    wire = Wire()
    lanes = lanes_to(wire.send)
    count = 2 * MAX_WEIGHT + 1
    asked = [lanes.ask(unit, [number]) for number in range(count) for unit in (0, 1)]
    await asyncio.gather(*asked)
    assert [[len(requests) for requests in batch.values()] for _, batch in wire.sent] == [
        [MAX_WEIGHT, MAX_WEIGHT],
        [MAX_WEIGHT, MAX_WEIGHT],
        [1, 1],
    ]
    assert [number for _, batch in wire.sent for number in batch[0]] == list(range(count))
    await lanes.close()


async def test_a_heavy_request_does_not_join_a_batch_that_it_would_overload() -> None:
    wire = Wire()
    lanes = lanes_to(wire.send)
    weights = [MAX_WEIGHT - 1, 2, MAX_WEIGHT, 1, 2 * MAX_WEIGHT, 1]
    await asyncio.gather(*(lanes.ask(0, [number], weight) for number, weight in enumerate(weights)))
    assert [batch[0] for _, batch in wire.sent] == [[0], [1], [2], [3], [4], [5]]
    await lanes.close()


async def test_a_batch_has_no_more_than_its_weight() -> None:
    wire = Wire()
    lanes = lanes_to(wire.send)
    await asyncio.gather(*(lanes.ask(0, [number], MAX_WEIGHT // 2) for number in range(5)))
    assert [batch[0] for _, batch in wire.sent] == [[0, 1], [2, 3], [4]]
    await lanes.close()


# Nodes.


async def test_a_unit_that_has_to_wait_does_so_apart_and_holds_up_no_other() -> None:
    wire, moved = Wire(), asyncio.Event()

    async def moving(route: str, batch: Batch, apart: bool) -> set[int]:
        if apart:
            await moved.wait()
        elif 0 in batch:
            await wire.send(route, {unit: requests for unit, requests in batch.items() if unit})
            return {0}
        return await wire.send(route, batch)

    lanes = lanes_to(moving)
    waiting = lanes.ask(0, ["x"])
    assert await lanes.ask(1, ["y"]) == "answer to y"
    later = lanes.ask(0, ["z"])
    assert await lanes.ask(1, ["w"]) == "answer to w"
    assert not waiting.done()
    moved.set()
    assert [await waiting, await later] == ["answer to x", "answer to z"]
    await lanes.close()


def by_parity(unit: int) -> str:
    return "odd" if unit % 2 else "even"


async def test_each_node_is_sent_its_own_units() -> None:
    wire = Wire()
    lanes = lanes_to(wire.send, route=by_parity)
    await asyncio.gather(*(lanes.ask(unit, [unit]) for unit in range(4)))
    assert sorted(wire.sent) == [("even", {0: [0], 2: [2]}), ("odd", {1: [1], 3: [3]})]
    await lanes.close()


async def test_a_node_that_does_not_answer_holds_up_no_other() -> None:
    wire = Wire("odd")
    lanes = lanes_to(wire.send, route=by_parity)
    stuck = [lanes.ask(1, ["x"])]
    await wire.batches(1)
    stuck.append(lanes.ask(3, ["y"]))
    for number in range(20):
        assert await lanes.ask(0, [number]) == f"answer to {number}"
    assert not any(asked.done() for asked in stuck)
    wire.let_go("odd")
    assert list(await asyncio.gather(*stuck)) == ["answer to x", "answer to y"]
    await lanes.close()


async def test_a_unit_that_has_moved_waits_for_its_batch_on_the_old_node() -> None:
    wire = Wire("old")
    home = {0: "old", 1: "new"}
    lanes = lanes_to(wire.send, route=home.__getitem__)
    first = lanes.ask(0, ["x"])
    await wire.batches(1)
    home[0] = "new"
    second = lanes.ask(0, ["y"])
    assert await lanes.ask(1, ["other"]) == "answer to other"
    await turns()
    assert [route for route, batch in wire.sent if 0 in batch] == ["old"]
    wire.let_go("old")
    assert list(await asyncio.gather(first, second)) == ["answer to x", "answer to y"]
    assert [route for route, batch in wire.sent if 0 in batch] == ["old", "new"]
    assert not wire.doubled
    await lanes.close()


async def test_no_unit_is_ever_in_two_batches_while_units_move_about() -> None:
    wire = Wire()
    home = {unit: "abc"[unit % 3] for unit in range(6)}
    lanes = lanes_to(wire.send, route=home.__getitem__)
    asked = []
    for number in range(600):
        unit = number * 7 % 6
        asked.append(lanes.ask(unit, [number]))
        home[unit] = "abc"[number * 5 % 3]
        if number % 4 == 0:
            await asyncio.sleep(0)
    assert list(await asyncio.gather(*asked)) == [f"answer to {number}" for number in range(600)]
    assert not wire.doubled
    for unit in range(6):
        sent = [number for _, batch in wire.sent for number in batch.get(unit, [])]
        assert sent == sorted(sent)
    await lanes.close()


# Clients that go away.


async def test_a_request_whose_client_has_gone_is_never_sent() -> None:
    wire = Wire("a")
    lanes = lanes_to(wire.send)
    first = lanes.ask(0, ["x"])
    await wire.batches(1)
    gone, stays = lanes.ask(0, ["gone"]), lanes.ask(0, ["stays"])
    gone.cancel()
    wire.let_go("a")
    assert list(await asyncio.gather(first, stays)) == ["answer to x", "answer to stays"]
    assert wire.sent == [("a", {0: ["x"]}), ("a", {0: ["stays"]})]
    await lanes.close()


async def test_a_request_that_is_cancelled_in_the_turn_it_was_made_is_never_sent() -> None:
    wire = Wire()
    lanes = lanes_to(wire.send)
    gone, stays = lanes.ask(0, ["gone"]), lanes.ask(0, ["stays"])
    gone.cancel()
    assert await stays == "answer to stays"
    assert wire.sent == [("a", {0: ["stays"]})]
    await lanes.close()


async def test_a_client_that_goes_away_does_not_disturb_the_batch_it_is_in() -> None:
    wire = Wire("a")
    lanes = lanes_to(wire.send)

    async def client(name: str) -> Any:
        return await lanes.ask(0, [name])

    gone, stays = (asyncio.create_task(client(name)) for name in ("gone", "stays"))
    await wire.batches(1)
    gone.cancel()
    await asyncio.wait([gone])
    after = lanes.ask(0, ["after"])
    await turns()
    assert gone.cancelled()
    assert len(wire.sent) == 1
    wire.let_go("a")
    assert (await stays, await after) == ("answer to stays", "answer to after")
    await lanes.close()


async def test_lanes_go_on_when_everybody_who_waited_has_gone() -> None:
    wire = Wire("a")
    lanes = lanes_to(wire.send)
    first = lanes.ask(0, ["x"])
    await wire.batches(1)
    for name in "yz":
        lanes.ask(0, [name]).cancel()
    wire.let_go("a")
    await first
    await turns()
    assert await lanes.ask(0, ["after"]) == "answer to after"
    assert [names for _, batch in wire.sent for names in batch.values() if names] == [["x"], ["after"]]
    await lanes.close()


async def test_a_batch_that_breaks_is_failed_and_the_next_goes_out() -> None:
    wire = Wire()

    async def broken_once(route: str, batch: Batch, apart: bool) -> set[int]:
        if [list(arguments) for arguments, *_ in batch[0]] == [["x"], ["y"]]:
            raise RuntimeError("nobody expected this")
        return await wire.send(route, batch)

    lanes = lanes_to(broken_once)
    async with asyncio.timeout(2):
        replies = await asyncio.gather(lanes.ask(0, ["x"]), lanes.ask(0, ["y"]), return_exceptions=True)
    assert all(isinstance(reply, Exception) for reply in replies)
    assert await lanes.ask(0, ["z"]) == "answer to z"
    await lanes.close()


# The limit.


async def test_one_request_too_many_is_refused_at_once() -> None:
    wire = Wire("a")
    lanes = lanes_to(wire.send, limit=2)
    under_way = lanes.ask(0, ["x"])
    await wire.batches(1)
    waiting = [lanes.ask(0, ["y"]), lanes.ask(1, ["z"])]
    refused = lanes.ask(1, ["w"])
    assert refused.done()
    with pytest.raises(StoreBusy, match="2 requests wait"):
        await refused
    wire.let_go("a")
    assert len(await asyncio.gather(under_way, *waiting)) == 3
    assert await lanes.ask(0, ["later"]) == "answer to later"
    assert "w" not in [name for _, batch in wire.sent for names in batch.values() for name in names]
    await lanes.close()


async def test_a_request_of_several_operations_counts_for_as_many() -> None:
    wire = Wire("a")
    lanes = lanes_to(wire.send, limit=5)
    under_way = lanes.ask(0, ["x"], 5, operations=5)
    await wire.batches(1)
    waiting = lanes.ask(0, ["y"], 3, operations=3)
    refused = lanes.ask(0, ["z"], 3, operations=3)
    assert refused.done()
    with pytest.raises(StoreBusy, match="3 requests wait"):
        await refused
    others = [lanes.ask(0, [name]) for name in "vw"]
    wire.let_go("a")
    assert len(await asyncio.gather(under_way, waiting, *others)) == 4
    assert await lanes.ask(0, ["later"], 5, operations=5) == "answer to later"
    await lanes.close()


async def test_what_was_sent_or_failed_does_not_count_as_waiting() -> None:
    wire = Wire("a")
    lanes = lanes_to(wire.send, limit=2)
    first = lanes.ask(0, ["x"])
    await wire.batches(1)
    for _ in range(3):
        waiting = [lanes.ask(0, ["y"]), lanes.ask(0, ["z"])]
        lanes.fail_waiting(0, "away")
        for asked in waiting:
            with pytest.raises(StoreError, match="away"):
                await asked
    last = lanes.ask(0, ["last"])
    last.cancel()
    wire.let_go("a")
    await first
    await turns()
    assert list(await asyncio.gather(lanes.ask(0, ["v"]), lanes.ask(0, ["w"]))) == [
        "answer to v",
        "answer to w",
    ]
    await lanes.close()


async def test_failing_what_waits_for_a_unit_leaves_the_others() -> None:
    wire = Wire("a")
    lanes = lanes_to(wire.send)
    first = lanes.ask(0, ["x"])
    await wire.batches(1)
    failed, other = lanes.ask(0, ["y"]), lanes.ask(1, ["z"])
    lanes.fail_waiting(0, "that part is away")
    lanes.fail_waiting(5, "nobody waits for this one")
    wire.let_go("a")
    assert list(await asyncio.gather(first, other)) == ["answer to x", "answer to z"]
    with pytest.raises(StoreError, match="that part is away"):
        await failed
    assert wire.sent == [("a", {0: ["x"]}), ("a", {1: ["z"]})]
    await lanes.close()


# The end.


async def test_closing_lets_the_batch_finish_and_fails_what_waits() -> None:
    wire = Wire("a")
    lanes = lanes_to(wire.send)
    first = lanes.ask(0, ["x"])
    await wire.batches(1)
    waiting = lanes.ask(0, ["y"])
    gone = lanes.ask(1, ["z"])
    gone.cancel()
    closing = asyncio.create_task(lanes.close())
    await turns()
    assert not closing.done()
    with pytest.raises(StoreError, match="closed"):
        await waiting
    wire.let_go("a")
    await closing
    assert first.result() == "answer to x"
    assert wire.sent == [("a", {0: ["x"]})]


async def test_what_was_asked_in_the_turn_of_the_end_is_failed() -> None:
    wire = Wire()
    lanes = lanes_to(wire.send)
    asked = lanes.ask(0, ["x"])
    await lanes.close()
    with pytest.raises(StoreError, match="closed"):
        await asked
    await turns()
    assert wire.sent == []


async def test_nothing_can_be_asked_after_the_end() -> None:
    wire = Wire()
    lanes = lanes_to(wire.send)
    await lanes.close()
    with pytest.raises(StoreError, match="closed"):
        await lanes.ask(0, ["x"])
    await turns()
    assert wire.sent == []


async def test_closing_twice_is_closing_once() -> None:
    wire = Wire()
    lanes = lanes_to(wire.send)
    await lanes.ask(0, ["x"])
    await lanes.close()
    await lanes.close()
    assert wire.sent == [("a", {0: ["x"]})]
