"""`grading` works without `utils`, and `utils` without `grading`; and parts of `grading` without the rest of it."""

import ast
import re
from pathlib import Path

import pytest

from grading.sandbox import INSIDE
from grading.student_edition import CHECK

ROOT = Path(__file__).resolve().parents[2]


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", sorted((ROOT / "grading").rglob("*.py")), ids=lambda path: path.name)
def test_grading_imports_nothing_of_utils(path):
    assert "utils" not in imported(path)


def test_only_the_program_of_commands_knows_grading():
    knows = [path.name for path in (ROOT / "utils").rglob("*.py") if "grading" in imported(path)]
    assert knows == ["commands.py"]


def of_grading(name: str) -> set[str]:
    """The modules of `grading` that one of them imports, at any place, or starts as a program."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / f"grading/{name}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            names |= {node.module} if node.module else {alias.name for alias in node.names}
        elif isinstance(node, ast.List):
            words = [item.value for item in node.elts if isinstance(item, ast.Constant)]
            names |= {word.removeprefix("grading.") for word in words if str(word).startswith("grading.")}
    return names


def all_of(*names: str) -> set[str]:
    """These modules, and all that they need of `grading`."""
    needed, ahead = {"__init__"}, list(names)
    while ahead:
        name = ahead.pop()
        if name not in needed:
            needed.add(name)
            ahead += of_grading(name)
    return needed


def test_the_sandbox_holds_what_runs_cells_and_nothing_else_of_grading():
    assert set(INSIDE) == all_of("inside")


def test_the_student_edition_holds_what_its_check_needs_and_nothing_else_of_grading():
    """An installation of the whole course lends an edition what it lacks, and hides that: so it is read off here."""
    with_tests = {"trusted", "stand_ins"}  # loaded where there is a source, which no student has
    assert set(CHECK) == all_of("check") - with_tests
    assert with_tests == of_grading("stage") - set(CHECK) | of_grading("trusted") - set(CHECK)


def test_a_module_that_is_only_started_is_seen():
    assert {"stage"} <= of_grading("warm") and {"inside"} <= of_grading("session")
    assert {"bounded_process"} <= of_grading("bounded") and {"safe"} <= of_grading("bounded_process")


def test_the_readme_says_of_every_file_what_it_is_for():
    text = (ROOT / "grading/README.md").read_text(encoding="utf-8")
    _, _, table = text.partition("### Which file does what")
    named = re.findall(r"`(\w+)`", table.partition("### What it stops")[0])
    there = {path.stem for path in (ROOT / "grading").rglob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in (ROOT / "grading").glob("*/__init__.py")}
    assert set(named) - {"grading", "Submission", "Outcome", "Result"} == there | packages
