"""Each answer of `answers/` gets the points it should, from the tests in the source notebooks."""

import functools
import json
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
ANSWERS = Path(__file__).parent / "answers"
NOTEBOOKS = sorted((ROOT / "course/source").glob("*/*.ipynb"))


def answer_file(notebook: Path) -> Path:
    return ANSWERS / notebook.parent.name / f"{notebook.stem}.py"


def answers(notebook: Path) -> dict[str, list[tuple]]:
    path = answer_file(notebook)
    return runpy.run_path(str(path))["ANSWERS"] if path.exists() else {}


def points_by_test(notebook: Path) -> dict[str, float]:
    """The answer cells that tests decide about: grade_id → points of the tests of the same question."""
    of_nbgrader = [cell.metadata.get("nbgrader", {}) for cell in nbformat.read(notebook, as_version=4).cells]
    points = {}
    for cell in of_nbgrader:
        if cell.get("solution") and not cell.get("grade"):
            question = cell["grade_id"].split("_")[0]
            tests = [c for c in of_nbgrader if c.get("grade") and c["grade_id"].startswith(f"test_{question}_")]
            points[cell["grade_id"]] = sum(test["points"] for test in tests)
    return {grade_id: worth for grade_id, worth in points.items() if worth}


@functools.cache
def results(notebook: Path) -> dict[str, dict]:
    """What the answers of a notebook get; it is run once for all of them."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "results.json"
        command = [sys.executable, "-m", "tests.grading.variants", notebook, answer_file(notebook), out]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        # An error is kept like a result, or each of the notebook's tests would run it again to fail again.
        return json.loads(out.read_text()) if done.returncode == 0 else {"error": done.stderr[-3000:]}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_question_has_wrong_answers_and_a_right_one(notebook):
    for grade_id, worth in points_by_test(notebook).items():
        given = answers(notebook).get(grade_id, [])
        wrong = [name for name, _, points in given if points < worth]
        right = [name for name, _, points in given if points == worth]
        assert len(wrong) >= 2, f"{grade_id} needs two wrong answers or more in {answer_file(notebook)}"
        assert right, f"{grade_id} needs a right answer written another way in {answer_file(notebook)}"
        assert len({name for name, *_ in given}) == len(given), f"two answers of {grade_id} have the same name"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_answer_belongs_to_a_question(notebook):
    unknown = set(answers(notebook)) - set(points_by_test(notebook))
    assert not unknown, f"{answer_file(notebook)} answers {unknown}; the notebook asks {set(points_by_test(notebook))}"


@pytest.mark.parametrize(
    ("notebook", "answer", "wanted"),
    [
        pytest.param(notebook, f"{grade_id}/{name}", points, id=f"{notebook.stem}-{grade_id}-{name}")
        for notebook in NOTEBOOKS
        for grade_id, given in answers(notebook).items()
        for name, _, points in given
    ],
)
def test_an_answer_gets_its_points(notebook, answer, wanted):
    assert "error" not in results(notebook), results(notebook)["error"]
    got = results(notebook)[answer]
    assert got["points"] == wanted, f"{answer}: {got['points']} points and not {wanted}; errors: {got['errors']}"
