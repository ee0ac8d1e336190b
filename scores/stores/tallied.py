"""The embedded stores' body with the offer of `scores.stores.tallying`: what `dict` and `sharded` are.

Rule: nobody has the offer by inheritance from the body itself: a store that adds in a way of its own would be
passed by.
"""

from collections.abc import Sequence

from scores.errors import StoreError, StoreFull
from scores.models import Score
from scores.stores.embedded import MAX_INSPECTOR, ONE, SUM, SUM_BITS, EmbeddedStore

__all__ = ["TallyingStore"]


class TallyingStore(EmbeddedStore):
    """An embedded store that adds many scores at once, without a value for each score and each inspector."""

    def tally(self, uuids: Sequence[str], scores: Sequence[int]) -> list[float | StoreError]:
        """As `scores.stores.tallying.Tally`."""
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
