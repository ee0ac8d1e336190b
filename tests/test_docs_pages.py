"""The pages of the documentation, each walked from top to bottom; and no example in them that nobody runs."""

import re
from pathlib import Path

import pytest
from support.examples import WALKS
from support.pages import EXAMPLES, Walk, blocks, carry_out

ROOT = Path(__file__).parent.parent
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
}


@pytest.mark.parametrize("page", WALKS)
async def test_every_command_prints_what_is_shown(
    no_leaks: None, tmp_path: Path, capfd: pytest.CaptureFixture[str], page: str
) -> None:
    walk = WALKS[page]
    done = await carry_out(PAGES[page], walk, tmp_path, capfd)
    assert done.left_out == walk.elsewhere.keys()
    assert done.commands or walk.elsewhere


def test_every_page_with_examples_is_walked() -> None:
    with_examples = {
        page for page, text in PAGES.items() if any(block.kind in EXAMPLES for block in blocks(text))
    }
    assert with_examples == WALKS.keys()


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_what_it_is(page: str) -> None:
    """An example without a kind, or one that is only indented, would be one that nobody runs."""
    text = re.sub(r"<!--.*?-->", "", PAGES[page], flags=re.DOTALL)
    fences = re.findall(r"^ *(?:```|~~~)(.*)$", text, re.MULTILINE)
    assert len(fences) == 2 * len([*blocks(text)])
    assert {*fences[::2]} <= {*EXAMPLES, "json", "nginx", "text", "toml", "yaml"}
    assert {*fences[1::2]} <= {""}
    outside = re.sub(r"^( *)```\w+\n.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"(?:\A|\n)\n {4,}(?![ \d*-]).+", outside) == []


def test_what_another_test_runs_names_a_test_that_is_there() -> None:
    reasons = {reason for walk in WALKS.values() for reason in walk.elsewhere.values()}
    named = {path for reason in reasons for path in re.findall(r"tests/\w+\.py", reason)}
    assert named
    assert [path for path in named if not (ROOT / path).is_file()] == []


SERVER = "```console\n$ scores serve --feed off\n… listening: http://127.0.0.1:8000\n"


@pytest.mark.parametrize(
    "page",
    [
        "```console\n$ python3 -c 'print(1)'\n2\n```\n",
        "`a.py`:\n\n```python\nprint(1)\n```\n",
        "```python\nprint(1)\n```\n",
        "```pycon\n>>> 1\n2\n```\n",
        "```sh\npython3 -c 'raise SystemExit(1)'\n```\n",
        f"{SERVER}$ scores inspectors\n1 inspector\n```\n",
        f"{SERVER}$ curl http://127.0.0.1:8000/inspectors\n[]\n```\n",
    ],
    ids=["output", "saved, not run", "not saved", "value", "status", "the command's output", "an answer"],
)
async def test_control_an_example_that_is_wrong_or_not_run_fails(
    no_leaks: None, tmp_path: Path, capfd: pytest.CaptureFixture[str], page: str
) -> None:
    with pytest.raises(AssertionError):
        await carry_out(page, WALKS["docs/tutorial.md"], tmp_path, capfd)


@pytest.mark.parametrize("key", ["make dist", "nothing begins so"])
async def test_control_a_reason_for_what_is_not_there_is_found(
    no_leaks: None, tmp_path: Path, capfd: pytest.CaptureFixture[str], key: str
) -> None:
    walk = Walk(elsewhere={"make dist": "takes long", "nothing begins so": "is not there"})
    done = await carry_out("```sh\nmake dist\n```\n", walk, tmp_path, capfd)
    assert (key in done.left_out) == (key == "make dist")
