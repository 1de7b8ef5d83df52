"""Read what was handed in: who did, and each submission mended and ready to run."""

import functools
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from .collect import files_of, time_in
from .course import ROOT, GradingError, labs
from .integrity import Unreadable, mend, read_notebook, set_aside
from .submission import Submission, why_not
from .text import name_problem

MOST_ANSWER = 100_000  # characters of an answer that are kept beside its marks and compared with others
MOST_DATA = 32 * 2**20  # bytes of files beside a notebook that go along into the sandbox
DEFINES = re.compile(r"(?m)^\s*(?:async\s+)?(?:def|class)\s")


def who_handed_in(lab: str, root: Path = ROOT) -> list[str]:
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


def read_submission(
    lab: str, student: str, notebooks: dict[str, tuple[str, str]], root: Path, settings: str = ""
) -> Submission:
    """What a student handed in, mended and ready to run.

    Parameters
    ----------
    notebooks : of the lab: name → (release, source), as JSON
    settings : of the grading; another text gives another fingerprint
    """
    try:
        contents, left_out = files_of(root / "submitted" / student / lab)
    except OSError as problem:
        contents, left_out = {}, [f"{lab} cannot be read: {problem}"]
    fingerprint = _fingerprint(settings, contents, left_out)
    time, unreadable_time = _time(contents.pop("timestamp.txt", None))
    handed_in = {name.removesuffix(".ipynb"): data for name, data in contents.items() if name.endswith(".ipynb")}
    files, remarks = _beside({n: d for n, d in contents.items() if not n.endswith(".ipynb")}, set(notebooks))
    reasons = [*left_out, *unreadable_time, *remarks]
    failed = name_problem(student)
    wanted = {name: handed_in[name] for name in notebooks if name in handed_in}
    if not wanted and not failed:
        what = ", ".join(sorted(contents)) or "nothing"
        also = f" {' '.join(left_out)}" if left_out else ""
        failed = f"None of {_files(notebooks)} was handed in; the folder holds {what}.{also}"
    mended, flags, answers = {}, {}, {}
    for name, data in wanted.items():
        release = _parsed(notebooks[name][0])
        try:
            mended[name], changes = mend(read_notebook(data), release)
        except Exception as problem:  # Unreadable, or whatever else a strange file brings about
            why = str(problem) if isinstance(problem, Unreadable) else why_not(problem)
            failed = f"{name}.ipynb cannot be read: {why}"
            continue
        flags[name] = [change.what for change in changes]
        reasons += [f"{name}: {change.what}" for change in changes if change.serious]
        answers[name] = _answers(mended[name], release)
    if not failed:
        reasons += _missing(set(notebooks) - set(wanted), set(handed_in) - set(notebooks))
    return Submission(student, fingerprint, mended, files, flags, answers, reasons, failed, time)


def _fingerprint(settings: str, contents: dict[str, bytes], left_out: list[str]) -> str:
    digest = hashlib.sha256(settings.encode())
    for name, data in sorted(contents.items()):
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    digest.update("\0".join(left_out).encode())
    return digest.hexdigest()


def _time(data: bytes | None) -> tuple[str | None, list[str]]:
    """When it was handed in, in nbgrader's format, and what a person should see about it."""
    if data is None:
        return None, []
    time = time_in(data.decode("ascii", "replace"))
    if time is None:
        return None, ["The time in timestamp.txt cannot be read: whether it was late is not known."]
    return time.strftime("%Y-%m-%d %H:%M:%S.%f UTC"), []


def _beside(contents: dict[str, bytes], names: set[str]) -> tuple[dict[str, bytes], list[str]]:
    """The files beside the notebooks that go along, and what a person should see about the others."""
    files, changes = set_aside(contents, names)
    remarks = [change.what for change in changes if change.serious]
    if sum(map(len, files.values())) > MOST_DATA:
        remarks.append(f"The files beside the notebook are larger than {MOST_DATA:,} bytes and were left out.")
        files = {}
    return files, remarks


def _missing(missing: set[str], others: set[str]) -> list[str]:
    """What a person should see where a notebook is missing; `others` are the names of those that nobody asked for."""
    if not missing:
        return []
    words = f"{_files(missing)} was not handed in and counts as zero."
    if others:
        words += f" Is it {_files(others)} under another name? Rename it and grade again."
    return [words]


def _answers(notebook: NotebookNode, release: NotebookNode) -> dict[str, str]:
    """What is compared with others: the answer cells, and the functions that stand in further cells."""
    released = {cell.source for cell in release.cells}
    answers, own = {}, []
    for cell in notebook.cells:
        of_nbgrader = cell.metadata.get("nbgrader", {})
        if of_nbgrader.get("solution"):
            answers[of_nbgrader["grade_id"]] = cell.source[:MOST_ANSWER]
        elif cell.cell_type == "code" and not of_nbgrader and cell.source not in released:
            own += [cell.source] if DEFINES.search(cell.source) else []
    return answers | ({"further cells": "\n".join(own)[:MOST_ANSWER]} if own else {})


@functools.lru_cache(8)
def _parsed(release: str) -> NotebookNode:
    """The students' copy as a notebook, not to be changed; parsed once for a class."""
    return nbformat.reads(release, as_version=4)


def _files(names: Iterable[str]) -> str:
    return ", ".join(f"{name}.ipynb" for name in sorted(names))
