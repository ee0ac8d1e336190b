"""Many scores at once, of which only the means are wanted: the same as adding them, from the stores that offer it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scores.errors import StoreFull
from scores.live.local import LocalJournal, Published
from scores.models import Inspector, Score
from scores.stores import open_store
from scores.stores.embedded import EmbeddedStore
from scores.stores.tallied import TallyingStore
from scores.stores.tallying import Tally, tally_of
from scores.testing import open_blocking
from scores.testing.oracle import exact_mean

STORES = pytest.mark.parametrize("url", ["dict", "sharded"])
SCORES = st.lists(st.tuples(st.sampled_from(["a", "b", "c", "d"]), st.integers(0, 5)))


def tally_in(store: Any) -> Tally:
    tally = tally_of(store)
    assert tally is not None
    return tally


@STORES
@given(batches=st.lists(SCORES, max_size=4))
def test_each_mean_is_the_exact_one_of_all_scores_until_then(
    url: str, batches: list[list[tuple[str, int]]]
) -> None:
    given_so_far: dict[str, list[int]] = {}
    with open_blocking(url) as store:
        tally = tally_in(store.store)
        for batch in batches:
            expected = []
            for uuid, score in batch:
                given_so_far.setdefault(uuid, []).append(score)
                expected.append(exact_mean(given_so_far[uuid]))
            assert tally([uuid for uuid, _ in batch], [score for _, score in batch]) == expected
        listed = store.inspectors(limit=9).items
    assert listed == [
        Inspector(uuid, len(scores), sum(scores)) for uuid, scores in sorted(given_so_far.items())
    ]


@STORES
def test_a_full_inspector_keeps_out_its_own_scores_only(url: str) -> None:
    full = Inspector("full", 2**30 - 2, 0)
    with open_blocking(url) as store:
        assert isinstance(store.store, TallyingStore)
        store.store._inspectors["full"] = full.count << 33
        means = store.store.tally(["foo", "full", "full", "foo", "full"], [1, 1, 1, 2, 5])
        assert means[:2] == [1.0, 1 / (2**30 - 1)]
        assert means[3] == 1.5
        for refused in (means[2], means[4]):
            assert isinstance(refused, StoreFull)
            assert refused.__traceback__ is None
        assert store.inspector("full") == Inspector("full", 2**30 - 1, 1)


def test_who_adds_in_a_way_of_its_own_does_not_inherit_it() -> None:
    assert tally_of(EmbeddedStore(dict)) is None


async def test_a_file_has_to_be_waited_for(tmp_path: Any) -> None:
    async with open_store(f"sqlite:{tmp_path}/scores.db") as store:
        assert tally_of(store) is None


async def test_it_is_not_offered_while_somebody_is_to_be_told_of_each_score() -> None:
    journal = LocalJournal(history=10)
    store = Published(TallyingStore(dict), journal)
    assert tally_in(store)(["u"], [5]) == [5.0]
    following = journal.follow(10)
    await anext(following)
    assert tally_of(store) is None
    await store.add([Score("u", 4)])
    (entry,) = await anext(following)
    assert entry.events == (Inspector("u", 2, 9),)
    await following.aclose()
    assert tally_in(store)(["u"], [0]) == [3.0]


def test_of_a_store_that_does_not_offer_it_nobody_else_does() -> None:
    assert tally_of(Published(EmbeddedStore(dict), LocalJournal(history=10))) is None
