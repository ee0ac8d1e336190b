"""The scripts' sorted maps do what dictionaries do, through all splits of their leaves."""

import re
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from redis import Redis
from support.redis_keys import IDS, names_of, run

from scores.stores.redis.session import Script

# Sorted maps, cut in leaves so small that they are split and emptied all the time.

LEAF = 4
EDGE = b"\x1f"  # before the lowest key in the name of a leaf
SMALL_LEAVES, _changed = re.subn(r"local LEAF = \d+", f"local LEAF = {LEAF}", Script.of("sorted.lua").source)
assert _changed == 1

MAP = "\nlocal map, answers = sorted_map(ARGV[1], ARGV[2], ARGV[3] ~= '' and ARGV[3]), {}\n"
PUT = (
    SMALL_LEAVES
    + MAP
    + """
for at = 4, #ARGV, 2 do
  answers[#answers + 1] = put(map, ARGV[at], ARGV[at + 1] ~= '' and ARGV[at + 1]) or false
end
return answers
"""
)
GET = (
    SMALL_LEAVES
    + MAP
    + """
for at = 4, #ARGV do
  answers[#answers + 1] = get(map, ARGV[at]) or false
end
return answers
"""
)
AFTER = SMALL_LEAVES + MAP + "return members_after(map, ARGV[4], tonumber(ARGV[5]))"

BASE = "maps:{0}:"
OWNERS = [
    "student:foo",
    "student:foo/leaf:x",
    "student:/leaf:foo",
    "student:leaf",
    "student:s",
    "students",
    "exam:foo",
]
KEYS = st.sampled_from(IDS) | st.text("ab:/{}é~", min_size=1, max_size=3)
VALUES = st.sampled_from(["0.5", "1.0", "25 c.f47e9bcb", "a", "~"])


class MapMachine(RuleBasedStateMachine):
    """Sorted maps side by side, against a dictionary each."""

    def __init__(self, client: Redis) -> None:
        super().__init__()
        self.client = client
        self.client.flushall()
        self.maps: dict[str, dict[bytes, bytes]] = {owner: {} for owner in OWNERS}

    @rule(owner=st.sampled_from(OWNERS), keys=st.lists(KEYS, max_size=12), value=VALUES)
    def put(self, owner: str, keys: list[str], value: str) -> None:
        known = self.maps[owner]
        expected = []
        for key in keys:
            expected.append(known.get(key.encode()))
            known[key.encode()] = value.encode()
        assert self._ask(PUT, owner, *(part for key in keys for part in (key, value))) == expected

    @rule(owner=st.sampled_from(OWNERS), keys=st.lists(KEYS, max_size=5))
    def take_out(self, owner: str, keys: list[str]) -> None:
        self._take_out(owner, [key.encode() for key in keys])

    @rule(owner=st.sampled_from(OWNERS), first=st.integers(0, 30), count=st.integers(1, 30))
    def take_out_a_stretch(self, owner: str, first: int, count: int) -> None:
        self._take_out(owner, sorted(self.maps[owner])[first : first + count])

    @rule(owner=st.sampled_from(OWNERS), keys=st.lists(KEYS, max_size=5))
    def get(self, owner: str, keys: list[str]) -> None:
        expected = [self.maps[owner].get(key.encode()) for key in keys]
        assert self._ask(GET, owner, *keys) == expected

    @rule(owner=st.sampled_from(OWNERS), after=st.just("") | KEYS, count=st.integers(0, 40))
    def members_after(self, owner: str, after: str, count: int) -> None:
        above = [key for key in sorted(self.maps[owner]) if key > after.encode()]
        expected = [key + b"\0" + self.maps[owner][key] for key in above[:count]]
        assert self._ask(AFTER, owner, after, count) == expected

    @invariant()
    def the_leaves_are_small_and_in_order_and_all_that_there_is(self) -> None:
        names = set()
        for owner, known in self.maps.items():
            leaves = leaves_of(self.client, owner)
            assert all(len(members) <= LEAF for members in leaves.values())
            assert [member for members in leaves.values() for member in members] == [
                key + b"\0" + known[key] for key in sorted(known)
            ]
            names |= {name for name, members in leaves.items() if members}
            if len(leaves) > 1:
                assert all(list(leaves.values())[1:]), "an emptied leaf is still in the directory"
                names.add(name_of(owner, "/leaves"))
        assert set(self.client.keys()) == names

    def _take_out(self, owner: str, keys: list[bytes]) -> None:
        expected = [self.maps[owner].pop(key, None) for key in keys]
        assert self._ask(PUT, owner, *(part for key in keys for part in (key, b""))) == expected

    def _ask(self, source: str, owner: str, *arguments: str | bytes | int) -> Any:
        kind, _, name = owner.partition(":")
        return run(self.client, source, BASE, kind, name, *arguments)


def name_of(owner: str, part: str) -> bytes:
    """The name of a part of a sorted map."""
    kind, colon, name = owner.partition(":")
    return f"{BASE}{kind}{part}{colon}{name}".encode()


def leaves_of(client: Redis, owner: str) -> dict[bytes, list[bytes]]:
    """The leaves of a map in the order of the directory, by name, each with its members."""
    lowest: Any = client.zrange(name_of(owner, "/leaves"), 0, -1)
    names = [name_of(owner, ""), *(name_of(owner, "/leaf") + EDGE + key for key in lowest)]
    with client.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.zrange(name, 0, -1)
        leaves = dict(zip(names, pipeline.execute(), strict=True))
    for name, key in zip(names[1:], lowest, strict=True):
        assert all(member >= key + b"\0" for member in leaves[name])
    return leaves


def test_sorted_maps_do_what_dictionaries_do(client: Redis) -> None:
    run_state_machine_as_test(
        lambda: MapMachine(client),  # type: ignore[arg-type]  # any factory will do, says its documentation
        settings=settings(deadline=None, max_examples=60, stateful_step_count=40),
    )


def test_a_map_that_is_emptied_leaves_nothing(client: Redis) -> None:
    keys = [f"{number:03}" for number in range(100)]
    run(client, PUT, BASE, "student", "foo", *(part for key in keys for part in (key, "0.5")))
    assert len(leaves_of(client, "student:foo")) > 100 / LEAF
    for key in keys[::2] + keys[::-2]:
        run(client, PUT, BASE, "student", "foo", key, "")
    assert names_of(client) == set()


@pytest.mark.parametrize("after", ["\0", "a\0", "a\1", "\x7f", b"\xff", b"\xc3"])
def test_any_text_is_a_position(client: Redis, after: str | bytes) -> None:
    keys = sorted(key.encode() for key in IDS)
    run(client, PUT, BASE, "student", "foo", *(part for key in keys for part in (key, b"1.0")))
    found = run(client, AFTER, BASE, "student", "foo", after, len(keys))
    everything = [key + b"\0" + b"1.0" for key in keys]
    assert found == everything[len(keys) - len(found) :]
