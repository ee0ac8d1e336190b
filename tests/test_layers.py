"""The house keeps its floors: read from the imports, as text, so that nothing can hide behind a run."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest

import scores
import scores.client

ROOT = Path(scores.__file__).parent

# The longest prefix decides; a file imports from floors below its own, or from its own floor and folder.
FLOORS = {
    "scores.errors": 0,
    "scores.early": 0,
    "scores.settling": 0,
    "scores.exact": 0,
    "scores.models": 1,
    "scores.config": 2,
    "scores.marks": 2,
    "scores.tracing": 1,
    "scores.logs": 3,
    "scores.metrics": 1,
    "scores.metrics.layout": 2,
    "scores.metrics.board": 3,
    "scores.metrics.tally": 4,
    "scores.metrics.collector": 4,
    "scores.metrics.exposition": 5,
    "scores.backoff": 1,
    "scores.feed.decoder": 1,
    "scores.feed.names": 1,
    "scores.feed.faults": 1,
    "scores.feed.pace": 1,
    "scores.feed.status": 1,
    "scores.live": 1,
    "scores.live.frames": 3,
    "scores.live.local": 5,
    "scores.live.history": 4,
    "scores.live.walk": 4,
    "scores.live.reader": 5,
    "scores.live.hub": 6,
    "scores.stores.journal": 2,
    "scores.stores.order": 2,
    "scores.stores.rows": 3,
    "scores.stores.base": 3,
    "scores.stores.marks": 4,
    "scores.stores.embedded": 5,
    "scores.stores.tallying": 4,
    "scores.stores.tallied": 6,
    "scores.stores.memory": 7,
    "scores.stores.sharded": 7,
    "scores.stores.observed": 1,
    "scores.stores.redis": 1,
    "scores.stores.redis.options": 3,
    "scores.stores.redis.layout": 2,
    "scores.stores.redis.driver": 4,
    "scores.stores.redis.greeting": 5,
    "scores.stores.redis.session": 6,
    "scores.stores.redis.lanes": 2,
    "scores.stores.redis.delivery": 7,
    "scores.stores.redis.traffic": 8,
    "scores.stores.redis.results": 9,
    "scores.stores.redis.inspectors": 9,
    "scores.stores.redis.listings": 9,
    "scores.stores.redis.journal": 9,
    "scores.stores.redis.store": 10,
    "scores.stores.restoring": 2,
    "scores.stores.sqlite": 1,
    "scores.stores.sqlite.options": 1,
    "scores.stores.sqlite.lock": 1,
    "scores.stores.sqlite.gathering": 1,
    "scores.stores.sqlite.lane": 2,
    "scores.stores.sqlite.driver": 1,
    "scores.stores.sqlite.tables": 2,
    "scores.stores.sqlite.schema": 3,
    "scores.stores.sqlite.verifying": 4,
    "scores.stores.sqlite.checking": 5,
    "scores.stores.sqlite.views": 3,
    "scores.stores.sqlite.ledger": 3,
    "scores.stores.sqlite.requests": 4,
    "scores.stores.sqlite.reader": 3,
    "scores.stores.sqlite.writer": 5,
    "scores.stores.sqlite.store": 6,
    "scores.stores": 10,
    "scores": 11,
    "scores.copying": 11,
    "scores.feed.parser": 2,
    "scores.feed.rejects": 2,
    "scores.feed.sequence": 2,
    "scores.feed.connection": 2,
    "scores.feed.turn": 11,
    "scores.feed.client": 12,
    "scores.feed.simulator": 11,
    "scores.feed": 12,
    "scores.testing.oracle": 11,
    "scores.testing.blocking": 11,
    "scores.testing.machine": 13,
    "scores.testing.paging": 12,
    "scores.testing.marks": 12,
    "scores.testing.contract": 14,
    "scores.testing": 15,
    "scores.web.access": 3,
    "scores.web.cors": 3,
    "scores.web.receipt": 2,
    "scores.web.pending": 3,
    "scores.web.drain": 1,
    "scores.web.stopping": 1,
    "scores.web.fields": 1,
    "scores.web.head": 1,
    "scores.web.compression": 1,
    "scores.web.inflation": 1,
    "scores.web.files": 16,
    "scores.web.keys": 12,
    "scores.web.access_log": 3,
    "scores.web.problems": 13,
    "scores.web.caching": 15,
    "scores.web.finishing": 16,
    "scores.web.connection": 14,
    "scores.web.parting": 15,
    "scores.web.bodies": 14,
    "scores.web.queries": 14,
    "scores.web.preferences": 14,
    "scores.web.accept": 14,
    "scores.web.lines": 15,
    "scores.web.idempotency": 14,
    "scores.web.bulk": 17,
    "scores.web.pages": 15,
    "scores.web.students": 16,
    "scores.web.exams": 16,
    "scores.web.inspectors": 18,
    "scores.web.service": 16,
    "scores.web.home": 17,
    "scores.web.live": 17,
    "scores.web.metrics": 16,
    "scores.web.routes": 19,
    "scores.web.app": 20,
    "scores.web.documentation": 17,
    "scores.web.openapi.schemas": 12,
    "scores.web.openapi.headers": 13,
    "scores.web.openapi.errors": 14,
    "scores.web.openapi.parameters": 18,
    "scores.web.openapi.operations": 18,
    "scores.web.openapi.examples": 18,
    "scores.web.openapi.document": 19,
    "scores.web.openapi": 18,
    "scores.web.express": 12,
    "scores.web.express.inside": 1,
    "scores.web.express.framing": 1,
    "scores.web.express.heads": 3,
    "scores.web.express.answers": 16,
    "scores.web.express.endpoints": 19,
    "scores.web.express.connection": 18,
    "scores.web.listener": 19,
    "scores.web.server": 21,
    "scores.web": 20,
    "scores.workers.restarts": 2,
    "scores.workers.process": 3,
    "scores.workers.worker": 22,
    "scores.workers.supervisor": 21,
    "scores.workers": 21,
    "scores.cli": 25,
    "scores.__main__": 26,
    "scores.client.errors": 1,
    "scores.client.answers": 2,
    "scores.client.paths": 2,
    "scores.client.journal": 2,
    "scores.client.source": 3,
    "scores.client.exchange": 12,
    "scores.client.pages": 13,
    "scores.client.bulk": 13,
    "scores.client.following": 13,
    "scores.client.client": 14,
    "scores.client.importing": 15,
    "scores.client": 16,
    "scores.cli.arguments": 2,
    "scores.cli.loop": 1,
    "scores.cli.descriptors": 3,
    "scores.cli.output": 1,
    "scores.cli.table": 2,
    "scores.cli.views": 17,
    "scores.cli.bar": 17,
    "scores.cli.connecting": 17,
    "scores.cli.asking": 22,
    "scores.cli.importing": 22,
    "scores.cli.copying": 22,
    "scores.cli.describing": 22,
    "scores.cli.serving": 23,
    "scores.cli.command": 24,
}

MODULES = sorted(
    str(path.relative_to(ROOT.parent).with_suffix("")).replace("/", ".").removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
)


def path_of(module: str) -> Path:
    base = ROOT.parent / module.replace(".", "/")
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def imports_of(module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(path_of(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            source = node.module or ""
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield inner if inner in MODULES else source


def test_every_module_has_its_floor() -> None:
    assert set(MODULES) == set(FLOORS)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_floors_below(module: str) -> None:
    ours = [name for name in imports_of(module) if name.partition(".")[0] == "scores"]
    above = [name for name in ours if FLOORS[name] >= FLOORS[module]]
    assert not above


def test_two_backends_do_not_import_each_other() -> None:
    backends = (
        "scores.stores.memory",
        "scores.stores.sharded",
        "scores.stores.redis",
        "scores.stores.sqlite",
    )
    for module in MODULES:
        for mine, other in permutations(backends, 2):
            if module.startswith(mine):
                assert not any(name.startswith(other) for name in imports_of(module))


@pytest.mark.parametrize(
    ("library", "module"),
    [
        ("aiohttp_sse_client", "scores.feed.connection"),
        ("redis", "scores.stores.redis.driver"),
        ("sqlite3", "scores.stores.sqlite.driver"),
    ],
)
def test_only_one_module_knows_a_library(library: str, module: str) -> None:
    knowing = {one for one in MODULES for name in imports_of(one) if name.partition(".")[0] == library}
    assert knowing == {module}


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_imported_for_the_type_checker_alone(module: str) -> None:
    assert "TYPE_CHECKING" not in path_of(module).read_text(encoding="utf-8")


def test_the_package_does_not_need_the_web() -> None:
    code = "import sys, scores; sys.exit(bool({'aiohttp', 'redis', 'scores.web'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("module", MODULES)
def test_no_file_is_longer_than_400_lines(module: str) -> None:
    assert len(path_of(module).read_text(encoding="utf-8").splitlines()) <= 400


def test_the_public_names_are_these() -> None:
    assert set(scores.__all__) == {
        "Config", "ConfigError", "Exam", "ExamReport", "Fault", "Inspector", "InspectorKey", "InvalidInput",
        "InvalidQuery", "Key", "KeyReused", "Lease", "LeaseLost", "MalformedJSON", "Mark", "NotFound", "Outcome",
        "OutcomeUnknown", "Page", "Repeats", "Replayed", "Result", "ResultKey", "Score", "ScoresError", "Store", "StoreBusy", "StoreError", "StoreFactory",
        "StoreFull", "Student", "StudentKey", "StudentReport", "exact", "open_store",
    }  # fmt: skip
    assert all(hasattr(scores, name) for name in scores.__all__)


def test_the_public_names_of_the_client_are_these() -> None:
    assert set(scores.client.__all__) == {
        "ApiError", "BadAnswer", "BrokenOff", "Client", "ClientError", "Feed", "Import", "InDoubt", "Mean", "MeanEvent",
        "Problem", "Report", "ScoreEvent", "Start", "Unreachable",
    }  # fmt: skip
    assert all(hasattr(scores.client, name) for name in scores.client.__all__)
