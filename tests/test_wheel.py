"""What is installed: everything that is served, and the licences of what is not ours."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

import scores
from scores.web import home
from scores.web.documentation import FILES

ROOT = Path(scores.__file__).parents[1]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files of a wheel that is built from here."""
    target = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = target.glob("*.whl")
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_files_of_the_documentation_are_in_it(names: set[str]) -> None:
    assert {f"scores/web/assets/{path}" for path in FILES.values()} <= names
    assert "scores/web/assets/docs/index.html" in names


def test_the_page_is_in_it_with_the_licence_of_its_charts(names: set[str]) -> None:
    assert {f"scores/web/assets/{path}" for path in home.FILES.values()} <= names
    assert {"scores/web/assets/page/index.html", "scores/web/assets/uplot/README.md"} <= names
    assert any(name.endswith(".dist-info/licenses/scores/web/assets/uplot/LICENSE") for name in names)


def test_the_licence_of_swagger_ui_is_in_it(names: set[str]) -> None:
    assert {f"scores/web/assets/swagger-ui/{name}" for name in ("LICENSE", "NOTICE", "README.md")} <= names
    licences = {name.partition(".dist-info/licenses/")[2] for name in names}
    assert {
        "LICENSE",
        "scores/web/assets/swagger-ui/LICENSE",
        "scores/web/assets/swagger-ui/NOTICE",
    } <= licences


def test_every_module_is_in_it(names: set[str]) -> None:
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "scores").rglob("*.py")} <= names
