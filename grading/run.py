"""Run one submitted notebook: the student's cells in a sandbox, the tests in a Python that no student's code reaches.

`run_notebook` takes and returns plain values, so that it can be called in this process, in another, or on another
machine. What it starts for a notebook (the two warm Pythons) stays for the next submission of the same notebook, and is
shared by threads: all the work is done in other processes, so threads keep as many cores busy.
"""

import functools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import nbformat
from nbformat import NotebookNode

from .bounded import at_most
from .safe import SECONDS_IN_ALL, clean_outputs
from .sandbox import LIMITS
from .session import Lost, Session, start_session
from .warm import Stages, stages_of

RESTARTS = 3


def run_notebook(
    notebook: str,
    release: str,
    source: str | None,
    files: dict[str, bytes] | None = None,
    limits: dict | None = None,
    unsafe: bool = False,
    cold: bool = False,
) -> dict:
    """Execute a mended submission and test it.

    Parameters
    ----------
    notebook : the submission as JSON, after `grading.integrity.mend`
    release, source : the students' copy and the source (with answers and hidden tests) of the same notebook, as JSON;
        without a source (None) only the student's cells run, and nothing is tested
    files : name → bytes of data files that lie beside the notebook
    limits : changes to `grading.sandbox.LIMITS`
    unsafe : run without bubblewrap
    cold : start Python anew inside the sandbox in place of copying a warm one

    Returns
    -------
    dict : `outputs`, place of a code cell → its outputs; `counts`, place → execution count;
        `tests`, grade_id → {"passed", "message"}; `reasons`, what a person should look at; `failed`, empty or why
        nothing can be said; `seconds`, `cpu_seconds`, `memory` (bytes at most); `sandbox`, what held
    """
    start = time.monotonic()
    limits = LIMITS | (limits or {})
    submitted = nbformat.reads(notebook, as_version=4)
    with stages_of(release, source) as stages:
        control, executed = (None, []) if cold else stages.start_of(submitted)
        begin = functools.partial(Session, stages, control, executed, limits, unsafe)
        outcome = _run_with_restarts(begin, stages, submitted, files or {}, limits, start)
    for test in stages.tests:
        outcome["tests"].setdefault(test, {"passed": False, "message": "The test was not reached."})
    return outcome


def run_answer(
    release: str, source: str, answer: str, code: str, limits: dict | None = None, unsafe: bool = False
) -> dict:
    """Try other code in one answer cell of the source, in the way in which a submission is run and tested.

    The student's Python is a copy of the one that ran the source up to that cell, so that whoever tries many answers
    runs a notebook once. The cells between the answer and the last test of its question follow; the others do not.

    Parameters
    ----------
    answer : grade_id of the answer cell
    code : what stands there in place of the course's own answer

    Returns
    -------
    dict : as of `run_notebook`, with the tests of this question only; places count from the answer cell
    """
    start = time.monotonic()
    limits = LIMITS | (limits or {})
    original = nbformat.reads(source, as_version=4)
    names = [cell.metadata.get("nbgrader", {}).get("grade_id", "") for cell in original.cells]
    first = names.index(answer)
    question = f"test_{answer.split('_')[0]}_"
    cells = original.cells[first : 1 + max(place for place, name in enumerate(names) if name.startswith(question))]
    cells[0].source = code
    part = nbformat.v4.new_notebook(cells=cells)
    with stages_of(release, source, answers=True) as stages:
        begin = functools.partial(Session, stages, stages.answers[answer], [], limits, unsafe)
        return _run_with_restarts(begin, stages, part, {}, limits, start)


@dataclass(frozen=True)
class _Pass:
    """What one pass through a notebook brought: see `run_notebook`.

    `lost` : None, or the place and the reason where Python was lost
    """

    outputs: dict[int, list[dict]] = field(default_factory=dict)
    counts: dict[int, int | None] = field(default_factory=dict)
    tests: dict[str, dict] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    lost: tuple[int, str] | None = None


