"""What a client prefers: the header `Prefer` (RFC 7240)."""

import re
from collections.abc import Iterable
from typing import Final

__all__ = ["preference"]

# A comma within a quoted string separates nothing (RFC 7240, section 2; RFC 9110, section 5.6.4). A string
# that does not end goes on to the end of the text: nothing here can fail, so nothing is tried twice.
_PARTS: Final = re.compile(r'(?:"(?:[^"\\]|\\.?)*"?|[^",])+', re.DOTALL)


def preference(fields: Iterable[str], name: str) -> str | None:
    """The value of the preference that the header fields state, empty without one; None when it is not there.

    The first counts, and what follows it as a parameter does not.
    """
    for part in _PARTS.findall(",".join(fields)):
        found, _, value = part.partition(";")[0].partition("=")
        if found.strip().lower() == name:
            return str(value).strip().strip('"')
    return None
