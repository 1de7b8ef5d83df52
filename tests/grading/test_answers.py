"""Each answer of `answers/` gets the points it should, the way a submission gets them: in a Python of its own, tested
over the channel by the one that ran the source."""

import functools
import runpy
from pathlib import Path

import nbformat
import pytest

from grading import run
from grading.course import GradingError
from grading.gradebook import needed
from tests.grading.sandboxed import has_sandbox, on_linux
from tests.grading.unearned import KINDS, UNCHANGED, code_of

ROOT = Path(__file__).resolve().parents[2]
ANSWERS = Path(__file__).parent / "answers"
NOTEBOOKS = sorted((ROOT / "course/source").glob("*/*.ipynb"))

# Questions that say nothing of leaving the arguments as they are: who answers rightly and works in the table that was
# handed over has done what was asked. In all others the test looks, and the answer "arguments changed afterwards" fails.
MAY_WORK_IN_PLACE = {
    "lab0_start_here/0_start_here": ["q1_share"],
    "lab1_handwritten_numbers/1_measure_bias": [
        "q1_representation",
        "q2_group_accuracy",
        "q3_disparities",
        "q4_worst_to_best_error",
    ],
    "lab1_handwritten_numbers/2_noise_or_gap": ["q1_wilson", "q4_p_value", "q6_difference", "q7_over_seeds"],
    "lab1_handwritten_numbers/3_collect_more_data": ["q1_change_by_group"],
    "lab2_open_images_fairness/1_audit_the_data": ["q1_share_bounds", "q2_pmi"],
    "lab3_debiasing/1_unawareness": ["q3_probe"],
    "lab3_debiasing/2_reweight_and_resample": ["q2_draw_rows"],
    "lab3_debiasing/3_train_for_the_worst_group": ["q1_losses_by_group"],
    "lab3_debiasing/4_after_training": ["q1_thresholds"],
    "lab4_income_fairlearn/1_fairness_unaware": ["q2_gap_interval", "q3_one_column_auc", "q4_decided_differently"],
    "lab4_income_fairlearn/2_fairness_constraints": ["q3_choose"],
    "lab4_income_fairlearn/3_thresholds_and_tradeoffs": ["q1_thresholds_for_rate", "q2_reweigh", "q3_who_changed"],
}


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
            points[cell["grade_id"]] = sum(points_of(cell["grade_id"], of_nbgrader).values())
    return {grade_id: worth for grade_id, worth in points.items() if worth}


def points_of(answer: str, of_nbgrader: list[dict]) -> dict[str, float]:
    """The tests of an answer's question: grade_id → points."""
    question = f"test_{answer.split('_')[0]}_"
    return {c["grade_id"]: c["points"] for c in of_nbgrader if c.get("grade") and c["grade_id"].startswith(question)}


@functools.cache
def texts(notebook: Path) -> tuple[str, str]:
    """Release and source, the same texts as those that grading takes, and so with the same warm Pythons."""
    return needed(notebook.parent.name, ROOT)[notebook.stem]


@functools.cache
def broken(notebook: Path) -> str:
    """Why no answer of a notebook can be tried; kept, or each of its answers would run the notebook again to fail."""
    try:
        with run.stages_of(*texts(notebook), answers=True):
            return ""
    except GradingError as problem:
        return str(problem)


def name_of(notebook: Path) -> str:
    """Stands in a test's parameters, so that one worker runs all that reads a notebook: its warm Pythons are there."""
    return f"{notebook.parent.name}/{notebook.stem}"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=name_of)
def test_every_question_has_wrong_answers_and_a_right_one(notebook):
    for grade_id, worth in points_by_test(notebook).items():
        given = answers(notebook).get(grade_id, [])
        wrong = [name for name, _, points in given if points < worth]
        right = [name for name, _, points in given if points == worth]
        assert len(wrong) >= 2, f"{grade_id} needs two wrong answers or more in {answer_file(notebook)}"
        assert right, f"{grade_id} needs a right answer written another way in {answer_file(notebook)}"
        assert len({name for name, *_ in given}) == len(given), f"two answers of {grade_id} have the same name"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=name_of)
def test_every_answer_belongs_to_a_question(notebook):
    unknown = set(answers(notebook)) - set(points_by_test(notebook))
    assert not unknown, f"{answer_file(notebook)} answers {unknown}; the notebook asks {set(points_by_test(notebook))}"


@on_linux
@pytest.mark.parametrize(
    ("notebook", "grade_id", "code", "wanted"),
    [
        pytest.param(notebook, grade_id, code, points, id=f"{name_of(notebook)}-{grade_id}-{name}")
        for notebook in NOTEBOOKS
        for grade_id, given in answers(notebook).items()
        for name, code, points in given
    ],
)
def test_an_answer_gets_its_points(notebook, grade_id, code, wanted):
    need_points(notebook, grade_id, code, wanted)


def need_points(notebook: Path, grade_id: str, code: str, wanted: float) -> None:
    """Fail unless this code in the answer cell gets these points."""
    assert not broken(notebook)
    done = run.run_answer(*texts(notebook), grade_id, code, unsafe=not has_sandbox)
    of_nbgrader = [cell.metadata.get("nbgrader", {}) for cell in nbformat.reads(texts(notebook)[1], as_version=4).cells]
    worth = points_of(grade_id, of_nbgrader)
    got = sum(worth[test] for test, found in done["tests"].items() if found["passed"])
    said = [found["message"] for found in done["tests"].values() if not found["passed"]]
    said += [f"{o['ename']}: {o['evalue']}" for shown in done["outputs"].values() for o in shown if "ename" in o]
    assert set(done["tests"]) == {test for test, points in worth.items() if points}
    assert got == wanted, f"{got} points and not {wanted}; {done['reasons']} {said}"


@functools.cache
def own_answers(notebook: Path) -> dict[str, str]:
    """The course's own code in each answer cell that tests decide about."""
    cells = nbformat.read(notebook, as_version=4).cells
    code = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source for cell in cells}
    return {grade_id: code[grade_id] for grade_id in points_by_test(notebook)}


@on_linux
@pytest.mark.parametrize(
    ("notebook", "grade_id", "kind"),
    [
        pytest.param(notebook, grade_id, kind, id=f"{name_of(notebook)}-{grade_id}-{kind}")
        for notebook in NOTEBOOKS
        for grade_id in own_answers(notebook)
        for kind in [UNCHANGED, *KINDS]
    ],
)
def test_an_answer_earns_nothing_without_the_work(notebook, grade_id, kind):
    """Answers that are not written but made, the same for every question: see `unearned.py`."""
    in_place = grade_id in MAY_WORK_IN_PLACE.get(name_of(notebook), []) and kind == "arguments changed afterwards"
    wanted = points_by_test(notebook)[grade_id] if kind == UNCHANGED or in_place else 0
    need_points(notebook, grade_id, code_of(kind, own_answers(notebook)[grade_id]), wanted)


@on_linux
def test_a_test_that_a_right_answer_fails_is_seen(monkeypatch):
    """The way above can lose: of an answer that does not run, or ends Python, no test passes."""
    notebook = next(path for path in NOTEBOOKS if path.parent.name == "lab0_start_here")
    for code, words in (("def share(", "SyntaxError"), ("import os\nos._exit(0)", "ended Python")):
        done = run.run_answer(*texts(notebook), "q1_share", code, unsafe=not has_sandbox)
        assert not any(test["passed"] for test in done["tests"].values()) and done["tests"]
        assert words in str(done)
