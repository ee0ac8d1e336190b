"""The sorted set that pages, against a plain set."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from scores.stores import order as module
from scores.stores.order import LEAF, IntOrder, Order


class OrderMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.order: Order[int] = Order()
        self.model: set[int] = set()

    @rule(start=st.integers(0, 60), count=st.integers(1, 12), step=st.integers(1, 3))
    def add(self, start: int, count: int, step: int) -> None:
        for key in range(start, start + count * step, step):
            self.order.add(key)
            self.model.add(key)

    @rule(start=st.integers(0, 60), count=st.integers(1, 12))
    def discard(self, start: int, count: int) -> None:
        for key in range(start, start + count):
            self.order.discard(key)
            self.model.discard(key)

    @rule(key=st.none() | st.integers(-1, 100), limit=st.integers(0, 10))
    def page(self, key: int | None, limit: int) -> None:
        above = sorted(one for one in self.model if key is None or one > key)
        assert self.order.after(key, limit) == above[:limit]

    @invariant()
    def it_is_sorted_and_its_leaves_are_small(self) -> None:
        assert list(self.order.ascend(None)) == sorted(self.model)
        assert all(len(leaf) <= module.LEAF for leaf in self.order._leaves)
        assert len(self.order._floors) == len(self.order._leaves) - 1
        assert all(self.order._leaves) or len(self.order._leaves) == 1


class IntOrderMachine(OrderMachine):
    """Tells an order of integers only of new ones, many at once and unsorted."""

    def __init__(self) -> None:
        super().__init__()
        self.order = self.packed = IntOrder()

    @rule(start=st.integers(0, 60), count=st.integers(1, 12), step=st.integers(1, 3))
    def add(self, start: int, count: int, step: int) -> None:
        new = set(range(start, start + count * step, step)) - self.model
        self.packed.update(sorted(new, key=lambda key: key % 7))
        self.model |= new


def test_an_order_of_integers_does_what_a_set_does(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "LEAF", 5)
    run_state_machine_as_test(IntOrderMachine, settings=settings(deadline=None, max_examples=100))


def test_an_order_of_integers_takes_the_largest_there_is() -> None:
    order = IntOrder()
    order.add(2**63 - 1)
    order.update(range(2 * LEAF))
    assert order.after(2 * LEAF - 2, 9) == [2 * LEAF - 1, 2**63 - 1]


def test_it_does_what_a_set_does(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "LEAF", 5)
    run_state_machine_as_test(OrderMachine, settings=settings(deadline=None, max_examples=100))


@settings(deadline=None, max_examples=20)
@given(st.lists(st.text(max_size=3), max_size=50), st.text(max_size=3))
def test_strings_are_ordered_by_code_point(keys: list[str], after: str) -> None:
    order: Order[str] = Order()
    for key in keys:
        order.add(key)
    assert order.after(after, 100) == sorted(key for key in set(keys) if key > after)


def test_a_page_touches_no_more_leaves_than_it_needs() -> None:
    order: Order[int] = Order()
    for key in range(100 * LEAF):
        order.add(key)

    class Counting(list[Any]):
        read = 0

        def __getitem__(self, index: Any) -> Any:
            Counting.read += 1
            return super().__getitem__(index)

        def __iter__(self) -> Any:
            for item in super().__iter__():
                Counting.read += 1
                yield item

    order._leaves = Counting(order._leaves)
    assert order.after(10, 100) == list(range(11, 111))
    assert Counting.read <= 3


@pytest.mark.parametrize(("order", "cut"), [(Order[int](), [341, 342]), (IntOrder(), [171, 171, 171, 170])])
def test_a_leaf_is_cut_in_equal_parts_when_it_is_more_than_full(order: Order[int], cut: list[int]) -> None:
    for key in range(LEAF):
        order.add(key)
    assert list(map(len, order._leaves)) == [LEAF]
    order.add(LEAF)
    assert list(map(len, order._leaves)) == cut


def test_many_integers_at_once_fill_a_leaf_before_it_is_cut() -> None:
    order = IntOrder()
    order.update(range(LEAF))
    assert list(map(len, order._leaves)) == [LEAF]
