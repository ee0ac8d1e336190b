"""Somebody else's store: installed as a distribution of its own, opened by its URL, held to the contract."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

DISTRIBUTION = Path(__file__).parent / "thirdparty"

SUITE = """
import pytest
from scores.testing import StoreContract

class TestListingStore(StoreContract):
    @pytest.fixture
    def store_url(self) -> str:
        return "listing:"
"""


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the distribution is installed, beside ours."""
    target = tmp_path_factory.mktemp("site")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    subprocess.run([*pip, "--target", str(target), str(DISTRIBUTION)], check=True)
    return {**os.environ, "PYTHONPATH": str(target)}


def run(environ: dict[str, str], *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, env=environ, cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )


def test_it_passes_the_contract_suite(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "test_listing.py").write_text(SUITE, encoding="utf-8")
    done = run(environ, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


def test_a_store_that_breaks_the_contract_is_found_out(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "test_listing.py").write_text(
        SUITE
        + "\nimport scores_listing_store\nscores_listing_store.summary = lambda results: (0.5, len(list(results)))\n",
        encoding="utf-8",
    )
    done = run(environ, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "average", cwd=tmp_path)
    assert done.returncode == 1
    assert "test_an_average_keeps_what_floats_would_lose" in done.stdout


def test_it_is_opened_by_its_url(environ: dict[str, str], tmp_path: Path) -> None:
    code = "from scores.stores import schemes; print(*schemes())"
    assert (
        run(environ, "-c", code, cwd=tmp_path).stdout
        == "dict sharded sqlite redis rediss unix redis+sentinel redis+cluster listing\n"
    )
