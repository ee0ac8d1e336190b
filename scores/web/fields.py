"""The fields that every answer carries, besides what it is about.

Rule: as few as are of use to an API (`SECURITY.md` has the reason for each), declared once: the usual way,
the express lane, and answers without a request have the same. Whoever sets one before keeps its own.
"""

from collections.abc import Mapping, MutableMapping
from typing import Final

from multidict import CIMultiDict

__all__ = ["NO_CACHE", "NO_STORE", "POLICY", "fields_of", "is_stream", "secure"]

POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
"""What a document may load and who may frame it (CSP Level 3): a page for people has a policy of its own."""

NO_STORE: Final = "no-store"
"""`Cache-Control` of what nobody may keep: errors, answers to writes, streams (RFC 9111, section 5.2.2.5)."""

NO_CACHE: Final = "no-cache"
"""`Cache-Control` of what has to be asked for again, with its tag, before it is used (section 5.2.2.4)."""

_SECURITY: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
}


def fields_of(content_type: str, *, policy: str = POLICY, cache: str = NO_STORE) -> CIMultiDict[str]:
    """The fields of an answer with a body of this type, and room for more."""
    fields = CIMultiDict({"Content-Type": content_type, **_SECURITY, "Cache-Control": cache})
    fields["Content-Security-Policy"] = policy
    if content_type.startswith("text/html"):
        # A page has links, and an address that may have somebody's id in it.
        fields["Referrer-Policy"] = "no-referrer"
    return fields


def secure(fields: MutableMapping[str, str]) -> None:
    """Adds what is not there yet."""
    for name, value in _SECURITY.items():
        fields.setdefault(name, value)
    fields.setdefault("Cache-Control", NO_STORE)


def is_stream(fields: Mapping[str, str]) -> bool:
    """Whether they are those of an answer that lasts for as long as its client likes."""
    return fields.get("Content-Type", "").startswith("text/event-stream")
