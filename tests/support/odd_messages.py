"""Messages that two readers may cut differently: what request smuggling is made of (RFC 9112, section 11.2).

Rule: each message stands between two good requests, and has a request hidden in it that only a wrong border lets out.
What is right is not said here: `support.borders` reads it from the standard.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

__all__ = ["Odd", "chunked", "odd_messages", "scored"]

_JSON: Final = b"Content-Type: application/json\r\n"


class Odd(NamedTuple):
    """One message, by a name that says what is odd about it."""

    name: str
    data: bytes
    """What is sent after one good request and before another; the scores in it are those of `name`'s inspectors."""


def scored(uuid: str, *, agent: bool = False) -> bytes:
    """A good request that gives this inspector a score; `agent` has its head say who that is."""
    body = _body(uuid)
    field = _agent(uuid) if agent else b""
    return b"POST /scores HTTP/1.1\r\nHost: x\r\n%b%bContent-Length: %d\r\n\r\n%b" % (
        _JSON,
        field,
        len(body),
        body,
    )


def chunked(data: bytes) -> bytes:
    """The data as a body of one chunk."""
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)


def odd_messages(tag: str, *, agent: bool = False) -> Iterator[Odd]:
    """All of them; `tag` begins the name of each inspector in them."""
    for number, (name, template, body) in enumerate(_templates()):
        odd, canary = f"{tag}{number:03}-odd", f"{tag}{number:03}-canary"
        hidden = scored(canary, agent=agent)
        content = body.replace(b"{odd}", _body(odd)).replace(b"{canary}", hidden)
        content = _chunks(content, _body(odd), hidden)
        head = template.replace(b"{agent}", _agent(odd) if agent else b"")
        head = head.replace(b"{rest}", b"%d" % len(content)).replace(b"{resthex}", b"0x%x" % len(content))
        yield Odd(name, head + content)


def _agent(uuid: str) -> bytes:
    return b"User-Agent: %b\r\n" % uuid.encode()


def _body(uuid: str) -> bytes:
    return b'{"UUID":"%b","score":5}' % uuid.encode()


def _chunks(content: bytes, odd: bytes, canary: bytes) -> bytes:
    return (
        content.replace(b"{chunked odd}", chunked(odd))
        .replace(b"{chunked canary}", chunked(canary))
        .replace(b"{chunk of odd}", b"%x\r\n%b" % (len(odd), odd))
        .replace(b"{size of odd}", b"%x" % len(odd))
        .replace(b"{data of odd}", odd)
    )


def _post(
    fields: bytes, *, line: bytes = b"POST /scores HTTP/1.1\r\n", host: bytes = b"Host: x\r\n"
) -> bytes:
    return line + host + _JSON + b"{agent}" + fields + b"\r\n"


_OLD: Final = b"POST /scores HTTP/1.0\r\n"

