"""Strings that have been trouble to somebody: as ids they are as good as any other, or refused by the rule.

Rule: what is an id is said by the contract's words and Python's Unicode tables, not by the code that is tested.
"""

import base64
import json
import unicodedata
from pathlib import Path
from typing import Final

__all__ = ["INVALID", "STRINGS", "VALID", "addressable"]

_LIST: Final = Path(__file__).parents[1] / "faults" / "corpora" / "blns" / "strings.base64.json"

_OURS: Final = [
    "a" * 256, "a" * 257, "\U0010ffff" * 256, "\U0010ffff" * 257, ".", "..", "...", "....", ". ", " .", " ", "  ", "%", "%25", "%2F",
    "%2f", "%00", "%zz", "%2e", "%2E%2E", "a%20b", "a+b", "a b", "a/b", "/", "//", "/a", "a/", "../a", "a/..", "a/../b", "?", "a?b=c",
    "#", "a#b", ";", "a;b", "&", "=", "a=b&c=d", "@", ":", "http://x/y", "*", "~", "[", "]", "{", "}", "{uuid}", "\\", "|", "^", "`",
    "'", '"', '\\"', "}{", '"},{"UUID":"', "\u00e9", "e\u0301", "\u212b", "\u00c5", "A\u030a", "ﬀ", "ff", "ß", "SS", "ı", "I", "i", "İ", "K", "\u212a",
    "K\u0000", "\u0000", "\u0001", "\u001f", "\t", "\n", "\r", "\r\n", "a\nb", "\u007f", "\u0080", "\u0085", "\u009f", "\u00a0", "\u00ad",
    "\u034f", "\u061c", "\u115f", "\u1680", "\u180e", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u2028", "\u2029", "\u202e",
    "\u2060", "\u2066", "\u3000", "\ufeff", "\ufffc", "\ufffd", "\ufffe", "\uffff", "\ufdd0", "\U0001fffe", "\U000e0001", "\U000e0020",
    "\U000e0100", "\U000f0000", "\ue000", "\ud7ff", "\ud800", "\udbff", "\udc00", "\udfff", "a\ud800b", "\ud83d", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇨🇭",
    "👍🏽", "1\ufe0f\u20e3", "\U0001f9d1\u200d\U0001f680", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞", "سمَـَّوُوُحخ ̷̴̐خ ̷̴̐خ ̷̴̐خ امارتيخ ̷̴̐خ",
    "జ్ఞ‌ా", "ЁЂЃ", "表ポあA鷗ŒéＢ逍Üßªąñ丂㐀𠀀", "None", "null", "undefined", "NaN", "true", "0", "-0", "1e0", "00", "٣", "９", "__proto__",
    "__class__", "constructor", "{{7*7}}", "${7*7}", "%s%s%n", "$(id)", "`id`", "; DROP TABLE scores", "' OR 1=1--", "*\r\n$4\r\nPING\r\n",
    "{0}", "{1}", "a{b}c", "KEYS *", "scores:{0}:x", "data: x", "id: 1", "event: x", "data: x\n\n", ": comment", "\ufeffdata: x", "😀" * 128,
    "a\u0000b", "é" * 256, "limit", "results", "scores", "inspectors", "students", "exams", "index.html", "favicon.ico", "con", "nul.txt",
]  # fmt: skip
"""Shapes that paths, queries, JSON, event streams, Redis and Unicode have a meaning for."""

STRINGS: Final[list[str]] = list(
    dict.fromkeys([*(base64.b64decode(one).decode() for one in json.loads(_LIST.read_text())), *_OURS])
)


def addressable(text: str) -> bool:
    """Whether a path can name it: 1 to 256 characters, none of Cc or Cs, and no dot segment."""
    return (
        0 < len(text) <= 256
        and text not in {".", ".."}
        and not any(unicodedata.category(one) in {"Cc", "Cs"} for one in text)
    )


VALID: Final = [text for text in STRINGS if addressable(text)]
INVALID: Final = [text for text in STRINGS if not addressable(text)]
