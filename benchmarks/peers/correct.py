"""Whether a contender does the job: only what is right is measured.

The rule: every mean is compared, and what is no score has to be refused with a status from 400 to 499
and must not be counted.
"""

import json
from typing import Final

from benchmarks.connection import Answer, open_connection
from benchmarks.errors import BenchmarkError

__all__ = ["check_job"]

_UUID: Final = "check-1"
_SCORES: Final = (5, 0, 3, 4, 4, 1)
_INVALID: Final = (
    {"UUID": _UUID, "score": 6},
    {"UUID": _UUID, "score": -1},
    {"UUID": _UUID, "score": "many"},
    {"UUID": "", "score": 1},
    {"UUID": 1, "score": 1},
    {"score": 1},
    {"UUID": _UUID},
)
_OK: Final = 200
_REFUSED: Final = range(400, 500)


def check_job(name: str, address: str) -> None:
    """Raises `BenchmarkError` with what is wrong about the server at the address, which is new."""
    total = 0
    for count, score in enumerate(_SCORES, start=1):
        total += score
        _expect(name, _post(address, {"UUID": _UUID, "score": score}), total / count)
        for document in _INVALID:
            answer = _post(address, document)
            if answer.status not in _REFUSED:
                raise BenchmarkError(f"{name} answered {document} with {answer.status}")


def _expect(name: str, answer: Answer, mean: float) -> None:
    try:
        right = answer.status == _OK and json.loads(answer.body) == {"UUID": _UUID, "mean": mean}
    except ValueError:
        right = False
    if not right:
        raise BenchmarkError(f"{name} answered {answer.status} {answer.body!r} where the mean is {mean}")


def _post(address: str, document: object) -> Answer:
    with open_connection(address) as connection:
        return connection.ask(connection.request("POST", "/scores", json.dumps(document).encode()))
