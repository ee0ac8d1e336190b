"""Who may do what: bearer tokens (RFC 6750).

Rule: decided from the request's head, before any of its body is read, and in a time that does not depend
on the tokens; no token is logged, shown, or part of any error.
"""

import re
from collections.abc import Sequence
from hmac import compare_digest
from typing import Final, Literal

from scores.config import Config
from scores.errors import AccessDenied, ScopeTooSmall

__all__ = ["Access", "Guard"]

Access = Literal["open", "read", "write"]
"""What a request needs: nothing, any token, or a write token; the latter two only where such are set."""

_CHALLENGE: Final = 'Bearer realm="scores"'

# The scheme's letters may be of any case (RFC 9110, section 11.1).
_BEARER: Final = re.compile("bearer(?: +(.*))?", re.IGNORECASE | re.DOTALL)


class Guard:
    """Knows the tokens of one server."""

    __slots__ = ("_may_read", "_may_write")

    def __init__(self, config: Config) -> None:
        self._may_write = [token.encode() for token in config.write_token]
        self._may_read = [token.encode() for token in config.read_token]

    def guards(self, access: Access) -> bool:
        """Whether a request that needs this needs a token."""
        return bool(self._may_read if access == "read" else self._may_write) and access != "open"

    def admits(self, access: Access, credentials: Sequence[str]) -> bool:
        """Whether a request with these `Authorization` fields may do what needs this."""
        try:
            self.check(access, credentials)
        except AccessDenied:
            return False
        return True

    def check(self, access: Access, credentials: Sequence[str]) -> None:
        """Raises `AccessDenied`, or `ScopeTooSmall`, unless the request may do what needs this."""
        if not self.guards(access):
            return
        match = _BEARER.fullmatch(credentials[0]) if credentials else None
        if match is None:
            raise AccessDenied(f"a token is needed to {access}: send Authorization: Bearer …", _CHALLENGE)
        given = (match[1] or "").encode("utf-8", "surrogateescape")
        # Both, and each to its end: how long it takes tells nothing.
        may_write, may_read = _is_one_of(self._may_write, given), _is_one_of(self._may_read, given)
        if len(credentials) > 1 or not (may_write or may_read):
            raise AccessDenied("the token is not known", f'{_CHALLENGE}, error="invalid_token"')
        if access == "write" and not may_write:
            raise ScopeTooSmall("the token may only read", f'{_CHALLENGE}, error="insufficient_scope"')


def _is_one_of(tokens: Sequence[bytes], given: bytes) -> bool:
    found = False
    for token in tokens:
        found |= compare_digest(token, given)
    return found
