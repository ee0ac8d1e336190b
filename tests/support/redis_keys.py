"""Ids that look like keys of Redis, and what is found there."""

from typing import Any

from redis import Redis

__all__ = ["IDS", "names_of", "run"]

IDS = [
    *("a", "aa", "aaa", "ab", "a ", "a!", "a/", "a:", "a{", "a\N{NO-BREAK SPACE}", "aé", "é", "e\u0301"),
    *("leaf", "/leaf", "/leaf:foo", "/leaves", "leaves", ":", "::", "{", "}", "{}", "}{", "{1}", "{17}:student:foo"),
    *("foo", "foo/leaf:x", "foo/leaves", "s", "s/leaf", "[a", "(a", "-", "+", "[", "(", "%d", "~", "\U0010ffff"),
    *("0", "1", "10", "9", "\N{PILE OF POO}", "\N{LINE SEPARATOR}", "x" * 256, "x" * 255 + "y"),
]  # fmt: skip  # a list to be read


def names_of(client: Redis) -> set[bytes]:
    """All keys there are."""
    names: Any = client.keys()
    return set(names)


def run(client: Redis, source: str, *arguments: str | bytes | int) -> Any:
    return client.eval(source, 0, *arguments)
