"""Where requests begin and end in a stream of bytes: what RFC 9112 says, for holding servers to it.

Rule: it takes whatever a recipient MAY take (empty lines first, LF for CRLF in a head, folded lines), and stops at the
first byte that makes a message invalid. A server may stop sooner; what it carries out is never anything else.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

import orjson

from support.json_scores import is_id, is_mark

__all__ = ["Reading", "Request", "doubtful", "marked", "read_requests"]

_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VERSION: Final = re.compile(rb"HTTP/1\.[0-9]")
_DIGITS: Final = re.compile(rb"[0-9]+")
# Section 7.1, and BWS before an extension; no control character but a tab.
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]+)(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
_HOST: Final = re.compile(rb"(\[[^\]/?#@ ]*\]|[0-9A-Za-z._~!$&'()*+,;=%-]*)(:[0-9]*)?")
_TARGET: Final = re.compile(rb"[\x21-\x7e\x80-\xff]+")
_AUTHORITY: Final = re.compile(rb"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_MOST: Final = 2**63 - 1
_PATHS: Final = frozenset({b"/scores", b"/scores/"})
_JSON: Final = b"application/json"
_DECIDING: Final = frozenset({b"content-encoding", b"idempotency-key"})


class Request(NamedTuple):
    """One request of the stream."""

    method: bytes
    target: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    """Names in lower case, values without the blanks around them."""
    body: bytes


class Reading(NamedTuple):
    """What a stream says."""

    requests: list[Request]
    whole: bool
    """Whether the stream is these requests and nothing else, in the strictest reading."""


class _Invalid(Exception):
    """No recipient may go on from here."""


class _Incomplete(Exception):
    """More is to come."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.plain = True
        """Whether no use was made of what a recipient MAY take."""

    def line(self, *, strict: bool = False, first: bool = False) -> bytes:
        """The next line, without its end (section 2.2); in the first of a message a CR is a blank (section 3)."""
        end = self.data.find(b"\n", self.at)
        if end < 0:
            raise _Incomplete
        line, self.at = self.data[self.at : end], end + 1
        if not line.endswith(b"\r"):
            self.plain = False
            if strict:
                raise _Invalid
        line = line.removesuffix(b"\r")
        if (b"\r" in line and not first) or b"\0" in line:
            raise _Invalid
        return line

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise _Incomplete
        part, self.at = self.data[self.at : self.at + size], self.at + size
        return part

    def fields(self) -> list[tuple[bytes, bytes]]:
        """Field lines up to the empty line (section 5)."""
        found: list[tuple[bytes, bytes]] = []
        while line := self.line():
            if line[:1] in b" \t":
                if not found:
                    raise _Invalid
                self.plain = False
                name, value = found.pop()
                found.append((name, value + b" " + line.strip(b" \t")))
                continue
            name, colon, value = line.partition(b":")
            if not colon or not _TOKEN.fullmatch(name):
                raise _Invalid
            found.append((name.lower(), value.strip(b" \t")))
        return found

    def chunks(self) -> bytes:
        """A chunked body with its trailers (section 7.1)."""
        body = b""
        while True:
            match = _CHUNK.fullmatch(self.line(strict=True))
            if match is None or (size := int(match[1], 16)) > _MOST:
                raise _Invalid
            if size == 0:
                self.fields()
                return body
            body += self.take(size)
            if self.take(2) != b"\r\n":
                raise _Invalid


def read_requests(data: bytes) -> Reading:
    """The requests of this stream, up to where it is no longer one, or has to be closed."""
    reader, requests = _Reader(data), list[Request]()
    try:
        while reader.at < len(data):
            request, last = _read(reader)
            requests.append(request)
            if last:
                return Reading(requests, reader.plain and reader.at == len(data))
    except (_Invalid, _Incomplete):
        return Reading(requests, whole=False)
    return Reading(requests, reader.plain)


def marked(request: Request) -> str | None:
    """The UUID of the score that the request posts, if it posts one."""
    fields = dict(request.fields)
    expected = [value.lower() for name, value in request.fields if name == b"expect"] or [b"100-continue"]
    path = unquote_to_bytes(_AUTHORITY.sub(b"", request.target))
    if request.method != b"POST" or path not in _PATHS or _type(fields) != _JSON:
        return None
    if b"100-continue" not in expected or b"content-encoding" in fields:
        return None
    try:
        value = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict) or not is_id(value.get("UUID")) or not is_mark(value.get("score")):
        return None
    return str(value["UUID"])


def doubtful(request: Request) -> bool:
    """Whether more than these rules decides if its score is taken: parameters, a query, a coding, a key, another type."""
    fields = dict(request.fields)
    other = _type(fields).startswith(b"application/") and _type(fields) != _JSON
    return other or b"?" in request.target or not _DECIDING.isdisjoint(fields)


def _type(fields: dict[bytes, bytes]) -> bytes:
    """The media type, whose letters' case means nothing (RFC 9110, section 8.3.1), with its parameters."""
    return fields.get(b"content-type", b"").lower()


def _read(reader: _Reader) -> tuple[Request, bool]:
    """The next request, and whether the connection ends with it."""
    while not (line := reader.line(first=True)):
        reader.plain = False
    words = line.split()
    reader.plain = reader.plain and line == b" ".join(words)
    match words:
        case [method, target, version] if (
            _TOKEN.fullmatch(method) and _TARGET.fullmatch(target) and _VERSION.fullmatch(version)
        ):
            fields = reader.fields()
        case _:
            raise _Invalid
    old = version == b"HTTP/1.0"
    hosts = _values(fields, b"host")
    if len(hosts) > 1 or not (hosts or old) or not all(map(_HOST.fullmatch, hosts)):
        raise _Invalid
    codings, lengths = _values(fields, b"transfer-encoding"), _values(fields, b"content-length")
    options = {
        option.strip().lower() for value in _values(fields, b"connection") for option in value.split(b",")
    }
    last = b"close" in options or (old and b"keep-alive" not in options)
    if codings:
        # Section 6.1: whatever else it says, a message with both, or of 1.0, is the last.
        reader.plain = reader.plain and not lengths and not old
        if b",".join(codings).strip(b" \t").lower() != b"chunked":
            raise _Invalid
        body = reader.chunks()
        last = last or bool(lengths) or old
    else:
        body = reader.take(_length(reader, lengths))
    return Request(method, target, tuple(fields), body), last


def _length(reader: _Reader, values: list[bytes]) -> int:
    """Bytes of the body, by `Content-Length` (section 6.3)."""
    sizes = [size.strip(b" \t") for value in values for size in value.split(b",")]
    if not all(map(_DIGITS.fullmatch, sizes)) or len(set(sizes)) > 1:
        raise _Invalid
    if len(sizes) > 1:
        reader.plain = False
    size = int(sizes[0][:30]) if sizes else 0
    if size > _MOST:
        raise _Invalid
    return size


def _values(fields: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for one, value in fields if one == name]
