"""A dictionary cut in parts, against a dictionary; and how even the parts are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scores.stores.rows import ROW_BITS
from scores.stores.sharded import Shards

KEYS = st.integers(0, 9) | st.sampled_from(["a", "b", "é"])


@settings(deadline=None, max_examples=50)
@given(
    steps=st.lists(st.tuples(KEYS, st.none() | st.integers(0, 5)), max_size=30),
    parts=st.sampled_from([1, 2, 64]),
)
def test_it_does_what_a_dictionary_does(steps: list[tuple[int | str, int | None]], parts: int) -> None:
    shards, oracle = Shards[int | str, int](parts), dict[int | str, int]()
    for key, value in steps:
        if value is not None:
            shards[key] = oracle[key] = value
        elif key in oracle:
            del shards[key], oracle[key]
        else:
            with pytest.raises(KeyError):
                del shards[key]
            with pytest.raises(KeyError):
                shards[key]
        assert (key in shards) is (key in oracle)
        assert (shards.get(key), shards.get(key, 7)) == (oracle.get(key), oracle.get(key, 7))
        assert len(shards) == len(oracle)
    # Each key once, part by part.
    assert sorted(map(str, shards)) == sorted(map(str, oracle))
    assert dict(shards.items()) == oracle


@pytest.mark.parametrize("step", [1, 2, 64, 1024, 1 << ROW_BITS, (1 << ROW_BITS) + 1])
def test_its_parts_are_even_whatever_bits_the_keys_differ_in(step: int) -> None:
    shards = Shards[int, None](64)
    for number in range(6400):
        shards[number * step] = None
    sizes = list(map(len, shards._shards))
    assert sum(sizes) == 6400
    assert max(sizes) <= 200
