"""Bodies that state a score, or nearly: texts that are JSON and texts that are not, in every place of an object.

Rule: whether one is a score is said by the strict reader and the words of the contract, not by the code that is tested.
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from support.json_texts import TEXTS
from support.strict_json import NotJSON, strict

__all__ = ["LONG_TEXT", "NO_NUMBERS", "NUMBERS", "bodies", "is_id", "is_mark", "texts", "value_of"]

LONG_TEXT: Final = 20_000
"""Bytes of a text from which on it is not put in every place."""

NUMBERS = [
    b"0", b"-0", b"-0.0", b"0e5", b"5", b"5.0", b"5e0", b"50e-1", b"0.5e1", b"1e0", b"1E+0", b"6", b"-1", b"4.5", b"1e1",
    b"1e400", b"-1e400", b"1e-400", b"5e-324", b"4.9999999999999999999", b"5.0000000000000000001", b"5.000000000000001",
    b"9" * 10_000, b"-" + b"9" * 10_000, b"0." + b"9" * 10_000, b"5." + b"0" * 10_000, b"1" + b"0" * 10_000 + b"e-10000",
    b"9" * 300_000, b"1e" + b"9" * 10_000, b"18446744073709551615", b"18446744073709551616", b"9223372036854775808",
]  # fmt: skip
NO_NUMBERS = [
    b"", b"true", b"null", b'"5"', b"[5]", b'{"a":5}', b"05", b"+5", b"5.", b".5", b"0x5", b"5f", b"5n", b"1_0", b"0b1", b"NaN",
    b"Infinity", b"-Infinity", b"5e", b"--5", b"5-", "５".encode(), "٥".encode(), "5\u200b".encode(), b"5\x00", b"5 5", b"5,", b"5//",
]  # fmt: skip
UNICODE = [
    ("utf-8-sig", "{"), ("utf-16", "{"), ("utf-16-le", "{"), ("utf-16-be", "{"), ("utf-32", "{"), ("utf-32-le", "{"),
    ("utf-32-be", "{"), ("utf-7", "{é"), ("cp037", "{"), ("latin-1", "{é"), ("shift-jis", "{日"), ("gb18030", "{é"),
    ("cp1252", "{é"), ("iso2022_jp", "{日"), ("koi8-r", "{д"),
]  # fmt: skip
DEEP = 100_000


def texts() -> list[bytes]:
    """All texts: values, and what is none."""
    return [*TEXTS.values(), *NUMBERS, *NO_NUMBERS]


def scored(uuid: str, text: bytes) -> Iterator[bytes]:
    """Bodies with this text in every place that JSON can have in them, and as the whole of one."""
    start = b'{"UUID":"%b","score":' % uuid.encode()
    yield start + text + b"}"
    yield start + b'5,"more":' + text + b"}"
    if len(text) > LONG_TEXT:
        return
    yield text
    yield b'{"more":' + text + b"," + start[1:] + b"5}"
    yield start + b"5}" + text
    yield text + start + b"5}"
    yield start + b"5," + text + b":1}"


def bodies() -> list[bytes]:
    """All of them, each with an inspector of its own."""
    made = [body for at, text in enumerate(texts()) for body in scored(f"j{at}", text)]
    for at, (coding, begin) in enumerate(UNICODE):
        text = json.dumps({"UUID": f"u{at}{begin[1:]}", "score": 5}, ensure_ascii=False)
        made.append(text.encode(coding))
    made += [
        b'{"UUID":"d1","UUID":"d2","score":5}', b'{"UUID":"d3","score":5,"score":4}', b'{"UUID":"d4","score":5,"score":6}',
        b'{"UUID":"d5","score":6,"score":5}', b'{"UUID":"d6","score":5,"UUID":""}', b'{"\\u0055UID":"d7","score":5}',
        b'{"uuid":"d8","score":5}', b'{"UUID":"d9\\ud800","score":5}', b'{"UUID":"d10\xed\xa0\x80","score":5}',
        b'{"UUID":"d11\\u0000","score":5}', b'{"UUID":"d12\x00","score":5}', b'\x00{"UUID":"d13","score":5}',
        b'{"UUID":"d14","score":5}\x00', b'{"UUID":"d15\xc0\xaf","score":5}', b"[" * DEEP + b"]" * DEEP,
        b'{"UUID":"d16","score":5,"more":' + b"[" * DEEP + b"]" * DEEP + b"}", b'{"a":' * DEEP + b"1" + b"}" * DEEP,
        b'{"UUID":"d17","score":5,"more":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"UUID":"d18","score":5,"more":' + b"[" * 1100 + b"]" * 1100 + b"}",
    ]  # fmt: skip
    return made


@cache
def value_of(body: bytes) -> Any:
    """What the strict reader makes of it; None if it is no object."""
    try:
        value = strict(body)
    except NotJSON:
        return None
    return value if isinstance(value, dict) else None


def is_id(value: object) -> bool:
    """Whether a path can name it."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= 256
        and value not in {".", ".."}
        and not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in value)
    )


def is_mark(value: object) -> bool:
    """Whether it is an integer from 0 to 5."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value in range(6)