_CODINGS: Final = {
    "plain": b"Transfer-Encoding: chunked\r\n",
    "no blank": b"Transfer-Encoding:chunked\r\n",
    "capitals": b"TRANSFER-ENCODING: CHUNKED\r\n",
    "tab": b"Transfer-Encoding:\tchunked\r\n",
    "blanks after": b"Transfer-Encoding: chunked \t \r\n",
    "blank before colon": b"Transfer-Encoding : chunked\r\n",
    "tab before colon": b"Transfer-Encoding\t: chunked\r\n",
    "vertical tab": b"Transfer-Encoding: \x0bchunked\r\n",
    "form feed": b"Transfer-Encoding: chunked\x0c\r\n",
    "no-break space": b"Transfer-Encoding: \xa0chunked\r\n",
    "NUL": b"Transfer-Encoding: chunked\x00\r\n",
    "NUL in name": b"Transfer-Encoding\x00: chunked\r\n",
    "NUL first": b"\x00Transfer-Encoding: chunked\r\n",
    "DEL": b"Transfer-Encoding: chunked\x7f\r\n",
    "vertical tab in name": b"Transfer-Encoding\x0b: chunked\r\n",
    "x before": b"Transfer-Encoding: xchunked\r\n",
    "x after": b"Transfer-Encoding: chunkedx\r\n",
    "short": b"Transfer-Encoding: chunke\r\n",
    "empty": b"Transfer-Encoding:\r\n",
    "quoted": b'Transfer-Encoding: "chunked"\r\n',
    "single quotes": b"Transfer-Encoding: 'chunked'\r\n",
    "in parentheses": b"Transfer-Encoding: (chunked)\r\n",
    "parameter": b"Transfer-Encoding: chunked;q=1\r\n",
    "semicolon": b"Transfer-Encoding: chunked;\r\n",
    "comma after": b"Transfer-Encoding: chunked,\r\n",
    "comma before": b"Transfer-Encoding: ,chunked\r\n",
    "twice in a line": b"Transfer-Encoding: chunked, chunked\r\n",
    "twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "identity": b"Transfer-Encoding: identity\r\n",
    "then identity": b"Transfer-Encoding: chunked, identity\r\n",
    "after identity": b"Transfer-Encoding: identity, chunked\r\n",
    "then identity, apart": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    "after identity, apart": b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
    "then x, apart": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
    "after x, apart": b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n",
    "then none, apart": b"Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n",
    "gzip": b"Transfer-Encoding: gzip\r\n",
    "gzip, chunked": b"Transfer-Encoding: gzip, chunked\r\n",
    "chunked, gzip": b"Transfer-Encoding: chunked, gzip\r\n",
    "words": b"Transfer-Encoding: x chunked\r\n",
    "folded": b"Transfer-Encoding:\r\n chunked\r\n",
    "folded, tab": b"Transfer-Encoding:\r\n\tchunked\r\n",
    "folded with LF": b"Transfer-Encoding:\n chunked\r\n",
    "folded away": b"X: y\r\n Transfer-Encoding: chunked\r\n",
    "after LF": b"X: y\nTransfer-Encoding: chunked\r\n",
    "after CR": b"X: y\rTransfer-Encoding: chunked\r\n",
    "after CR alone": b"X:\rTransfer-Encoding: chunked\r\n",
    "after CR CR LF": b"X: y\r\r\nTransfer-Encoding: chunked\r\n",
    "after LF CR": b"X: y\n\rTransfer-Encoding: chunked\r\n",
    "before LF": b"Transfer-Encoding: chunked\n",
    "before CR": b"Transfer-Encoding: chunked\rX: y\r\n",
    "LF in name": b"Transfer-Encoding\n: chunked\r\n",
    "underscore": b"Transfer_Encoding: chunked\r\n",
    "blank in name": b"Transfer Encoding: chunked\r\n",
    "other letter": b"Transfer-\xc4\x92ncoding: chunked\r\n",
    "no colon": b"Transfer-Encoding chunked\r\n",
    "colon twice": b"Transfer-Encoding:: chunked\r\n",
    "colon first": b":Transfer-Encoding: chunked\r\n",
    "of the content": b"Content-Encoding: chunked\r\n",
    "te": b"TE: chunked\r\n",
    "trailer": b"Trailer: Transfer-Encoding\r\n",
}
"""Ways to say, or nearly to say, that a body is chunked."""

