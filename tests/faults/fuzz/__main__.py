"""`python -m faults.fuzz NAME SECONDS`: one harness, driven by atheris; what it finds is written where it runs.

Rule: atheris is not needed by any test (it has wheels for Linux alone): what it has found is kept in `found.json`, and
tried by all tests.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["scores"]):
    from faults.fuzz.harnesses import HARNESSES, Express
    from faults.fuzz.seeds import FRAGMENTS


def main() -> None:
    """Fuzzes for so long; the exit status is not 0 when something was found."""
    name, seconds = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix="fuzz-") as corpus:
        for number, seed in enumerate(FRAGMENTS[name]):
            for first in (b"", b"\0", b"\1", b"\x40"):
                (Path(corpus) / f"{number}-{first.hex()}").write_bytes(first + seed)
        harness = Express().__enter__() if name == "express" else HARNESSES[name]
        atheris.Setup(
            [sys.argv[0], f"-max_total_time={seconds}", "-max_len=600", "-print_final_stats=1", corpus],
            harness,
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
