"""Grade a class: read what was handed in, mend it, run it in sandboxes, and write marks, feedback and a report."""

import csv
import fcntl
import functools
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbgrader.utils import parse_utc
from tqdm import tqdm

from . import gradebook as book
from . import sandbox
from .bounded import at_most, prepare
from .collect import TIME, files_of
from .course import ROOT, GradingError, configuration, labs, need_lab, questions
from .integrity import Unreadable, mend, read_notebook, set_aside
from .parallel import run_all, why_not
from .report import class_report, export_canvas, export_moodle
from .safe import SECONDS_IN_ALL, presentable
from .text import name_problem, no_formula, storable, visible
from .warm import KEEP

GRADED, LOOK, FAILED = "graded", "needs a look", "failed"
VERSION = 2  # of the way of grading: another number grades everything anew
MOST_ANSWER = 100_000  # characters of an answer that are kept beside its marks and compared with others
DEFINES = re.compile(r"(?m)^\s*(?:async\s+)?(?:def|class)\s")
MOST_DATA = 32 * 2**20  # bytes of files beside a notebook that go along into the sandbox


def grade(
    lab: str,
    root: Path = ROOT,
    say: Callable = print,
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
    everyone = submissions(lab, root)
    if students:
        unknown = sorted(set(students) - set(everyone))
        if unknown:
            raise GradingError(f"{', '.join(unknown)} handed in nothing for {lab}.")
        everyone = [student for student in everyone if student in students]
    if not unsafe and scheduler is None:
        sandbox.check()
    config = configuration(root)
    config.BaseConverter.force = True
    if db:
        config.CourseDirectory.db_url = db
    prepare()
    with _alone(root):
        notebooks = book.needed(lab, root)
        book.fill(lab, config)
        book.back_up(config, root / "marks/backups")
        before = book.marks(config, lab)
        try:
            how, where = {"unsafe": unsafe, "limits": limits}, {"workers": workers, "scheduler": scheduler}
            results = _results(lab, everyone, notebooks, before, config, root, how, where, progress)
            _write_feedback(lab, results, workers, config, root)
        finally:  # also of a run that was interrupted
            after = book.marks(config, lab)
            book.log_changes(before, after, root / "marks" / lab / "changes.csv")
    lines = [_line(lab, results[student], after, root) for student in everyone]
    rows = [row for row, _ in lines]
    for row in rows:
        _say(say, in_words(row))
    _write(root / "marks" / f"{lab}.csv", rows)
    try:
        write_report(lab, [result for _, result in lines], notebooks, root)
    except Exception as problem:  # the marks and their table stand
        _say(say, f"The class report of {lab} could not be written: {why_not(problem)}")
    return rows


def _results(lab, everyone, notebooks, before, config, root, how: dict, where: dict, progress: bool) -> dict[str, dict]:
    """What is known about each student's submission, after running what was not run before.

    `how` goes to `run_notebook`, `where` to `run_all`; `before` are the marks that stand in the gradebook.
    """
    results, waiting, jobs = {}, {}, []
    settings = json.dumps([VERSION, how, notebooks], sort_keys=True)
    for student in everyone:
        with _one(lab, student, results, root):
            submission = read_submission(lab, student, notebooks, root, settings)
            kept = _kept(lab, student, submission["fingerprint"], before, root)
            if kept is not None:
                results[student] = kept
                continue
            outcomes, own = {}, []
            for name, notebook in submission["notebooks"].items() if not submission["failed"] else ():
                outcome = _kept_outcome(lab, submission, name, root)
                if outcome is not None:
                    outcomes[name] = outcome
                    continue
                release, source = notebooks[name]
                arguments = {"release": release, "source": source, "files": submission["files"]} | how
                own.append(((student, name), arguments | {"notebook": nbformat.writes(notebook)}))
            if submission["failed"] or len(outcomes) == len(submission["notebooks"]):
                results[student] = _finish(lab, submission, outcomes, config, root)
            else:
                waiting[student] = submission, outcomes
                jobs += own
    # The Pythons of a few notebooks stay warm, and those are made ready beside each other.
    order = {name: place // KEEP for place, name in enumerate(sorted(notebooks))}
    jobs.sort(key=lambda job: (order[job[0][1]], job[0]))
    with (
        tqdm(total=len(jobs), desc=lab, unit="notebook", disable=not progress, dynamic_ncols=True) as bar,
        closing(run_all(jobs, **where)) as done,  # an interrupt here ends what runs there
    ):
        bar.set_postfix(failed=sum(result["status"] == FAILED for result in results.values()))
        for (student, name), outcome in done:
            with _one(lab, student, results, root):
                submission, outcomes = waiting[student]
                outcomes[name] = outcome
                if len(outcomes) == len(submission["notebooks"]):
                    results[student] = _finish(lab, submission, outcomes, config, root)
                elif not outcome["failed"]:
                    kept = {"fingerprint": submission["fingerprint"], "outcome": outcome}
                    book.write_json(_outcome_file(lab, student, name, root), kept)
            bar.set_postfix(failed=sum(result["status"] == FAILED for result in results.values()))
            bar.update()
    return results


@contextmanager
def _one(lab: str, student: str, results: dict, root: Path):
    """Whatever goes wrong while one submission is processed ends this submission, and the class goes on."""
    try:
        yield
    except Exception as problem:
        results[student] = _broken(lab, student, problem, root)


def _broken(lab: str, student: str, problem: Exception, root: Path) -> dict:
    """The result of a submission that could not be processed: it has no mark, and the next run tries it again."""
    result = {
        "student": student,
        "lab": lab,
        "fingerprint": "",
        "status": FAILED,
        "reasons": [f"It could not be processed: {why_not(problem)}"],
        "time": None,
        "late_seconds": 0.0,
        "sandbox": "",
        "seconds": 0.0,
        "graded": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        "notebooks": {},
    }
    path = _result_file(lab, student, root)
    with suppress(Exception):
        path.unlink(missing_ok=True)  # an export must not find the marks of before
        book.write_json(path, result)
    return result


def _say(say: Callable, line: str) -> None:
    """Say a line, also where a terminal cannot show a name in it."""
    try:
        say(line)
    except UnicodeError:
        say(line.encode("ascii", "backslashreplace").decode())


@contextmanager
def _alone(root: Path):
    """One process writes the gradebook; a second one is told so."""
    (root / "marks").mkdir(exist_ok=True)
    with (root / "marks/.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GradingError(f"Somebody is grading in {root} already: wait until that is done.") from None
        yield


def _outcome_file(lab: str, student: str, name: str, root: Path) -> Path:
    return root / "marks" / lab / "unfinished" / student / f"{name}.json"


def _kept_outcome(lab: str, submission: dict, name: str, root: Path) -> dict | None:
    """What an interrupted run found out about one notebook of a submission that is the same still."""
    try:
        kept = json.loads(_outcome_file(lab, submission["student"], name, root).read_text(encoding="utf-8"))
        if kept["fingerprint"] != submission["fingerprint"]:
            return None
        by_place = {
            key: {int(place): value for place, value in kept["outcome"][key].items()} for key in ("outputs", "counts")
        }
        return kept["outcome"] | by_place
    except Exception:  # there is none, or it is damaged: the notebook is run again
        return None


def submissions(lab: str, root: Path = ROOT) -> list[str]:
    """The names of all who handed in this lab; a GradingError when there is none."""
    submitted = root / "submitted"
    students = sorted(folder.parent.name for folder in submitted.glob(f"*/{lab}"))
    if not students:
        others = sorted({f.name for f in submitted.glob("*/*") if f.is_dir() and f.name in labs(root)})
        there_is = f" There are submissions of {', '.join(others)}." if others else ""
        raise GradingError(
            f"Nothing was handed in for {lab}: put each student's notebooks into submitted/<student>/{lab}/, "
            f"or collect them with `datalab collect {lab}`.{there_is}"
        )
    return students


def in_words(row: dict) -> str:
    """One line about one student's marks, as `make grade` prints it."""
    student, why = visible(row["student"]), visible(" ".join(row["reasons"].splitlines()))
    if row["status"] == FAILED:
        return f"{student}: FAILED, no marks. {why}"
    line = f"{student}: {row['automatic']:g} of {row['automatic_max']:g} points by test"
    if row["by_hand_max"]:
        line += f", {row['by_hand']:g} of {row['by_hand_max']:g} by hand"
    if row["waiting"]:
        line += f" ({row['waiting']:g} still to be marked)"
    return line if row["status"] == GRADED else f"{line}. NEEDS A LOOK. {why}"


# --- one submission, before it runs -------------------------------------------------------------------------------


def read_submission(lab: str, student: str, notebooks: dict, root: Path, settings: str = "") -> dict:
    """What a student handed in, mended and ready to run.

    Returns
    -------
    dict : `student`; `notebooks`, name → notebook; `files`, what lies beside them; `flags`, notebook → what was put
        right; `reasons`, what a person should see; `failed`, empty or why it cannot be graded; `time`; `fingerprint`,
        which changes with anything that could change a mark
    """
    folder = root / "submitted" / student / lab
    found = {"student": student, "notebooks": {}, "files": {}, "flags": {}, "reasons": [], "failed": "", "time": None}
    found["answers"] = {}
    digest = hashlib.sha256(settings.encode())
    found["failed"] = name_problem(student)
    try:
        files, left_out = files_of(folder)
    except OSError as problem:
        files, left_out = {}, [f"{lab} cannot be read: {problem}"]
    for name, data in sorted(files.items()):
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    digest.update("\0".join(left_out).encode())
    found["fingerprint"] = digest.hexdigest()
    found["reasons"] += left_out
    found["time"] = _time(files.pop("timestamp.txt", None), found["reasons"])
    handed_in = {name.removesuffix(".ipynb"): data for name, data in files.items() if name.endswith(".ipynb")}
    beside, aside = set_aside({n: d for n, d in files.items() if not n.endswith(".ipynb")}, set(notebooks))
    found["files"] = beside if sum(map(len, beside.values())) <= MOST_DATA else {}
    found["reasons"] += [change.what for change in aside if change.serious]
    if beside and not found["files"]:
        found["reasons"].append(f"The files beside the notebook are larger than {MOST_DATA:,} bytes and were left out.")
    wanted = {name: handed_in[name] for name in notebooks if name in handed_in}
    if not wanted and not found["failed"]:
        what = ", ".join(sorted(files)) or "nothing"
        also = f" {' '.join(left_out)}" if left_out else ""
        found["failed"] = f"None of {_files(notebooks)} was handed in; the folder holds {what}.{also}"
    for name, data in wanted.items():
        try:
            notebook, changes = mend(read_notebook(data), _parsed(notebooks[name][0]))
        except Exception as problem:  # Unreadable, or whatever else a strange file brings about
            why = str(problem) if isinstance(problem, Unreadable) else why_not(problem)
            found["failed"] = f"{name}.ipynb cannot be read: {why}"
            continue
        found["notebooks"][name] = notebook
        found["flags"][name] = [change.what for change in changes]
        found["reasons"] += [f"{name}: {change.what}" for change in changes if change.serious]
        found["answers"][name] = _answers(notebook, _parsed(notebooks[name][0]))
    missing = set(notebooks) - set(wanted)
    if missing and not found["failed"]:
        words = f"{_files(missing)} was not handed in and counts as zero."
        others = set(handed_in) - set(notebooks)
        if others:
            words += f" Is it {_files(others)} under another name? Rename it and grade again."
        found["reasons"].append(words)
    return found


def _answers(notebook, release) -> dict[str, str]:
    """What is compared with others: the answer cells, and the functions that stand in further cells."""
    released = {cell.source for cell in release.cells}
    found, own = {}, []
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("solution"):
            found[about["grade_id"]] = cell.source[:MOST_ANSWER]
        elif cell.cell_type == "code" and not about and cell.source not in released and DEFINES.search(cell.source):
            own.append(cell.source)
    return found | ({"further cells": "\n".join(own)[:MOST_ANSWER]} if own else {})


@functools.lru_cache(8)
def _parsed(release: str):
    """The students' copy as a notebook, not to be changed; parsed once for a class."""
    return nbformat.reads(release, as_version=4)


def _time(data: bytes | None, reasons: list[str]) -> str | None:
    if data is None:
        return None
    try:
        text = data.decode("ascii").strip()
        if not TIME.fullmatch(text):  # a time zone of a student's own making would be looked for as a file
            raise ValueError
        return parse_utc(text).strftime("%Y-%m-%d %H:%M:%S.%f UTC")
    except (ValueError, OverflowError):
        reasons.append("The time in timestamp.txt cannot be read: whether it was late is not known.")
        return None


def _files(names) -> str:
    return ", ".join(f"{name}.ipynb" for name in sorted(names))


# --- one submission, after it ran ---------------------------------------------------------------------------------


def _finish(lab: str, submission: dict, outcomes: dict, config, root: Path) -> dict:
    """Write a submission's marks; what is known about it, as it is kept in `marks/<lab>/results/`."""
    student, reasons, failed = submission["student"], list(submission["reasons"]), submission["failed"]
    notebooks, about = {}, {}
    for name, outcome in outcomes.items():
        failed = failed or (f"{name}: {outcome['failed']}" if outcome["failed"] else "")
        reasons += [f"{name}: {reason}" for reason in outcome["reasons"]]
        notebooks[name] = executed(submission["notebooks"][name], outcome)
        if "NO SANDBOX" in outcome["sandbox"]:
            reasons.append(f"{name} was run without a sandbox: what its code did to this machine is not known.")
    late = 0.0
    if not failed:
        try:
            late = book.record(lab, student, notebooks, submission["time"], config, root)
        except GradingError as problem:
            failed = str(problem)
    if submission["failed"]:  # what failed because of this machine is tried again, and keeps what it had
        book.remove_submission(lab, student, config, root)
    if failed:
        reasons = [failed, *reasons]
    for name, flags in submission["flags"].items():
        outcome = outcomes.get(name, {})
        about[name] = {
            "flags": flags,
            "answers": submission["answers"].get(name, {}),
            "tests": outcome.get("tests", {}),
            "seconds": outcome.get("seconds"),
            "cpu_seconds": outcome.get("cpu_seconds"),
            "memory": outcome.get("memory"),
        }
    result = {
        "student": student,
        "lab": lab,
        "fingerprint": submission["fingerprint"],
        "status": FAILED if failed else LOOK if reasons else GRADED,
        "reasons": storable(reasons),
        "time": submission["time"],
        "late_seconds": late,
        "sandbox": ", ".join(sorted({outcome["sandbox"] for outcome in outcomes.values()})),
        "seconds": sum(outcome["seconds"] for outcome in outcomes.values()),
        "graded": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        "notebooks": about,
    }
    book.write_json(_result_file(lab, student, root), result)
    shutil.rmtree(root / "marks" / lab / "unfinished" / student, ignore_errors=True)
    return result


def executed(notebook, outcome: dict):
    """The mended notebook with what its cells showed, safe to look at, and the outcome of each test."""
    notebook = nbformat.from_dict(notebook)
    for place, cell in enumerate(notebook.cells):
        about = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code":
            continue
        outputs = outcome["outputs"].get(place, [])
        cell.execution_count = outcome["counts"].get(place)
        test = outcome["tests"].get(about.get("grade_id"))
        if test is not None and about.get("points"):
            message = storable(test["message"])
            name, _, words = message.partition(": ")
            outputs = [] if test["passed"] else [_failure(name, words, message)]
        elif about.get("grade"):  # a visible check: no points hang on it, and nbgrader wants no partial credit from it
            outputs = [output for output in outputs if output["output_type"] in ("error", "stream")]
        cell.outputs = [nbformat.from_dict(output) for output in outputs]
    with at_most(SECONDS_IN_ALL):
        return presentable(notebook)


def _failure(name: str, words: str, message: str) -> dict:
    return {"output_type": "error", "ename": name or "AssertionError", "evalue": words, "traceback": [message]}


def _result_file(lab: str, student: str, root: Path) -> Path:
    return root / "marks" / lab / "results" / f"{student}.json"


def _kept(lab: str, student: str, fingerprint: str, before: dict, root: Path) -> dict | None:
    """The result of an earlier run, if the submission is the same and its marks still stand in the gradebook."""
    try:
        result = json.loads(_result_file(lab, student, root).read_text(encoding="utf-8"))
        if result["fingerprint"] != fingerprint or result["status"] == FAILED:
            return None  # what failed is tried again: the reason may have been this machine
        has_marks = any(key[:2] == (lab, student) for key in before)
        copies = root / "autograded" / student / lab
        has_copies = all((copies / f"{name}.ipynb").exists() for name in result["notebooks"])
        return result if has_marks and has_copies else None
    except Exception:  # there is none, or it is damaged: the submission is graded anew
        return None


# --- the table ----------------------------------------------------------------------------------------------------


def _write_feedback(lab: str, results: dict, workers: int | None, config, root: Path) -> None:
    """Write the pages that are missing, and those on which marks or comments stand that a person has changed since.

    A page that cannot be written is a reason to look at its submission, and is tried again by the next run.
    """
    now = book.shown(config, lab)
    path = root / "marks" / lab / "on_feedback.json"
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        written = {}

    def write(student: str) -> str:
        digest = hashlib.sha256(json.dumps(now[student], sort_keys=True).encode()).hexdigest()
        pages = [root / "feedback" / student / lab / f"{name}.html" for name in results[student]["notebooks"]]
        if written.get(student) != digest or not all(page.exists() for page in pages):
            book.feedback(lab, student, config, root, now[student])
        return digest

    cores = len(os.sched_getaffinity(0))
    pool = ThreadPoolExecutor(min(workers or cores, cores))  # each waits for a process that makes the page
    try:
        todo = {pool.submit(write, s): s for s, result in results.items() if result["status"] != FAILED}
        for future in as_completed(todo):
            student = todo[future]
            try:
                written[student] = future.result()
            except Exception as problem:
                why = f"The feedback page could not be written: {why_not(problem)}"
                results[student] |= {"status": LOOK, "reasons": [*results[student]["reasons"], why]}
    finally:  # also of a run that was interrupted
        pool.shutdown(cancel_futures=True)
        book.write_json(path, written)


def _line(lab: str, result: dict, marks: dict, root: Path) -> tuple[dict, dict]:
    """A row of the table, and the result as the class report reads it; both without marks where that is impossible."""
    try:
        row = _row(lab, result, marks, root)
        return row, _with_marks(result, row)
    except Exception as problem:
        broken = _broken(lab, result["student"], problem, root)
        return _empty(broken, questions(lab, root)), broken


def _empty(result: dict, asked: list[dict]) -> dict:
    """A row with a status and no marks."""
    row = {"student": result["student"], "status": result["status"], "reasons": "\n".join(result["reasons"])}
    row |= {"late_seconds": result["late_seconds"]}
    row |= dict.fromkeys(["automatic", "automatic_max", "by_hand", "by_hand_max", "waiting", "total", "max"], "")
    row["automatic_max"] = sum(q["points"] for q in asked if not q["by_hand"])
    row["by_hand_max"] = sum(q["points"] for q in asked if q["by_hand"])
    row["max"] = row["automatic_max"] + row["by_hand_max"]
    return row | {f"{q['notebook']}/{q['grade_id']}": "" for q in asked}


def _row(lab: str, result: dict, marks: dict, root: Path) -> dict:
    """A row of the table; a failed submission has a status and no marks."""
    student = result["student"]
    asked = {(q["notebook"], q["grade_id"]): q for q in questions(lab, root)}
    row = _empty(result, list(asked.values()))
    if result["status"] == FAILED:
        return row
    row |= {"automatic": 0, "by_hand": 0, "waiting": 0}
    for (notebook, cell), question in asked.items():
        by_test, by_hand, extra, waits = marks.get((lab, student, notebook, cell), (None, None, None, True))
        if waits and by_hand is None:
            row["waiting"] += question["points"]
            continue
        score = (by_hand if by_hand is not None else by_test or 0) + (extra or 0)
        row["by_hand" if question["by_hand"] else "automatic"] += score
        row[f"{notebook}/{cell}"] = score
    row["total"] = row["automatic"] + row["by_hand"]
    return row


def _with_marks(result: dict, row: dict) -> dict:
    """A result as the class report reads it: with the marks as they stand in the gradebook now."""
    result = result | {"notebooks": {name: about | {"marks": {}} for name, about in result["notebooks"].items()}}
    for column, points in row.items():
        notebook, _, cell = column.partition("/")
        if cell:
            about = result["notebooks"].setdefault(notebook, {"flags": [], "answers": {}, "tests": {}, "marks": {}})
            test = about["tests"].get(cell)
            about["marks"][cell] = {
                "points": points if points != "" else None,
                "message": test["message"] if test else None,
            }
    return result


def write_report(lab: str, results: list[dict], notebooks: dict, root: Path) -> dict[str, Path]:
    """The class report and its tables, in `marks/<lab>/`."""
    template = {
        name: {
            cell.metadata.nbgrader.grade_id: cell.source
            for cell in nbformat.reads(release, as_version=4).cells
            if cell.metadata.get("nbgrader", {}).get("solution")
        }
        for name, (release, _) in notebooks.items()
    }
    return class_report(lab, _with_worth(lab, results, root), root / "marks" / lab, template)


def _with_worth(lab: str, results: list[dict], root: Path) -> list[dict]:
    """The same results, with the points that each mark is out of, and whether a person gives it."""
    worth = {(q["notebook"], q["grade_id"]): q for q in questions(lab, root)}
    for result in results:
        for name, about in result["notebooks"].items():
            for cell, mark in about["marks"].items():
                mark |= {"max": worth[name, cell]["points"], "by_hand": worth[name, cell]["by_hand"]}
    return results


def export(lab: str, to: str, roster: Path | None = None, partial: bool = False, root: Path = ROOT) -> Path:
    """Write the marks as the gradebook of a learning platform imports them, to `marks/<lab>/<platform>.csv`.

    Raises
    ------
    GradingError : another platform than moodle and canvas, or the lab was not graded yet
    """
    writers = {"moodle": export_moodle, "canvas": export_canvas}
    if to not in writers:
        raise GradingError(f"There is no export for '{to}'. Choose one of: {', '.join(writers)}.")
    need_lab(lab, root)
    files = sorted((root / "marks" / lab / "results").glob("*.json"))
    if not files:
        raise GradingError(f"{lab} has no marks yet: grade it first, with `make grade LAB={lab}`.")
    config = configuration(root)
    marks = book.marks(config, lab)
    results = [_line(lab, _stored(lab, path, root), marks, root)[1] for path in files]
    results = _with_worth(lab, results, root)
    path = root / "marks" / lab / f"{to}.csv"
    writers[to](lab, results, roster, path, partial=partial)
    return path


def _stored(lab: str, path: Path, root: Path) -> dict:
    """A result as it was kept; one that cannot be read is a failed submission."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        return _broken(lab, path.stem, problem, root)


def _write(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows({column: no_formula(value) for column, value in row.items()} for row in rows)
    os.replace(part, path)
