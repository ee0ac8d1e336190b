"""Query strings and positions that nobody gave out: a page, or an error that names the parameter; on every store."""

import base64
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.api import quote
from support.keepalive import KeepAlive, kept_alive
from support.naughty import STRINGS
from support.requests import request
from support.soak import LONG, times
from support.stores import store_of
from support.tally import note_inputs

Serve = Callable[..., Awaitable[str]]

KINDS = ["dict", "sharded", "redis", *(["sqlite"] if find_spec("scores.stores.sqlite") else [])]
LISTINGS = ["/inspectors", "/students", "/exams", "/exams/3", "/students/s3"]
NAMES = [
    "limit",
    "after",
    "exam_id",
    "student_name",
    "start",
    "verbose",
    "LIMIT",
    "limit[]",
    "limit%00",
    "",
    "a" * 300,
]
NUMBERS = [
    "1", "0", "-1", "01", "+1", "1.0", "1e3", "1000", "1001", " 1", "1 ", "1_0", "٣", "１", "0x1", "true", "null", "9" * 19, "9" * 5000,
    "9223372036854775807", "9223372036854775808", "18446744073709551616", "NaN", "Infinity", "-0", "1,2", "1;2", "[1]", "%00",
]  # fmt: skip
POSITIONS = [
    "", "0", "-1", "1", "3", "٣", "²", "9" * 18, "9" * 19, "9" * 20, "9" * 5000, "1.5", "1e3", " 1", "1\n", "1\0", "+1", "NaN", "\0", "\x7f", "a\0b",
    "\ufeff", "\U0010ffff" * 256, "a" * 5000, "0:0", "0,0", "{}", "[]", '{"a":1}', "*", "(", "[", "-", "+", "-inf", "+inf", "(1", "\r\n", "%s", "..",
]  # fmt: skip


@pytest.fixture(params=KINDS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A store of each kind, empty."""
    if request.param == "sqlite":
        yield f"sqlite:{tmp_path / 'scores.db'}"
        return
    async with store_of(request.param) as url:
        yield url


def token(position: bytes) -> str:
    return base64.urlsafe_b64encode(position).decode().rstrip("=")


def targets(seed: int, genuine: list[str]) -> list[str]:
    """Listings with parameters, right, wrong, and somebody else's."""
    chance = random.Random(seed)
    texts = [
        *NUMBERS,
        *(quote(text) for text in STRINGS if not any("\ud800" <= one <= "\udfff" for one in text)),
    ]
    tokens = [
        *map(
            token,
            (
                text.encode()
                for text in [
                    *POSITIONS,
                    *(text for text in STRINGS[:: 1 if LONG else 8] if text.isprintable()),
                ]
            ),
        ),
        *(token(chance.randbytes(chance.randrange(1, 40))) for _ in range(times(40))),
        *genuine,
        *(one[: chance.randrange(len(one))] for one in genuine),
        *(one + "=" for one in genuine),
        *(
            "",
            "=",
            "====",
            "A",
            "AA",
            "A===",
            "%3D",
            "+/+/",
            "!!!!",
            "QQ%00",
            "a b",
            "a.b",
            "é",
            "%ff",
            "%C3%A9",
            "\xff",
        ),
    ]
    made = [f"{path}?after={one}&limit=3" for path in LISTINGS for one in tokens]
    made += [f"{path}?limit={one}" for path in LISTINGS for one in NUMBERS]
    for _ in range(times(300)):
        names = chance.choices(NAMES, weights=[6, 6, 6, 6, *[1] * 7], k=chance.randrange(1, 5))
        pairs = [
            f"{name}{chance.choice(['=', '=', '=', '', '=='])}{chance.choice([*texts, *tokens])}"
            for name in names
        ]
        made.append(f"{chance.choice(LISTINGS)}?{chance.choice(['&', '&', ';', '&&']).join(pairs)}")
    made += [f"{path}?{'&'.join(f'exam_id={one}' for one in range(900))}" for path in LISTINGS]
    return [
        target.encode("utf-8", "surrogateescape").decode("latin-1") for target in made if len(target) < 7000
    ]


async def fill(client: KeepAlive) -> None:
    for at in range(12):
        body = b'{"score":0.5}'
        for path in (f"/exams/3/results/s{at}", f"/exams/{at}/results/s3"):
            await client(request("PUT", path, {"Content-Type": "application/json"}, body))
        score = b'{"UUID":"i%d","score":5}' % at
        await client(request("POST", "/scores", {"Content-Type": "application/json"}, score))


async def ask(client: KeepAlive, target: str) -> tuple[str, int]:
    """What is wrong with the answer, if something is, and its status."""
    raw = f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode("latin-1")
    reply = await client(raw)
    name = next(
        (
            name
            for name in ("inspectors", "students", "exams", "results")
            if f'"{name}":'.encode() in reply.body
        ),
        None,
    )
    if reply.status == 200:
        good = name is not None and all(item for item in reply.json[name])
    else:
        good = (
            reply.status in {400, 431} and reply.json["status"] == reply.status and bool(reply.json["detail"])
        )
    return ("" if good else f"{reply.status}: {target[:100]}"), reply.status


async def asked(client: KeepAlive, *, step: int = 1) -> tuple[list[str], list[int]]:
    """What is wrong in all answers, and their statuses."""
    await fill(client)
    pages = [await client(request("GET", f"{path}?limit=2")) for path in LISTINGS]
    genuine = [page.json["next"].partition("after=")[2] for page in pages]
    told = [await ask(client, target) for target in targets(1, genuine)[::step]]
    return [wrong for wrong, _ in told if wrong], [status for _, status in told]


async def test_any_query_is_a_page_or_an_error_that_says_what_is_wrong(
    serve: Serve, store: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with kept_alive(await serve(store=store)) as client:
        wrong, statuses = await asked(client, step=1 if LONG or store == "dict" else 3)
        assert (await client(request("GET", "/readyz"))).status == 200
    errors = sum(status >= 500 for status in statuses)
    note_inputs(
        corpus=f"query strings, {store.partition(':')[0]}",
        tried=len(statuses),
        server_errors=errors,
        wrong=len(wrong),
    )
    assert not wrong
    assert {200, 400} <= set(statuses)
    # That this Redis keeps nothing on a disk is said at the start.
    assert not [one for one in caplog.records if one.name != "scores.stores.redis.greeting"]


async def test_control_an_unchecked_position_is_a_fault_of_the_server(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unchecked(text: str) -> str:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_").decode()

    monkeypatch.setattr("scores.web.queries._decode", unchecked)
    async with kept_alive(await serve()) as client:
        wrong, statuses = await asked(client, step=4)
    assert sum(status >= 500 for status in statuses) > 20
    assert len(wrong) > 20
