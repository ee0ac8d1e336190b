"""What a client accepts: the header `Accept` (RFC 9110, section 12.5.1)."""

import re
from collections.abc import Iterable
from typing import Final

__all__ = ["accepts"]

# A comma or a semicolon within a quoted string separates nothing.
_RANGES: Final = re.compile(r'(?:"(?:[^"\\]|\\.?)*"?|[^",])+', re.DOTALL)
_NO_WEIGHT: Final = re.compile(r";\s*q\s*=\s*0(?:\.0{0,3})?\s*(?:;|$)", re.IGNORECASE)


def accepts(fields: Iterable[str], media_type: str) -> bool:
    """Whether the header fields take that media type; without any, everything is taken.

    The range that says most decides, whatever its place, and a weight of 0 is a refusal.
    """
    ranges = [one for one in _RANGES.findall(",".join(fields)) if one.strip()]
    if not ranges:
        return True
    whole = media_type.partition("/")[0] + "/*"
    for wanted in (media_type, whole, "*/*"):
        named = [one for one in ranges if one.partition(";")[0].strip().lower() == wanted]
        if named:
            return not all(map(_NO_WEIGHT.search, named))
    return False
