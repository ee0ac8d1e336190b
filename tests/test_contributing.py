"""What a newcomer is told to run, open and fill in: it is all there."""

import importlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
STABILITY = ROOT / "docs" / "explanation" / "stability.md"
PAGES = [
    ROOT / "README.md", CONTRIBUTING, ROOT / "CODE_OF_CONDUCT.md", ROOT / "SECURITY.md", STABILITY,
    ROOT / ".github" / "pull_request_template.md", ROOT / ".pre-commit-config.yaml",
]  # fmt: skip
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

# What running the commands makes; nothing of it is in a checkout.
MADE = (".venv", "dist")
NAMED = re.compile(r"^\.?[\w-][\w.-]*(/[\w.*-]+)*(/|\.(py|md|ini|ya?ml|toml|json|txt))$|^[.\w-]+(/[\w.-]+)+$")


def code(text: str) -> list[str]:
    """The code that a page shows, in a line or in a block."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return blocks + re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def anchors(path: Path) -> set[str]:
    """What a link into the page may end with: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_exists(page: Path) -> None:
    shown = [part for part in code(page.read_text(encoding="utf-8")) if not part.startswith("{")]
    targets = {target for part in shown for target in re.findall(r"\bmake ([a-z-]+)", part)}
    assert targets <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert targets or page.name in {"CODE_OF_CONDUCT.md", "SECURITY.md", "stability.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_its_heading(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)
    for link in links:
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), link
        assert not anchor or anchor in anchors(path), link


def test_every_path_that_contributing_names_exists() -> None:
    words = {word for part in code(CONTRIBUTING.read_text(encoding="utf-8")) for word in part.split()}
    paths = {word for word in words if NAMED.match(word) and not word.startswith(MADE)}
    assert {".ci/run", "tests/test_exact.py", "tests/faults/corpora", "tests/support/"} <= paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_targets_of_make_are_explained() -> None:
    declared = re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)[0].split()
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert targets == set(declared)


def test_hooks_run_what_make_lint_runs_and_name_no_version_of_their_own() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (repo,) = config["repos"]
    assert repo["repo"] == "local"
    (recipe,) = re.findall(r"^lint:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    linted = {re.sub(r" --check| \.$", "", line.strip()) for line in recipe.splitlines()}
    hooked = {re.sub(r" --[a-z-]+", "", hook["entry"]) for hook in repo["hooks"]}
    assert hooked == {line.replace("$(BIN)", ".venv/bin") for line in linted}
    assert all(hook["language"] == "system" for hook in repo["hooks"])
    assert all("additional_dependencies" not in hook for hook in repo["hooks"])


@pytest.mark.parametrize(
    "form", [form for form in FORMS if form.name != "config.yml"], ids=lambda form: form.name
)
def test_an_issues_form_is_one_that_github_shows(form: Path) -> None:
    read: dict[str, Any] = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert read.keys() <= {"name", "description", "title", "labels", "assignees", "projects", "type", "body"}
    assert read["name"]
    assert read["description"]
    asked = [part for part in read["body"] if part["type"] != "markdown"]
    assert len({part["id"] for part in asked}) == len(asked) > 0
    for part in read["body"]:
        assert part.keys() <= {"type", "id", "attributes", "validations"}
        assert part["type"] in {"markdown", "textarea", "input", "dropdown", "checkboxes"}
        assert part["attributes"]["value" if part["type"] == "markdown" else "label"]
        assert all(isinstance(option, str) for option in part["attributes"].get("options", [])) or (
            part["type"] == "checkboxes"
        )


def test_there_are_forms_for_bugs_and_features_and_no_issue_without_one() -> None:
    assert [form.name for form in FORMS] == ["bug.yml", "config.yml", "feature.yml"]
    assert yaml.safe_load(FORMS[1].read_text(encoding="utf-8")) == {"blank_issues_enabled": False}


def test_the_bug_form_knows_every_store_that_is_built_in() -> None:
    (store,) = [part for part in yaml.safe_load(FORMS[0].read_text())["body"] if part.get("id") == "store"]
    assert {"dict", "sharded", "sqlite"} <= set(store["attributes"]["options"])


def test_what_is_said_to_be_public_is_there() -> None:
    text = STABILITY.read_text(encoding="utf-8")
    public = text[text.index("## Public") : text.index("## Not public")]
    names = set(re.findall(r"`(scores(?:\.\w+)+)`", public)) - {"scores.stores"}  # that is the entry point
    assert {"scores.__all__", "scores.client.__all__", "scores.Store", "scores.testing"} == names
    importlib.import_module("scores.testing")
    for name in names:
        owner, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(owner), attribute)


def test_the_package_has_its_version_from_one_place_and_the_changelog_begins_with_what_is_not_released() -> (
    None
):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "scores/__init__.py"
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
