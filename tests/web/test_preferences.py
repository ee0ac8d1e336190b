"""`Prefer`, as clients write it, and as nobody should."""

import pytest

from scores.web.preferences import preference


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        (["return=minimal"], "minimal"),
        (['RETURN = "minimal"; x=1'], "minimal"),
        (["respond-async, wait=10", "return=minimal"], "minimal"),
        (['other="a, return=no", return=minimal'], "minimal"),
        (['other="a\\", return=no", return=minimal'], "minimal"),
        (["return=minimal, return=representation"], "minimal"),
        (["return"], ""),
        (["returns=minimal"], None),
        (['other="a, return=minimal'], None),
        ([], None),
    ],
)
def test_a_preference(fields: list[str], value: str | None) -> None:
    assert preference(fields, "return") == value


@pytest.mark.parametrize("text", ['"' + '\\"' * 500_000, '"' * 999_999, '\\"' * 500_000, '"\\' * 500_000])
def test_no_text_takes_long(text: str) -> None:
    # Tried twice over, this would take hours.
    assert preference([text, "return=minimal"], "return") in (None, "minimal")
