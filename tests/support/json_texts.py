"""Texts that are JSON, texts that are not, and texts about which a reader may decide: nst/JSONTestSuite, and four of ours.

Rule: a name says what the text is, and its first letter what is asked of a reader: `y_` accept, `n_` refuse, `i_` either,
if it is said which. The suite's texts are as they are there (`tests/faults/corpora/jsontestsuite`), byte for byte.
"""

import base64
import json
from pathlib import Path
from typing import Final

__all__ = ["LITERALS", "SUITE", "TEXTS"]

_FILE: Final = Path(__file__).parents[1] / "faults/corpora/jsontestsuite/test_parsing.base64.json"


def _read(written: str | list[tuple[str, int]]) -> bytes:
    """A text in base64, or pieces of one, each of them so many times."""
    pieces = [(written, 1)] if isinstance(written, str) else written
    return b"".join(base64.b64decode(piece) * times for piece, times in pieces)


SUITE: Final[dict[str, bytes]] = {name: _read(text) for name, text in json.loads(_FILE.read_text()).items()}

TEXTS: Final[dict[str, bytes]] = {
    **SUITE,
    "i_structure_100000_nested_arrays": b"[" * 100_000 + b"]" * 100_000,
    "n_number_then_00": b"1\x00",
    "n_string_octal_escape": b'["\\071"]',
    "n_structure_100000_opening_objects": b'{"":' * 100_000,
}

LITERALS: Final = {
    "n_array_comma_after_close",
    "n_array_extra_comma",
    "n_array_number_and_comma",
    "n_number_+1",
    "n_number_-2.",
    "n_number_-NaN",
    "n_number_.2e-3",
    "n_number_2.e+3",
    "n_number_2.e-3",
    "n_number_2.e3",
    "n_number_NaN",
    "n_number_hex_1_digit",
    "n_number_hex_2_digits",
    "n_number_infinity",
    "n_number_minus_infinity",
    "n_number_neg_real_without_int_part",
    "n_number_real_without_fractional_part",
    "n_number_starting_with_dot",
    "n_object_key_with_single_quotes",
    "n_object_lone_continuation_byte_in_key_and_trailing_comma",
    "n_object_repeated_null_null",
    "n_object_single_quote",
    "n_object_trailing_comma",
    "n_object_trailing_comment",
    "n_object_unquoted_key",
    "n_string_backslash_00",
    "n_string_escape_x",
    "n_string_escaped_ctrl_char_tab",
    "n_string_escaped_emoji",
    "n_string_invalid_backslash_esc",
    "n_string_invalid_utf8_after_escape",
    "n_string_octal_escape",
    "n_string_single_quote",
    "n_string_unescaped_ctrl_char",
    "n_string_unescaped_tab",
    "n_structure_object_with_comment",
    "n_structure_whitespace_formfeed",
    "i_structure_UTF-8_BOM_empty_object",
}
"""What is no JSON and a JavaScript literal all the same (JSON5), as the feed's own documentation shows one."""
