"""The harnesses that atheris drives in `make fuzz`, driven by hypothesis, and by all that was ever found with them."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults.fuzz.harnesses import HARNESSES, Express
from faults.fuzz.seeds import FRAGMENTS
from hypothesis import given, settings
from hypothesis import strategies as st
from support.soak import times

Harness = Callable[[bytes], None]

FOUND = json.loads((Path(__file__).parent / "fuzz" / "found.json").read_text())


def mixed(name: str) -> st.SearchStrategy[bytes]:
    """Fragments that mean something to the reader, bytes that do not, and a first byte that says how it is cut."""
    parts = st.lists(st.sampled_from(FRAGMENTS[name]) | st.binary(max_size=3), max_size=20).map(b"".join)
    return st.tuples(st.binary(min_size=1, max_size=1), parts).map(b"".join) | parts


@pytest.mark.parametrize("name", sorted(HARNESSES))
def test_readers_agree_about_any_bytes(name: str) -> None:
    @settings(max_examples=times(150), deadline=None)
    @given(data=mixed(name))
    def check(data: bytes) -> None:
        HARNESSES[name](data)

    for found in FOUND.get(name, []):
        HARNESSES[name](base64.b64decode(found))
    check()


@pytest.fixture(scope="module")
def express() -> Iterator[Express]:
    with Express() as harness:
        yield harness


def test_borders_are_where_the_standard_has_them(express: Express) -> None:
    @settings(max_examples=times(60), deadline=None)
    @given(data=mixed("express"))
    def check(data: bytes) -> None:
        express(data)

    for found in FOUND.get("express", []):
        express(base64.b64decode(found))
    check()


@pytest.mark.parametrize(
    ("name", "where", "lax"),
    [
        ("score", "faults.fuzz.harnesses.decode", lambda body: json.loads(body.decode("utf-8-sig", "replace"))),
        ("bulk", "faults.fuzz.harnesses.Lines.end", lambda _: []),
        ("sse", "scores.feed.decoder.Decoder._read_retry", lambda *_: None),
        ("cursor", "scores.stores.embedded._position", int),
        ("query", "scores.web.queries._INTEGER", re.compile(r"\w+")),
        ("event", "scores.feed.parser._parse_batch", lambda batch: [json.loads(one) for one in batch]),
    ],
)  # fmt: skip
def test_control_a_reader_that_is_lax_is_found(
    name: str, where: str, lax: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, lax)
    found = []
    for fragment in (*FRAGMENTS[name], *(b"\0" + one for one in FRAGMENTS[name])):
        try:
            HARNESSES[name](fragment)
        except Exception as exc:  # noqa: BLE001  # whatever it is, atheris would tell of it
            found.append(exc)
    assert found
