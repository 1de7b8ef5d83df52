"""`grading` works without `utils`, and `utils` without `grading`: the student edition has only one of them."""

import ast
from pathlib import Path

import pytest

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
