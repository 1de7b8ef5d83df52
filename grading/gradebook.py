"""nbgrader's gradebook: filled, backed up, and written by one process, which never runs a student's code."""

import csv
import gzip
import json
import shutil
import sqlite3
import tempfile
import warnings
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from alembic.script import ScriptDirectory
from nbformat import NotebookNode
from nbgrader.api import Base, BaseCell, Grade, Gradebook
from nbgrader.converters import GenerateAssignment, NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.dbutil import ALEMBIC_DIR
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import compute_checksum, determine_grade, is_grade, is_task
from sqlalchemy import create_engine, exc, inspect, text
from traitlets.config import Config

from .course import GradingError, run_nbgrader, source_notebooks
from .files import whole
from .handout import last_error
from .text import no_formula


def fill(lab: str, config: Config) -> None:
    """Put the lab's questions and tests into the gradebook, from the source.

    nbgrader does so only when it writes the release, and a committed release it would not write again: in a fresh
    clone the gradebook would stay empty. So the release is written once more, to a folder that is thrown away.
    """
    _create(CourseDirectory(config=config).db_url)
    with tempfile.TemporaryDirectory() as folder:
        config = config.copy()
        config.CourseDirectory.release_directory = folder
        try:
            run_nbgrader(GenerateAssignment, config, lab)
        except NbGraderException as problem:
            if any("submissions associated with it" in message for message in problem.messages):
                raise GradingError(
                    f"{lab} has other questions now than when it was first graded, and gradebook.db holds the old "
                    "ones. Keep a copy of gradebook.db, remove it, and run this again; marks that were given by hand "
                    "have to be entered anew."
                ) from None
            raise GradingError(f"{lab} cannot be graded with: {last_error(problem.messages)}") from None


def _create(url: str) -> None:
    """Make the tables of a new gradebook. nbgrader does so too, with the program `alembic`, which takes seconds."""
    try:
        engine = create_engine(url)
        if "alembic_version" not in inspect(engine).get_table_names():
            Base.metadata.create_all(engine)
            version = ScriptDirectory(ALEMBIC_DIR).get_current_head()
            with engine.begin() as connection:
                connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
                connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": version})
        engine.dispose()
    except Exception as problem:
        raise _cannot_open(url, problem) from None


def record(
    lab: str, student: str, notebooks: dict[str, NotebookNode], time: str | None, config: Config, root: Path
) -> float:
    """Write one submission into the gradebook, and the autograded copies that the formgrader shows.

    What nbgrader's `autograde` does after it ran a notebook, with one connection to the gradebook in place of a dozen
    and one transaction in place of forty: cells that nobody may change get the source's text back, hidden tests
    included; a passed test gives its points; a mark by hand stays, and waits for another look; an answer that is the
    release's is "No response."; a notebook that is missing counts as zero. The feedback pages of before are removed,
    since they tell of another submission; see
    `grading.feedback`.

    Parameters
    ----------
    notebooks : name → the executed notebook, with the outcome of each test as output of its cell
    time : when it was handed in, in nbgrader's format; None if nobody knows

    Returns
    -------
    float : by how many seconds it was late

    Raises
    ------
    GradingError : it could not be written; the gradebook has what it had
    """
    place = root / "autograded" / student / lab
    try:
        with open_gradebook(config) as gradebook, warnings.catch_warnings():
            warnings.simplefilter("ignore", exc.SAWarning)  # about nbgrader's own way to add a submission
            gradebook.update_or_create_student(student)
            handed_in = gradebook.update_or_create_submission(lab, student, **({"timestamp": time} if time else {}))
            texts = {}
            for stored in handed_in.notebooks:
                if stored.name in notebooks:
                    notebook = _as_source(notebooks[stored.name], stored.notebook)
                    texts[f"{stored.name}.ipynb"] = nbformat.writes(notebook)
                    _mark(stored, notebook)
                else:
                    for grade in stored.grades:
                        grade.auto_score, grade.needs_manual_grade = 0, False
            late = float(handed_in.total_seconds_late)
            _penalize(handed_in, late, gradebook, config)
            if time:
                texts["timestamp.txt"] = time
            _replace(place, texts)
            shutil.rmtree(root / "feedback" / student / lab, ignore_errors=True)
            gradebook.db.commit()
            return late
    except Exception as problem:
        shutil.rmtree(place, ignore_errors=True)
        raise GradingError(f"The gradebook does not take it: {type(problem).__name__}: {problem}") from problem


