"""The feedback pages of students: which are to be written, and what lies beside them; `grading.pages` makes a page."""

import functools
import hashlib
import json
import os
import secrets
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import nbformat
from traitlets.config import Config

from . import gradebook as book
from .bounded import call
from .files import write_json, write_whole
from .submission import FAILED, Result, why_not

SECRET = "submission_secret.txt"
PAGE_SECONDS = 60  # of CPU time for one feedback page


def write_changed_pages(
    lab: str, results: dict[str, Result], workers: int | None, config: Config, root: Path
) -> dict[str, str]:
    """Write the pages that are missing, and those on which marks or comments stand that a person has changed since.

    Parameters
    ----------
    results : student → what came of the submission
    workers : how many are written at once; by default one for each core

    Returns
    -------
    dict of str to str : student → why the pages could not be written. The next run tries it again.
    """
    now = book.shown(config, lab)
    path = root / "marks" / lab / "on_feedback.json"
    try:
        digests = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        digests = {}

    def write(student: str) -> str:
        digest = hashlib.sha256(json.dumps(now[student], sort_keys=True).encode()).hexdigest()
        pages = [root / "feedback" / student / lab / f"{name}.html" for name in results[student].notebooks]
        if digests.get(student) != digest or not all(page.exists() for page in pages):
            write_pages(lab, student, config, root, now[student])
        return digest

    problems = {}
    cores = len(os.sched_getaffinity(0))
    pool = ThreadPoolExecutor(min(workers or cores, cores))  # each waits for a process that makes the page
    try:
        students = {pool.submit(write, s): s for s, result in results.items() if result.status != FAILED}
        for future in as_completed(students):
            student = students[future]
            try:
                digests[student] = future.result()
            except Exception as problem:
                problems[student] = f"The feedback page could not be written: {why_not(problem)}"
    finally:  # also of a run that was interrupted
        pool.shutdown(cancel_futures=True)
        write_json(path, digests)
    return problems


def secret_of(path: Path) -> str:
    """The secret that nbgrader sent along with a submission: a short line of a plain file, else a new one."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            text = file.read(1001).decode("ascii")
    except (OSError, ValueError):
        text = ""
    return text if 32 <= len(text) <= 1000 and text.isalnum() else secrets.token_hex(64)


def write_pages(lab: str, student: str, config: Config, root: Path, marks: dict[str, dict] | None = None) -> None:
    """Write a student's feedback pages: marks and comments as they stand now, no hidden tests, no mark schemes.

    Beside them lies the secret that nbgrader sent along with the submission: a released page is named after it, so that
    only the person who has it finds the page. Where there is none, a new one keeps that page hidden, and keeps
    nbgrader's `release_feedback` from stopping for the whole class.

    Parameters
    ----------
    marks : of this student, from `grading.gradebook.shown`, by one who writes many pages
    """
    if marks is None:
        marks = book.shown(config, lab, student)[student]
    settings = json.loads(json.dumps(config.get("HTMLExporter", {}), default=str))
    to = root / "feedback" / student / lab
    to.mkdir(parents=True, exist_ok=True)
    for path in sorted((root / "autograded" / student / lab).glob("*.ipynb")):
        copy = root / "course/release" / lab / path.name
        released = _released(copy, copy.stat().st_mtime_ns) if copy.exists() else {}
        notebook = path.read_text(encoding="utf-8")
        html = call("pages.page", notebook, path.stem, marks[path.stem], released, settings, seconds=PAGE_SECONDS)
        write_whole(to / f"{path.stem}.html", html)
    write_whole(to / SECRET, secret_of(root / "submitted" / student / lab / SECRET))
    if not (to / "timestamp.txt").exists():
        # `release_feedback` reads it, and only writes it into its log
        write_whole(to / "timestamp.txt", _text(root / "autograded" / student / lab / "timestamp.txt"))


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


@functools.lru_cache(100)
def _released(path: Path, changed: int) -> dict[str, str]:
    """The text of each cell as the students know it: grade_id → source. Read once for a class (`changed`: when)."""
    cells = nbformat.read(path, as_version=4).cells
    return {cell.metadata.get("nbgrader", {}).get("grade_id", ""): cell.source for cell in cells}