_LENGTHS: Final = {
    "plain": b"Content-Length: {rest}\r\n",
    "capitals": b"CONTENT-LENGTH: {rest}\r\n",
    "leading zeros": b"Content-Length: 000{rest}\r\n",
    "plus": b"Content-Length: +{rest}\r\n",
    "minus": b"Content-Length: -{rest}\r\n",
    "minus 0": b"Content-Length: -0\r\n",
    "hexadecimal": b"Content-Length: {resthex}\r\n",
    "point": b"Content-Length: {rest}.0\r\n",
    "exponent": b"Content-Length: {rest}e0\r\n",
    "underscore": b"Content-Length: 0_{rest}\r\n",
    "blank within": b"Content-Length: 0 {rest}\r\n",
    "blank after": b"Content-Length: {rest} \r\n",
    "vertical tab": b"Content-Length: \x0b{rest}\r\n",
    "form feed": b"Content-Length: {rest}\x0c\r\n",
    "NUL": b"Content-Length: {rest}\x00\r\n",
    "empty": b"Content-Length:\r\n",
    "quoted": b'Content-Length: "{rest}"\r\n',
    "letters": b"Content-Length: {rest}abc\r\n",
    "semicolon": b"Content-Length: {rest};0\r\n",
    "other digits": "Content-Length: ١٢\r\n".encode(),
    "superscript": "Content-Length: ²\r\n".encode(),
    "comma, equal": b"Content-Length: {rest}, {rest}\r\n",
    "comma, different": b"Content-Length: {rest}, 0\r\n",
    "comma, 0 first": b"Content-Length: 0, {rest}\r\n",
    "comma after": b"Content-Length: {rest},\r\n",
    "twice, equal": b"Content-Length: {rest}\r\nContent-Length: {rest}\r\n",
    "twice, 0 first": b"Content-Length: 0\r\nContent-Length: {rest}\r\n",
    "twice, 0 last": b"Content-Length: {rest}\r\nContent-Length: 0\r\n",
    "twice, other spelling": b"Content-Length: {rest}\r\ncontent-length: 0\r\n",
    "twice, equal in value": b"Content-Length: {rest}\r\nContent-Length: 0{rest}\r\n",
    "blank before colon": b"Content-Length : {rest}\r\n",
    "folded": b"Content-Length:\r\n {rest}\r\n",
    "goes on": b"Content-Length: 0\r\n {rest}\r\n",
    "after LF": b"X: y\nContent-Length: {rest}\r\n",
    "after CR": b"X: y\rContent-Length: {rest}\r\n",
    "before LF": b"Content-Length: {rest}\n",
    "underscore in name": b"Content_Length: {rest}\r\n",
    "NUL in name": b"Content-Length\x00: {rest}\r\n",
    "2^32 more": b"Content-Length: 4294967296\r\n",
    "2^64 more": b"Content-Length: 18446744073709551616\r\n",
    "2^64 and all": b"Content-Length: 18446744073709551{rest}\r\n",
    "5,000 digits": b"Content-Length: " + b"9" * 5000 + b"\r\n",
}
"""Ways to say, or nearly to say, how long a body is."""

