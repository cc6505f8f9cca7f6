"""Documents are true: what they name exists, what they tell a reader to type is understood."""

from __future__ import annotations

import re
import shlex
import subprocess
from importlib import import_module

import pytest
from tradewind.api.manifest import parse_manifests
from tradewind.api.references import check_references
from tradewind_cli.app import app
from tradewind_cli.entry import COMMANDS
from unit.house.checkout import ROOT, text, tracked

DOCUMENTS = [name for name in tracked() if name.endswith(".md")]
TYPED = ["README.md", *(name for name in DOCUMENTS if name.startswith("docs/"))]
FOLDERS = "core|operator|workers|cli|crds|deploy|tests|examples|docs|hack"


def typed(name: str, program: str) -> list[str]:
    """Command lines of ``program`` in the fenced blocks and code words of a document, comments and prompts removed."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text(name), re.MULTILINE | re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    words = [word for word in re.findall(r"`([^`\n]+)`", text(name)) if " -" in word or word.startswith("make ")]
    found = [re.sub(r"^(\$ |uv run |\.venv/bin/)*", "", line) for line in (*lines, *words)]
    return [line for line in found if line.startswith(f"{program} ")]


def test_every_file_in_the_table_of_the_architecture_exists() -> None:
    rows = [line.split("|")[2] for line in text("ARCHITECTURE.md").splitlines() if line.startswith("| ")][2:]
    named = [word for row in rows for word in re.findall(r"[\w.-]+/[\w./-]*\w|\w+\.\w+|[A-Z]\w+", row)]

    assert [row for row in rows if not re.search(r"\w", row)] == []
    assert len(named) >= len(rows) > 20
    assert [word for word in named if not (ROOT / word).exists()] == []


def test_the_table_of_the_architecture_ends_the_page() -> None:
    assert text("ARCHITECTURE.md").rstrip().splitlines()[-1].startswith("| ")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    targets = re.findall(r"\]\(([^)#:\s]+)\)", text(name))

    assert [target for target in targets if not (ROOT / name).parent.joinpath(target).exists()] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_and_tests_a_document_names_exist(name: str) -> None:
    named = re.findall(rf"(?<![\w/])((?:{FOLDERS})/[\w./-]*\w\.(?:py|proto|yaml|md|svg))(?:::(\w+))?", text(name))

    missing = [path for path, _ in named if not (ROOT / path).is_file()]
    unknown = [test for path, test in named if test and path not in missing and f"def {test}(" not in text(path)]
    assert missing + unknown == []


@pytest.mark.parametrize("name", TYPED)
def test_make_targets_a_document_names_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", text("Makefile"), re.MULTILINE))
    wanted = {word for line in typed(name, "make") for word in line.split()[1:] if "=" not in word}

    assert wanted <= targets


@pytest.mark.parametrize(
    ("name", "line"), [(name, line) for name in TYPED for line in typed(name, "tradewind")], ids=lambda value: value
)
def test_the_command_line_understands_what_a_document_says(name: str, line: str) -> None:
    for module in set(COMMANDS.values()):
        import_module(f"tradewind_cli.commands.{module}")

    command, _, _ = app.parse_args(shlex.split(line)[1:], exit_on_error=False, print_error=False)

    assert command.__module__.startswith("tradewind_cli.commands")


def test_the_readme_shows_the_two_commands_a_newcomer_needs() -> None:
    assert {"make demo", "make test"} <= {" ".join(line.split()) for line in typed("README.md", "make")}


def test_the_desk_in_the_readme_is_valid_and_its_pipeline_is_short() -> None:
    [manifest] = re.findall(r"^```yaml\n(.*?)^```", text("README.md"), re.MULTILINE | re.DOTALL)

    loaded, problems = parse_manifests(manifest, ROOT / "README.md")

    assert problems == []
    assert check_references(loaded)[0] == []
    assert len(manifest.split("---")[0].splitlines()) < 20


def test_make_help_lists_every_target_with_a_word_about_it() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", text("Makefile"), re.MULTILINE))

    listed = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert {line.split()[0] for line in listed.splitlines() if len(line.split()) > 1} == targets
