"""Waits before the next attempt."""

from random import Random

from scores.backoff import Backoff


class Highest(Random):
    def uniform(self, _low: float, high: float) -> float:
        return high


class Lowest(Random):
    def uniform(self, low: float, _high: float) -> float:
        return low


def test_the_range_doubles_up_to_its_limit() -> None:
    backoff = Backoff(0.5, 30, Highest())
    assert [backoff.next() for _ in range(8)] == [1, 2, 4, 8, 16, 30, 30, 30]


def test_no_wait_is_shorter_than_the_shortest() -> None:
    backoff = Backoff(0.5, 30, Lowest())
    assert [backoff.next() for _ in range(8)] == [0.5] * 8


def test_it_begins_again_after_a_reset() -> None:
    backoff = Backoff(0.5, 30, Highest())
    for _ in range(5):
        backoff.next()
    backoff.reset()
    assert backoff.next() == 1


def test_ten_thousand_attempts_are_no_problem() -> None:
    backoff = Backoff(0.5, 30, Highest())
    assert {backoff.next() for _ in range(10_000)} == {1, 2, 4, 8, 16, 30}


def test_the_waits_are_spread_over_the_whole_range() -> None:
    backoff = Backoff(0.5, 30, Random(1))
    waits = [backoff.next() for _ in range(2000)][6:]
    assert min(waits) < 2
    assert max(waits) > 28
