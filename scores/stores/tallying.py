"""How a store adds many scores of which only the means are wanted: what a bulk asks for.

Rule: it is an offer, no part of the `Store` protocol: a store has it or has not, and may withdraw it.
"""

from collections.abc import Callable, Sequence

from scores.errors import StoreError
from scores.stores.base import Store

__all__ = ["Tally", "tally_of"]

Tally = Callable[[Sequence[str], Sequence[int]], list[float | StoreError]]
"""`Store.add` of as many scores as there are UUIDs, in their order, in one step in which nobody has a turn.

It gives the mean as of just after each, or the error that kept this one out.
"""


def tally_of(store: Store) -> Tally | None:
    """What the store offers; None from a store that does not, or not now."""
    tally: Tally | None = getattr(store, "tally", None)
    return tally
