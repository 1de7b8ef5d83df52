"""The table of marks of a lab: a row for each student, with the marks as they stand in the gradebook."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from .course import Question
from .files import write_whole
from .results import broken
from .submission import FAILED, GRADED, Mark, NotebookResult, Result
from .text import no_formula, visible


@dataclass(frozen=True)
class Line:
    """A row of the table, and the result as the class report reads it: with its marks."""

    row: dict
    result: Result


def line(lab: str, result: Result, asked: list[Question], marks: dict[tuple, tuple], root: Path) -> Line:
    """The line of one submission; both parts are without marks where they cannot be made.

    Parameters
    ----------
    asked : the questions of the lab
    marks : as they stand in the gradebook; see `grading.gradebook.marks`
    """
    try:
        row = _row(lab, result, asked, marks)
        return Line(row, _with_marks(result, asked, row))
    except Exception as problem:
        without = broken(lab, result.student, problem, root)
        return Line(_empty_row(without, asked), without)


def _empty_row(result: Result, asked: list[Question]) -> dict:
    """A row with a status and no marks."""
    by_test = sum(question.points for question in asked if not question.by_hand)
    by_hand = sum(question.points for question in asked if question.by_hand)
    return {
        "student": result.student,
        "status": result.status,
        "reasons": "\n".join(result.reasons),
        "late_seconds": result.late_seconds,
        "automatic": "",
        "automatic_max": by_test,
        "by_hand": "",
        "by_hand_max": by_hand,
        "waiting": "",
        "total": "",
        "max": by_test + by_hand,
    } | {question.column: "" for question in asked}


def _row(lab: str, result: Result, asked: list[Question], marks: dict[tuple, tuple]) -> dict:
    """A row of the table; a failed submission has a status and no marks."""
    row = _empty_row(result, asked)
    if result.status == FAILED:
        return row
    row |= {"automatic": 0, "by_hand": 0, "waiting": 0}
    for question in asked:
        key = (lab, result.student, question.notebook, question.grade_id)
        by_test, by_hand, extra, waits = marks.get(key, (None, None, None, True))
        if waits and by_hand is None:
            row["waiting"] += question.points
            continue
        score = (by_hand if by_hand is not None else by_test or 0) + (extra or 0)
        row["by_hand" if question.by_hand else "automatic"] += score
        row[question.column] = score
    row["total"] = row["automatic"] + row["by_hand"]
    return row


def _with_marks(result: Result, asked: list[Question], row: dict) -> Result:
    """The result with the marks of its row, what they are out of, and the messages of the tests."""
    notebooks = dict(result.notebooks)
    for question in asked:
        notebook = notebooks.get(question.notebook, NotebookResult())
        test, points = notebook.tests.get(question.grade_id), row[question.column]
        mark = Mark(
            points if points != "" else None, question.points, question.by_hand, test["message"] if test else None
        )
        notebooks[question.notebook] = replace(notebook, marks=notebook.marks | {question.grade_id: mark})
    return replace(result, notebooks=notebooks)


def in_words(row: dict) -> str:
    """One line about one student's marks, as `make grade` prints it."""
    student, why = visible(row["student"]), visible(" ".join(row["reasons"].splitlines()))
    if row["status"] == FAILED:
        return f"{student}: FAILED, no marks. {why}"
    words = f"{student}: {row['automatic']:g} of {row['automatic_max']:g} points by test"
    if row["by_hand_max"]:
        words += f", {row['by_hand']:g} of {row['by_hand_max']:g} by hand"
    if row["waiting"]:
        words += f" ({row['waiting']:g} still to be marked)"
    return words if row["status"] == GRADED else f"{words}. NEEDS A LOOK. {why}"


def write_table(path: Path, rows: Iterable[dict]) -> None:
    """Write the table as CSV; no text in it is a formula."""
    path.parent.mkdir(exist_ok=True)
    rows, table = list(rows), io.StringIO(newline="")
    writer = csv.DictWriter(table, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows({column: no_formula(value) for column, value in row.items()} for row in rows)
    write_whole(path, table.getvalue())