def _run_with_restarts(
    begin: Callable[[], Session],
    stages: Stages,
    submitted: NotebookNode,
    files: dict[str, bytes],
    limits: dict,
    start: float,
) -> dict:
    """The whole notebook, begun anew without the cell where Python was lost; what `run_notebook` returns."""
    skip, reasons = {}, []
    for _ in range(RESTARTS + 1):
        session = start_session(begin)
        session.end = start + limits["wall_seconds"]
        try:
            with at_most(SECONDS_IN_ALL):
                result = _run_cells(session, stages, submitted, files, limits, skip)
        finally:
            used = session.close()
        if result.lost is None:
            break
        place, why = result.lost
        skip[place] = why
        reasons.append(f"The cell {_name(submitted.cells[place], place)} {why}.")
        if time.monotonic() > session.end:
            break
    reasons += result.reasons
    if result.lost is not None:
        reasons.append("It was given up there: the cells after it were not run, and their tests count as failed.")
    for place, why in skip.items():
        words = f"This cell {why}; the cells after it were run without it."
        result.outputs[place] = [_error_output("Stopped", words)]
    outcome = {"outputs": result.outputs, "counts": result.counts, "tests": result.tests, "reasons": reasons}
    return outcome | {"failed": "", "seconds": time.monotonic() - start} | used


def _run_cells(
    session: Session,
    stages: Stages,
    submitted: NotebookNode,
    files: dict[str, bytes],
    limits: dict,
    skip: dict[int, str],
) -> _Pass:
    """One pass through the notebook, without the cells in `skip` (place → why)."""
    result, lost = _Pass(), None
    budget = limits["output_bytes"]
    code = [place for place, cell in enumerate(submitted.cells) if cell.cell_type == "code"]
    try:
        place = code[0] if code else 0
        for name, data in files.items():
            session.ask({"do": "file", "name": name}, data, limits["cell_seconds"])
        for number, place in enumerate(code):
            cell = submitted.cells[place]
            test = cell.metadata.get("nbgrader", {}).get("grade_id")
            if test in stages.tests:
                if place in skip:
                    result.tests[test] = {"passed": False, "message": f"The function {skip[place]}."}
                    continue
                verdict = session.test(stages.tests[test], limits["cell_seconds"])
                if verdict.pop("gone"):
                    raise Lost("ended Python or broke the connection to it when its function was called")
                problem = verdict.pop("problem")
                if problem:
                    result.reasons.append(f"{test}: {problem}.")
                result.tests[test] = verdict
                continue
            if number < len(session.executed):  # the warm Python has run it already
                outputs, count = session.executed[number]
            elif place in skip:
                continue
            else:
                if time.monotonic() > session.end:
                    raise Lost(f"was not run: the notebook took longer than {limits['wall_seconds']:g} s")
                answer, late = session.ask({"do": "run", "code": cell.source}, b"", limits["cell_seconds"])
                outputs, count = answer.get("outputs"), answer.get("count")
                if late:
                    what = f"took longer than {late:g} s and was stopped"
                    result.reasons.append(f"The cell {_name(cell, place)} {what}.")
            try:
                cleaned = clean_outputs(outputs, budget)
                budget -= sum(len(json.dumps(output)) for output in cleaned)
            except Exception as problem:  # whatever a strange output does to the cleaner is not the marks' business
                why = f"was left out, since it cannot be made safe ({type(problem).__name__})"
                result.reasons.append(f"What the cell {_name(cell, place)} shows {why}.")
                cleaned = [_error_output("LeftOut", f"What this cell shows {why}.")]
            result.outputs[place] = cleaned
            result.counts[place] = count if type(count) is int else None
    except Lost as problem:
        lost = place, str(problem)
    return replace(result, lost=lost)


def _name(cell: NotebookNode, place: int) -> str:
    return f"'{cell.metadata.get('nbgrader', {}).get('grade_id') or f'number {place + 1}'}'"


def _error_output(name: str, words: str) -> dict:
    return {"output_type": "error", "ename": name, "evalue": words, "traceback": [f"{name}: {words}"]}
