"""Every error that `scores` raises on purpose, as one tree.

    ScoresError                     500  internal
    ├── InvalidInput                422  invalid-input
    │   ├── MalformedJSON           400  malformed-json
    │   └── InvalidQuery            400  invalid-query
    ├── NotFound                    404  not-found
    ├── PayloadTooLarge             413  payload-too-large
    ├── UnsupportedMediaType        415  unsupported-media-type
    ├── RequestTimeout              408  request-timeout
    ├── StoreError                  503  store-unavailable
    │   └── StoreFull               507  store-full
    └── ConfigError                 500  config

Rule: a class carries the HTTP `status` it means and a stable `code`; nobody else maps errors to HTTP.
"""

from typing import ClassVar, NamedTuple

__all__ = [
    "ConfigError",
    "Fault",
    "InvalidInput",
    "InvalidQuery",
    "MalformedJSON",
    "NotFound",
    "PayloadTooLarge",
    "RequestTimeout",
    "ScoresError",
    "StoreError",
    "StoreFull",
    "UnsupportedMediaType",
]


class Fault(NamedTuple):
    """One thing that is wrong with an input: where, and what is allowed there."""

    where: str
    """A JSON pointer into the body (RFC 6901: `/score`, or empty for all of it), or a parameter's name."""
    detail: str


class ScoresError(Exception):
    """The root of the tree; `str(error)` is a sentence that may be shown to a user."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"


class InvalidInput(ScoresError):
    """JSON, but not what the API takes; `faults` says what was wrong, one by one."""

    status = 422
    code = "invalid-input"

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(fault.detail for fault in faults))
        self.faults = faults


class MalformedJSON(InvalidInput):
    """Bytes that are not JSON (RFC 8259)."""

    status = 400
    code = "malformed-json"


class InvalidQuery(InvalidInput):
    """A query parameter that is not known, or whose value is not allowed."""

    status = 400
    code = "invalid-query"


class NotFound(ScoresError):
    """Nothing is stored under that id."""

    status = 404
    code = "not-found"


class PayloadTooLarge(ScoresError):
    """A request body over `SCORES_MAX_BODY`."""

    status = 413
    code = "payload-too-large"


class UnsupportedMediaType(ScoresError):
    """A request body that is not declared as what the route takes."""

    status = 415
    code = "unsupported-media-type"


class RequestTimeout(ScoresError):
    """A request that did not arrive whole within its time."""

    status = 408
    code = "request-timeout"


class StoreError(ScoresError):
    """The store cannot do it now; the same call may succeed later, and this one changed nothing."""

    status = 503
    code = "store-unavailable"


class StoreFull(StoreError):
    """A number in the store would leave its range; the call changed nothing and repeating it is no use."""

    status = 507
    code = "store-full"


class ConfigError(ScoresError):
    """A setting that is wrong; one line names it, its value and what is allowed."""

    code = "config"
