"""The warm Pythons of a notebook, which wait for its submissions: seen from the side that grades.

What runs in them is `grading.stage`. They stay for the next submission of the same notebook.
"""

import ast
import atexit
import hashlib
import json
import select
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import nbformat
from nbformat import NotebookNode

from . import leftovers
from .channel import receive, send
from .course import GradingError
from .sandbox import environment
from .stopping import raise_if_stopped

KEEP = 2  # notebooks whose Pythons stay warm at a time


class Stages:
    """Two Pythons that wait for submissions of one notebook: one that students' copies come from, one with the tests.

    `prefix` are the code cells at the beginning that nobody may change; the student's Python has run them. `tests` are
    the sockets of the copies that wait at a test, by its name. With `answers` (for `run_answer`) there are copies too
    that wait at the answer cells, and know the course's own answers: nothing for a stranger's code.
    """

    def __init__(self, release: str, source: str | None, answers: bool = False):
        released = nbformat.reads(release, as_version=4)
        self.folder = leftovers.folder()
        self.controls, self.processes, self.lock = {}, [], threading.Lock()
        self.tests, self.answers = {}, {}
        try:
            self.controls["bare"] = self._start()
            _ask(self.controls["bare"], {"do": "import", "names": _imports(released)})
            self.controls["prefix"] = self._copy()
            self.prefix = prefix(released)
            self.executed = []  # outputs and counts of these cells
            for cell in self.prefix:
                answer = _ask(self.controls["prefix"], {"do": "run", "code": cell.source})
                self.executed.append((answer["outputs"], answer["count"]))
            if source is not None:
                self._load_tests(nbformat.reads(source, as_version=4), answers)
        except BaseException:
            self.close()
            raise

    def _start(self) -> socket.socket:
        here, there = socket.socketpair()
        own = {"HOME": self.folder, "MPLCONFIGDIR": f"{self.folder}/matplotlib", "IPYTHONDIR": f"{self.folder}/ipython"}
        process = subprocess.Popen(
            [sys.executable, "-m", "grading.stage", str(there.fileno())],
            env=environment(trusted=True) | own,
            cwd=self.folder,
            pass_fds=[there.fileno()],
            stdin=subprocess.DEVNULL,
            umask=0o022,  # in the sandbox another user reads what is kept
        )
        self.processes.append(process)
        there.close()
        return here

    def _copy(self) -> socket.socket:
        """A copy of the Python that has imported and done nothing else."""
        here, there = socket.socketpair()
        _ask(self.controls["bare"], {"do": "stage"}, (there.fileno(),))
        there.close()
        return here

    def _load_tests(self, original: NotebookNode, answers: bool) -> None:
        code = [cell for cell in original.cells if cell.cell_type == "code"]
        cells = [
            {
                "id": cell.metadata.get("nbgrader", {}).get("grade_id", cell.get("id", "")),
                "code": cell.source,
                "kind": _kind(cell),
                "may_fail": "raises-exception" in cell.metadata.get("tags", []),
            }
            for cell in code
        ]
        last = max((i for i, cell in enumerate(cells) if cell["kind"] == "test"), default=-1)
        control = self._copy()
        self.controls["tests"] = control
        order = {"do": "tests", "cells": cells[: last + 1], "rest": cells[last + 1 :], "answers": answers}
        head = _ask(control, order)
        if "error" in head:
            raise GradingError(head["error"])
        for kind, name in head["ok"]:
            _, (fd,), *_ = socket.recv_fds(control, 1, 1)
            (self.tests if kind == "test" else self.answers)[name] = socket.socket(fileno=fd)

    def start_of(self, submitted: NotebookNode) -> tuple[socket.socket, list[tuple]]:
        """Where a submission's Python is copied from, and what that one has done already."""
        code = [cell.source for cell in submitted.cells if cell.cell_type == "code"]
        if code[: len(self.prefix)] == [cell.source for cell in self.prefix]:
            return self.controls["prefix"], self.executed
        return self.controls["bare"], []

    def alive(self) -> bool:
        return all(process.poll() is None for process in self.processes)

    def close(self) -> None:
        for control in [*self.controls.values(), *self.tests.values(), *self.answers.values()]:
            control.close()
        for process in self.processes:
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def prefix(released: NotebookNode) -> list[NotebookNode]:
    """The code cells before the first cell that a student may change."""
    cells = []
    for cell in released.cells:
        of_nbgrader = cell.metadata.get("nbgrader", {})
        if not of_nbgrader.get("locked") or of_nbgrader.get("grade"):
            break
        if cell.cell_type == "code":
            cells.append(cell)
    return cells


def _kind(cell: NotebookNode) -> str:
    of_nbgrader = cell.metadata.get("nbgrader", {})
    graded, solution = of_nbgrader.get("grade"), of_nbgrader.get("solution")
    if solution and not graded:
        return "answer"
    return "test" if graded and not solution and of_nbgrader.get("points") else "other"


# What students import in answers though no cell of the course does; two seconds for each submission that draws.
IMPORTED_OFTEN = ["matplotlib.pyplot", "matplotlib_inline.backend_inline"]


def _imports(released: NotebookNode) -> dict[str, list[str]]:
    """What the cells import which nobody may change, and what answers often import: modules → names in them."""
    names = {module: [] for module in IMPORTED_OFTEN}
    for cell in released.cells:
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("locked"):
            try:
                tree = ast.parse(cell.source)
            except SyntaxError:  # a cell with magics
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.Import):
                    names |= {alias.name: names.get(alias.name, []) for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    names.setdefault(node.module, []).extend(alias.name for alias in node.names)
    return names


def _ask(control: socket.socket, head: dict, fds: tuple[int, ...] = ()) -> dict:
    """What a warm Python answers to an order."""
    socket.send_fds(control, [b"."], list(fds))
    send(control, head)
    while not select.select([control], [], [], 0.25)[0]:
        raise_if_stopped()
    return receive(control)[0]


class _Shared:
    """The warm Pythons of a notebook (None until they are started), and how many use them now."""

    def __init__(self):
        self.stages, self.users, self.lock = None, 0, threading.Lock()

    def close(self):
        if self.stages is not None:
            self.stages.close()
            self.stages = None


_shared: dict[str, _Shared] = {}
_lock = threading.Lock()


@contextmanager
def stages_of(release: str, source: str | None, answers: bool = False) -> Iterator[Stages]:
    """The warm Pythons of a notebook: those that wait already, or new ones. Several threads may use them at once."""
    key = hashlib.sha256(json.dumps([release, source, environment(trusted=True)]).encode()).hexdigest()
    with _lock:
        shared = _shared[key] = _shared.pop(key, None) or _Shared()
        shared.users += 1
        unused = [other for other, pythons in _shared.items() if not pythons.users]
        for other in unused[: max(0, len(_shared) - KEEP)]:
            _shared.pop(other).close()
    try:
        with shared.lock:
            if shared.stages is not None and not (shared.stages.alive() and (shared.stages.answers or not answers)):
                shared.close()
            if shared.stages is None:
                shared.stages = Stages(release, source, answers)
        yield shared.stages
    finally:
        with _lock:
            shared.users -= 1


def close_stages() -> None:
    """End all warm Pythons of this process."""
    with _lock:
        while _shared:
            _shared.popitem()[1].close()


atexit.register(close_stages)
