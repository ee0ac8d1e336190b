"""All settings: one frozen `Config`, read once at the edge from a mapping and from flags.

Rule: a setting is declared once, here, with its default, its range and its help; the environment
variable, the command-line flag and the reference page are made from that declaration. Nothing else
reads the environment.
"""

import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit

from scores.errors import ConfigError
from scores.models import Repeats

__all__ = ["CLIENT_TOKEN", "CLIENT_URL", "PREFIX", "Config", "Setting", "settings", "unknown_variables"]

PREFIX: Final = "SCORES_"
CLIENT_URL: Final = PREFIX + "URL"
"""Of the server that the command line asks; no setting of a server."""
CLIENT_TOKEN: Final = PREFIX + "TOKEN"
"""What the command line shows that server."""
_KIB: Final = 1024
_MIB: Final = 1024 * _KIB


@dataclass(frozen=True, slots=True)
class Setting:
    """How one field of `Config` is read from text, and told to people."""

    name: str
    default: Any
    parse: Callable[[str], Any]
    """Raises `ValueError` for text that is not allowed."""
    allowed: str
    """What is allowed, as the end of the sentence "it must be …"."""
    about: str
    """One line of help."""
    secret: bool = False
    """Whether nobody may see the value: it has no flag, which a list of processes shows, and no error."""

    @property
    def variable(self) -> str:
        """The environment variable."""
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        """The command-line flag."""
        return "--" + self.name.replace("_", "-")

    @property
    def shown_default(self) -> str:
        """The default as it would be written."""
        return self.show(self.default)

    def show(self, value: Any) -> str:
        """The text that reads back as this value."""
        if isinstance(value, bool | None):
            return "on" if value else "off"
        if isinstance(value, float):
            # As many digits as it takes, and never an exponent.
            return f"{Decimal(repr(value)):f}".removesuffix(".0")
        if isinstance(value, tuple):
            return ",".join(value) or "off"
        return str(value.value) if isinstance(value, Repeats) else str(value)

    def read(self, text: str, source: str) -> Any:
        """The value that the text states; `source`, the flag or variable it came from, is for the error."""
        try:
            return self.parse(text)
        except ValueError as exc:
            if self.secret:
                # Nor does its cause say it.
                raise ConfigError(f"{source} is not allowed: it must be {self.allowed}") from None
            raise ConfigError(f"{source}={_shown(text)!r} is not allowed: it must be {self.allowed}") from exc


def _shown(text: str) -> str:
    """The text without what stands before the host of a URL, which may be a password."""
    before, at, rest = text.rpartition("@")
    return f"…@{rest}" if at and before else text


def _setting(default: Any, parse: Callable[[str], Any], allowed: str, about: str) -> Any:
    return field(default=default, metadata={"parse": parse, "allowed": allowed, "about": about})


def _list(parse: Callable[[str], str], allowed: str, about: str, *, secret: bool = False) -> Any:
    """Several texts between commas, none at all by default."""

    def parse_all(text: str) -> tuple[str, ...]:
        return () if text.strip() in ("", "off") else tuple(parse(part.strip()) for part in text.split(","))

    metadata = {"parse": parse_all, "allowed": allowed, "about": about, "secret": secret}
    return field(default=(), repr=not secret, metadata=metadata)


# RFC 6750, section 2.1: b64token.
_TOKEN: Final = re.compile("[A-Za-z0-9._~+/-]{16,256}=*")
_LONGEST_TOKEN: Final = 256
_TOKENS: Final = "tokens of 16 to 256 letters, digits and -._~+/ (= at the end), separated by commas; or off"


def _token(text: str) -> str:
    if not _TOKEN.fullmatch(text) or len(text) > _LONGEST_TOKEN:
        raise ValueError
    return text


def _no_token_or_one(text: str) -> str | None:
    return None if text.strip() in ("", "off") else _token(text.strip())


# RFC 6454, section 6.2, in the letters that a browser sends.
_ORIGIN: Final = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def _origin(text: str) -> str:
    if text == "*":
        return text
    # A browser leaves out the default port; reading a port raises ValueError for one that is none.
    url = urlsplit(text)
    if not _ORIGIN.fullmatch(text) or url.port == _DEFAULT_PORTS[url.scheme]:
        raise ValueError(text)
    return text


def _plain(text: str) -> str:
    """The text of a number; Python's own underscores, spaces and foreign digits are not allowed."""
    if not re.fullmatch(r"[-+]?[0-9.]+", text):
        raise ValueError(text)
    return text


def _integer(low: int, high: int, default: int, about: str) -> Any:
    def parse(text: str) -> int:
        value = int(_plain(text))
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return _setting(default, parse, f"an integer from {low} to {high}", about)


