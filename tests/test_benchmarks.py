"""Every benchmark runs from its command line, at a tiny size, and its figures are sane: none can rot.

Rule: nothing here says how fast anything is; a committed result says that.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parent.parent
REDIS = ("redis", "--seconds", 1, "--rounds", 1)


Measure = Callable[..., dict[str, Any]]


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "benchmarks", *map(str, arguments)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def histogram_type() -> Iterator[Any]:
    """The class; the folder is not installed, so it is found by its place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        yield import_module("benchmarks.histogram").Histogram


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    """Runs a benchmark that has to succeed, and gives what it keeps."""

    def run(*arguments: object) -> dict[str, Any]:
        file = tmp_path / "kept.json"
        done = command(*arguments, "--json", file)
        assert (done.returncode, done.stderr) == (0, "")
        kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        assert kept["benchmark"] == arguments[0]
        return kept

    return run


def test_peers_measures_ours_against_others_in_turns(measure: Measure) -> None:
    names = ("scores", "scores-express-off", "aiohttp")
    asked = [argument for name in names for argument in ("--peer", name)]
    figures = measure("peers", *asked, "--connections", 1, 4, "--seconds", 1, "--rounds", 1)["figures"]
    assert [(row["peer"], row["connections"]) for row in figures] == [
        (name, connections) for connections in (1, 4) for name in names
    ]
    for row in figures:
        assert (row["status"], row["errors"], len(row["rounds"])) == ("measured", 0, 1)
        assert 0 < row["low"] <= row["requests_per_s"] <= row["high"]
        assert 0 < row["p50_us"] <= row["p90_us"] <= row["p99_us"] <= row["p99_9_us"] <= row["max_us"]
        assert row["to_nginx"] is None
        assert row["client_cpu"] > 0
        assert row["others_cpu"] is None or row["others_cpu"] >= 0
        assert row["bottleneck"] in {"generator", "server", "neither", "unknown"}
        assert row["versions"]["aiohttp"] == version("aiohttp")
    assert [row["to_aiohttp"] for row in figures if row["peer"] == "aiohttp"] == [1, 1]


def test_chart_draws_what_peers_has_kept(measure: Measure, tmp_path: Path) -> None:
    measure("peers", "--peer", "aiohttp", "--connections", 1, "--seconds", 1, "--rounds", 1)
    image = tmp_path / "peers.svg"
    assert command("chart", tmp_path / "kept.json", image).returncode == 0
    assert "aiohttp" in image.read_text(encoding="utf-8")


