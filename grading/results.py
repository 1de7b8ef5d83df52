"""From what running a submission gave to its marks in the gradebook and to its result, and where results are kept.

A result that is kept stands in `marks/<lab>/results/`, the outcome of one notebook of several in
`marks/<lab>/unfinished/`: a run that was interrupted goes on where it was.
"""

import json
import shutil
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from traitlets.config import Config

from . import gradebook as book
from .bounded import at_most
from .course import GradingError
from .files import write_json
from .safe import SECONDS_IN_ALL, presentable
from .submission import FAILED, GRADED, LOOK, NotebookResult, Outcome, Result, Submission, why_not
from .text import storable


def finish(lab: str, submission: Submission, outcomes: dict[str, Outcome], config: Config, root: Path) -> Result:
    """Write a submission's marks, and keep what is known about it. `outcomes`: notebook → what running it gave."""
    student, reasons, failed = submission.student, list(submission.reasons), submission.failed
    notebooks = {}
    for name, outcome in outcomes.items():
        failed = failed or (f"{name}: {outcome.failed}" if outcome.failed else "")
        reasons += [f"{name}: {reason}" for reason in outcome.reasons]
        notebooks[name] = executed(submission.notebooks[name], outcome)
        if "NO SANDBOX" in outcome.sandbox:
            reasons.append(f"{name} was run without a sandbox: what its code did to this machine is not known.")
    late = 0.0
    if not failed:
        try:
            late = book.record(lab, student, notebooks, submission.time, config, root)
        except GradingError as problem:
            failed = str(problem)
    if submission.failed:  # what failed because of this machine is tried again, and keeps what it had
        book.remove_submission(lab, student, config, root)
    if failed:
        reasons = [failed, *reasons]
    result = Result(
        student,
        lab,
        submission.fingerprint,
        status=FAILED if failed else LOOK if reasons else GRADED,
        reasons=storable(reasons),
        time=submission.time,
        late_seconds=late,
        sandbox=", ".join(sorted({outcome.sandbox for outcome in outcomes.values()})),
        seconds=sum(outcome.seconds for outcome in outcomes.values()),
        graded=_now(),
        notebooks={name: _notebook_result(submission, name, outcomes.get(name)) for name in submission.flags},
    )
    write_json(_result_file(lab, student, root), result.to_json())
    shutil.rmtree(_unfinished(lab, student, root), ignore_errors=True)
    return result


def _notebook_result(submission: Submission, name: str, outcome: Outcome | None) -> NotebookResult:
    flags, answers = submission.flags[name], submission.answers.get(name, {})
    if outcome is None:
        return NotebookResult(flags, answers)
    return NotebookResult(flags, answers, outcome.tests, outcome.seconds, outcome.cpu_seconds, outcome.memory)


def broken(lab: str, student: str, problem: Exception, root: Path) -> Result:
    """The result of a submission that could not be processed: it has no mark, and the next run tries it again."""
    result = Result(
        student,
        lab,
        fingerprint="",
        status=FAILED,
        reasons=[f"It could not be processed: {why_not(problem)}"],
        time=None,
        late_seconds=0.0,
        sandbox="",
        seconds=0.0,
        graded=_now(),
        notebooks={},
    )
    path = _result_file(lab, student, root)
    with suppress(Exception):
        path.unlink(missing_ok=True)  # an export must not find the marks of before
        write_json(path, result.to_json())
    return result


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def executed(notebook: NotebookNode, outcome: Outcome) -> NotebookNode:
    """The mended notebook with what its cells showed, safe to look at, and the outcome of each test."""
    notebook = nbformat.from_dict(notebook)
    for place, cell in enumerate(notebook.cells):
        of_nbgrader = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code":
            continue
        outputs = outcome.outputs.get(place, [])
        cell.execution_count = outcome.counts.get(place)
        test = outcome.tests.get(of_nbgrader.get("grade_id"))
        if test is not None and of_nbgrader.get("points"):
            outputs = [] if test["passed"] else [_failure(storable(test["message"]))]
        elif of_nbgrader.get("grade"):  # a visible check: no points hang on it, and it is worth no partial credit
            outputs = [output for output in outputs if output["output_type"] in ("error", "stream")]
        cell.outputs = [nbformat.from_dict(output) for output in outputs]
    with at_most(SECONDS_IN_ALL):
        return presentable(notebook)


def _failure(message: str) -> dict:
    name, _, words = message.partition(": ")
    return {"output_type": "error", "ename": name or "AssertionError", "evalue": words, "traceback": [message]}


# --- what is kept -------------------------------------------------------------------------------------------------


def _result_file(lab: str, student: str, root: Path) -> Path:
    return root / "marks" / lab / "results" / f"{student}.json"


def _unfinished(lab: str, student: str, root: Path) -> Path:
    return root / "marks" / lab / "unfinished" / student


def kept_result(lab: str, student: str, fingerprint: str, before: dict[tuple, tuple], root: Path) -> Result | None:
    """The result of an earlier run, if the submission is the same and its marks still stand in the gradebook.

    `before` are the marks that stand there; see `grading.gradebook.marks`.
    """
    try:
        result = _read(_result_file(lab, student, root))
        if result.fingerprint != fingerprint or result.status == FAILED:
            return None  # what failed is tried again: the reason may have been this machine
        has_marks = any(key[:2] == (lab, student) for key in before)
        copies = root / "autograded" / student / lab
        has_copies = all((copies / f"{name}.ipynb").exists() for name in result.notebooks)
        return result if has_marks and has_copies else None
    except Exception:  # there is none, or it is damaged: the submission is graded anew
        return None


def kept_results(lab: str, root: Path) -> list[Result]:
    """All results of a lab, by student; one that cannot be read is a failed submission."""
    results = []
    for path in sorted((root / "marks" / lab / "results").glob("*.json")):
        try:
            results.append(_read(path))
        except Exception as problem:
            results.append(broken(lab, path.stem, problem, root))
    return results


def _read(path: Path) -> Result:
    return Result.of_json(json.loads(path.read_text(encoding="utf-8")))


def keep_outcome(lab: str, submission: Submission, name: str, outcome: Outcome, root: Path) -> None:
    """Keep what running one notebook of several gave, until all of them have run."""
    kept = {"fingerprint": submission.fingerprint, "outcome": asdict(outcome)}
    write_json(_unfinished(lab, submission.student, root) / f"{name}.json", kept)


def kept_outcome(lab: str, submission: Submission, name: str, root: Path) -> Outcome | None:
    """What an interrupted run found out about one notebook of a submission that is the same still."""
    try:
        path = _unfinished(lab, submission.student, root) / f"{name}.json"
        kept = json.loads(path.read_text(encoding="utf-8"))
        return Outcome.of_json(kept["outcome"]) if kept["fingerprint"] == submission.fingerprint else None
    except Exception:  # there is none, or it is damaged: the notebook is run again
        return None
