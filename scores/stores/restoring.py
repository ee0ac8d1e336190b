"""How a store takes in inspectors as they were in another one: each whole, and not score by score.

Rule: it is an offer, no part of the `Store` protocol: a store has the method or it has none.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from scores.models import Inspector

__all__ = ["Restoring"]


@runtime_checkable
class Restoring(Protocol):
    """A store that takes in whole inspectors."""

    async def restore(self, inspectors: Sequence[Inspector]) -> None:
        """Puts these inspectors in the place of those with their UUIDs, if there are any.

        To do it again is safe. Each inspector is atomic in itself; of a call that raises `StoreError`, a part
        may have been done.
        """
        ...