_CHUNKED: Final = {
    "plain": b"{chunked odd}",
    "leading zeros": b"0000{chunked odd}",
    "many leading zeros": b"0" * 40 + b"{chunked odd}",
    "extension": b"{size of odd};a=b\r\n{data of odd}\r\n0\r\n\r\n",
    "extension, blanks": b"{size of odd} ; a = b\r\n{data of odd}\r\n0\r\n\r\n",
    "extension, quoted": b'{size of odd};a="b;\\"c"\r\n{data of odd}\r\n0\r\n\r\n',
    "extension, CR": b"{size of odd};a\rb\r\n{data of odd}\r\n0\r\n\r\n",
    "extension, LF": b"{size of odd};a\n{data of odd}\r\n0\r\n\r\n",
    "extension, NUL": b"{size of odd};a\x00b\r\n{data of odd}\r\n0\r\n\r\n",
    "extension, long": b"{size of odd};" + b"a" * 20_000 + b"\r\n{data of odd}\r\n0\r\n\r\n",
    "size and blank": b"{size of odd} \r\n{data of odd}\r\n0\r\n\r\n",
    "blank and size": b" {size of odd}\r\n{data of odd}\r\n0\r\n\r\n",
    "size and tab": b"{size of odd}\t\r\n{data of odd}\r\n0\r\n\r\n",
    "prefix": b"0x{size of odd}\r\n{data of odd}\r\n0\r\n\r\n",
    "plus": b"+{size of odd}\r\n{data of odd}\r\n0\r\n\r\n",
    "minus": b"-{size of odd}\r\n{data of odd}\r\n0\r\n\r\n",
    "underscore": b"0_{size of odd}\r\n{data of odd}\r\n0\r\n\r\n",
    "h": b"{size of odd}h\r\n{data of odd}\r\n0\r\n\r\n",
    "no size": b"\r\n{data of odd}\r\n0\r\n\r\n",
    "no size, extension": b";a=b\r\n{data of odd}\r\n0\r\n\r\n",
    "wraps at 2^32": b"100000000\r\n\r\n0\r\n\r\n",
    "wraps at 2^64": b"10000000000000000\r\n\r\n0\r\n\r\n",
    "wraps to the size": b"100000000000000{size of odd}\r\n{data of odd}\r\n0\r\n\r\n",
    "2^63": b"8000000000000000\r\n{data of odd}\r\n0\r\n\r\n",
    "size before LF": b"{size of odd}\n{data of odd}\r\n0\r\n\r\n",
    "size before CR": b"{size of odd}\r{data of odd}\r\n0\r\n\r\n",
    "data before LF": b"{chunk of odd}\n0\r\n\r\n",
    "data before CR": b"{chunk of odd}\r0\r\n\r\n",
    "data before nothing": b"{chunk of odd}0\r\n\r\n",
    "data before two letters": b"{chunk of odd}xx0\r\n\r\n",
    "data before blanks": b"{chunk of odd} \r\n0\r\n\r\n",
    "too much data": b"{chunk of odd}x\r\n0\r\n\r\n",
    "end before LF": b"{chunk of odd}\r\n0\n\n",
    "end before LF, then CRLF": b"{chunk of odd}\r\n0\n\r\n",
    "end before CRLF, then LF": b"{chunk of odd}\r\n0\r\n\n",
    "end before CR": b"{chunk of odd}\r\n0\r\r",
    "end with letters": b"{chunk of odd}\r\n0x\r\n\r\n",
    "end of many zeros": b"{chunk of odd}\r\n00000000000000000000\r\n\r\n",
    "end with extension": b"{chunk of odd}\r\n0;a=b\r\n\r\n",
    "trailer": b"{chunk of odd}\r\n0\r\nX: y\r\n\r\n",
    "trailers": b"{chunk of odd}\r\n0\r\n" + b"X: y\r\n" * 50 + b"\r\n",
    "too many trailers": b"{chunk of odd}\r\n0\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
    "trailer with a length": b"{chunk of odd}\r\n0\r\nContent-Length: 999\r\n\r\n",
    "trailer with a coding": b"{chunk of odd}\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "trailer with a host": b"{chunk of odd}\r\n0\r\nHost: y\r\n\r\n",
    "trailer, blank before colon": b"{chunk of odd}\r\n0\r\nX : y\r\n\r\n",
    "trailer, NUL": b"{chunk of odd}\r\n0\r\nX: \x00\r\n\r\n",
    "trailer, CR": b"{chunk of odd}\r\n0\r\nX: y\rZ: z\r\n\r\n",
    "trailer, LF": b"{chunk of odd}\r\n0\r\nX: y\n\r\n",
    "trailer, folded": b"{chunk of odd}\r\n0\r\nX: y\r\n z\r\n\r\n",
    "trailer without a colon": b"{chunk of odd}\r\n0\r\nX\r\n\r\n",
    "trailer that is a request": b"{chunk of odd}\r\n0\r\n{canary}",
    "a request for a chunk": b"{canary}",
    "a request in an extension": b"{size of odd};POST /scores HTTP/1.1\n\n{data of odd}\r\n0\r\n\r\n",
    "a request within": b"{chunked canary}",
    "a request in the size": b"{size of odd}\n{canary}{data of odd}\r\n0\r\n\r\n",
}
"""Chunked bodies, good and broken."""

