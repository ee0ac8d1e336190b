"""Header fields of answers: what each says, and which come with what.

Rule: a field that an answer carries is here; those that HTTP itself needs (`Date` …) are not.
"""

from typing import Final

from scores.web.openapi.schemas import Schema

__all__ = ["HEADERS", "ON_ALL", "ON_ERRORS", "ON_PAGES", "ON_READS"]

ON_ALL: Final = (
    "X-Content-Type-Options",
    "Content-Security-Policy",
    "Cross-Origin-Resource-Policy",
    "Cache-Control",
    "Vary",
)
"""Those of every answer."""

ON_READS: Final = ("ETag", "Vary", "Content-Encoding")
"""Those of every successful GET, but of a stream."""

ON_PAGES: Final = ("Link",)
"""Those of a part of a listing."""

ON_ERRORS: Final[dict[int, tuple[str, ...]]] = {
    401: ("WWW-Authenticate",),
    403: ("WWW-Authenticate",),
    409: ("Retry-After",),
    503: ("Retry-After",),
}
"""Those of an error, by its status."""


def _text(about: str) -> Schema:
    return {"description": about, "schema": {"type": "string"}}


HEADERS: Final[dict[str, Schema]] = {
    "Link": _text("Links to the next page, or to this description (RFC 8288)."),
    "Preference-Applied": _text("`return=minimal`, when that was asked for (RFC 7240)."),
    "Retry-After": {
        "description": "Seconds to wait.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
    "ETag": _text("Names this state of the answer (RFC 9110, section 8.8.3)."),
    "Cache-Control": _text("`no-cache`: to be kept, and asked for again; `no-store`: not to be kept."),
    "Vary": _text("The request's fields that the answer depends on."),
    "Content-Encoding": _text("`gzip`, if the client accepts it and it is worth it."),
    "Content-Security-Policy": _text(
        "What a page may load: its own files, and nothing else; what is no page, nothing."
    ),
    "X-Content-Type-Options": _text("`nosniff`."),
    "Referrer-Policy": _text("`no-referrer`."),
    "WWW-Authenticate": _text("Asks for a token (RFC 6750, section 3)."),
    "Cross-Origin-Resource-Policy": _text("`same-origin`."),
    "X-Accel-Buffering": _text("`no`: a proxy must not gather what comes."),
}
