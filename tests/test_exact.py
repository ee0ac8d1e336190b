"""Exact totals against `fractions.Fraction`, over all finite doubles."""

import math
import random
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scores import exact

FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.lists(FINITE, min_size=1, max_size=30)
MAX = sys.float_info.max
TINY = math.ulp(0.0)


def true_mean(values: list[float]) -> float:
    return float(sum(map(Fraction, values)) / len(values))


def total_of(values: list[float]) -> int:
    return sum(map(exact.term, values), exact.EMPTY)


@given(VALUES)
def test_the_mean_is_the_double_nearest_to_the_true_mean(values: list[float]) -> None:
    assert exact.mean(total_of(values)) == true_mean(values)


@given(VALUES, st.randoms())
def test_the_order_does_not_matter(values: list[float], rng: random.Random) -> None:
    shuffled = rng.sample(values, len(values))
    assert total_of(values) == total_of(shuffled)


@given(VALUES, VALUES)
def test_taking_out_undoes_adding(kept: list[float], removed: list[float]) -> None:
    assert total_of(kept + removed) - total_of(removed) == total_of(kept)


@given(VALUES, VALUES)
def test_totals_merge_exactly(one: list[float], other: list[float]) -> None:
    assert exact.mean(total_of(one) + total_of(other)) == true_mean(one + other)


@given(VALUES)
def test_the_count_is_kept_whatever_the_sign_of_the_sum(values: list[float]) -> None:
    assert exact.count(total_of(values)) == len(values)


@pytest.mark.parametrize(
    "values",
    [
        [MAX, MAX, MAX],
        [-MAX, -MAX],
        [MAX, -MAX],
        [MAX, TINY],
        [TINY],
        [TINY, 0.0],
        [TINY, TINY, 0.0],
        [-TINY, -TINY, 0.0, 0.0],
        [2.2250738585072014e-308, TINY],
        [1.0, 2**-53],
        [1.0, 2**-53, 2**-106],
        [0.1] * 10,
        [1e308, 1e-308, -1e308],
    ],
)
def test_the_mean_of_extremes(values: list[float]) -> None:
    assert exact.mean(total_of(values)) == true_mean(values)


def test_the_total_of_nothing_is_empty() -> None:
    assert total_of([]) == exact.EMPTY
    assert exact.count(exact.EMPTY) == 0


def test_nothing_has_no_mean() -> None:
    with pytest.raises(ZeroDivisionError):
        exact.mean(exact.EMPTY)


def test_an_infinity_has_no_term() -> None:
    with pytest.raises(OverflowError):
        exact.term(math.inf)


def test_nan_has_no_term() -> None:
    with pytest.raises(ValueError, match="NaN"):
        exact.term(math.nan)


SCORES = st.floats(0, 1) | st.floats(0, 2**-43) | st.sampled_from([2**-44, math.nextafter(2**-44, 0), TINY])


def parts_of(values: list[float]) -> tuple[int, int]:
    parts = [exact.parts(value) for value in values]
    return sum(short for short, _ in parts), sum(rest for _, rest in parts)


@given(st.lists(SCORES, max_size=30))
def test_the_parts_of_scores_add_up_to_their_total(values: list[float]) -> None:
    assert exact.join(*parts_of(values)) == total_of(values)


@given(st.floats(2**-44, 1) | st.just(0.0))
def test_a_usual_score_leaves_no_rest(value: float) -> None:
    assert exact.parts(value)[1] == 0


@given(st.lists(SCORES, min_size=1), st.lists(SCORES))
def test_taking_parts_out_undoes_adding_them(kept: list[float], removed: list[float]) -> None:
    (short, rest), (less, fewer) = parts_of(kept + removed), parts_of(removed)
    assert exact.mean_of_parts(short - less, rest - fewer) == true_mean(kept)


@given(st.integers(-(2**200), 2**200), st.integers(0, 1074), st.integers(1, exact.MAX_COUNT))
def test_a_total_that_was_written_down_is_what_it_was(numerator: int, bits: int, count: int) -> None:
    total = exact.total(numerator, bits, count)
    assert exact.count(total) == count
    assert exact.mean(total) == float(Fraction(numerator, 2**bits) / count)


@given(st.integers(-(2**200), 2**200), st.integers(1, 2000))
def test_last_bits_that_are_zero_may_be_written_down(numerator: int, spare: int) -> None:
    assert exact.total(numerator << spare, 1074 + spare, 7) == exact.total(numerator, 1074, 7)


def test_a_total_holds_as_many_values_as_64_bits_count() -> None:
    assert exact.MAX_COUNT == 2**64 - 1
    assert exact.count(exact.total(1, 0, 2**64 - 1)) == 2**64 - 1


def test_a_score_below_the_least_short_one_is_in_the_rest() -> None:
    assert exact.parts(math.nextafter(2**-44, 0))[1] != 0
    assert exact.parts(2**-44)[1] == 0


def test_a_total_is_in_the_units_that_are_written_to_files() -> None:
    assert exact.term(0.5) == (1 << 1073 + 64) + 1
    assert exact.parts(0.5) == ((1 << 95 + 64) + 1, 0)
    assert exact.parts(2**-45) == (1, 1 << 1074 - 45)
