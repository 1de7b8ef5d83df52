"""Notebooks executed without a browser: an open question is no mistake, any other failing cell is."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from utils.headless import NotebookError, execute


def notebook(path, *cells):
    nbformat.write(new_notebook(cells=[new_code_cell(source, metadata=metadata) for source, metadata in cells]), path)


def test_an_open_question_does_not_stop_a_run(tmp_path):
    path = tmp_path / "n.ipynb"
    answer = {"nbgrader": {"solution": True, "grade": False}}
    check = {"nbgrader": {"solution": False, "grade": True}}
    notebook(path, ("def f():\n    raise NotImplementedError()", answer), ("assert f() == 1", check), ("print(2)", {}))
    run = execute(path, tmp_path / "build")
    assert (run.name, run.cells, run.unanswered) == (f"{tmp_path.name}/n", 3, 1) and run.seconds > 0
    executed = nbformat.read(tmp_path / "build/n.ipynb", as_version=4)
    assert executed.cells[2].outputs[0].text == "2\n"
    assert not any(cell.metadata.get("tags") for cell in executed.cells)
    assert "NotImplementedError" in (tmp_path / "build/n.html").read_text()


def test_any_other_failing_cell_stops_a_run_and_is_named(tmp_path):
    path = tmp_path / "n.ipynb"
    notebook(path, ("assert 1 == 2, 'one is not two'", {"nbgrader": {"solution": False, "grade": True}}))
    with pytest.raises(NotebookError, match="one is not two"):
        execute(path, tmp_path / "build")
