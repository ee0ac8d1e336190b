"""From a URL to a store, or to one sentence."""

import pytest

from scores import stores
from scores.errors import ConfigError
from scores.stores import open_store


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
