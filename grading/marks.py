"""Grade what lies in `submitted`: run the tests, write feedback pages, write a table of marks."""

import csv
import shutil
import tempfile
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback, NbGraderException
from nbgrader.coursedir import CourseDirectory

from .course import ROOT, GradingError, configuration, labs, need_lab, questions, run_nbgrader, source_notebooks
from .handout import last_error

# What the error at the end of nbgrader's log means, for those that a submission can bring about by itself.
MEANINGS = {
    "NotJSONError": "is not a notebook: the file is damaged or cut off. Ask for it again",
    "DeadKernelError": "stopped its Python while it ran (out of memory, or a call that ends it). Run it by hand",
    "UnresponsiveKernelError": "has an endless loop that could not be interrupted. Run it by hand",
}


def grade(lab: str, root: Path = ROOT, say=print) -> list[dict]:
    """Grade every submission of a lab, in `submitted/<student>/<lab>/`.

    A submission that cannot be graded does not stop the others: it is named, and has no mark in place of a zero.
    Feedback pages go to `feedback/<student>/<lab>/`, the table to `marks/<lab>.csv`.

    Parameters
    ----------
    say : called with one line for each student

    Returns
    -------
    list of dict : the rows of the table; `status`, `automatic`, `by_hand`, `waiting` (points not marked yet), `total`,
        and a column `<notebook>/<grade_id>` for each cell with points, empty where there is no mark (yet)

    Raises
    ------
    GradingError : there is no such lab, nothing was submitted, or the lab changed after it was first graded
    """
    need_lab(lab, root)
    students = submissions(lab, root)
    config = configuration(root)
    config.BaseConverter.force = True
    _fill_gradebook(lab, config)
    rows = [_grade_one(lab, student, config, root) for student in students]
    for row in rows:
        say(in_words(row))
    _write(root / "marks" / f"{lab}.csv", rows)
    return rows


def submissions(lab: str, root: Path = ROOT) -> list[str]:
    """The names of all who handed in this lab; a GradingError when there is none."""
    submitted = root / "submitted"
    students = sorted(folder.parent.name for folder in submitted.glob(f"*/{lab}") if folder.is_dir())
    if not students:
        others = sorted({f.name for f in submitted.glob("*/*") if f.is_dir() and f.name in labs(root)})
        there_is = f" There are submissions of {', '.join(others)}." if others else ""
        raise GradingError(
            f"Nothing was handed in for {lab}: put each student's notebooks into submitted/<student>/{lab}/, "
            f"or collect them with `nbgrader collect {lab}`.{there_is}"
        )
    return students


def in_words(row: dict) -> str:
    """One line about one student's marks, as `make grade` prints it."""
    if row["total"] == "":
        return f"{row['student']}: NOT GRADED. {row['status']}"
    line = f"{row['student']}: {row['automatic']:g} of {row['automatic_max']:g} points by test"
    if row["by_hand_max"]:
        line += f", {row['by_hand']:g} of {row['by_hand_max']:g} by hand"
    if row["waiting"]:
        line += f" ({row['waiting']:g} still to be marked)"
    return line if row["status"] == "graded" else f"{line}. {row['status']}"


def _fill_gradebook(lab: str, config) -> None:
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


def _grade_one(lab: str, student: str, config, root: Path) -> dict:
    folder = root / "submitted" / student / lab
    wanted = set(source_notebooks(lab, root))
    handed_in = {path.stem for path in folder.glob("*.ipynb")}
    shutil.rmtree(root / "feedback" / student / lab, ignore_errors=True)  # no old page beside a new problem
    if set(student) & set("[]{}*?"):
        return _row(lab, student, root, "nbgrader cannot read folder names with any of [ ] { } * ?: rename the folder.")
    if not wanted & handed_in:
        what = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
        return _row(lab, student, root, f"None of {_files(wanted)} was handed in; the folder holds {what}.")
    try:
        run_nbgrader(Autograde, config, lab, student)
        run_nbgrader(GenerateFeedback, config, lab, student)
    except NbGraderException as problem:
        return _row(lab, student, root, _reason(folder, handed_in, problem.messages))
    status = "graded"
    if wanted - handed_in:
        status = f"{_files(wanted - handed_in)} was not handed in and counts as zero."
        if handed_in - wanted:
            status += f" Is it {_files(handed_in - wanted)} under another name? Rename it and grade again."
    course = CourseDirectory(config=config)
    with Gradebook(course.db_url, course.course_id) as gradebook:
        return _row(lab, student, root, status, gradebook.find_submission(lab, student))


def _row(lab: str, student: str, root: Path, status: str, submission=None) -> dict:
    """A row of the table; without a `submission` (an entry of the gradebook) it has a status and no marks."""
    asked = {(q["notebook"], q["grade_id"]): q for q in questions(lab, root)}
    row = {"student": student, "status": status}
    row |= dict.fromkeys(["automatic", "automatic_max", "by_hand", "by_hand_max", "waiting", "total", "max"], "")
    row["automatic_max"] = sum(q["points"] for q in asked.values() if not q["by_hand"])
    row["by_hand_max"] = sum(q["points"] for q in asked.values() if q["by_hand"])
    row["max"] = row["automatic_max"] + row["by_hand_max"]
    row |= {f"{notebook}/{grade_id}": "" for notebook, grade_id in asked}
    if submission is None:
        return row
    row |= {"automatic": 0, "by_hand": 0, "waiting": 0}
    for notebook in submission.notebooks:
        for mark in notebook.grades:
            question = asked.get((notebook.name, mark.name))
            if question is None:  # a cell that is worth no points
                continue
            if mark.needs_manual_grade and mark.manual_score is None:
                row["waiting"] += question["points"]
                continue
            row["by_hand" if question["by_hand"] else "automatic"] += mark.score
            row[f"{notebook.name}/{mark.name}"] = mark.score
    row["total"] = row["automatic"] + row["by_hand"]
    return row


def _reason(folder: Path, handed_in: set[str], messages: list[str]) -> str:
    error = last_error(messages)
    for name, meaning in MEANINGS.items():
        if name in error:
            # nbgrader says which submission failed but not at which of its notebooks, so only one can be named.
            which = _files(handed_in) if len(handed_in) == 1 else f"one of {_files(handed_in)}"
            return f"{which} {meaning}."
    if error.startswith("KeyError: "):  # where nbgrader looks for the place of a deleted test
        cell = error.removeprefix("KeyError: ")
        return f"The question around {cell} was deleted or lost its marking: put its cells back from course/release."
    return f"nbgrader stopped with: {error}"


def _files(names) -> str:
    return ", ".join(f"{name}.ipynb" for name in sorted(names))


def _write(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
