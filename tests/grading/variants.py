"""Try other answers in a notebook: python -m tests.grading.variants NOTEBOOK ANSWERS OUT (see answers/README.md).

A process of its own, with one thread, so that it can be copied at each answer cell. Written to OUT as JSON:
`{"<grade_id>/<name>": {"points": ..., "errors": [...]}}`.
"""

import json
import os
import re
import runpy
import sys
from pathlib import Path

import nbformat
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

SECONDS = 120


def try_all(notebook: Path, answers: dict[str, list[tuple]]) -> dict[str, dict]:
    """Run the notebook once, and each answer in a copy of the process at its cell."""
    cells = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    results = {}
    for place, cell in enumerate(cells):
        for name, code, _ in answers.get(grade_id(cell), []):
            rest = cells[place + 1 : last_test(cells, grade_id(cell)) + 1]
            results[f"{grade_id(cell)}/{name}"] = in_a_copy(lambda code=code, rest=rest: hand_in(shell, code, rest))
        error = run(shell, cell.source)
        if error is not None:
            raise SystemExit(f"The reference solution fails in cell '{cell.id}' of {notebook.name}: {error}")
    return results


def hand_in(shell: InteractiveShell, code: str, rest: list) -> dict:
    """Points and errors of one answer, from the cells that follow it up to the last test of its question."""
    errors = [error for error in [run(shell, code)] if error]
    points = 0
    for cell in rest:
        error = run(shell, cell.source)
        if error:
            errors.append(f"{cell.id}: {error}")
        elif cell.metadata.get("nbgrader", {}).get("grade"):
            points += cell.metadata.nbgrader.points
    return {"points": points, "errors": errors}


def run(shell: InteractiveShell, code: str) -> str | None:
    done = shell.run_cell(code, silent=True)
    error = done.error_before_exec or done.error_in_exec
    return None if error is None else f"{type(error).__name__}: {error}"


def grade_id(cell) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def last_test(cells: list, answer: str) -> int:
    """Where the question ends: the last cell `test_q3_...` for the answer `q3_...`."""
    question = re.match(r"q\d+_", answer).group()
    return max(place for place, cell in enumerate(cells) if grade_id(cell).startswith(f"test_{question}"))


def in_a_copy(work) -> dict:
    """What `work` returns, computed in a copy of this process; what it changes is gone with the copy."""
    reading, writing = os.pipe()
    copy = os.fork()
    if copy == 0:
        import signal

        signal.alarm(SECONDS)  # an endless loop ends here
        os.write(writing, json.dumps(work()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(copy, 0)
    return json.loads(answer) if answer else {"points": 0, "errors": [f"ended, or ran longer than {SECONDS} s"]}


if __name__ == "__main__":
    notebook, answers, out = map(Path, sys.argv[1:])
    found = try_all(notebook, runpy.run_path(str(answers))["ANSWERS"])
    out.write_text(json.dumps(found))