_LINES: Final = {
    "absolute-form": b"POST http://x/scores HTTP/1.1\r\n",
    "absolute-form, other host": b"POST http://other.example/scores HTTP/1.1\r\n",
    "absolute-form, https": b"POST https://x/scores HTTP/1.1\r\n",
    "absolute-form, capitals": b"POST HTTP://x/scores HTTP/1.1\r\n",
    "absolute-form, no host": b"POST http:///scores HTTP/1.1\r\n",
    "absolute-form, user": b"POST http://a:b@x/scores HTTP/1.1\r\n",
    "absolute-form, odd port": b"POST http://x:99999/scores HTTP/1.1\r\n",
    "absolute-form, other scheme": b"POST gopher://x/scores HTTP/1.1\r\n",
    "two slashes": b"POST //scores HTTP/1.1\r\n",
    "authority-form": b"POST x:80 HTTP/1.1\r\n",
    "CONNECT": b"CONNECT x:80 HTTP/1.1\r\n",
    "CONNECT, path": b"CONNECT /scores HTTP/1.1\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\n",
    "asterisk, POST": b"POST * HTTP/1.1\r\n",
    "no target": b"POST HTTP/1.1\r\n",
    "empty target": b"POST  HTTP/1.1\r\n",
    "relative target": b"POST scores HTTP/1.1\r\n",
    "fragment": b"POST /scores#a HTTP/1.1\r\n",
    "backslash": b"POST \\scores HTTP/1.1\r\n",
    "encoded": b"POST /%73cores HTTP/1.1\r\n",
    "encoded badly": b"POST /scores%zz HTTP/1.1\r\n",
    "encoded line end": b"POST /scores%0d%0a HTTP/1.1\r\n",
    "dots": b"POST /a/../scores HTTP/1.1\r\n",
    "octets": b"POST /scores\xff HTTP/1.1\r\n",
    "letters": "POST /scorés HTTP/1.1\r\n".encode(),
    "NUL in target": b"POST /scores\x00 HTTP/1.1\r\n",
    "tab in target": b"POST /sco\tres HTTP/1.1\r\n",
    "CR in target": b"POST /sco\rres HTTP/1.1\r\n",
    "DEL in target": b"POST /scores\x7f HTTP/1.1\r\n",
    "blank in target": b"POST /scores /x HTTP/1.1\r\n",
    "long target": b"POST /scores?" + b"x" * 70_000 + b" HTTP/1.1\r\n",
    "two blanks": b"POST  /scores HTTP/1.1\r\n",
    "two blanks, later": b"POST /scores  HTTP/1.1\r\n",
    "tabs": b"POST\t/scores\tHTTP/1.1\r\n",
    "blank before": b" POST /scores HTTP/1.1\r\n",
    "blank after": b"POST /scores HTTP/1.1 \r\n",
    "LF": b"POST /scores HTTP/1.1\n",
    "CR": b"POST /scores HTTP/1.1\r",
    "CR CR LF": b"POST /scores HTTP/1.1\r\r\n",
    "no version": b"POST /scores\r\n",
    "no version, LF": b"POST /scores\n",
    "no version, blank": b"POST /scores \r\n",
    "0.9": b"POST /scores HTTP/0.9\r\n",
    "0.9, LF": b"POST /scores HTTP/0.9\n",
    "1.0": b"POST /scores HTTP/1.0\r\n",
    "1.0, keep-alive": b"POST /scores HTTP/1.0\r\nConnection: keep-alive\r\n",
    "1.2": b"POST /scores HTTP/1.2\r\n",
    "1.10": b"POST /scores HTTP/1.10\r\n",
    "1": b"POST /scores HTTP/1\r\n",
    "01.1": b"POST /scores HTTP/01.1\r\n",
    "2.0": b"POST /scores HTTP/2.0\r\n",
    "3": b"POST /scores HTTP/3\r\n",
    "9.9": b"POST /scores HTTP/9.9\r\n",
    "comma for point": b"POST /scores HTTP/1,1\r\n",
    "http": b"POST /scores http/1.1\r\n",
    "HTTPS": b"POST /scores HTTPS/1.1\r\n",
    "ICE": b"POST /scores ICE/1.0\r\n",
    "RTSP": b"POST /scores RTSP/1.0\r\n",
    "preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "post": b"post /scores HTTP/1.1\r\n",
    "Post": b"Post /scores HTTP/1.1\r\n",
    "GET": b"GET /scores HTTP/1.1\r\nAccept: application/json\r\n",
    "HEAD": b"HEAD /exams HTTP/1.1\r\n",
    "TRACE": b"TRACE / HTTP/1.1\r\n",
    "DELETE": b"DELETE /scores HTTP/1.1\r\n",
    "PATCH": b"PATCH /scores HTTP/1.1\r\n",
    "PROPFIND": b"PROPFIND /scores HTTP/1.1\r\n",
    "DESCRIBE": b"DESCRIBE /scores HTTP/1.1\r\n",
    "M-SEARCH": b"M-SEARCH * HTTP/1.1\r\n",
    "unknown method": b"FROBNICATE /scores HTTP/1.1\r\n",
    "long method": b"A" * 70_000 + b" /scores HTTP/1.1\r\n",
    "method with blank": b"PO ST /scores HTTP/1.1\r\n",
    "method with colon": b"POST: /scores HTTP/1.1\r\n",
    "method with NUL": b"POST\x00 /scores HTTP/1.1\r\n",
    "method glued to a body": b"}POST /scores HTTP/1.1\r\n",
    "empty line before": b"\r\nPOST /scores HTTP/1.1\r\n",
    "empty lines before": b"\r\n\r\n\r\nPOST /scores HTTP/1.1\r\n",
    "LF before": b"\nPOST /scores HTTP/1.1\r\n",
    "CR before": b"\rPOST /scores HTTP/1.1\r\n",
    "NUL before": b"\x00POST /scores HTTP/1.1\r\n",
    "byte order mark": b"\xef\xbb\xbfPOST /scores HTTP/1.1\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03POST /scores HTTP/1.1\r\n",
    "PROXY": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nPOST /scores HTTP/1.1\r\n",
    "a response": b"HTTP/1.1 200 OK\r\n",
    "a field first": b"X: y\r\nPOST /scores HTTP/1.1\r\n",
}
"""Request lines."""

