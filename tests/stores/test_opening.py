"""From a URL to a store, or to one sentence."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.wire import wire_server

from scores import stores
from scores.errors import ConfigError
from scores.stores import open_store
from scores.stores.base import lacking
from scores.stores.embedded import EmbeddedStore
from scores.stores.sharded import Shards


@pytest.mark.parametrize("url", ["postgres://host", "", ":", "Dict", "mine:x"])
def test_a_scheme_that_nobody_provides_is_refused_with_those_that_are(url: str) -> None:
    with pytest.raises(ConfigError, match="is not known: it must be one of dict, sharded"):
        open_store(url)


@pytest.mark.parametrize("target", ["scores.stores.memory:open_nothing", "no_such_module:open_it"])
def test_a_store_that_cannot_be_loaded_is_said_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.setitem(stores._BUILT_IN, "broken", target)
    with pytest.raises(ConfigError, match=f"the store 'broken' cannot be loaded from {target}: ") as caught:
        open_store("broken:")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["dict:x", "sharded:x", "sharded:?shards=", "sharded:?shards=0", "sharded:?shards=131072"]
)
async def test_an_option_that_is_not_allowed_is_refused_with_those_that_are(url: str) -> None:
    with pytest.raises(ConfigError, match=f"the store '{url.replace('?', '[?]')}' is not allowed"):
        async with open_store(url):
            pass


@pytest.mark.parametrize("shards", ["0", "3", "24", "65537", "131072", "9999999"])
async def test_the_parts_of_a_store_are_a_power_of_two_up_to_a_limit(shards: str) -> None:
    with pytest.raises(ConfigError) as caught:
        async with open_store(f"sharded:?shards={shards}"):
            pass
    assert str(caught.value) == (
        f"the store 'sharded:?shards={shards}' is not allowed: write `sharded`, or `sharded:?shards=N`"
        " with N a power of two from 1 to 65536"
    )


@pytest.mark.parametrize(
    ("url", "shards"),
    [("sharded", 1024), ("sharded:", 1024), ("sharded:?shards=1", 1), ("sharded:?shards=65536", 65536)],
)
async def test_a_store_is_cut_in_as_many_parts_as_its_url_says(url: str, shards: int) -> None:
    async with open_store(url) as store:
        assert isinstance(store, EmbeddedStore)
        assert isinstance(store._scores, Shards)
        assert len(store._scores._shards) == shards


class OlderStore:
    """One that was written before there were marks, and a plain function that adds."""

    shared = False

    def __init__(self) -> None:
        self._store = EmbeddedStore(dict)

    def __getattr__(self, name: str) -> Any:
        if name == "add_now":
            raise AttributeError(name)
        return getattr(self._store, name)

    async def add(self, scores: Any) -> Any:
        return await self._store.add(scores)


class PassingStore(OlderStore):
    """One whose methods take what comes."""

    add_now = None

    async def add(self, *scores: Any, **options: Any) -> Any:
        return await self._store.add(*scores, **options)


@asynccontextmanager
async def open_older(_url: str) -> AsyncIterator[Any]:
    yield OlderStore()


@pytest.mark.parametrize("live", [True, False])
async def test_a_store_of_an_earlier_protocol_is_refused_with_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, *, live: bool
) -> None:
    monkeypatch.setattr(stores, "_factory", lambda _: open_older)
    with pytest.raises(ConfigError) as caught:
        async with wire_server(store="older:", live=live):
            pass
    assert str(caught.value) == (
        "the store 'older:' lacks what this version asks of a store: add_now, add(marks=)"
    )


def test_a_store_lacks_nothing_whose_methods_take_what_comes() -> None:
    assert not lacking(PassingStore())
    assert not lacking(EmbeddedStore(dict))
