"""nbgrader's gradebook: filled, backed up, and written by one process, which never runs a student's code."""

import csv
import gzip
import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.api import BaseCell, Comment, Grade, Gradebook
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback, NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    GetGrades,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)
from nbgrader.preprocessors.base import NbGraderPreprocessor
from traitlets import List

from .course import GradingError, run_nbgrader, source_notebooks
from .handout import last_error

SECRET = "submission_secret.txt"


class Record(Autograde):
    """nbgrader's autograding of a notebook that was executed elsewhere: everything but running it."""

    sanitize_preprocessors = List([OverwriteKernelspec, OverwriteCells, CheckCellMetadata])
    autograde_preprocessors = List([SaveAutoGrades, AssignLatePenalties, CheckCellMetadata])


class AsReleased(NbGraderPreprocessor):
    """Tests and tasks as the students know them: hidden tests and mark schemes stay hidden in feedback."""

    released: dict[tuple[str, str], str] = {}

    def preprocess(self, nb, resources):
        notebook = resources["nbgrader"]["notebook"]
        for cell in nb.cells:
            about = cell.metadata.get("nbgrader", {})
            if about.get("task") or (about.get("grade") and cell.cell_type == "code"):
                cell.source = self.released.get((notebook, about["grade_id"]), "(The test of this question.)")
        return nb, resources


class Feedback(GenerateFeedback):
    preprocessors = List([AsReleased, GetGrades, CSSHTMLHeaderPreprocessor])


def fill(lab: str, config) -> None:
    """Put the lab's questions and tests into the gradebook, from the source.

    nbgrader does so only when it writes the release, and a committed release it would not write again: in a fresh
    clone the gradebook would stay empty. So the release is written once more, to a folder that is thrown away.
    """
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


def record(lab: str, student: str, notebooks: dict, time: str | None, config, root: Path) -> None:
    """Write one submission into the gradebook, the autograded copies and the feedback pages.

    Parameters
    ----------
    notebooks : name → the executed notebook, with the outcome of each test as output of its cell
    time : when it was handed in, in nbgrader's format; None if nobody knows

    Raises
    ------
    NbGraderException : nbgrader stopped; its attribute `messages` says why
    """
    config = config.copy()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / student / lab
        place.mkdir(parents=True)
        for name, notebook in notebooks.items():
            nbformat.write(notebook, place / f"{name}.ipynb")
        if time:
            (place / "timestamp.txt").write_text(time)
        config.CourseDirectory.submitted_directory = folder
        run_nbgrader(Record, config, lab, student)
    feedback(lab, student, config, root)


def secret_of(path: Path) -> str:
    """The secret that nbgrader sent along with a submission: a short line of a plain file, else a new one."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            text = file.read(1001).decode("ascii")
    except (OSError, ValueError):
        text = ""
    return text if 32 <= len(text) <= 1000 and text.isalnum() else secrets.token_hex(64)


def feedback(lab: str, student: str, config, root: Path) -> None:
    """Write a student's feedback pages: marks and comments as they stand now, no hidden tests, no mark schemes.

    Beside them lies the secret that nbgrader sent along with the submission: a released page is named after it, so that
    only the person who has it finds the page. Where there is none, a new one keeps that page hidden, and keeps
    nbgrader's `release_feedback` from stopping for the whole class.
    """
    AsReleased.released = {
        (path.stem, cell.metadata.get("nbgrader", {}).get("grade_id", "")): cell.source
        for path in (root / "course/release" / lab).glob("*.ipynb")
        for cell in nbformat.read(path, as_version=4).cells
    }
    run_nbgrader(Feedback, config, lab, student)
    page = root / "feedback" / student / lab
    (page / SECRET).unlink(missing_ok=True)
    (page / SECRET).write_text(secret_of(root / "submitted" / student / lab / SECRET), encoding="ascii")
    if not (page / "timestamp.txt").exists():
        (page / "timestamp.txt").write_text("")  # `release_feedback` reads it, and only writes it into its log


def open_gradebook(config) -> Gradebook:
    """The gradebook that the configuration names; a GradingError where it cannot be reached."""
    course = CourseDirectory(config=config)
    try:
        return Gradebook(course.db_url, course.course_id)
    except Exception as problem:
        raise GradingError(
            f"The gradebook {_without_password(course.db_url)} cannot be opened: {str(problem).splitlines()[0][:300]}"
        ) from None


def _without_password(url: str) -> str:
    head, _, tail = url.rpartition("@")
    return f"{head.split('://')[0]}://…@{tail}" if head else url


def marks(config, lab: str | None = None) -> dict[tuple, tuple]:
    """Every mark there is: (lab, student, notebook, cell) → (by test, by hand, extra credit, waits for a person)."""
    with open_gradebook(config) as gradebook:
        rows = gradebook.db.query(Grade).join(BaseCell, Grade.cell_id == BaseCell.id).all()
        found = {}
        for grade in rows:
            notebook = grade.notebook
            key = notebook.assignment.name, notebook.student.id, notebook.name, grade.cell.name
            if lab in (None, key[0]):
                found[key] = grade.auto_score, grade.manual_score, grade.extra_credit, bool(grade.needs_manual_grade)
        return found


def on_feedback(config, lab: str) -> dict[str, str]:
    """What feedback pages depend on besides the submission, in short: student → digest of marks and comments."""
    shown = {}
    for key, values in marks(config, lab).items():
        shown.setdefault(key[1], []).append([*key[2:], *values])
    with open_gradebook(config) as gradebook:
        for comment in gradebook.db.query(Comment).all():
            if comment.notebook.assignment.name == lab and comment.manual_comment:
                found = [comment.notebook.name, comment.name, comment.manual_comment]
                shown.setdefault(comment.notebook.student.id, []).append(found)
    return {
        student: hashlib.sha256(json.dumps(sorted(rows, key=str)).encode()).hexdigest()
        for student, rows in shown.items()
    }


COLUMNS = ["lab", "student", "notebook", "cell", "by_test", "by_hand", "extra_credit", "waits"]


def back_up(config, folder: Path) -> Path:
    """Copy the gradebook as it is now: all marks as a table, and a SQLite gradebook as a file too.

    Returns
    -------
    Path : the table; the file lies beside it. Both names begin with the time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    path = folder / f"{stamp}-marks.csv.gz"
    with _whole(path) as part, gzip.open(part, "wt", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([*key, *values] for key, values in sorted(marks(config).items()))
    url = CourseDirectory(config=config).db_url
    if url.startswith("sqlite:///") and Path(url.removeprefix("sqlite:///")).exists():
        source = sqlite3.connect(url.removeprefix("sqlite:///"))
        with _whole(folder / f"{stamp}-gradebook.db") as part:
            target = sqlite3.connect(part)
            source.backup(target)
            target.close()
        source.close()
    return path


class _whole:
    """A file that is there as a whole or not at all: written beside, then renamed."""

    def __init__(self, path: Path):
        self.path, self.part = path, path.with_name(f".{path.name}.part")

    def __enter__(self):
        return str(self.part)

    def __exit__(self, kind, *_):
        if kind is None:
            os.replace(self.part, self.path)
        else:
            self.part.unlink(missing_ok=True)


def write_json(path: Path, value) -> None:
    """Write a small file as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _whole(path) as part:
        Path(part).write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")


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
        writer.writerows([now, *key, *before.get(key, none), *after.get(key, none)] for key in changed)
    return len(changed)


def remove_submission(lab: str, student: str, config, root: Path) -> None:
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
