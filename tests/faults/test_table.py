"""The table of what the fault suite saw."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.tally import note, note_inputs

TABLE = Path(__file__).parent / "table.py"


def noted(fault: str, *, injected: int, outage: float) -> None:
    note(
        fault=fault,
        injected=injected,
        in_flight=10,
        acknowledged=1000,
        lost=0,
        doubled=0,
        longest_outage=outage,
    )


def table_of(tally: Path) -> str:
    return subprocess.run([sys.executable, TABLE, tally], capture_output=True, text=True, check=True).stdout


def test_notes_of_a_fault_are_one_line_and_inputs_have_a_table_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCORES_FAULT_TALLY", str(tmp_path / "tally"))
    noted("kill", injected=3, outage=0.5)
    note_inputs(corpus="bodies", tried=7, server_errors=0, wrong=0)
    noted("reset", injected=1, outage=0)
    noted("kill", injected=2, outage=0.25)
    assert table_of(tmp_path / "tally").splitlines() == [
        "| fault | times injected | requests in flight | acknowledged | lost | doubled | longest outage |",
        "| --- | --: | --: | --: | --: | --: | --: |",
        "| kill | 5 | 20 | 2,000 | 0 | 0 | 0.50 s |",
        "| reset | 1 | 10 | 1,000 | 0 | 0 | 0.00 s |",
        "",
        "| corpus | tried | 5xx | wrong |",
        "| --- | --: | --: | --: |",
        "| bodies | 7 | 0 | 0 |",
    ]


def test_without_notes_there_is_no_table(tmp_path: Path) -> None:
    assert table_of(tmp_path / "tally") == ""


def test_nothing_is_noted_unless_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCORES_FAULT_TALLY", raising=False)
    monkeypatch.chdir(tmp_path)
    noted("kill", injected=1, outage=0)
    assert not list(tmp_path.iterdir())
