"""The bytes of an event stream as the original feed writes them: the same for the same count.

The rule: 100 students and 20,000 exams, scores of full length, so that most events bring a new result.
"""

from random import Random

__all__ = ["event_stream"]

_STUDENTS = 100
_EXAMS = 20_000


def event_stream(events: int, *, numbered: bool = False) -> bytes:
    """So many events; numbered: each has an `id` line first."""
    seeded = Random(20)
    blocks = []
    for number in range(events):
        name, exam, score = seeded.randrange(_STUDENTS), seeded.randrange(_EXAMS), seeded.random()
        head = f"id: {number}\n" if numbered else ""
        data = f'{{"studentId":"Evan{name}","exam":{exam},"score":{score}}}'
        blocks.append(f"{head}event: score\ndata: {data}\n\n")
    return "".join(blocks).encode()