_FIELDS: Final = {
    "no host": (b"", b""),
    "host twice": (b"Host: x\r\nHost: x\r\n", b""),
    "host twice, different": (b"Host: x\r\nHost: y\r\n", b""),
    "host, empty": (b"Host:\r\n", b""),
    "host, path": (b"Host: x/y\r\n", b""),
    "host, blank": (b"Host: x y\r\n", b""),
    "host, user": (b"Host: a@x\r\n", b""),
    "host, comma": (b"Host: x, y\r\n", b""),
    "host, odd port": (b"Host: x:port\r\n", b""),
    "host, folded": (b"Host:\r\n x\r\n", b""),
    "host, blank before": (b" Host: x\r\n", b""),
    "host, NUL": (b"Host: x\x00\r\n", b""),
    "host, octets": (b"Host: \xff\r\n", b""),
    "value with NUL": (b"Host: x\r\n", b"X: a\x00b\r\n"),
    "value with controls": (b"Host: x\r\n", b"X: a\x01\x1f\x7fb\r\n"),
    "value with octets": (b"Host: x\r\n", b"X: \x80\xff\r\n"),
    "value with CR": (b"Host: x\r\n", b"X: a\rb\r\n"),
    "value ends in CR": (b"Host: x\r\n", b"X: a\r\r\n"),
    "name with blank": (b"Host: x\r\n", b"X Y: a\r\n"),
    "name with controls": (b"Host: x\r\n", b"X\x01: a\r\n"),
    "name with octets": (b"Host: x\r\n", b"X\xff: a\r\n"),
    "name in brackets": (b"Host: x\r\n", b"[X]: a\r\n"),
    "no name": (b"Host: x\r\n", b": a\r\n"),
    "no colon": (b"Host: x\r\n", b"X\r\n"),
    "only blanks": (b"Host: x\r\n", b"  \r\n"),
    "folded": (b"Host: x\r\n", b"X: a\r\n b\r\n"),
    "folded to nothing": (b"Host: x\r\n", b"X: a\r\n \r\n"),
    "line end LF": (b"Host: x\n", b""),
    "all line ends LF": (b"Host: x\n", b"X: a\n"),
    "long name": (b"Host: x\r\n", b"X" * 70_000 + b": a\r\n"),
    "long value": (b"Host: x\r\n", b"X: " + b"a" * 70_000 + b"\r\n"),
    "many fields": (b"Host: x\r\n", b"X: a\r\n" * 3000),
    "upgrade": (b"Host: x\r\n", b"Connection: upgrade\r\nUpgrade: websocket\r\n"),
    "upgrade to h2c": (
        b"Host: x\r\n",
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
    ),
    "upgrade to TLS": (b"Host: x\r\n", b"Connection: upgrade\r\nUpgrade: TLS/1.3, HTTP/1.1\r\n"),
    "expect": (b"Host: x\r\n", b"Expect: 100-continue\r\n"),
    "expect, capitals": (b"Host: x\r\n", b"Expect: 100-CONTINUE\r\n"),
    "expect, other": (b"Host: x\r\n", b"Expect: 200-ok\r\n"),
    "expect twice": (b"Host: x\r\n", b"Expect: 100-continue\r\nExpect: x\r\n"),
    "expect, obscured": (b"Host: x\r\n", b"Expect: y 100-continue\r\n"),
    "connection names the length": (b"Host: x\r\n", b"Connection: keep-alive, content-length\r\n"),
    "connection names the coding": (b"Host: x\r\n", b"Connection: transfer-encoding\r\n"),
    "close and keep-alive": (b"Host: x\r\n", b"Connection: close\r\nConnection: keep-alive\r\n"),
    "method override": (b"Host: x\r\n", b"X-HTTP-Method-Override: DELETE\r\n"),
}
"""Field lines: of the host, and more."""


