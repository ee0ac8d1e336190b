"""The scripts' totals are exact, whatever is added to them and taken out."""

import re
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis
from support.redis_keys import run

from scores import exact
from scores.models import (
    Student,
)
from scores.stores.redis.layout import decode_student
from scores.stores.redis.session import Script
from scores.testing.oracle import exact_mean

# Exact totals. What an example does is one script call: a total to begin with, and the changes to it.

TOTALS = (
    Script.of("exact.lua").source
    + """
local total, texts = ARGV[1] ~= '' and ARGV[1], {}
for at = 2, #ARGV, 2 do
  local old, new = ARGV[at], ARGV[at + 1]
  total = change_total(total, old ~= '' and old, new ~= '' and new)
  texts[#texts + 1] = total
end
return texts
"""
)

TINY = 5e-324
AWKWARD = [0.0, 1.0, TINY, 2.2250738585072014e-308, 2**-32, 2**-53, 1 - 2**-32, 1 - 2**-53, 0.1, 1 / 3]
SCORES = st.one_of(
    st.sampled_from(AWKWARD),
    st.floats(0, 1).map(lambda score: score + 0.0),
    st.builds(lambda bits, power: bits * 2.0**-power, st.integers(0, 2**20), st.integers(20, 1074)),
)
CHANGES = st.lists(st.tuples(st.integers(0, 9), SCORES | st.none()), min_size=1, max_size=30)


def texts_of(client: Redis, changes: list[tuple[float | None, float | None]], start: str = "") -> list[Any]:
    """The text of the total after each change from an old score to a new one; None for no total."""
    arguments = ["" if score is None else repr(score) for change in changes for score in change]
    return [text and text.decode() for text in run(client, TOTALS, start, *arguments)]


def total_of(text: str) -> tuple[int, Fraction]:
    """The count and the sum that the text says; the text must be the only one that says so."""
    match = re.fullmatch(r"([1-9][0-9]*) (0|[1-9a-f][0-9a-f]*)(?:\.([0-9a-f]*[1-9a-f]))?", text)
    assert match, text
    count, whole, fraction = match.groups("")
    return int(count), Fraction(int(whole + fraction, 16), 16 ** len(fraction))


@settings(deadline=None, max_examples=300)
@given(steps=CHANGES)
def test_a_total_is_exact_after_any_changes(
    client_once: Redis, steps: list[tuple[int, float | None]]
) -> None:
    known: dict[int, float] = {}
    changes, expected = [], []
    for key, new in steps:
        old = known.pop(key, None)
        if new is not None:
            known[key] = new
        elif old is None:
            continue
        changes.append((old, new))
        expected.append((len(known), sum(map(Fraction, known.values()), Fraction())) if known else None)
    texts = texts_of(client_once, changes)
    assert [text and total_of(text) for text in texts] == expected


@settings(deadline=None, max_examples=150)
@given(kept=st.lists(SCORES, min_size=1, max_size=15), gone=st.lists(SCORES, max_size=15), rng=st.randoms())
def test_equal_totals_are_equal_texts(
    client_once: Redis, kept: list[float], gone: list[float], rng: Any
) -> None:
    shuffled = rng.sample(kept, len(kept))
    direct = texts_of(client_once, [(None, score) for score in kept])
    detour = texts_of(
        client_once,
        [(None, score) for score in gone + shuffled]
        + [(score, None) for score in rng.sample(gone, len(gone))],
    )
    assert direct[-1] == detour[-1]


@settings(deadline=None, max_examples=150)
@given(scores=st.lists(SCORES, min_size=1, max_size=30))
def test_the_mean_of_a_total_is_the_nearest_double(client_once: Redis, scores: list[float]) -> None:
    text = texts_of(client_once, [(None, score) for score in scores])[-1]
    student = decode_student("foo", text.encode())
    assert student == Student("foo", exact_mean(scores), len(scores))
    assert student.average == exact.mean(sum(map(exact.term, scores)))


@settings(deadline=None, max_examples=150)
@given(
    count=st.integers(2, 2**45),
    whole=st.integers(0, 2**45),
    fraction=st.sampled_from(
        ["", ".8", ".ffffffff", ".ffffffffffffffff", "." + "f" * 268 + "c", ".00000001"]
    ),
    change=st.tuples(st.just(1.0) | st.none(), SCORES),
)
def test_a_total_of_very_many_is_exact(
    client_once: Redis, count: int, whole: int, fraction: str, change: tuple[float | None, float]
) -> None:
    old, new = change
    start = f"{count} {whole + 1:x}{fraction}"
    _, total = total_of(start)
    (text,) = texts_of(client_once, [(old, new)], start)
    assert total_of(text) == (count + (old is None), total - Fraction(old or 0) + Fraction(new))


def test_no_values_have_no_total(client: Redis) -> None:
    assert texts_of(client, [(None, 0.5), (0.5, None), (None, TINY), (TINY, None)])[1::2] == [None, None]


def test_zeros_are_counted(client: Redis) -> None:
    assert texts_of(client, [(None, 0.0), (None, 0.0), (0.0, None)]) == ["1 0", "2 0", "1 0"]


def test_a_carry_goes_all_the_way(client: Redis) -> None:
    below = 1 - 2**-53
    smallest = [2.0**-power for power in range(54, 1075)] + [TINY]
    texts = texts_of(client, [(None, score) for score in [below, *smallest]])
    assert texts[-1] == "1023 1"
    assert texts_of(client, [(1.0, TINY)], "2 1." + "0" * 268 + "4") == ["2 0." + "0" * 268 + "8"]
