"""What a server tells Prometheus, as numbers that a test can compare."""

from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

__all__ = ["Scrape", "Series"]

Series = tuple[str, frozenset[tuple[str, str]]]
"""A name, and labels with their values."""


class Scrape:
    """The samples of one answer of `/metrics`."""

    def __init__(self, text: str) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples: list[Sample] = [one for family in self.families.values() for one in family.samples]

    def get(self, name: str, **labels: str) -> float:
        """The sum of the samples with this name whose labels have these values."""
        return sum(sample.value for sample in self._of(name, labels))

    def by(self, label: str, name: str, **labels: str) -> dict[str, float]:
        """The samples that are not 0, by a label that tells them apart."""
        found: dict[str, float] = {}
        for sample in self._of(name, labels):
            if sample.value:
                found[sample.labels[label]] = found.get(sample.labels[label], 0) + sample.value
        return found

    def requests(self, *, without: str = "/metrics") -> dict[tuple[str, str, str], float]:
        """The requests that were answered, by route, method and status."""
        return {
            (sample.labels["route"], sample.labels["method"], sample.labels["status"]): sample.value
            for sample in self._of("scores_http_requests_total", {})
            if sample.value and sample.labels["route"] != without
        }

    def counters(self) -> dict[Series, float]:
        """All that only ever grows."""
        grows = ("_total", "_bucket", "_count")
        return {
            (one.name, frozenset(one.labels.items())): one.value
            for one in self.samples
            if one.name.endswith(grows)
        }

    def series(self) -> set[Series]:
        """What names and labels there are."""
        return {(sample.name, frozenset(sample.labels.items())) for sample in self.samples}

    def _of(self, name: str, labels: dict[str, str]) -> Iterator[Sample]:
        return (one for one in self.samples if one.name == name and labels.items() <= one.labels.items())
