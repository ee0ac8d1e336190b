"""Every page with examples that are commands or Python, what it needs beside itself, and what of it is not run.

Rule: a page that is not here has no such example, and what is not run has its reason here.
"""

from pathlib import Path
from typing import Final

from support.pages import Walk

__all__ = ["WALKS"]

ROOT = Path(__file__).parents[2]

_SERVER: Final = "scores serve --feed off"
_FED: Final = "scores feed --ids --rate 0 --count 200", "scores serve --feed http://127.0.0.1:8001/scores"
_DOCKER: Final = (
    "no Docker on a machine of tests; tests/test_image.py holds the image's file and these flags together"
)
_KUBECTL: Final = "no cluster on a machine of tests; tests/test_kubernetes.py reads the manifests"
_OTHERS: Final = ROOT / "tests/stores/thirdparty/scores_listing_store.py"
_FILLED_IN: Final = b"""

class MyStore(ListingStore):
    def __init__(self, _url):
        super().__init__()

    async def close(self):
        pass
"""
_HOURS: Final = "takes a quarter of an hour, or hours"

WALKS: Final[dict[str, Walk]] = {
    "README.md": Walk(
        before={
            "curl 'http://127.0.0.1:8000/exams": _FED,
            "SCORES_STORE=sqlite": ("^C", "scores feed --rate 0 --count 1"),
        },
        swapped={"https://example.org/scores": "http://127.0.0.1:8001/scores"},
        elsewhere={
            "make run": "a feed without an end, of which the examples show the first 200 events; the tutorial's is run",
            "make test": _HOURS,
        },
    ),
    "CONTRIBUTING.md": Walk(
        elsewhere={
            "make run": "makes a virtual environment, with packages from the index; the tutorial's is run in this one",
            "make hooks": "likewise; tests/test_contributing.py holds the hooks to what `make lint` runs",
            "git ": "would commit to the checkout that is tested",
            "make dist": "likewise from the index; tests/test_wheel.py builds the wheel and looks into it",
            "python3 -m venv": "a release's: with packages from the index, and what `make dist` has made",
            "/tmp/try-scores": "a release's, likewise",  # noqa: S108  # as it is written there
            "cd /tmp": "a release's, likewise",
        },
    ),
    "docs/tutorial.md": Walk(),
    "docs/explanation/exact.md": Walk(),
    "docs/explanation/faults.md": Walk(elsewhere={"make ": _HOURS}),
    "docs/explanation/mutation.md": Walk(elsewhere={"make ": _HOURS}),
    "docs/explanation/redis.md": Walk(
        redis=True,
        before={
            "redis-cli ZRANGE": (
                "scores serve --feed off --store redis://localhost:6379/0",
                "curl -X PUT http://127.0.0.1:8000/exams/3/results/foo -H 'Content-Type: application/json' -d '{\"score\":0.991}'",
                "curl -X PUT http://127.0.0.1:8000/exams/4/results/foo -H 'Content-Type: application/json' -d '{\"score\":0.5}'",
            )
        },
    ),
    "docs/explanation/rest.md": Walk(),
    "docs/howto/client.md": Walk(before={"scores post a1-b1 5": (_SERVER,)}),
    "docs/howto/feed-it.md": Walk(),
    "docs/howto/guard-with-tokens.md": Walk(),
    "docs/howto/load-test.md": Walk(),
    "docs/howto/operate.md": Walk(
        elsewhere={
            "sqlite3 ": "no `sqlite3` on a machine of tests; the next does the same from Python",
            "python -c": "run by tests/test_backup.py, while the server is written to",
        }
    ),
    "docs/howto/rehearse-a-bad-feed.md": Walk(),
    "docs/howto/run-in-containers.md": Walk(elsewhere={"docker ": _DOCKER}),
    "docs/howto/run-in-kubernetes.md": Walk(elsewhere={"docker ": _DOCKER, "kubectl ": _KUBECTL}),
    "docs/howto/run-on-redis.md": Walk(redis=True),
    "docs/howto/swap-the-store.md": Walk(),
    "docs/howto/write-a-store.md": Walk(
        # Filled in by another's store, whose methods take the place of those that are only shown.
        files={
            "others.txt": _OTHERS.read_bytes() + _FILLED_IN,
            "fill_in.py": b"open('my_package.py', 'a').write(open('others.txt').read())",
        },
        before={".venv/bin/pip install": ("python3 fill_in.py",)},
        # A part of the suite: tests/stores/test_thirdparty.py runs all of it on the same store.
        swapped={"test_mine.py": "-p no:cacheprovider -k average_keeps test_mine.py"},
    ),
    "docs/reference/http.md": Walk(
        before={
            "curl http://127.0.0.1:8000/scores -H": (
                _SERVER,
                "curl -X PUT http://127.0.0.1:8000/exams/3/results/foo -H 'Content-Type: application/json' -d '{\"score\":0.991}'",
            ),
        },
        files={"scores.ndjson": b"".join(b'{"UUID":"c3-d4","score":%d}\n' % score for score in (5, 6, 3))},
        meanwhile={"curl http://127.0.0.1:8000/scores": "scores post a1-b1 4"},
    ),
}
