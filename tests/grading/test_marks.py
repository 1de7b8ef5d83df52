"""Submissions as `make grade` takes them: mended, run in a sandbox, tested, into nbgrader's gradebook."""

import csv
import gzip
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from bs4 import BeautifulSoup
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)
from traitlets import List

from grading import feedback, gradebook, marks
from grading.course import GradingError, configuration, labs, questions, run_nbgrader
from grading.feedback import write_pages
from grading.handout import release
from grading.marks import grade
from tests.grading.sandboxed import needs_sandbox
from tests.grading.test_answers import NOTEBOOKS, answers, name_of

ROOT = Path(__file__).resolve().parents[2]
START = "lab0_start_here"


def course(folder: Path, lab: str, only: str = "*") -> Path:
    """A course folder with one lab and no submissions: as a fresh clone, with the release committed."""
    for part in ("course/source", "course/release"):
        (folder / part / lab).mkdir(parents=True)
        for path in (ROOT / part / lab).glob(f"{only}.ipynb"):
            shutil.copy(path, folder / part / lab)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    return folder


def submit(
    root: Path, student: str, lab: str, code: dict[str, str] | None = None, leave_out=(), only: str = "*"
) -> Path:
    """Hand in the release with some answer cells replaced: grade_id → code."""
    folder = root / "submitted" / student / lab
    folder.mkdir(parents=True)
    for path in (root / "course/release" / lab).glob(f"{only}.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            cell.source = (code or {}).get(f"{path.stem}/{grade_id(cell)}", cell.source)
        notebook.cells = [cell for cell in notebook.cells if grade_id(cell) not in leave_out]
        nbformat.write(notebook, folder / path.name)
    return folder


def grade_id(cell) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def solution_cells(root: Path, lab: str) -> dict[str, str]:
    """The course's own answers: `notebook/grade_id` → code."""
    return {
        f"{path.stem}/{grade_id(cell)}": cell.source
        for path in (root / "course/source" / lab).glob("*.ipynb")
        for cell in nbformat.read(path, as_version=4).cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }


class Record(Autograde):
    """nbgrader's autograding of a notebook that was executed elsewhere: everything but running it."""

    sanitize_preprocessors = List([OverwriteKernelspec, OverwriteCells, CheckCellMetadata])
    autograde_preprocessors = List([SaveAutoGrades, AssignLatePenalties, CheckCellMetadata])


pytestmark = needs_sandbox


@pytest.fixture(
    scope="module",
    params=[pytest.param(path, id=name_of(path)) for path in NOTEBOOKS],
)
def graded(request, tmp_path_factory):
    """Two submissions of a notebook, graded once: the notebook, the course folder, and student → row.

    The warm Pythons are those with which `test_answers` has tried this notebook's answers in the same process.
    """
    notebook = request.param
    lab = notebook.parent.name
    root = course(tmp_path_factory.mktemp(lab), lab, only=notebook.stem)
    submit(root, "reference", lab, solution_cells(root, lab))
    submit(root, "untouched", lab)
    return notebook, root, {row["student"]: row for row in grade(lab, root, say=lambda line: None, workers=1)}


def test_the_reference_solution_gets_every_automatic_point(graded):
    row = graded[2]["reference"]
    assert (row["status"], row["reasons"]) == ("graded", "")
    assert row["automatic"] == row["automatic_max"] > 0


def test_the_untouched_release_gets_none_and_does_not_crash(graded):
    row = graded[2]["untouched"]
    assert (row["status"], row["reasons"]) == ("graded", "")
    assert row["automatic"] == 0


def test_points_by_hand_wait_for_a_person(graded):
    notebook, root, rows = graded
    by_hand = [q.points for q in questions(notebook.parent.name, root) if q.by_hand]
    for row in rows.values():
        assert row["by_hand_max"] == row["waiting"] == sum(by_hand)


@pytest.mark.parametrize("lab", labs(ROOT))
def test_the_notebooks_of_a_lab_hold_all_its_points(lab, tmp_path):
    """What is graded notebook by notebook above is the whole lab."""
    parts = [questions(lab, course(tmp_path / p.stem, lab, only=p.stem)) for p in NOTEBOOKS if p.parent.name == lab]
    assert [question for part in parts for question in part] == questions(lab, ROOT)


def test_wrong_answers_lose_exactly_their_points(tmp_path):
    """The whole way once, from files to marks; `test_answers` does so for every wrong answer, from code to test."""
    root = course(tmp_path, START)
    (notebook,) = (path for path in NOTEBOOKS if path.parent.name == START)
    wanted = {}
    for asked, given in answers(notebook).items():
        for number, (_, code, points) in enumerate(given):
            submit(root, f"{asked}-{number}", START, {f"{notebook.stem}/{asked}": code})
            wanted[f"{asked}-{number}"] = points
    rows = grade(START, root, say=lambda line: None, workers=1)
    assert {row["student"]: row["automatic"] for row in rows} == wanted and {*wanted.values()} == {0, 1}


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A class with every kind of accident in it, graded twice: the second time must say the same."""
    root = course(tmp_path_factory.mktemp("odd"), START)
    solved = solution_cells(root, START)
    good = solved["0_start_here/q1_share"]
    answer = "0_start_here/q1_share"
    warns = 'import sys, warnings; warnings.warn("careful"); print("careful", file=sys.stderr)\n    known ='
    submit(root, "warns", START, {answer: good.replace("known =", warns, 1)})
    submit(root, "ends_python", START, {answer: f"import os; os._exit(1)\n{good}"})
    submit(
        root,
        "without_tests",
        START,
        {answer: "share = lambda *a: 0.25"},
        leave_out=["test_q1_visible", "test_q1_hidden"],
    )
    submit(root, "without_question", START, leave_out=["q1_share", "test_q1_visible", "test_q1_hidden"])
    folder = submit(root, "cut_off", START)
    (folder / "0_start_here.ipynb").write_text('{"cells": [')
    folder = submit(root, "other_name", START, solved)
    (folder / "0_start_here.ipynb").rename(folder / "mine.ipynb")
    submit(root, "zoe", START, solved)
    first = grade(START, root, say=lambda line: None, workers=1)
    assert grade(START, root, say=lambda line: None, workers=1) == first
    return root, {row["student"]: row for row in first}


def test_a_warning_on_stderr_costs_nothing(odd):
    assert odd[1]["warns"]["automatic"] == 1


def test_deleted_tests_are_put_back_and_it_is_said(odd):
    row = odd[1]["without_tests"]
    assert row["status"] == "needs a look" and row["automatic"] == 0
    assert "test_q1_hidden" in row["reasons"]


def test_a_deleted_question_comes_back_without_an_answer(odd):
    row = odd[1]["without_question"]
    assert row["status"] == "needs a look" and row["automatic"] == 0 and "q1_share" in row["reasons"]


def test_a_cell_that_ends_python_is_named_and_the_rest_still_counts(odd):
    row = odd[1]["ends_python"]
    assert row["status"] == "needs a look" and row["automatic"] == 0
    assert "The cell 'q1_share' ended Python" in row["reasons"]


@pytest.mark.parametrize(
    ("student", "words"), [("cut_off", "cannot be read"), ("other_name", "the folder holds mine.ipynb")]
)
def test_what_cannot_be_graded_is_named_and_has_no_mark(odd, student, words):
    row = odd[1][student]
    assert row["status"] == "failed" and words in row["reasons"]
    assert row["automatic"] == row["total"] == row["0_start_here/test_q1_hidden"] == ""


def test_the_last_in_the_row_is_graded_after_all_the_accidents(odd):
    assert odd[1]["zoe"]["total"] == 1


def test_feedback_and_marks_are_written(odd):
    root, rows = odd
    assert "share" in (root / "feedback/zoe" / START / "0_start_here.html").read_text()
    assert not (root / "feedback/cut_off").exists() or not list((root / "feedback/cut_off").rglob("*.html"))
    with (root / "marks" / f"{START}.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["student"] for row in table] == sorted(rows)
    assert table[-1]["0_start_here/test_q1_hidden"] == "1.0"


def test_feedback_has_the_words_of_a_hidden_test_and_neither_its_code_nor_the_mark_scheme(odd):
    page = (odd[0] / "feedback/without_question" / START / "0_start_here.html").read_text()
    assert "This question has no answer yet" in page
    assert "known_entries" not in page and "MARK SCHEME" not in page


def test_marks_and_comments_by_hand_stay_and_reach_the_feedback_page(tmp_path):
    root = course(tmp_path, START)
    submit(root, "ada", START)
    grade(START, root, say=lambda line: None, workers=1)
    page = root / "feedback/ada" / START / "0_start_here.html"
    with Gradebook(f"sqlite:///{root}/gradebook.db", "datalab") as gradebook:
        gradebook.find_grade("test_q1_hidden", "0_start_here", START, "ada").manual_score = 0.5
        comment = gradebook.find_comment("q1_share", "0_start_here", START, "ada")
        comment.manual_comment = "Half of it, by word of mouth."
        gradebook.db.commit()
    (row,) = grade(START, root, say=lambda line: None, workers=1)
    assert row["total"] == 0.5 and "by word of mouth" in page.read_text()
    backups = sorted((root / "marks/backups").glob("*.csv.gz"))
    assert len(backups) == 2 and ",0.5," in gzip.open(backups[1], "rt").read()


def test_pages_that_an_interruption_left_out_are_made_by_the_next_run(tmp_path, monkeypatch):
    root = course(tmp_path, START)
    for student in ("ada", "bo", "cy"):
        submit(root, student, START)
    written = []

    def stops(lab, student, *rest):
        if written:
            raise KeyboardInterrupt
        written.append(student)
        return write_pages(lab, student, *rest)

    monkeypatch.setattr(feedback, "write_pages", stops)
    with pytest.raises(KeyboardInterrupt):
        grade(START, root, say=lambda line: None, workers=1)
    assert written == ["ada"] and {key[1] for key in gradebook.marks(configuration(root))} == {"ada", "bo", "cy"}
    monkeypatch.setattr("grading.parallel.run_notebook", lambda **_: pytest.fail("was run again"))
    monkeypatch.setattr(feedback, "write_pages", lambda lab, student, *rest: written.append(student))
    grade(START, root, say=lambda line: None, workers=1)
    assert written == ["ada", "bo", "cy"]  # only those that were missing
    monkeypatch.setattr(feedback, "write_pages", write_pages)
    grade(START, root, say=lambda line: None, workers=1)
    assert len(list((root / "feedback").rglob("0_start_here.html"))) == 3


def test_a_page_that_cannot_be_written_is_a_reason_to_look_until_it_can(tmp_path, monkeypatch):
    root = course(tmp_path, START)
    submit(root, "ada", START, solution_cells(root, START))

    def fails(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(feedback, "write_pages", fails)
    (row,) = grade(START, root, say=lambda line: None, workers=1)
    assert (row["status"], row["total"]) == ("needs a look", 1) and "disk is full" in row["reasons"]
    monkeypatch.undo()
    (row,) = grade(START, root, say=lambda line: None, workers=1)
    assert (row["status"], row["total"], row["reasons"]) == ("graded", 1, "")


def test_the_feedback_page_and_the_autograded_copy_are_those_of_nbgrader(tmp_path):
    """Ours are written in another way, which takes a tenth of the time; what they say is the same."""
    root = course(tmp_path, START)
    submit(root, "ada", START, solution_cells(root, START))
    submit(root, "bo", START)
    config = configuration(root)
    config.BaseConverter.force = True
    grade(START, root, say=lambda line: None, workers=1)
    copies = {student: root / "autograded" / student / START / "0_start_here.ipynb" for student in ("ada", "bo")}
    pages = {student: root / "feedback" / student / START / "0_start_here.html" for student in copies}
    ours = {student: (nbformat.read(copies[student], as_version=4), pages[student].read_text()) for student in copies}
    config.CourseDirectory.submitted_directory = "executed"
    for student, copy in copies.items():
        shutil.copytree(copy.parent, root / "executed" / student / START)
        shutil.rmtree(copy.parent)
    given = gradebook.marks(config)
    run_nbgrader(Record, config, START)
    run_nbgrader(GenerateFeedback, config, START)
    assert gradebook.marks(config) == given
    for student in copies:
        notebook, page = ours[student]
        assert notebook == nbformat.read(copies[student], as_version=4)
        # nbgrader's shows the hidden tests; apart from their cells the two are the same
        texts = [BeautifulSoup(text, "html.parser") for text in (page, pages[student].read_text())]
        texts[0].find("meta", attrs={"http-equiv": "Content-Security-Policy"}).decompose()
        for text in texts:
            for test in text.select("div.input_area pre"):
                if "More checks" in test.text or "The test of" in test.text:
                    test.decompose()
        assert str(texts[0]).replace("<head>\n\n", "<head>\n") == str(texts[1])


def running_sandboxes() -> set[int]:
    """Processes of students that this process has under way: those in another process namespace."""
    found = set()
    for child in psutil.Process().children(recursive=True):
        try:
            if os.readlink(f"/proc/{child.pid}/ns/pid") != os.readlink("/proc/self/ns/pid"):
                found.add(child.pid)
        except OSError:
            continue
    return found


def test_an_interruption_ends_what_runs_and_loses_nothing(tmp_path, monkeypatch):
    root = course(tmp_path, START)
    submit(root, "ada", START, solution_cells(root, START))
    for student in ("bo", "cy", "dan"):
        submit(root, student, START, {"0_start_here/q1_share": "while True: pass"})

    def stops(*arguments):
        real(*arguments)
        raise KeyboardInterrupt

    real = marks.finish
    monkeypatch.setattr(marks, "finish", stops)
    start = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        grade(START, root, say=lambda line: None, workers=2)
    assert time.perf_counter() - start < 60 and not running_sandboxes()  # a loop would have run for two minutes
    monkeypatch.undo()
    rows = grade(START, root, say=lambda line: None, workers=2, limits={"cell_seconds": 1})
    assert {row["student"]: row["total"] for row in rows} == {"ada": 1, "bo": 0, "cy": 0, "dan": 0}


def test_a_new_submission_is_graded_anew_and_the_change_is_logged(tmp_path):
    root = course(tmp_path, START)
    folder = submit(root, "ada", START)
    grade(START, root, say=lambda line: None, workers=1)
    shutil.rmtree(folder)
    submit(root, "ada", START, solution_cells(root, START))
    (row,) = grade(START, root, say=lambda line: None, workers=1)
    assert row["total"] == 1
    last = (root / "marks" / START / "changes.csv").read_text().splitlines()[-1].split(",")
    assert last[1:5] == [START, "ada", "0_start_here", "test_q1_hidden"] and "0.0" in last and "1.0" in last


def test_a_late_submission_says_by_how_much(tmp_path):
    root = course(tmp_path, START)
    (submit(root, "ada", START, solution_cells(root, START)) / "timestamp.txt").write_text("2026-11-23 12:00:00 UTC")
    (submit(root, "bo", START, solution_cells(root, START)) / "timestamp.txt").write_text("2026-11-23 09:00:00 UTC")
    submit(root, "cy", START, solution_cells(root, START))
    grade(START, root, say=lambda line: None, workers=1)
    with Gradebook(f"sqlite:///{root}/gradebook.db", "datalab") as gradebook:
        gradebook.update_or_create_assignment(START, duedate="2026-11-23 11:00:00 UTC")
    shutil.rmtree(root / "marks" / START / "results")
    rows = {row["student"]: row for row in grade(START, root, say=lambda line: None, workers=1)}
    assert rows["ada"]["late_seconds"] == 3600 and rows["bo"]["late_seconds"] == rows["cy"]["late_seconds"] == 0
    assert all(row["total"] == 1 for row in rows.values())


def test_a_students_page_runs_nothing_in_feedback_and_formgrader(tmp_path):
    root = course(tmp_path, START)
    attack = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    code = f"""from IPython.display import HTML, Javascript, display
display(HTML({attack!r}), Javascript('alert(3)'))
raise ValueError({attack!r})"""
    path = submit(root, "eve", START, {"0_start_here/q1_share": code}) / "0_start_here.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_markdown_cell(attack + "[x](javascript:alert(4))"))
    nbformat.write(notebook, path)
    grade(START, root, say=lambda line: None, workers=1)
    written = nbformat.read(root / "autograded/eve" / START / "0_start_here.ipynb", as_version=4)
    shown = [o["data"].get("text/html", "") for cell in written.cells for o in cell.get("outputs", []) if "data" in o]
    assert not any(sign in html for html in shown for sign in ("onerror", "<script", "javascript:"))
    last = written.cells[-1].source
    assert "<img" not in last and "<script" not in last and "javascript:" not in last
    page = (root / "feedback/eve" / START / "0_start_here.html").read_text()
    for sign in ("<img src=x", "<script>alert", 'href="javascript:alert'):
        assert sign not in page


def test_an_unknown_lab_is_answered_with_the_labs_there_are(tmp_path):
    with pytest.raises(GradingError, match="no lab named 'lab9'.*lab0_start_here"):
        grade("lab9", course(tmp_path, START))


def test_an_empty_submitted_folder_is_answered_with_where_to_put_things(tmp_path):
    with pytest.raises(GradingError, match="Nothing was handed in.*submitted/<student>/lab0_start_here"):
        grade(START, course(tmp_path, START))


def test_a_lab_that_changed_after_grading_is_not_mixed_up(tmp_path):
    root = course(tmp_path, START)
    submit(root, "ada", START)
    grade(START, root, say=lambda line: None, workers=1)
    path = root / "course/source" / START / "0_start_here.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if grade_id(cell) != "test_q1_hidden"]
    nbformat.write(notebook, path)
    with pytest.raises(GradingError, match="gradebook.db holds the old"):
        grade(START, root, say=lambda line: None)


def test_make_grade_on_a_fresh_clone(tmp_path):
    """The command as an instructor types it, in a folder that has never seen a gradebook."""
    root = course(tmp_path, START)
    for name in ("grading", "utils"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, root)
    (root / "datasets").symlink_to(ROOT / "datasets")
    release(root=root)
    submit(root, "ada", START, solution_cells(root, START))
    (submit(root, "bo", START) / "0_start_here.ipynb").write_text("")
    done = subprocess.run(
        ["make", "grade", f"LAB={START}", f"VENV={sys.prefix}", f"STAMP={sys.prefix}/pyvenv.cfg"],
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert "ada: 1 of 1 points by test" in done.stdout, done.stdout + done.stderr
    assert "bo: FAILED, no marks" in done.stdout
    assert (root / "marks" / START / "report.html").exists()
    assert "1 of 2 could not be graded: bo" in done.stderr
    assert done.returncode != 0
