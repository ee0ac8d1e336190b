"""Safe retries: `POST /scores` with an `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).

Rule: a key is a name and nothing else: it is taken as it is written, quotes included, and says nothing about
who sent it. It names a score as it was understood, so a client may write the same JSON in another way.
"""

import re
from hashlib import blake2b
from typing import Final

from aiohttp import web
from multidict import istr

from scores.config import Config
from scores.errors import BadRequest, KeyInFlight, StoreError
from scores.marks import MAX_KEY_LENGTH, Mark
from scores.models import Inspector, Score
from scores.web.keys import CONFIG, IN_FLIGHT, STORE

__all__ = ["HEADER", "add_once", "read_key"]

HEADER: Final = istr("Idempotency-Key")

# VCHAR (RFC 5234, appendix B.1).
_KEY: Final = re.compile(f"[\x21-\x7e]{{1,{MAX_KEY_LENGTH}}}")


def read_key(request: web.Request) -> str | None:
    """The request's key, None without one; raises `BadRequest` for what is none."""
    if HEADER not in request.headers:
        return None
    first, *others = request.headers.getall(HEADER)
    if others:
        raise BadRequest(f"the header {HEADER} was sent {1 + len(others)} times: it must be sent once")
    if not _KEY.fullmatch(first):
        raise BadRequest(
            f"{HEADER} must be 1 to {MAX_KEY_LENGTH} visible ASCII characters, without spaces, such as a UUID"
        )
    return first


async def add_once(request: web.Request, score: Score, key: str) -> Inspector | StoreError:
    """The inspector after a score that is counted once, however often it comes with this key.

    Raises `KeyInFlight` while this process is answering another request with the key.
    """
    in_flight = request.app[IN_FLIGHT]
    if key in in_flight:
        raise KeyInFlight(f"a request with the {HEADER} {key!r} is being answered: ask again in a moment")
    in_flight.add(key)
    try:
        (added,) = await request.app[STORE].add([score], marks=[_mark(score, key, request.app[CONFIG])])
    finally:
        in_flight.remove(key)
    return added


def _mark(score: Score, key: str, config: Config) -> Mark:
    # A score is one digit: what follows it is the UUID.
    asked = f"{score.score}{score.uuid}".encode()
    body = blake2b(asked, digest_size=16).digest()
    return Mark(key, body, config.idempotency_ttl, config.idempotency_keys)