def _as_source(notebook, stored):
    """The notebook with what the gradebook holds of its cells: the text of those that are locked, the points."""
    cells = {cell.name: cell for cell in stored.source_cells}
    points = {cell.name: cell.max_score for cell in [*stored.grade_cells, *stored.task_cells]}
    for cell in notebook.cells:
        of_nbgrader = cell.metadata.get("nbgrader", {})
        source = cells.get(of_nbgrader.get("grade_id"))
        if source is None:
            continue
        of_nbgrader["checksum"] = source.checksum
        if source.locked:
            cell.source = source.source
        if cell.metadata.nbgrader.grade_id in points:
            of_nbgrader["points"] = points[source.name]
    if stored.kernelspec:
        notebook.metadata["kernelspec"] = json.loads(stored.kernelspec)
    return notebook


def _mark(stored, notebook) -> None:
    """Give a submitted notebook the points of its tests, and the remarks that nbgrader makes by itself."""
    cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
    for grade in stored.grades:
        if is_grade(cells[grade.name]):  # a task waits for a person
            grade.auto_score, _ = determine_grade(cells[grade.name])
            grade.needs_manual_grade = grade.manual_score is not None or grade.auto_score is None
    for comment in stored.comments:
        cell = cells[comment.name]
        untouched = cell.metadata.nbgrader.get("checksum") == compute_checksum(cell) and not is_task(cell)
        comment.auto_comment = "No response." if untouched else None


def _penalize(handed_in, late: float, gradebook, config) -> None:
    """The penalty for being late that the course's configuration asks for; by default there is none."""
    for stored in handed_in.notebooks:
        stored.late_submission_penalty = None
    if late > 0:
        rule = AssignLatePenalties(config=config)
        rule.init_plugin()
        gradebook.db.flush()
        for stored in handed_in.notebooks:
            penalty = rule.plugin_inst.late_submission_penalty(handed_in.student.id, stored.score, late)
            if penalty is not None:
                stored.late_submission_penalty = rule._check_late_penalty(stored, penalty)


