"""A Redis store's URL, read into what it asks for.

    redis://[user[:password]@]host[:port][/db]            rediss://… the same over TLS
    unix://[user[:password]@]/path/of/the.sock[?db=0]
    redis+sentinel://[user[:password]@]host:port[,host:port…]/service[/db]
    redis+cluster://[user[:password]@]host:port[,host:port…]

Rule: what is not known is refused, with what is allowed; a password never gets into a message.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from scores.errors import ConfigError
from scores.stores.redis.layout import MAX_SHARDS

__all__ = ["SCHEMES", "Options", "parse_options"]

SCHEMES: Final = ("redis", "rediss", "unix", "redis+sentinel", "redis+cluster")

_HOST_PORT: Final = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^:\[\]/?#\s]+)(?::(?P<port>[0-9]{1,5}))?")
# RFC 3986, section 3.2.1: unreserved, percent-encoded, sub-delims, and the colon.
_CREDENTIALS: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*")
_SHOWN: Final = 40
_ONE_DATABASE: Final = "a cluster has the database 0 only"
_CONTRADICTIONS: Final = {
    ("rediss", "tls", False): "rediss:// is TLS: without it is redis://",
    ("unix", "tls", True): "unix:// is a socket of this machine, without TLS",
}
_DEFAULT_PORTS: Final = {"redis+sentinel": 26379}
_REQUIRED_BY: Final = ("SCORES_REDIS_REQUIRE_AOF", "--redis-require-aof")
"""Names of the option `require_aof` when a setting states it."""
_NAMING: Final = {
    "redis": "a host, as in redis://localhost:6379/0",
    "rediss": "a host, as in rediss://localhost:6379/0",
    "unix": "a socket's absolute path, as in unix:///run/redis.sock",
    "redis+sentinel": "the sentinels and their service, as in redis+sentinel://localhost:26379/mymaster",
    "redis+cluster": "some nodes, as in redis+cluster://localhost:6379",
}
"""By scheme, what a URL has to name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Which Redis, how to get in, and how the store behaves; times are in seconds."""

    scheme: str
    nodes: tuple[tuple[str, int], ...] = ()
    """Hosts and ports: the server, the sentinels, or some nodes of the cluster."""
    path: str | None = None
    """Of a Unix socket."""
    service: str = ""
    """The name under which the sentinels know the master."""
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    tls: bool = False
    tls_ca: str | None = None
    """A file of certificates to trust, instead of the system's."""
    tls_cert: str | None = None
    tls_key: str | None = None
    tls_verify: bool = True
    """Whether the server's certificate and its host name are checked."""
    prefix: str = "scores"
    """What the name of every key begins with."""
    shards: int | None = None
    """Parts that the data is cut in, fixed when the store is first used; None takes what is there, or 64."""
    timeout: float = 5.0
    """How long a request waits for Redis before it is answered 503."""
    queue: int = 10_000
    """Most requests that wait; one more is answered 503."""
    replicas: int = 0
    """Replicas that must have a write before it is acknowledged."""
    require_aof: str = "off"
    """The least `appendfsync` that is accepted: off, everysec or always."""
    required_by: str = "require_aof"
    """What that was stated as."""


def parse_options(url: str) -> Options:
    """What the URL asks for; raises `ConfigError` with one line for a URL that is wrong."""
    scheme = url.partition(":")[0]
    if not url.startswith(f"{scheme}://") or url.rstrip("/") == f"{scheme}:":
        raise _wrong(scheme, f"it must name {_NAMING[scheme]}")
    rest, _, query = url.removeprefix(f"{scheme}://").partition("?")
    if "#" in url:
        raise _wrong(scheme, "a # must be written as %23")
    authority, slash, path = rest.partition("/")
    credentials, at, address = authority.rpartition("@")
    values: dict[str, Any] = {"scheme": scheme, "tls": scheme == "rediss"}
    if at:
        values |= _who(scheme, credentials)
    values |= _where(scheme, address, unquote(slash + path))
    values |= _how(scheme, query)
    return Options(**values)


def _who(scheme: str, credentials: str) -> dict[str, Any]:
    if not _CREDENTIALS.fullmatch(credentials):
        raise _wrong(scheme, "what is no letter or digit in a user or a password must be percent-encoded")
    name, colon, password = credentials.partition(":")
    return {"username": unquote(name) or None, "password": unquote(password) if colon else None}


