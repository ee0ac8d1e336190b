"""What the harnesses are begun with: pieces that mean something to the reader that is fuzzed."""

from typing import Final

from support.json_texts import SUITE
from support.naughty import STRINGS
from support.odd_messages import odd_messages, scored

__all__ = ["FRAGMENTS"]

_SCORES: Final = [
    b'{"UUID":"a1-b1","score":5}', b'{"UUID":"a","score":5.0}', b'{"UUID":"a","score":NaN}', b'{"UUID":"","score":1}',
    b'{"UUID":"a","score":-0.0}', b'{"UUID":"\\ud800","score":1}', b'{"UUID":"a","score":5,"score":6}', b'{"score":1,"UUID":".."}',
    b'{"UUID":"a","score":', b'{"UUID":"', b'","score":3}', b"[", b"]", b"{", b"}", b",", b"\n", b"\r\n", b"\r", b"\\u0000", b"1e0",
    b'{"UUID":"a","score":1e400}', b'{"UUID":"a","score":2},{"UUID":"b","score":2}', b'{"a":[{"b":1}', b'{"c":1}]}', b"x" * 65, b"",
]  # fmt: skip

_TEXTS: Final = [text for name, text in SUITE.items() if name[0] != "y" and len(text) < 1200][::5]

FRAGMENTS: Final[dict[str, list[bytes]]] = {
    "sse": [
        b"data: x\n\n", b"event: score\ndata: x\n\n", b"data", b"data: ", b"event: ", b"id: 1\n", b"id: a\0b\n", b"retry: 10\n",
        b"\xffretry: 10\n\n", b"retry: 1x\n", b": c\n", b"\n", b"\r", b"\r\n", b"\n\n", b"\xef\xbb\xbf", b"\xff", b"\xf0\x9f", "é".encode(),
        b"\xffretry: 10\ndata: x\n\n",
    ],
    "score": [*_SCORES, *_TEXTS],
    "bulk": _SCORES,
    "event": [
        b'{"studentId":"a","exam":3,"score":0.5}', b'{"exam": 3, "studentId": "foo", score: .991}', b"\n", b'{"studentId":"', b"{", b"}",
        b'"exam":3', b'"score":.5', b"'a'", b"[", b"]", b",", b"/*", b"*/", b"//", b"0x1", b"+1", b"Infinity", b"1.", b"\\x41", b"\\",
        b'{"studentId":"a","exam":3,"score":0.5},{"studentId":"b","exam":3,"score":0.5}', b'{"studentId":"a","exam":3}', b"{}\n{",
    ],
    "cursor": [b"MQ", b"czE", b"LTE", b"", b"=", b"===", b"MQ==", b"4pmA", b"_-", b"+/", b"AA", b"wrI", b"2aM", b"\xff", b"OTk5OTk5OTk5OTk5OTk5OTk5OTk5", b"a", b"x"],
    "query": [
        b"limit=", b"after=", b"exam_id=", b"student_name=", b"start=", b"now", b"&", b";", b"=", b"1", b"1000", b"1001", b"-1", b"%zz", b"\xff",
        b"\0", b"limit=x", b"limit=5", b"limit=\xd9\xa3", b"exam_id=03", b"exam_id=9223372036854775808", b"..", b"+", b"#", b"%",
    ],
    "express": [
        *(odd.data for odd in list(odd_messages("f"))[::5] if len(odd.data) < 1000),
        scored("f-1"), scored("f-2"), b"POST /scores HTTP/1.1\r\n", b"Host: x\r\n", b"Content-Length: 5\r\n", b"\r\n", b"\r\n\r\n", b"\n", b"\r",
        b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", b"5\r\nabcde\r\n", b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", b"Connection: close\r\n", b" ",
        b"Content-Type: application/json\r\n", b'{"UUID":"f-3","score":5}', b"Upgrade: h2c\r\nConnection: upgrade\r\n", b"Expect: 100-continue\r\n",
    ],
}  # fmt: skip
"""By the name of the harness."""

FRAGMENTS["score"] += [
    b'{"UUID":"%b","score":5}' % text.encode("utf-8", "surrogatepass") for text in STRINGS[::20]
]
