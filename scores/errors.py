"""Every error that `scores` raises on purpose, as one tree.

    ScoresError                     500  internal
    ├── InvalidInput                422  invalid-input
    │   ├── MalformedJSON           400  malformed-json
    │   └── InvalidQuery            400  invalid-query
    ├── BadRequest                  400  bad-request
    ├── AccessDenied                401  unauthorized
    │   └── ScopeTooSmall           403  insufficient-scope
    ├── OriginRefused               403  origin-refused
    ├── NotFound                    404  not-found
    ├── MethodNotAllowed            405  method-not-allowed
    ├── NotAcceptable               406  not-acceptable
    ├── RequestTimeout              408  request-timeout
    ├── PayloadTooLarge             413  payload-too-large
    ├── UnsupportedMediaType        415  unsupported-media-type
    ├── ExpectationFailed           417  expectation-failed
    ├── KeyInFlight                 409  idempotency-key-in-flight
    ├── HeadTooLarge                431  head-too-large
    ├── Overloaded                  503  overloaded
    ├── Draining                    503  draining
    ├── StoreError                  503  store-unavailable
    │   ├── StoreBusy               503  store-busy
    │   ├── StoreFull               507  store-full
    │   ├── OutcomeUnknown          503  outcome-unknown
    │   ├── KeyReused               422  idempotency-key-reused
    │   └── LeaseLost               503  lease-lost
    ├── FeedError                   502  feed-unavailable
    │   └── FeedEnded               502  feed-ended
    └── ConfigError                 500  config
        ├── InUse                   500  config
        └── WorkerRefused           500  config

Rule: a class carries the HTTP `status` it means and a stable `code`; nobody else maps errors to HTTP.
"""

from typing import ClassVar, NamedTuple

__all__ = [
    "AccessDenied",
    "BadRequest",
    "ConfigError",
    "Draining",
    "ExpectationFailed",
    "Fault",
    "FeedEnded",
    "FeedError",
    "HeadTooLarge",
    "InUse",
    "InvalidInput",
    "InvalidQuery",
    "KeyInFlight",
    "KeyReused",
    "LeaseLost",
    "MalformedJSON",
    "MethodNotAllowed",
    "NotAcceptable",
    "NotFound",
    "OriginRefused",
    "OutcomeUnknown",
    "Overloaded",
    "PayloadTooLarge",
    "RequestTimeout",
    "ScopeTooSmall",
    "ScoresError",
    "StoreBusy",
    "StoreError",
    "StoreFull",
    "UnsupportedMediaType",
    "WorkerRefused",
]


class Fault(NamedTuple):
    """One thing that is wrong with an input: where, and what is allowed there."""

    where: str
    """A JSON pointer into the body (RFC 6901: `/score`, empty for all of it), or a parameter's name."""
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


class BadRequest(ScoresError):
    """Bytes that are not HTTP, or a body that is not what its headers say (RFC 9110, RFC 9112)."""

    status = 400
    code = "bad-request"


class AccessDenied(ScoresError):
    """No token that is known; `challenge` is the answer's `WWW-Authenticate` (RFC 6750, section 3)."""

    status = 401
    code = "unauthorized"

    def __init__(self, message: str, challenge: str) -> None:
        super().__init__(message)
        self.challenge = challenge


class ScopeTooSmall(AccessDenied):
    """A token that may read, with a request to write."""

    status = 403
    code = "insufficient-scope"


class OriginRefused(ScoresError):
    """A browser asks for a page of another origin than `SCORES_CORS_ORIGINS` names."""

    status = 403
    code = "origin-refused"


class NotFound(ScoresError):
    """Nothing is stored under that id, or there is no such resource."""

    status = 404
    code = "not-found"


class MethodNotAllowed(ScoresError):
    """The resource is there, and does not take this method."""

    status = 405
    code = "method-not-allowed"


class NotAcceptable(ScoresError):
    """The resource has no representation that `Accept` takes (RFC 9110, section 15.5.7)."""

    status = 406
    code = "not-acceptable"


class RequestTimeout(ScoresError):
    """A request that did not arrive whole within its time."""

    status = 408
    code = "request-timeout"


class PayloadTooLarge(ScoresError):
    """A request body over `SCORES_MAX_BODY`."""

    status = 413
    code = "payload-too-large"


class UnsupportedMediaType(ScoresError):
    """A request body that is not declared as what the route takes."""

    status = 415
    code = "unsupported-media-type"


class ExpectationFailed(ScoresError):
    """An `Expect` other than `100-continue` (RFC 9110, section 10.1.1)."""

    status = 417
    code = "expectation-failed"


class KeyInFlight(ScoresError):
    """A request with this `Idempotency-Key` is still being answered; its answer can be had a little later."""

    status = 409
    code = "idempotency-key-in-flight"


class HeadTooLarge(ScoresError):
    """A request line or field over `SCORES_MAX_HEADER`, or too many fields (RFC 6585, section 5)."""

    status = 431
    code = "head-too-large"


class Overloaded(ScoresError):
    """More connections than `SCORES_MAX_CONNECTIONS`, live readers than `SCORES_LIVE_READERS`, or to hold in
    memory than `SCORES_MAX_PENDING`.
    """

    status = 503
    code = "overloaded"


class Draining(ScoresError):
    """The server has been told to stop: whoever sends clients here should send them elsewhere."""

    status = 503
    code = "draining"


class StoreError(ScoresError):
    """The store cannot do it now, and may later; it changed nothing, unless it is `OutcomeUnknown`."""

    status = 503
    code = "store-unavailable"


class StoreBusy(StoreError):
    """More requests wait for the store than may."""

    code = "store-busy"


class StoreFull(StoreError):
    """A number in the store would leave its range; the call changed nothing, and to repeat it is no use."""

    status = 507
    code = "store-full"


class OutcomeUnknown(StoreError):
    """The store went away before it had answered: the call was carried out, or it was not."""

    code = "outcome-unknown"


class KeyReused(StoreError):
    """An idempotency key that is known with another body; nothing was added, and to repeat it is no use."""

    status = 422
    code = "idempotency-key-reused"


class LeaseLost(StoreError):
    """Somebody else reads the feed by now; nothing was recorded, or only a first part."""

    code = "lease-lost"


class FeedError(ScoresError):
    """The feed cannot be reached, or answered with something that is no event stream."""

    status = 502
    code = "feed-unavailable"


class FeedEnded(FeedError):
    """The feed said that there will be no more: 204 (HTML standard, section 9.2.3)."""

    code = "feed-ended"


class ConfigError(ScoresError):
    """A setting that is wrong; one line names it, its value and what is allowed."""

    code = "config"
    passing: bool = False
    """Whether it may be right in a moment, with nothing changed: the command then ends with 1, not 2."""


class InUse(ConfigError):
    """What the setting names is another process's for now, which may be about to stop."""

    passing = True

    def __init__(self, message: str, *, port: int | None = None) -> None:
        """`port` is the one that is taken, if it is one."""
        super().__init__(message)
        self.port = port


class WorkerRefused(ConfigError):
    """A worker process found a setting wrong, and has said which one: there is nothing to add."""

    def __init__(self, message: str, *, passing: bool) -> None:
        super().__init__(message)
        self.passing = passing