def _where(scheme: str, address: str, path: str) -> dict[str, Any]:
    if scheme == "unix":
        if address or path in ("", "/"):
            raise _wrong(scheme, f"it must name {_NAMING[scheme]}")
        return {"path": path}
    if not address:
        raise _wrong(scheme, f"it must name {_NAMING[scheme]}")
    nodes = tuple(_node(scheme, text) for text in address.split(","))
    if scheme == "redis+sentinel":
        service, _, db = path.removeprefix("/").partition("/")
        if not service or "@" in path:
            raise _wrong(
                scheme, "it must end in a service's name, as in redis+sentinel://host:26379/mymaster"
            )
        return {"nodes": nodes, "service": service, "db": _db(scheme, db)}
    if scheme == "redis+cluster":
        if path not in ("", "/", "/0"):
            raise _wrong(scheme, _ONE_DATABASE)
        return {"nodes": nodes}
    if len(nodes) != 1:
        raise _wrong(scheme, "it names one server; several are for redis+sentinel:// and redis+cluster://")
    return {"nodes": nodes, "db": _db(scheme, path.removeprefix("/"))}


def _node(scheme: str, text: str) -> tuple[str, int]:
    match = _HOST_PORT.fullmatch(text)
    if match is None or not 0 < int(match["port"] or 1) < 1 << 16:
        raise _wrong(scheme, "its address must be host or host:port, an IPv6 host in brackets")
    return match["host"].strip("[]"), int(match["port"] or _DEFAULT_PORTS.get(scheme, 6379))


def _db(scheme: str, text: str) -> int:
    if not re.fullmatch("[0-9]{0,4}", text):
        raise _wrong(scheme, "its database must be a number")
    return int(text or 0)


def _how(scheme: str, query: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for stated, text in parse_qsl(query, keep_blank_values=True):
        name = "require_aof" if stated in _REQUIRED_BY else stated
        if name == "require_aof":
            values["required_by"] = stated
        if name not in _OPTIONS:
            # It may be a part of a password that should have been percent-encoded.
            shown = f"the option {name!a}" if "@" not in query and "password" not in query else "an option"
            raise _wrong(scheme, f"{shown} is not known: there are {', '.join(_OPTIONS)}")
        parse, allowed = _OPTIONS[name]
        try:
            values[name] = parse(text)
        except ValueError:
            value = "" if "password" in name else f"={text[:_SHOWN]!a}"
            raise _wrong(scheme, f"{name}{value} is not allowed: it must be {allowed}") from None
        if refusal := _CONTRADICTIONS.get((scheme, name, values[name])):
            raise _wrong(scheme, refusal)
    if scheme == "redis+cluster" and values.get("db"):
        raise _wrong(scheme, _ONE_DATABASE)
    return values


def _wrong(scheme: str, what: str) -> ConfigError:
    return ConfigError(f"the store {scheme}://… cannot be opened: {what}")


def _integer(low: int, high: int) -> tuple[Callable[[str], int], str]:
    def parse(text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(text)
        return int(text)

    return parse, f"an integer from {low} to {high}"


def _seconds(low: float, high: float) -> tuple[Callable[[str], float], str]:
    def parse(text: str) -> float:
        value = float(text) if re.fullmatch("[0-9.]+", text) else math.nan
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return parse, f"a number of seconds from {low:g} to {high:g}"


def _choice(**choices: Any) -> tuple[Callable[[str], Any], str]:
    def parse(text: str) -> Any:
        if text not in choices:
            raise ValueError(text)
        return choices[text]

    return parse, "one of " + ", ".join(choices)


def _word(text: str) -> str:
    if not re.fullmatch(r"[^{}\s\x00-\x1f\x7f]{1,64}", text):
        raise ValueError(text)
    return text


def _given(text: str) -> str:
    if not text:
        raise ValueError(text)
    return text


_SWITCH: Final = _choice(on=True, off=False)

_OPTIONS: Final[dict[str, tuple[Callable[[str], Any], str]]] = {
    "prefix": (_word, "1 to 64 characters without braces and spaces"),
    "shards": _integer(1, MAX_SHARDS),
    "timeout": _seconds(0.1, 300),
    "queue": _integer(1, 1_000_000),
    "replicas": _integer(0, 16),
    "require_aof": _choice(off="off", everysec="everysec", always="always"),
    "db": _integer(0, 9999),
    "tls": _SWITCH,
    "tls_ca": (_given, "a file"),
    "tls_cert": (_given, "a file"),
    "tls_key": (_given, "a file"),
    "tls_verify": _SWITCH,
    "sentinel_username": (_given, "a user name"),
    "sentinel_password": (_given, "a password"),
}
