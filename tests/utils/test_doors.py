"""What a room shows at its front door, and that everybody comes in through it."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
DOORS = ["aim342", "datasets", "evaluation", "mitigation", "plotting", "training"]
OPEN = {"utils.checks", "utils.sentences", *(f"utils.{room}" for room in DOORS)}
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "course/guide").rglob("*.md"))]
NOTEBOOKS = sorted((ROOT / "course/source").glob("*/*.ipynb"))


@pytest.mark.parametrize("room", DOORS)
def test_all_that_a_door_names_is_there(room):
    door = importlib.import_module(f"utils.{room}")
    assert door.__doc__ and door.__all__ and set(door.__all__) <= set(dir(door))
    for name in door.__all__:
        shown = getattr(door, name)
        assert not inspect.ismodule(shown) or name == "criteria"
        if inspect.isroutine(shown) or inspect.isclass(shown):
            assert inspect.getdoc(shown), f"utils.{room}.{name} has no docstring"
            assert shown.__name__ == name


@pytest.mark.parametrize("room", DOORS)
def test_no_module_bears_the_name_of_what_it_is_for(room):
    door = importlib.import_module(f"utils.{room}")
    modules = {file.stem for file in (ROOT / "utils" / room).glob("*.py")}
    assert not modules & (set(door.__all__) - {"criteria"})


@pytest.mark.parametrize("room", DOORS)
def test_a_module_that_the_door_does_not_show_is_private(room):
    public = [file.stem for file in (ROOT / "utils" / room).glob("*.py") if not file.stem.startswith("_")]
    assert set(public) <= set(importlib.import_module(f"utils.{room}").__all__)


@pytest.mark.parametrize("room", DOORS)
def test_a_door_alone_loads_nothing_that_costs(room):
    costly = ("torch", "sklearn", "matplotlib", "pandas", "numpy")
    code = f"import sys, utils.{room}; sys.exit(' '.join(name for name in {costly} if name in sys.modules) or 0)"
    loading = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert loading.returncode == 0, f"utils.{room} loads {loading.stderr}"


def imported(code: str) -> list[str]:
    lines = "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in code.splitlines())
    modules = []
    for node in ast.walk(ast.parse(lines)):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules.append(node.module)
    return [name for name in modules if name.startswith("utils")]


def behind_doors(modules: list[str]) -> list[str]:
    return [name for name in modules if name not in OPEN]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_come_in_through_the_doors(notebook):
    cells = nbformat.read(notebook, as_version=4).cells
    assert not [cell.id for cell in cells if re.search(r"utils[./][a-z]+[./]_\w+", cell.source)]
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    modules = [name for cell in code for name in imported(cell)]
    assert modules and not behind_doors(modules)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_pages_come_in_through_the_doors(page):
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"utils\.[a-z]+\._\w+", text)
    for block in re.findall(r"```python\n(.*?)```", text, re.S):
        assert not behind_doors(imported(block))


@pytest.mark.parametrize("room", DOORS)
def test_a_file_that_a_docstring_names_is_there(room):
    for file in (ROOT / "utils" / room).glob("*.py"):
        for name in re.findall(r"`(\w+[.]py)`", file.read_text(encoding="utf-8")):
            assert (file.parent / name).exists(), f"{file.name} names {name}"


def test_who_comes_in_another_way_is_seen():
    assert behind_doors(imported("from utils.evaluation._audit import audit\nimport utils.kept")) == [
        "utils.evaluation._audit",
        "utils.kept",
    ]
