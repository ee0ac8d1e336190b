"""Many scores in, only the means out: what the stores in this process offer to a bulk.

Rule: it is an offer, no part of the `Store` protocol, and nobody has it by inheritance from the embedded
stores' body: a store that adds in a way of its own would be passed by.
"""

from collections.abc import Callable, Sequence

from scores.errors import StoreError, StoreFull
from scores.models import Score
from scores.stores.base import Store
from scores.stores.embedded import MAX_INSPECTOR, ONE, SUM, SUM_BITS, EmbeddedStore

__all__ = ["Tally", "TallyingStore", "tally_of"]

Tally = Callable[[Sequence[str], Sequence[int]], list[float | StoreError]]
"""`Store.add` of as many scores as there are UUIDs, in their order, in one step in which nobody has a turn.

It gives the mean as of just after each, or the error that kept this one out.
"""


def tally_of(store: Store) -> Tally | None:
    """What the store offers; None from a store that does not, or not now."""
    tally: Tally | None = getattr(store, "tally", None)
    return tally


class TallyingStore(EmbeddedStore):
    """An embedded store that adds many scores at once, without a value for each score and each inspector."""

    def tally(self, uuids: Sequence[str], scores: Sequence[int]) -> list[float | StoreError]:
        """As `Tally`."""
        inspectors, packed_of = self._inspectors, self._inspectors.get
        means: list[float | StoreError] = []
        for uuid, score in zip(uuids, scores, strict=True):
            # As `add`: what is known and not full needs no call.
            packed = packed_of(uuid)
            if packed is not None and (packed := packed + ONE + score) <= MAX_INSPECTOR:
                inspectors[uuid] = packed
                means.append((packed & SUM) / (packed >> SUM_BITS))
                continue
            try:
                means.append(self.add_now(Score(uuid, score)).mean)
            except StoreFull as exc:
                means.append(exc.with_traceback(None))
        return means
