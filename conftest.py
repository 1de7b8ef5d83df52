"""Rules for all tests: one thread for the matrix libraries, what runs together, and what a missing answer does."""

import ast
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
# Kernels and `make` started by tests take these over. Two workers run at once, each on a core of its own.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

# What takes long begins early, so that at the end no worker waits for the other.
ORDER = ("tests/notebooks/test_own", "tests/grading/test_class", "solutions", "course", "tests/grading", "tests/bench")


@pytest.hookimpl(optionalhook=True)  # there are tests without pytest-xdist
def pytest_xdist_make_scheduler(config, log):
    """One worker runs a group from the beginning to the end.

    `--dist loadgroup` of pytest-xdist 3.8 sees no groups under pytest 9.2, where a test's name cannot be changed.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return group(nodeid)

    return ByGroup(config, log)


def pytest_collection_modifyitems(items):
    for item in items:
        if "course/release" in item.path.as_posix() and answer_is_missing(getattr(item, "cell", None)):
            item.add_marker(pytest.mark.xfail(strict=True, reason="its answer is missing"))
    items.sort(key=lambda item: place(item.path))


def group(nodeid: str) -> str:
    """What one worker runs: all tests that run a notebook, for the second finds what the first trained; else a file.

    A notebook's name stands in its path, or in the test's parameters.
    """
    notebook = re.search(r"lab\d\w*/\d\w*", nodeid)
    return notebook.group() if notebook else nodeid.partition("::")[0]


def place(path: Path) -> int:
    """Stable, so that the tests of a file stay in their order."""
    name = path.relative_to(ROOT).as_posix()
    return next((i for i, start in enumerate(ORDER) if name.startswith(start)), len(ORDER))


def answer_is_missing(cell) -> bool:
    """In a release the checks of a missing answer must fail: where one passes, the answer was given away."""
    if cell is None:  # no cell of a notebook
        return False
    of_nbgrader = cell.metadata.get("nbgrader", {})
    body = ast.parse(cell.source).body
    # Of a cell with hidden tests the release keeps a comment, which passes and demands nothing. The line in place
    # of an answer fails at once only where it stands outside of a function.
    check_of_an_answer = of_nbgrader.get("grade") and body
    open_answer = of_nbgrader.get("solution") and any(isinstance(line, ast.Raise) for line in body)
    return bool(check_of_an_answer or open_answer)