def _replace(folder: Path, texts: dict[str, str]) -> None:
    """The folder holds these files and nothing else, and nobody writes them by mistake."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in texts.items():
        (folder / name).write_text(content, encoding="utf-8", errors="backslashreplace")
        (folder / name).chmod(0o444)


def open_gradebook(config: Config) -> Gradebook:
    """The gradebook that the configuration names; a GradingError where it cannot be reached."""
    course = CourseDirectory(config=config)
    try:
        return Gradebook(course.db_url, course.course_id)
    except Exception as problem:
        raise _cannot_open(course.db_url, problem) from None


def _cannot_open(url: str, problem: Exception) -> GradingError:
    why = str(problem).splitlines()[0][:300] if str(problem) else type(problem).__name__
    return GradingError(f"The gradebook {_without_password(url)} cannot be opened: {why}")


def _without_password(url: str) -> str:
    head, _, tail = url.rpartition("@")
    return f"{head.split('://')[0]}://…@{tail}" if head else url


def marks(config: Config, lab: str | None = None) -> dict[tuple, tuple]:
    """Every mark there is: (lab, student, notebook, cell) → (by test, by hand, extra credit, waits for a person)."""
    with open_gradebook(config) as gradebook:
        rows = gradebook.db.query(Grade).join(BaseCell, Grade.cell_id == BaseCell.id).all()
        given = {}
        for grade in rows:
            notebook = grade.notebook
            key = notebook.assignment.name, notebook.student.id, notebook.name, grade.cell.name
            if lab in (None, key[0]):
                given[key] = grade.auto_score, grade.manual_score, grade.extra_credit, bool(grade.needs_manual_grade)
        return given


def shown(config: Config, lab: str, student: str | None = None) -> dict[str, dict]:
    """What feedback pages show besides the submission: student → notebook → its marks and comments.

    Of a notebook `score`, `max_score`, `late_penalty`, and `cells`: grade_id → `score`, `points`, `comment`.
    """
    pages = {}
    with open_gradebook(config) as gradebook:
        for handed_in in gradebook.assignment_submissions(lab):
            if student not in (None, handed_in.student_id):
                continue
            for stored in handed_in.notebooks:
                cells = {}
                for grade in stored.grades:
                    cells[grade.name] = {"score": grade.score, "points": grade.cell.max_score}
                for comment in stored.comments:
                    cells.setdefault(comment.name, {})["comment"] = comment.comment
                penalty = stored.late_submission_penalty or 0
                score = sum(cell.get("score", 0) for cell in cells.values()) - penalty
                worth = sum(cell.get("points", 0) for cell in cells.values())
                page = {"score": score, "max_score": worth, "late_penalty": penalty, "cells": cells}
                pages.setdefault(handed_in.student_id, {})[stored.name] = page
    return pages


COLUMNS = ["lab", "student", "notebook", "cell", "by_test", "by_hand", "extra_credit", "waits"]


def back_up(config: Config, folder: Path) -> Path:
    """Copy the gradebook as it is now: all marks as a table, and a SQLite gradebook as a file too.

    Returns
    -------
    Path : the table; the file lies beside it. Both names begin with the time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    path = folder / f"{stamp}-marks.csv.gz"
    with whole(path) as part, gzip.open(part, "wt", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([*map(no_formula, key), *values] for key, values in sorted(marks(config).items()))
    url = CourseDirectory(config=config).db_url
    if url.startswith("sqlite:///") and Path(url.removeprefix("sqlite:///")).exists():
        source = sqlite3.connect(url.removeprefix("sqlite:///"))
        with whole(folder / f"{stamp}-gradebook.db") as part:
            target = sqlite3.connect(part)
            source.backup(target)
            target.close()
        source.close()
    return path


def log_changes(before: dict, after: dict, path: Path) -> int:
    """Add a line to a table for every mark that is another than before; how many there are."""
    changed = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
    if not changed:
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(
                ["time", *COLUMNS[:4], *(f"{c}_before" for c in COLUMNS[4:]), *(f"{c}_after" for c in COLUMNS[4:])]
            )
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        none = (None,) * 4
        rows = ([*map(no_formula, key), *before.get(key, none), *after.get(key, none)] for key in changed)
        writer.writerows([now, *row] for row in rows)
    return len(changed)


def remove_submission(lab: str, student: str, config: Config, root: Path) -> None:
    """Take back what an earlier run wrote where a submission can be graded no more: no old mark beside a new problem.

    Marks that a person gave stay: they are work that no program can do again.
    """
    for folder in ("autograded", "feedback"):
        shutil.rmtree(root / folder / student / lab, ignore_errors=True)
    if any(by_hand is not None for key, (_, by_hand, *_) in marks(config, lab).items() if key[1] == student):
        return
    with open_gradebook(config) as gradebook:
        try:
            gradebook.remove_submission(lab, student)
        except Exception:  # noqa: BLE001  there was none
            gradebook.db.rollback()


def needed(lab: str, root: Path) -> dict[str, tuple[str, str]]:
    """Each notebook of the lab: name → (release, source), as JSON."""
    texts = {}
    for name, source in source_notebooks(lab, root).items():
        release = root / "course/release" / lab / f"{name}.ipynb"
        if not release.exists():
            raise GradingError(f"{lab} has no release of {name}.ipynb: write it with `make release LAB={lab}`.")
        texts[name] = release.read_text(encoding="utf-8"), nbformat.writes(source)
    return texts