def _seconds(low: float, high: float, default: float, about: str) -> Any:
    def parse(text: str) -> float:
        value = float(_plain(text.removesuffix("s")))
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(text)
        return value

    return _setting(default, parse, f"a number of seconds from {low:g} to {high:g}", about)


def _choice(default: str, choices: tuple[str, ...], about: str) -> Any:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(text)
        return text

    return _setting(default, parse, "one of " + ", ".join(choices), about)


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError(text)
    return text.strip()


# RFC 3986, section 2: neither is part of any URL.
_NO_URL: Final = re.compile(r"[\s\\\x00-\x1f\x7f]|%(?![0-9A-Fa-f]{2})|//[^/?#]*\.\.")


def _feed_url(text: str) -> str | None:
    text = text.strip()
    if text in ("", "off"):
        return None
    url = urlsplit(text)
    # Reading the port raises ValueError for one that is none.
    if url.scheme not in ("http", "https") or not url.hostname or url.port == 0 or _NO_URL.search(text):
        raise ValueError(text)
    return text


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError(text)
    return text == "on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting of a server; times are in seconds, sizes in bytes unless a help text says otherwise."""

    host: str = _setting("127.0.0.1", _text, "a host name or an address", "address to listen on")
    port: int = _integer(0, 65535, 8000, "port to listen on; 0 takes a free one")
    store: str = _setting(
        "dict",
        _text,
        "a store's URL, such as dict, sharded, sqlite:scores.db or redis://localhost:6379/0",
        "where scores are kept",
    )
    redis_require_aof: str = _choice(
        "off",
        ("off", "everysec", "always"),
        "least durable append-only file of a Redis store that is accepted at the start",
    )
    feed: str | None = _setting(
        "https://live-test-scores.herokuapp.com/scores",
        _feed_url,
        "an http:// or https:// URL, or off",
        "event stream to listen to; off turns it off",
    )
    feed_token: str | None = field(
        default=None,
        repr=False,
        metadata={
            "parse": _no_token_or_one,
            "allowed": "16 to 256 letters, digits and -._~+/ (= at the end), or off",
            "about": "token that the feed is asked with",
            "secret": True,
        },
    )
    repeats: Repeats = _setting(
        Repeats.LAST,
        Repeats,
        "one of " + ", ".join(policy.value for policy in Repeats),
        "score that is kept when the feed repeats a result",
    )
    workers: int = _integer(1, 64, 1, "server processes; more than one needs a shared store")
    log_level: str = _choice(
        "info", ("debug", "info", "warning", "error"), "least severe level that is logged"
    )
    log_format: str = _choice("text", ("text", "json"), "how log lines are written")
    express: bool = _setting(
        True, _switch, "on or off", "answer requests whose head is known as soon as their bytes arrive"
    )
    access_log: bool = _setting(False, _switch, "on or off", "log a line for each request")
    write_token: tuple[str, ...] = _list(_token, _TOKENS, "tokens that may write, and read", secret=True)
    read_token: tuple[str, ...] = _list(_token, _TOKENS, "tokens that may read", secret=True)
    cors_origins: tuple[str, ...] = _list(
        _origin,
        "origins such as https://example.org or http://localhost:3000 (small letters, no path, no default"
        " port), separated by commas; or *; or off",
        "origins whose pages may ask, in a browser",
    )
    metrics: bool = _setting(True, _switch, "on or off", "count what happens, and tell it at /metrics")
    metrics_timeout: float = _seconds(0.1, 60, 1, "time for the store to tell a scrape how much it holds")

    max_body: int = _integer(1, 1024 * _MIB, _MIB, "largest request body; more is 413")
    max_inflated: int = _integer(
        1024,
        1024 * 1024 * _MIB,
        256 * _MIB,
        "most that a compressed bulk may inflate to; more is 413",
    )
    max_line: int = _integer(256, _MIB, 64 * _KIB, "longest line of a bulk request; a longer one is 413")
    max_header: int = _integer(256, _MIB, 8190, "longest request line or header field; more is 431")
    max_headers: int = _integer(8, 10_000, 128, "most header fields of a request; more is 431")
    max_connections: int = _integer(1, 1_000_000, 10_000, "most open connections; one more is 503")
    max_pending: int = _integer(
        _MIB,
        1024 * 1024 * _MIB,
        256 * _MIB,
        "most bytes of bodies on their way in and answers not yet taken; more is 503",
    )
    head_timeout: float = _seconds(0.1, 3600, 10, "time for a request's head to arrive, else 408")
    body_timeout: float = _seconds(0.1, 3600, 10, "time for a request's body to arrive, else 408")
    send_timeout: float = _seconds(
        0.1, 3600, 30, "time for a client to take any of an answer, else it is cut"
    )
    keepalive_timeout: float = _seconds(0.1, 86_400, 75, "how long an idle connection is kept open")
    drain: float = _seconds(
        0, 3600, 0, "how long requests are still taken after the signal to stop, while /readyz is 503"
    )
    shutdown_timeout: float = _seconds(0, 3600, 10, "time to finish requests in flight on exit")
    idempotency_ttl: float = _seconds(
        1, 604_800, 86_400, "how long an `Idempotency-Key` is remembered, at least"
    )
    idempotency_keys: int = _integer(
        1, 100_000_000, 1_000_000, "most keys that an embedded store remembers; a further new one is 503"
    )

    live: bool = _setting(True, _switch, "on or off", "republish what is recorded at GET /scores")
    live_readers: int = _integer(1, 1_000_000, 2000, "most live readers; one more is 503")
    live_history: int = _integer(1, 1_000_000, 10_000, "events that are kept for live readers to go on from")
    live_heartbeat: float = _seconds(0.05, 3600, 15, "longest silence before a live reader is sent a comment")

    feed_backoff_min: float = _seconds(0.001, 3600, 0.5, "shortest wait before reconnecting")
    feed_backoff_max: float = _seconds(0.001, 86_400, 30, "longest wait before reconnecting")
    feed_retry_max: float = _seconds(0, 86_400, 300, "most that its `retry:` can ask for")
    feed_connect_timeout: float = _seconds(0.1, 3600, 30, "time for the feed to answer")
    feed_idle_timeout: float = _seconds(0.1, 86_400, 90, "longest silence before reconnecting")
    feed_max_event: int = _integer(
        256, 1024 * _MIB, _MIB, "most characters of an event; a longer one is dropped"
    )

    flags: frozenset[str] = field(default=frozenset(), repr=False, compare=False)
    """Names of the settings that flags state, so that an error says what was typed; no setting itself."""

    def __post_init__(self) -> None:
        if self.feed_backoff_min > self.feed_backoff_max:
            raise ConfigError(
                f"{self.source('feed_backoff_min')}={self.feed_backoff_min:g} is not allowed:"
                f" it must be at most {self.source('feed_backoff_max')}={self.feed_backoff_max:g}"
            )
        if self.max_pending < self.max_body:
            raise ConfigError(
                f"{self.source('max_pending')}={self.max_pending} is not allowed:"
                f" it must be at least {self.source('max_body')}={self.max_body}"
            )
        if self.read_token and not self.write_token:
            raise ConfigError(
                f"{PREFIX}READ_TOKEN is not allowed without {PREFIX}WRITE_TOKEN:"
                " who may not read could still write"
            )
        if "*" in self.cors_origins and len(self.cors_origins) > 1:
            raise ConfigError(
                f"{self.source('cors_origins')}={','.join(self.cors_origins)!r} is not allowed:"
                " * is for all, and stands alone"
            )

    @classmethod
    def read(cls, environ: Mapping[str, str], flags: Mapping[str, str | None]) -> "Config":
        """The settings that the flags (by field name) and the environment state; a flag wins.

        Raises `ConfigError` with one line that names the setting, its value and what is allowed.
        """
        values, stated = {}, set()
        for setting in settings():
            text = flags.get(setting.name)
            if text is not None:
                values[setting.name] = setting.read(text, setting.flag)
                stated.add(setting.name)
            elif setting.variable in environ:
                values[setting.name] = setting.read(environ[setting.variable], setting.variable)
        return cls(**values, flags=frozenset(stated))

    def source(self, name: str) -> str:
        """The flag or the variable that states this setting; the variable also where nothing does."""
        (setting,) = (setting for setting in settings() if setting.name == name)
        return setting.flag if name in self.flags else setting.variable

    def environ(self) -> dict[str, str]:
        """The variables that state these settings to another process."""
        return {setting.variable: setting.show(getattr(self, setting.name)) for setting in settings()}


def settings() -> tuple[Setting, ...]:
    """All settings, in the order in which they are declared."""
    return tuple(_declared(item) for item in fields(Config) if item.metadata)


def _declared(item: "Field[Any]") -> Setting:
    return Setting(item.name, item.default, **item.metadata)


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each `SCORES_…` variable that is no setting, with the nearest that is one."""
    known = [*(setting.variable for setting in settings()), CLIENT_URL, CLIENT_TOKEN]
    names = [name.removeprefix(PREFIX) for name in known]
    sentences = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name.removeprefix(PREFIX), names, n=1, cutoff=0.7)
            hint = f"; did you mean {PREFIX}{near[0]}?" if near else ""
            sentences.append(f"{name} is not a setting and is ignored{hint}")
    return sentences
