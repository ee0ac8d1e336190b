"""The alert rules ask for what the server tells: every name and every label of theirs is there."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from support.api import Api
from support.scrapes import Scrape

DOCS = Path(__file__).parent.parent / "docs/howto"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((DOCS / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]

METRIC = re.compile(r"\b((?:scores|process)_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')


@pytest.fixture
async def scrape(serve: Callable[..., Awaitable[str]], http: aiohttp.ClientSession) -> Scrape:
    """What a server tells that has been asked for something."""
    api = Api(await serve(), http)
    await api.post("a1-b1", 5)
    return Scrape((await api.get("/metrics")).body.decode())


def test_there_are_rules_and_each_is_explained() -> None:
    page = (DOCS / "monitor.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `(Scores\w+)` ", page, re.MULTILINE)
    assert [rule["alert"] for rule in RULES] == explained
    assert len(explained) >= 5
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] for rule in RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
async def test_a_rule_asks_for_series_that_are_there(rule: dict[str, Any], scrape: Scrape) -> None:
    selectors = METRIC.findall(rule["expr"])
    assert selectors
    for name, matchers in selectors:
        samples = [sample for sample in scrape.samples if sample.name == name]
        assert samples, f"there is no {name}"
        for label, operator, value in MATCHER.findall(matchers):
            values = {sample.labels[label] for sample in samples}
            if operator == "=":
                assert value in values
            elif operator == "=~":
                # Each of the values that it names is one, and not only one of them.
                assert all(any(re.fullmatch(one, seen) for seen in values) for one in value.split("|"))
            else:
                assert any(seen != value for seen in values)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
async def test_what_a_rule_groups_by_is_a_label(rule: dict[str, Any], scrape: Scrape) -> None:
    # `job` is Prometheus' own, for whatever it scrapes.
    known = {"job", *(label for sample in scrape.samples for label in sample.labels)}
    for labels in re.findall(r"\b(?:by|without|on|ignoring) \(([^)]*)\)", rule["expr"]):
        assert {label.strip() for label in labels.split(",")} <= known


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
async def test_only_what_grows_is_asked_for_its_rate(rule: dict[str, Any], scrape: Scrape) -> None:
    rated = set(re.findall(r"(?:rate|increase)\((\w+)", rule["expr"]))
    for name, _ in METRIC.findall(rule["expr"]):
        assert (name in rated) is name.endswith(("_total", "_bucket"))
    assert rule["expr"].count("(") == rule["expr"].count(")")
