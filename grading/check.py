"""What a student can find out before handing in: does the notebook run from the top, and what do its checks say?"""

import re
from collections.abc import Callable
from pathlib import Path

import nbformat

from . import sandbox
from .course import GradingError
from .integrity import Unreadable, mend, read_notebook, set_aside
from .run import run_notebook
from .warm import close_stages

OPEN = "This question has no answer yet"


def check(
    lab: str,
    work: Path = Path("work"),
    release: Path = Path("course/release"),
    say: Callable[[str], object] = print,
) -> bool:
    """Run a student's own notebooks as the grader does, without the hidden tests, and say what stands in the way.

    Runs in the grader's sandbox where there is one, else in a Python of its own: it is the reader's own code.

    Parameters
    ----------
    lab : such as lab1_handwritten_numbers
    work : where the student's copies lie, in a folder named like the lab
    release : where the untouched copies lie
    say : called with one line at a time

    Returns
    -------
    bool : whether every question has an answer that passes its visible check, and nothing else is in the way

    Raises
    ------
    GradingError : there is no such lab, or nothing of it in `work`
    """
    known = sorted({path.parent.name for path in release.glob("*/*.ipynb")})
    if lab not in known:
        raise GradingError(f"There is no lab named '{lab}'. Choose one of: {', '.join(known)}.")
    folder = work / lab
    wanted = sorted((release / lab).glob("*.ipynb"))
    if not any((folder / path.name).exists() for path in wanted):
        raise GradingError(f"Nothing to check: {folder} holds none of {', '.join(path.name for path in wanted)}.")
    try:
        sandbox.check()
        unsafe = False
    except GradingError:
        unsafe = True  # it is the student's own code on their own machine
    fine = True
    try:
        for path in wanted:
            if not (folder / path.name).exists():
                say(
                    f"{path.name}: is missing. Without it its questions count as zero; the names must stay as they are."
                )
                fine = False
            else:
                fine &= _check_notebook(folder / path.name, path.read_text(encoding="utf-8"), unsafe, say)
    finally:
        close_stages()
    say("Ready to hand in." if fine else "Not yet: see above. (What passes here can still fail a hidden check.)")
    return fine


def _check_notebook(path: Path, release: str, unsafe: bool, say: Callable[[str], object]) -> bool:
    try:
        notebook, changes = mend(read_notebook(path.read_bytes()), nbformat.reads(release, as_version=4))
    except Unreadable as problem:
        say(f"{path.name}: cannot be read. {problem}")
        return False
    files = {
        file.relative_to(path.parent).as_posix(): file.read_bytes()
        for file in path.parent.rglob("*")
        if file.is_file() and file.suffix != ".ipynb" and ".ipynb_checkpoints" not in file.parts
    }
    beside, aside = set_aside(files, {path.stem})
    outcome = run_notebook(nbformat.writes(notebook), release, None, files=beside, unsafe=unsafe)
    problems = [f"when it is graded, {change.what}" for change in [*changes, *aside] if change.serious]
    problems += outcome["reasons"]
    passed, asked = 0, 0
    for place, cell in enumerate(notebook.cells):
        of_nbgrader = cell.metadata.get("nbgrader", {})
        error = next((o for o in outcome["outputs"].get(place, []) if o["output_type"] == "error"), None)
        if of_nbgrader.get("task"):
            if OPEN in cell.source or not cell.source.strip():
                problems.append(f"{_title(of_nbgrader)} has no text yet.")
        elif of_nbgrader.get("grade"):
            visible = re.sub(r"(?m)^\s*#.*$", "", cell.source).strip()
            if visible:
                asked += 1
                passed += error is None
                if error is not None:
                    problems.append(_in_words(_title(of_nbgrader), error))
        elif error is not None and OPEN not in error["evalue"]:
            where = (
                _title(of_nbgrader)
                if of_nbgrader.get("solution")
                else f"The cell that begins with '{_first_line(cell.source)}'"
            )
            problems.append(_in_words(where, error, cell=True))
    say(f"{path.name}: {passed} of {asked} visible checks pass.")
    for problem in problems:
        say(f"  - {problem}")
    return not problems


def _title(of_nbgrader: dict) -> str:
    number = re.search(r"q(\d+)", of_nbgrader.get("grade_id", ""))
    return f"Question {number[1]}" if number else f"The cell '{of_nbgrader.get('grade_id', '')}'"


def _first_line(source: str) -> str:
    lines = source.strip().splitlines()
    return lines[0][:60] if lines else ""


def _in_words(where: str, error: dict, cell: bool = False) -> str:
    """An error as a sentence that says what to do about it."""
    name, words = error["ename"], error["evalue"]
    if OPEN in words:
        return f"{where} has no answer yet."
    if name == "NameError" and cell:
        return (
            f"{where}: {words}. It may have worked in your window because a cell was run earlier, and changed or "
            "removed since. Choose Kernel → Restart Kernel and Run All Cells to see what the grader sees."
        )
    if name in ("ModuleNotFoundError", "FileNotFoundError"):
        return f"{where}: {name}: {words}. The grader has the course's own libraries and the files beside the notebook."
    return f"{where}: {words}" if name == "AssertionError" else f"{where}: {name}: {words}"