def test_chart_says_in_one_line_that_a_file_is_no_record_of_peers(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    done = command("chart", tmp_path / "other.json", tmp_path / "out.svg")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


@pytest.mark.parametrize("connections", [1, 3])
def test_post_measures_each_store_and_checks_the_mean(measure: Measure, connections: int) -> None:
    figures = measure("post", "-k", 50, "-c", connections)["figures"]
    assert [row["store"] for row in figures] == ["dict", "sharded"]
    for row in figures:
        assert (row["requests"], row["errors"], row["mean_exact"]) == (50, 0, True)
        assert row["connections"] == connections
        assert row["requests_per_s"] > 0
        assert 0 < row["p50_us"] <= row["p99_us"] <= row["p99_9_us"] <= row["max_us"]


async def test_post_counts_what_a_running_server_has_already(serve: Callable[..., Any]) -> None:
    address = await serve()
    for _ in range(2):
        done = await asyncio.to_thread(command, "post", "--url", address, "-k", 7)
        assert (done.returncode, done.stderr) == (0, "")


async def test_post_fails_when_answers_are_no_success(serve: Callable[..., Any]) -> None:
    address = await serve()
    done = await asyncio.to_thread(command, "post", "--url", f"{address}/nowhere", "-k", 7)
    assert done.returncode == 1
    header, figures = (line.split() for line in done.stdout.splitlines())
    assert dict(zip(header, figures, strict=True))["errors"] == "7"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://127.0.0.1:1"])
def test_post_says_in_one_line_why_there_is_no_server(url: str) -> None:
    done = command("post", "--url", url)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert url in done.stderr


def test_a_server_that_does_not_start_is_an_error() -> None:
    done = command("post", "--store", "nonsense", "-k", 1)
    assert done.returncode == 1
    assert "nonsense" in done.stderr


@pytest.mark.parametrize("store", ["dict", "sharded"])
def test_stores_measures_memory_and_writes(measure: Measure, store: str) -> None:
    figures = measure("stores", "--store", store, "--keys", 5000, "--rounds", 1)["figures"]
    assert [row["ids"] for row in figures] == ["short", "uuid"]
    for row in figures:
        assert (row["store"], row["keys"], len(row["rounds"])) == (store, 5000, 1)
        assert 0 < row["bytes_per_key"] <= row["peak_bytes_per_key"]
        assert all(0 < one["p99_99"] <= one["worst"] for one in row["rounds"])
        assert row["writes_per_s"] > 0


def test_stores_gives_the_rate_up_to_each_power_of_ten(measure: Measure) -> None:
    (row,) = measure("stores", "--store", "dict", "--ids", "short", "--keys", 12_000, "--rounds", 1)[
        "figures"
    ]
    assert all(row[f"to_{keys}_per_s"] > 0 for keys in (1_000, 10_000, 12_000))


def test_live_tells_every_reader_of_every_score(measure: Measure) -> None:
    (row,) = measure("live", "--readers", 3, "--rate", 50, "--seconds", 1)["figures"]
    assert (row["readers"], row["events"], row["told"], row["lost"]) == (3, 50, 150, 0)
    assert 0 <= row["p50_ms"] <= row["p99_ms"] <= row["max_ms"]


def test_growth_loads_a_server_with_half_of_what_it_takes(measure: Measure) -> None:
    figures = measure("growth", "--keys", 500, "-c", 4)["figures"]
    assert [(row["load"], row["requests"]) for row in figures] == [
        ("new ids", 500),
        ("known ids", 125),
        ("nginx", 125),
    ]
    for row in figures:
        assert (row["store"], row["keys"], row["errors"]) == ("sharded", 500, 0)
        assert row["due_per_s"] == pytest.approx(row["highest_per_s"] / 2, abs=1)
        assert 0 < row["p50_us"] <= row["p99_9_us"] <= row["max_us"]


def test_reads_measures_each_resource_on_and_off_the_express_lane(measure: Measure) -> None:
    options = ("--store", "dict", "--connections", 2, "--seconds", 1, "--rounds", 1)
    figures = measure("reads", *options)["figures"]
    assert [(row["target"], row["express"]) for row in figures] == [
        (target, lane) for target in ("/inspectors", "/students", "/exams") for lane in ("on", "off")
    ]
    for row in figures:
        assert (row["store"], row["errors"]) == ("dict", 0)
        assert row["requests_per_s"] > 0
        assert row["to_off"] > 0


def test_feed_measures_the_steps_and_a_whole_server(measure: Measure) -> None:
    figures = measure("feed", "--events", 500, "--rounds", 1)["figures"]
    assert [(row["store"], row["way"]) for row in figures] == [
        (store, way) for store in ("dict", "sharded") for way in ("steps", "again", "server")
    ]
    for row in figures:
        assert row["events_per_s"] > 0
        assert row["to_aiohttp"] == pytest.approx(row["events_per_s"] / row["aiohttp_per_s"], rel=0.02)


def test_durable_measures_a_file_beside_dict(measure: Measure) -> None:
    options = ("-k", 200, "-c", 4, "--writers", 8, "--seconds", 1, "--rounds", 1, "--keys", 1000)
    post, add, opening = measure("durable", *options)["figures"]
    assert [row["part"] for row in (post, add, opening)] == ["post", "add", "open"]
    assert all(row["per_s"] > 0 and row["ratio"] > 0 and row["fsync_us"] > 0 for row in (post, add))
    assert opening["keys"] == 1000
    assert min(opening["ms"], opening["full_ms"], opening["bytes_per_key"]) > 0


def test_startup_measures_servers_and_python_itself(measure: Measure) -> None:
    python, server = measure("startup", "--store", "dict", "--rounds", 1)["figures"]
    assert (python["what"], server["what"]) == ("python", "dict")
    assert 0 < python["ms"] < server["ms"]


@pytest.mark.parametrize("answers", ["lines", "minimal"])
def test_bulk_measures_a_stream_of_lines(measure: Measure, answers: str) -> None:
    options = ("--store", "dict", "--lines", 1500, "--rounds", 1, "--answers", answers)
    (row,) = measure("bulk", *options)["figures"]
    assert row["exact"]
    assert row["scores_per_s"] > 0
    assert row["to_aiohttp"] == pytest.approx(row["scores_per_s"] / row["aiohttp_per_s"], rel=0.02)
    assert 0 < row["single_p50_us"] <= row["single_max_us"]


def test_pages_measures_each_listing_at_each_size(measure: Measure) -> None:
    figures = measure("pages", "--size", 300, "--size", 10)["figures"]
    assert [(row["store"], row["listing"], row["stored"]) for row in figures] == [
        (store, listing, size)
        for store in ("dict", "sharded")
        for size in (10, 300)
        for listing in ("students", "results of an exam")
    ]
    for row in figures:
        assert row["pages"] >= 3
        assert 0 < row["p50_us"] <= row["p99_us"] <= row["max_us"]
        assert row["growth"] > 0


def test_decoder_measures_each_stream(measure: Measure) -> None:
    figures = measure("decoder", "--events", 50, "--rounds", 1)["figures"]
    assert [row["stream"] for row in figures] == ["plain", "numbered"]
    for row in figures:
        assert (row["events"], row["rounds"]) == (50, 1)
        assert row["ratio"] > 0


def test_redis_add_measures_the_store_against_one_command_a_request(measure: Measure) -> None:
    figures = measure(*REDIS, "--part", "add", "--callers", 1, "--callers", 8)["figures"]
    versions, *rows = figures
    assert set(versions) == {"part", "redis-server", "redis", "hiredis"}
    assert [(row["part"], row["callers"]) for row in rows] == [("add", 1), ("add", 8)]
    for row in rows:
        assert (row["exact"], len(row["store_rounds"]), len(row["by_hand_rounds"])) == (True, 1, 1)
        assert row["ratio"] == round(row["store_per_s"] / row["by_hand_per_s"], 3)


@pytest.mark.parametrize("client", [[], ["--client", "own"]], ids=["default", "own"])
def test_redis_http_measures_a_server_on_redis_against_one_on_dict(
    measure: Measure, client: list[str]
) -> None:
    figures = measure(*REDIS, "--part", "http", "--callers", 2, *client)["figures"]
    assert [row["store"] for row in figures[1:]] == ["dict", "redis"]
    for row in figures[1:]:
        assert (row["connections"], row["errors"], len(row["rounds"])) == (2, 0, 1)
        assert 0 < row["p50_us"] <= row["p99_us"]
        assert row["ratio"] > 0


def test_redis_aof_measures_each_kind_of_durability(measure: Measure) -> None:
    figures = measure(*REDIS, "--part", "aof", "--callers", 2)["figures"]
    assert [row["store"] for row in figures[1:]] == ["redis, off", "redis, everysec", "redis, always"]
    for row in figures[1:]:
        assert (row["errors"], row["passed"]) == (0, True)
        assert row["ratio"] > 0
        assert row["fsync_us"] >= 0


def test_redis_bulk_measures_a_stream_to_a_server_on_redis(measure: Measure) -> None:
    figures = measure(*REDIS, "--part", "bulk", "--lines", 600)["figures"]
    assert [(row["store"], row["answers"]) for row in figures[1:]] == [
        (store, answers) for store in ("dict", "redis") for answers in ("lines", "minimal")
    ]
    for row in figures[1:]:
        assert row["exact"]
        assert row["scores_per_s"] > 0


def test_redis_memory_measures_inspectors_and_results(measure: Measure) -> None:
    figures = measure(*REDIS, "--part", "memory", "--keys", 2000)["figures"]
    assert [row["what"] for row in figures[1:]] == ["inspector", "result"]
    for row in figures[1:]:
        assert row["keys"] == 2000
        assert row["bytes_per_key"] > 0


@pytest.mark.parametrize("program", ["no-such-redis-server", "/bin/false"])
def test_redis_says_why_there_is_no_redis_server(program: str) -> None:
    done = command(*REDIS, "--redis-server", program)
    assert (done.returncode, done.stdout) == (1, "")
    assert "redis-server" in done.stderr.splitlines()[0]


def test_what_is_kept_says_where_it_comes_from(measure: Measure) -> None:
    kept = measure("decoder", "--events", 1, "--rounds", 1)
    assert kept["method"]
    assert kept["date"].endswith("+00:00")
    assert kept["python"].endswith(".".join(map(str, sys.version_info[:3])))
    assert set(kept["packages"]) == {"aiohttp", "uvloop", "orjson"}
    assert kept["machine"]["cores"] >= 1


def test_the_help_teaches_every_command() -> None:
    assert command("--help").stdout.count("python -m benchmarks ") >= 5


@given(st.lists(st.integers(0, 2**63 - 1) | st.integers(0, 1000), min_size=1), st.floats(0.01, 100))
def test_a_percentile_is_at_most_a_percent_too_high(
    histogram_type: Any, values: list[int], percent: float
) -> None:
    histogram = histogram_type()
    for value in values:
        histogram.record(value)
    reached = (one for one in sorted(values) if sum(v <= one for v in values) >= len(values) * percent / 100)
    true = next(reached)
    assert true <= histogram.percentile(percent) <= true * 1.01
    assert (histogram.count, histogram.total) == (len(values), sum(values))
    assert values.index(max(values)) == histogram.worst_at or max(values) == 0
