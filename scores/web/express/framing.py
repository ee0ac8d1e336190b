"""Where one message ends and the next begins, in bytes that aiohttp's parser takes in.

Rule: it is certain, or it is given up for as long as the connection lasts: what the parser makes of the
bytes has to agree, head by head, with what is found here (RFC 9112, section 6).
"""

import re
from collections.abc import Sequence
from typing import Final

from aiohttp.http import RawRequestMessage

__all__ = ["END_OF_HEAD", "MAX_HEAD", "Framing", "body_length"]

END_OF_HEAD: Final = b"\r\n\r\n"
MAX_HEAD: Final = 1024
"""Bytes of the longest head that is followed while it comes in pieces."""

_AROUND_FIELDS: Final = 2
"""Lines of a head that are no fields: the request line, and the empty one."""

_LENGTH: Final = re.compile("[0-9]{1,15}")


class Framing:
    """Follows the messages of one connection."""

    __slots__ = ("_begun", "_owed", "certain")

    def __init__(self) -> None:
        self.certain = True
        """Whether it is known where the parser stands."""
        self._begun = b""
        """What has come of a head that is not complete."""
        self._owed = 0
        """Bytes of a body that have still to come."""

    @property
    def between(self) -> bool:
        """Whether the parser has taken in whole messages, and nothing of another."""
        return self.certain and not self._begun and not self._owed

    def follow(self, data: bytes, messages: Sequence[object]) -> list[tuple[bytes, RawRequestMessage]]:
        """Goes on past bytes of which the parser made these messages; gives each head that ended there."""
        heads = list[tuple[bytes, RawRequestMessage]]()
        rest = self._begun + data[self._owed :]
        self._owed -= min(self._owed, len(data))
        self._begun = b""
        while rest and self.certain:
            end = rest.find(END_OF_HEAD) + len(END_OF_HEAD)
            if end < len(END_OF_HEAD):
                self._begun = rest[: MAX_HEAD + 1]
                self.certain = len(rest) <= MAX_HEAD
                break
            message = messages[len(heads)] if len(heads) < len(messages) else None
            length = _length_after(rest[:end], message)
            if length is None or not isinstance(message, RawRequestMessage):
                self.certain = False
                break
            heads.append((rest[:end], message))
            self._owed = max(0, end + length - len(rest))
            rest = rest[end + length :]
        self.certain = self.certain and len(heads) == len(messages)
        return heads


def body_length(message: RawRequestMessage) -> int | None:
    """Bytes of the body after this head; None unless `Content-Length`, or its absence, is what says so."""
    length = message.headers.get("Content-Length", "0")
    if message.chunked or message.upgrade or message.method == "CONNECT" or not _LENGTH.fullmatch(length):
        return None
    return int(length)


def _length_after(head: bytes, message: object) -> int | None:
    """Bytes of the body after this head, if the message is what the head says."""
    lines = head.count(b"\r\n")
    # A line that ends in LF alone, or goes on in the next, would be another head to the parser than to us.
    if (
        not isinstance(message, RawRequestMessage)
        or lines != head.count(b"\n")
        or lines != len(message.raw_headers) + _AROUND_FIELDS
    ):
        return None
    return body_length(message)
