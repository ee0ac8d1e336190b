"""What pages of other origins may do, in a browser (Fetch standard, section 3.3: the CORS protocol).

Rule: off unless origins are named. It guards nothing: it only tells a browser which pages may read the
answers; whoever is no browser does not ask.
"""

from collections.abc import Iterable, MutableMapping
from typing import Final

from scores.config import Config

__all__ = ["Cors"]

_MAX_AGE: Final = 7200
"""Seconds that a browser may remember what a preflight was told; more is not kept by all of them."""

_REQUEST_FIELDS: Final = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer"
_ANSWER_FIELDS: Final = "ETag, Link, Preference-Applied, Retry-After, WWW-Authenticate"


class Cors:
    """The origins that one server is open to."""

    __slots__ = ("_origins", "on")

    def __init__(self, config: Config) -> None:
        self._origins = frozenset(config.cors_origins)
        self.on = bool(self._origins)

    @property
    def varies(self) -> bool:
        """Whether answers depend on `Origin`."""
        return self.on and "*" not in self._origins

    def allows(self, origin: str | None) -> bool:
        """Whether a page of this origin may read the answers."""
        return "*" in self._origins or origin in self._origins

    def tell(self, fields: MutableMapping[str, str], origin: str | None) -> None:
        """Adds to an answer's fields what they say to a page of this origin."""
        if not self.on:
            return
        if self.varies:
            fields["Vary"] = f"{fields['Vary']}, Origin" if "Vary" in fields else "Origin"
        if self.allows(origin):
            fields["Access-Control-Allow-Origin"] = origin if self.varies and origin else "*"
            fields["Access-Control-Expose-Headers"] = _ANSWER_FIELDS

    def permit(self, fields: MutableMapping[str, str], methods: Iterable[str]) -> None:
        """Adds what answers a preflight for a resource with these methods."""
        fields["Access-Control-Allow-Methods"] = ", ".join(sorted(methods))
        fields["Access-Control-Allow-Headers"] = _REQUEST_FIELDS
        fields["Access-Control-Max-Age"] = str(_MAX_AGE)
