"""What is committed in course/release and solutions is what course/source generates."""

from pathlib import Path

import nbformat
import pytest

from grading.handout import release, solutions

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "course/source").glob("*/*.ipynb"))


def files(folder: Path) -> dict[str, bytes]:
    paths = [p for p in folder.rglob("*") if p.is_file() and ".ipynb_checkpoints" not in p.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def without_outputs(content: bytes):
    """Everything a solved notebook says, apart from what its cells printed (which may be a time)."""
    notebook = nbformat.reads(content.decode(), as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def test_release(tmp_path):
    release(to=tmp_path)
    committed, generated = files(ROOT / "course/release"), files(tmp_path)
    assert committed.keys() == generated.keys(), "run `make release`"
    different = [name for name in committed if committed[name] != generated[name]]
    assert not different, f"{different} differ from what course/source generates: run `make release`"


def test_solutions(tmp_path):
    solutions(to=tmp_path, execute=False)
    committed, generated = files(ROOT / "solutions"), files(tmp_path)
    assert committed.keys() == generated.keys(), "run `make solutions`"
    for name in committed:
        same = (
            without_outputs(committed[name]) == without_outputs(generated[name])
            if name.endswith(".ipynb")
            else committed[name] == generated[name]
        )
        assert same, f"{name} is not the solution of its source: run `make solutions`"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_solution_has_the_code_of_its_source(notebook):
    """Cell by cell, to the character: what holds for the one when it runs holds for the other."""
    solved = ROOT / "solutions" / notebook.parent.name / notebook.name
    source, solution = (
        [(cell.id, cell.source) for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        for path in (notebook, solved)
    )
    assert source == solution and source
