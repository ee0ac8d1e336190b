"""The committed charts: each is what the command makes of the committed figures, and is shown on the page about them."""

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/explanation/benchmarks.md").read_text(encoding="utf-8")

pictures: Any = import_module("benchmarks.pictures")


@pytest.mark.parametrize("name", pictures.DRAWN)
def test_a_committed_chart_is_that_of_the_committed_figures(name: str) -> None:
    kept = json.loads((pictures.RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    image = (pictures.IMAGES / f"{name}.svg").read_text(encoding="utf-8")
    assert image == pictures.chart(kept), "`make charts` draws it anew"


def test_the_command_draws_them_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "IMAGES", tmp_path)
    arguments = import_module("benchmarks.__main__")._parser().parse_args(["charts"])
    assert arguments.act(arguments) == 0
    assert {image.stem for image in tmp_path.iterdir()} == pictures.DRAWN.keys()


@pytest.mark.parametrize("name", pictures.DRAWN)
def test_it_is_on_the_page_and_said_there_in_words(name: str) -> None:
    (told,) = re.findall(rf"!\[([^\]]+)\]\(\.\./images/{name}\.svg\)", PAGE)
    image: ET.Element = ET.parse(pictures.IMAGES / f"{name}.svg").getroot()  # noqa: S314 - ours
    assert told == image.findtext("{http://www.w3.org/2000/svg}title")


@pytest.mark.parametrize("name", pictures.DRAWN)
def test_nothing_of_it_reaches_out_of_the_image(name: str) -> None:
    image = (pictures.IMAGES / f"{name}.svg").read_text(encoding="utf-8")
    for text in re.findall(r'class="name"[^>]*>([^<]+)<', image):
        assert len(text) * 7 < 170, f"{text!r} is longer than there is room for"
    for x, text in re.findall(r'class="rate" x="([\d.]+)"[^>]*>([^<]+)<', image):
        assert float(x) + len(text) * 8 <= 760
    for text in re.findall(r'class="(?:note|head|panel)"[^>]*>([^<]+)<', image):
        assert len(text) * 7 <= 900


def test_every_result_has_a_word_on_the_page() -> None:
    results = {path.name for path in pictures.RESULTS.glob("*.json")}
    assert [name for name in results if f"results/{name})" not in PAGE] == []
