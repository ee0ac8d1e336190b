"""What a client accepts: the header `Accept` (RFC 9110, section 12.5.1)."""

import re
from collections.abc import Iterable
from typing import Final

__all__ = ["accepts", "weight"]

# A comma or a semicolon within a quoted string separates nothing.
_RANGES: Final = re.compile(r'(?:"(?:[^"\\]|\\.?)*"?|[^",])+', re.DOTALL)
_WEIGHT: Final = re.compile(r";\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*(?:;|$)", re.IGNORECASE)


def accepts(fields: Iterable[str], media_type: str) -> bool:
    """Whether the header fields take that media type."""
    return weight(fields, media_type) > 0


def weight(fields: Iterable[str], media_type: str) -> float:
    """How much the header fields want that media type, 0 to 1; without any, everything is wanted.

    The range that says most decides, whatever its place, and a weight of 0 is a refusal.
    """
    ranges = [one for one in _RANGES.findall(",".join(fields)) if one.strip()]
    if not ranges:
        return 1.0
    whole = media_type.partition("/")[0] + "/*"
    for wanted in (media_type, whole, "*/*"):
        named = [one for one in ranges if one.partition(";")[0].strip().lower() == wanted]
        if named:
            return max(map(_weight, named))
    return 0.0


def _weight(one: str) -> float:
    """That of a range; what is no weight counts as none, which is 1."""
    match = _WEIGHT.search(one)
    return 1.0 if match is None else min(float(match[1]), 1.0)