def _templates() -> Iterator[tuple[str, bytes, bytes]]:
    """Names, heads and bodies, with places for what differs."""
    length = b"Content-Length: {rest}\r\n"
    for name, coding in _CODINGS.items():
        yield f"coding, {name}", _post(coding), b"{chunked canary}"
        yield f"coding, {name}, good", _post(coding), b"{chunked odd}"
        yield f"CL.TE, {name}", _post(length + coding), b"0\r\n\r\n{canary}"
        yield f"TE.CL, {name}", _post(coding + b"Content-Length: 4\r\n"), b"{chunked canary}"
        yield f"CL 0, {name}", _post(coding + b"Content-Length: 0\r\n"), b"{chunked odd}{canary}"
        yield (
            f"1.0, coding, {name}",
            _post(coding + b"Connection: keep-alive\r\n", line=_OLD),
            b"{chunked odd}{canary}",
        )
    for name, fields in _LENGTHS.items():
        yield f"length, {name}", _post(fields), b"{odd}"
        yield f"length, {name}, hidden", _post(fields), b"{canary}"
    for name, chunks in _CHUNKED.items():
        yield f"chunked, {name}", _post(_CODINGS["plain"]), chunks
    for name, line in _LINES.items():
        yield f"line, {name}", _post(length, line=line), b"{odd}"
        yield f"line, {name}, hidden", _post(length, line=line), b"{canary}"
    for name, (host, fields) in _FIELDS.items():
        yield f"field, {name}", _post(fields + length, host=host), b"{odd}"
        yield f"field, {name}, hidden", _post(fields + length, host=host), b"{canary}"
    yield "GET with a body", b"GET /exams HTTP/1.1\r\nHost: x\r\n{agent}" + length + b"\r\n", b"{canary}"
    yield "GET without its body", b"GET /exams HTTP/1.1\r\nHost: x\r\n{agent}\r\n", b"{canary}"
    yield "no length", _post(b""), b"{odd}"
    yield "no length, hidden", _post(b""), b"x\r\n\r\n{canary}"
    yield "head without an end", _post(length).removesuffix(b"\r\n"), b""
