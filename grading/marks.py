"""Grade a class: read what was handed in, mend it, run it in sandboxes, and write marks, feedback and a report.

The way of a submission: `handed_in` reads and mends it, `parallel` runs its notebooks, `results` writes its marks and
keeps what came of it, `feedback` writes its pages, `marks_table` its row, and `report` puts the class together.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat
from tqdm import tqdm
from traitlets.config import Config

from . import gradebook as book
from . import sandbox
from .bounded import prepare
from .course import ROOT, GradingError, configuration, need_lab, questions
from .exports import EXPORTS
from .feedback import write_changed_pages
from .files import alone
from .handed_in import read_submission, who_handed_in
from .marks_table import in_words, line, write_table
from .parallel import run_all
from .report import class_report
from .results import broken, finish, keep_outcome, kept_outcome, kept_result, kept_results
from .submission import FAILED, LOOK, Outcome, Result, Submission, why_not
from .warm import KEEP

VERSION = 2  # of the way of grading: another number grades everything anew


def grade(
    lab: str,
    root: Path = ROOT,
    say: Callable[[str], object] = print,
    workers: int | None = None,
    scheduler: str | None = None,
    db: str | None = None,
    unsafe: bool = False,
    limits: dict | None = None,
    progress: bool = False,
    students: list[str] | None = None,
) -> list[dict]:
    """Grade every submission of a lab, in `submitted/<student>/<lab>/`.

    Each ends as *graded*, *needs a look* (there are marks, and something that a person should see) or *failed* (there
    are none), with the reasons; one never stops the others. A submission that was graded before and is the same still
    is not run again, so that a run that was interrupted goes on where it was.

    Marks are written as soon as a submission has run; the feedback pages when all marks are there. Those that are
    missing, and those on which a person changed a mark or a comment, are written by every run.

    Feedback pages go to `feedback/<student>/<lab>/`, the table of marks to `marks/<lab>.csv`, the class report and the
    details of each submission to `marks/<lab>/`, copies of the gradebook to `marks/backups/`.

    Parameters
    ----------
    say : called with one line for each student
    workers : how many notebooks run at once on this machine; by default one for each core
    scheduler : address of a Dask scheduler, `tcp://…`, in place of this machine
    db : the gradebook as an SQLAlchemy address; by default that of `nbgrader_config.py`
    unsafe : run the code without a sandbox, as the user who grades; every result is marked
    limits : changes to `grading.sandbox.LIMITS`
    progress : show a bar
    students : only these

    Returns
    -------
    list of dict : the rows of the table; `student`, `status`, `reasons`, `late_seconds`, `automatic`, `by_hand`,
        `waiting` (points not marked yet), `total`, and a column `<notebook>/<grade_id>` for each cell with points,
        empty where there is no mark (yet)

    Raises
    ------
    GradingError : there is no such lab, nothing was submitted, there is no sandbox, or the lab changed after it was
        first graded
    """
    need_lab(lab, root)
    everyone = _chosen(lab, students, root)
    if not unsafe and scheduler is None:
        sandbox.check()
    config = configuration(root)
    config.BaseConverter.force = True
    if db:
        config.CourseDirectory.db_url = db
    prepare()
    with _grading(root):
        notebooks = book.needed(lab, root)
        book.fill(lab, config)
        book.back_up(config, root / "marks/backups")
        before = book.marks(config, lab)
        try:
            run = _Run(lab, notebooks, before, config, root, how={"unsafe": unsafe, "limits": limits})
            results = _run_class(run, everyone, {"workers": workers, "scheduler": scheduler}, progress)
            problems = write_changed_pages(lab, results, workers, config, root)
        finally:  # also of a run that was interrupted
            after = book.marks(config, lab)
            book.log_changes(before, after, root / "marks" / lab / "changes.csv")
    for student, why in problems.items():
        results[student] = replace(results[student], status=LOOK, reasons=[*results[student].reasons, why])
    asked = questions(lab, root)
    lines = [line(lab, results[student], asked, after, root) for student in everyone]
    for each in lines:
        _say(say, in_words(each.row))
    write_table(root / "marks" / f"{lab}.csv", [each.row for each in lines])
    try:
        class_report(lab, [each.result for each in lines], root / "marks" / lab, _stubs(notebooks))
    except Exception as problem:  # the marks and their table stand
        _say(say, f"The class report of {lab} could not be written: {why_not(problem)}")
    return [each.row for each in lines]


def _chosen(lab: str, students: list[str] | None, root: Path) -> list[str]:
    """Those to be graded of all who handed in; a GradingError where somebody is named who did not."""
    everyone = who_handed_in(lab, root)
    unknown = sorted(set(students or ()) - set(everyone))
    if unknown:
        raise GradingError(f"{', '.join(unknown)} handed in nothing for {lab}.")
    return [student for student in everyone if not students or student in students]


@contextmanager
def _grading(root: Path) -> Iterator[None]:
    """One process writes the gradebook; a second one is told so."""
    (root / "marks").mkdir(exist_ok=True)
    (root / "marks/.lock").touch()
    with alone(root / "marks/.lock", f"Somebody is grading in {root} already: wait until that is done."):
        yield


def _say(say: Callable[[str], object], words: str) -> None:
    """Say a line, also where a terminal cannot show a name in it."""
    try:
        say(words)
    except UnicodeError:
        say(words.encode("ascii", "backslashreplace").decode())


def _stubs(notebooks: dict[str, tuple[str, str]]) -> dict[str, dict[str, str]]:
    """Notebook → answer cell → the stub that the students started from."""
    return {
        name: {
            cell.metadata.nbgrader.grade_id: cell.source
            for cell in nbformat.reads(release, as_version=4).cells
            if cell.metadata.get("nbgrader", {}).get("solution")
        }
        for name, (release, _) in notebooks.items()
    }


# --- running what was not run before ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Run:
    """What is the same for all submissions of a run.

    Attributes
    ----------
    notebooks : of the lab: name → (release, source), as JSON
    before : the marks that stood in the gradebook
    how : further arguments of `grading.run.run_notebook`
    """

    lab: str
    notebooks: dict[str, tuple[str, str]]
    before: dict[tuple, tuple]
    config: Config
    root: Path
    how: dict

    @property
    def settings(self) -> str:
        """What changes the fingerprints of all submissions."""
        return json.dumps([VERSION, self.how, self.notebooks], sort_keys=True)


@dataclass(frozen=True)
class _Begun:
    """A submission of which some notebooks have not run yet, and the outcomes of the others."""

    submission: Submission
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return bool(self.submission.failed) or len(self.outcomes) == len(self.submission.notebooks)


def _run_class(run: _Run, everyone: list[str], where: dict, progress: bool) -> dict[str, Result]:
    """Student → what came of the submission, after running what was not run before. `where` goes to `run_all`."""
    results, running, jobs = {}, {}, []
    settings = run.settings
    for student in everyone:
        with _problem_ends(student, results, run):
            submission = read_submission(run.lab, student, run.notebooks, run.root, settings)
            kept = kept_result(run.lab, student, submission.fingerprint, run.before, run.root)
            if kept is not None:
                results[student] = kept
                continue
            begun = _Begun(submission, _kept_outcomes(submission, run))
            if begun.complete:
                results[student] = finish(run.lab, submission, begun.outcomes, run.config, run.root)
            else:
                running[student] = begun
                jobs += _jobs(begun, run)
    # The Pythons of a few notebooks stay warm, and those are made ready beside each other.
    order = {name: place // KEEP for place, name in enumerate(sorted(run.notebooks))}
    jobs.sort(key=lambda job: (order[job[0][1]], job[0]))
    with (
        tqdm(total=len(jobs), desc=run.lab, unit="notebook", disable=not progress, dynamic_ncols=True) as bar,
        closing(run_all(jobs, **where)) as outcomes,  # an interrupt here ends what runs there
    ):
        bar.set_postfix(failed=sum(result.status == FAILED for result in results.values()))
        for (student, name), outcome in outcomes:
            with _problem_ends(student, results, run):
                begun = running[student]
                begun.outcomes[name] = outcome
                if begun.complete:
                    results[student] = finish(run.lab, begun.submission, begun.outcomes, run.config, run.root)
                elif not outcome.failed:
                    keep_outcome(run.lab, begun.submission, name, outcome, run.root)
            bar.set_postfix(failed=sum(result.status == FAILED for result in results.values()))
            bar.update()
    return results


@contextmanager
def _problem_ends(student: str, results: dict[str, Result], run: _Run) -> Iterator[None]:
    """Whatever goes wrong while one submission is processed ends this submission, and the class goes on."""
    try:
        yield
    except Exception as problem:
        results[student] = broken(run.lab, student, problem, run.root)


def _kept_outcomes(submission: Submission, run: _Run) -> dict[str, Outcome]:
    if submission.failed:
        return {}
    kept = {name: kept_outcome(run.lab, submission, name, run.root) for name in submission.notebooks}
    return {name: outcome for name, outcome in kept.items() if outcome is not None}


def _jobs(begun: _Begun, run: _Run) -> list[tuple]:
    """For `run_all`: (student, notebook) and the arguments of `run_notebook`, for each notebook that has not run."""
    submission, jobs = begun.submission, []
    for name, notebook in submission.notebooks.items():
        if name not in begun.outcomes:
            release, source = run.notebooks[name]
            arguments = {"release": release, "source": source, "files": submission.files} | run.how
            jobs.append(((submission.student, name), arguments | {"notebook": nbformat.writes(notebook)}))
    return jobs


# --- exports ------------------------------------------------------------------------------------------------------


def export(lab: str, to: str, roster: Path | None = None, partial: bool = False, root: Path = ROOT) -> Path:
    """Write the marks as the gradebook of a learning platform imports them, to `marks/<lab>/<platform>.csv`.

    Raises
    ------
    GradingError : another platform than moodle and canvas, or the lab was not graded yet
    """
    if to not in EXPORTS:
        raise GradingError(f"There is no export for '{to}'. Choose one of: {', '.join(EXPORTS)}.")
    need_lab(lab, root)
    results = kept_results(lab, root)
    if not results:
        raise GradingError(f"{lab} has no marks yet: grade it first, with `make grade LAB={lab}`.")
    marks, asked = book.marks(configuration(root), lab), questions(lab, root)
    path = root / "marks" / lab / f"{to}.csv"
    EXPORTS[to](lab, [line(lab, result, asked, marks, root).result for result in results], roster, path, partial)
    return path
