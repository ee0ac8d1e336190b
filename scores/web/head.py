"""What a request's head must be, beyond what aiohttp's parser asks.

Rule: a head that two readers could take for different messages is refused, or is the last of its
connection (RFC 9112, section 11.2); nothing here depends on what is asked for.
"""

import re
from functools import lru_cache
from typing import Final

from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.hdrs import HOST, TRANSFER_ENCODING, UPGRADE

from scores.errors import BadRequest

__all__ = ["check_head", "is_host", "is_last"]

# RFC 3986, section 3.2: a name or an address, and a port; no user (RFC 9110, section 4.2.4).
_HOST: Final = re.compile(
    r"(?:\[[0-9A-Za-z:.%]+\]|(?:[0-9A-Za-z._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?", re.ASCII
)

# aiohttp's parser takes others too, and reads them as 1.1.
_VERSIONS: Final = HttpVersion11, HttpVersion10


@lru_cache(maxsize=64)
def is_host(value: str) -> bool:
    """Whether it can be the value of `Host`."""
    return _HOST.fullmatch(value) is not None


def is_last(request: web.BaseRequest) -> bool:
    """Whether the connection ends with the answer, because it is not certain where the next request begins.

    What follows a CONNECT, or an upgrade, need not be HTTP: aiohttp takes the body of the first for
    requests, and drops what came in one piece with the second. A coding that is not chunked, or in
    HTTP/1.0, is no border (section 6.1).
    """
    headers = request.headers
    return (
        request.method == "CONNECT"
        or UPGRADE in headers
        or request.version not in _VERSIONS
        or not is_host(headers.get(HOST, ""))
        or (TRANSFER_ENCODING in headers and (not _is_chunked(request) or request.version < HttpVersion11))
    )


def check_head(request: web.BaseRequest) -> None:
    """Raises `BadRequest` for a head that RFC 9112 has a server refuse (sections 2.3, 3.2 and 6.1)."""
    headers = request.headers
    if request.version not in _VERSIONS:
        raise BadRequest("the version can only be HTTP/1.1 or HTTP/1.0")
    if not is_host(headers.get(HOST, "")):
        raise BadRequest("the header Host must be a host, and perhaps a port")
    if TRANSFER_ENCODING in headers and not _is_chunked(request):
        raise BadRequest("the header Transfer-Encoding can only be chunked")


def _is_chunked(request: web.BaseRequest) -> bool:
    return [value.lower() for value in request.headers.getall(TRANSFER_ENCODING)] == ["chunked"]
