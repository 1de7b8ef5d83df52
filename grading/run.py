"""Run one submitted notebook: the student's cells in a sandbox, the tests in a Python that no student's code reaches.

`run_notebook` takes and returns plain values, so that it can be called in this process, in another, or on another
machine. What it starts for a notebook (the two warm Pythons) stays for the next submission of the same notebook, and is
shared by threads: all the work is done in other processes, so threads keep as many cores busy.
"""

import ast
import atexit
import functools
import hashlib
import json
import math
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import nbformat

from . import leftovers
from .bounded import at_most
from .channel import ChannelError, Gone, receive, send
from .course import GradingError
from .safe import SECONDS_IN_ALL, clean_outputs
from .sandbox import HOME, LIMITS, Sandbox, environment, send_signal
from .text import storable

RESTARTS = 3
GRACE = 5  # seconds between an interrupt and the end
# What an answer to "run this cell" may hold: 200 outputs with up to 200 lines each, a few lists inside one another.
MOST_VALUES, MOST_BRACKETS = 100_000, 20


class Stopped(BaseException):
    """Whoever wanted the notebook run wants it no more; see `stop`."""


_stopping = threading.Event()


@contextmanager
def stop():
    """Meanwhile everything that waits for a notebook in another thread gives up, and ends what it started."""
    _stopping.set()
    try:
        yield
    finally:
        _stopping.clear()


class Lost(Exception):
    """The student's Python is no more; the message says why, for the student and the instructor."""


def run_notebook(
    notebook: str, release: str, source: str | None, files=None, limits=None, unsafe=False, cold=False
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
        control, done = (None, []) if cold else stages.start_of(submitted)
        begin = functools.partial(Session, stages, control, done, limits, unsafe)
        outcome = _run(begin, stages, submitted, files or {}, limits, start)
    for test in stages.tests:
        outcome["tests"].setdefault(test, {"passed": False, "message": "The test was not reached."})
    return outcome


def run_answer(release: str, source: str, answer: str, code: str, limits=None, unsafe=False) -> dict:
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
        return _run(begin, stages, part, {}, limits, start)


def _run(begin, stages, submitted, files, limits, start) -> dict:
    """The whole notebook, begun anew without the cell where Python was lost; what `run_notebook` returns."""
    skip, reasons = {}, []
    for _ in range(RESTARTS + 1):
        session = start_session(begin)
        session.end = start + limits["wall_seconds"]
        try:
            with at_most(SECONDS_IN_ALL):
                result = _once(session, stages, submitted, files, limits, skip)
        finally:
            used = session.close()
        if result["lost"] is None:
            break
        place, why = result["lost"]
        skip[place] = why
        reasons.append(f"The cell {_name(submitted.cells[place], place)} {why}.")
        if time.monotonic() > session.end:
            break
    reasons += result.pop("reasons")
    if result.pop("lost") is not None:
        reasons.append("It was given up there: the cells after it were not run, and their tests count as failed.")
    for place, why in skip.items():
        result["outputs"][place] = [
            _error_output("Stopped", f"This cell {why}; the cells after it were run without it.")
        ]
    return result | {"reasons": reasons, "failed": "", "seconds": time.monotonic() - start} | used


def _once(session, stages, submitted, files, limits, skip) -> dict:
    """One pass through the notebook; `lost` is None, or the place and the reason where Python was lost."""
    found = {"outputs": {}, "counts": {}, "tests": {}, "reasons": [], "lost": None}
    budget = limits["output_bytes"]
    code = [place for place, cell in enumerate(submitted.cells) if cell.cell_type == "code"]
    done = session.done  # cells that the warm Python has run already
    try:
        place = code[0] if code else 0
        for name, data in files.items():
            session.ask({"do": "file", "name": name}, data, limits["cell_seconds"])
        for number, place in enumerate(code):
            cell = submitted.cells[place]
            test = cell.metadata.get("nbgrader", {}).get("grade_id")
            if test in stages.tests:
                if place in skip:
                    found["tests"][test] = {"passed": False, "message": f"The function {skip[place]}."}
                    continue
                tested = session.test(stages.tests[test], limits["cell_seconds"])
                if tested.pop("gone"):
                    raise Lost("ended Python or broke the connection to it when its function was called")
                problem = tested.pop("problem")
                if problem:
                    found["reasons"].append(f"{test}: {problem}.")
                found["tests"][test] = tested
                continue
            if number < len(done):
                outputs, count = done[number]
            elif place in skip:
                continue
            else:
                if time.monotonic() > session.end:
                    raise Lost(f"was not run: the notebook took longer than {limits['wall_seconds']:g} s")
                answer, late = session.ask({"do": "run", "code": cell.source}, b"", limits["cell_seconds"])
                outputs, count = answer.get("outputs"), answer.get("count")
                if late:
                    found["reasons"].append(
                        f"The cell {_name(cell, place)} took longer than {late:g} s and was stopped."
                    )
            try:
                cleaned = clean_outputs(outputs, budget)
                budget -= sum(len(json.dumps(output)) for output in cleaned)
            except (
                Exception
            ) as problem:  # whatever a strange output does to the cleaner, the marks are not its business
                why = f"was left out, since it cannot be made safe ({type(problem).__name__})"
                found["reasons"].append(f"What the cell {_name(cell, place)} shows {why}.")
                cleaned = [_error_output("LeftOut", f"What this cell shows {why}.")]
            found["outputs"][place] = cleaned
            found["counts"][place] = count if type(count) is int else None
    except Lost as lost:
        found["lost"] = place, str(lost)
    return found


def _name(cell, place: int) -> str:
    return f"'{cell.metadata.get('nbgrader', {}).get('grade_id') or f'number {place + 1}'}'"


def _error_output(name: str, words: str):
    return {"output_type": "error", "ename": name, "evalue": words, "traceback": [f"{name}: {words}"]}


# --- the warm Pythons of a notebook -------------------------------------------------------------------------------


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
            _order(self.controls["bare"], {"do": "import", "names": _imports(released)})
            self.controls["prefix"] = self._copy()
            self.prefix = prefix(released)
            self.done = []
            for cell in self.prefix:
                answer = _order(self.controls["prefix"], {"do": "run", "code": cell.source})
                self.done.append((answer["outputs"], answer["count"]))
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
        _order(self.controls["bare"], {"do": "stage"}, [there.fileno()])
        there.close()
        return here

    def _load_tests(self, original, answers: bool) -> None:
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
        head = _order(control, order)
        if "error" in head:
            raise GradingError(head["error"])
        for kind, name in head["ok"]:
            _, (fd,), *_ = socket.recv_fds(control, 1, 1)
            (self.tests if kind == "test" else self.answers)[name] = socket.socket(fileno=fd)

    def start_of(self, submitted) -> tuple[socket.socket, list]:
        """Where a submission's Python is copied from, and what that one has done already."""
        code = [cell.source for cell in submitted.cells if cell.cell_type == "code"]
        if code[: len(self.prefix)] == [cell.source for cell in self.prefix]:
            return self.controls["prefix"], self.done
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


def prefix(released) -> list:
    """The code cells before the first cell that a student may change."""
    found = []
    for cell in released.cells:
        about = cell.metadata.get("nbgrader", {})
        if not about.get("locked") or about.get("grade"):
            break
        if cell.cell_type == "code":
            found.append(cell)
    return found


def _kind(cell) -> str:
    about = cell.metadata.get("nbgrader", {})
    if about.get("solution") and not about.get("grade"):
        return "answer"
    return "test" if about.get("grade") and not about.get("solution") and about.get("points") else "other"


# What students import in answers though no cell of the course does; two seconds for each submission that draws.
IMPORTED_OFTEN = ["matplotlib.pyplot", "matplotlib_inline.backend_inline"]


def _imports(released) -> dict[str, list[str]]:
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


def _order(control: socket.socket, head: dict, fds=()) -> dict:
    socket.send_fds(control, [b"."], list(fds))
    send(control, head)
    while not select.select([control], [], [], 0.25)[0]:
        if _stopping.is_set():
            raise Stopped
    return receive(control)[0]


class _Kept:
    """The warm Pythons of a notebook (None until they are started), and how many use them now."""

    def __init__(self):
        self.stages, self.users, self.lock = None, 0, threading.Lock()

    def close(self):
        if self.stages is not None:
            self.stages.close()
            self.stages = None


_kept: dict[str, _Kept] = {}
_lock = threading.Lock()
KEEP = 2  # notebooks whose Pythons stay warm at a time


@contextmanager
def stages_of(release: str, source: str | None, answers: bool = False):
    """The warm Pythons of a notebook: those that wait already, or new ones. Several threads may use them at once."""
    key = hashlib.sha256(json.dumps([release, source, environment(trusted=True)]).encode()).hexdigest()
    with _lock:
        kept = _kept[key] = _kept.pop(key, None) or _Kept()
        kept.users += 1
        for other in [k for k, one in _kept.items() if not one.users][: max(0, len(_kept) - KEEP)]:
            _kept.pop(other).close()
    try:
        with kept.lock:
            if kept.stages is not None and not (kept.stages.alive() and (kept.stages.answers or not answers)):
                kept.close()
            if kept.stages is None:
                kept.stages = Stages(release, source, answers)
        yield kept.stages
    finally:
        with _lock:
            kept.users -= 1


def close_stages() -> None:
    """End all warm Pythons of this process."""
    with _lock:
        while _kept:
            _kept.popitem()[1].close()


atexit.register(close_stages)


# --- one submission's Python --------------------------------------------------------------------------------------


def start_session(begin):
    """A Python in a sandbox, ready for the student's cells. One that does not start is tried once more."""
    for attempt in (1, 2):
        try:
            return begin()
        except (OSError, ChannelError) as problem:
            if attempt == 2:
                raise GradingError(f"The sandbox did not start, twice: {problem}") from None


class Watch:
    """The time that a cell or a test has for everything it sends and receives, with an eye on its sandbox meanwhile.

    Called with a file, and whether it is to be written to, it returns as soon as that is possible.

    Parameters
    ----------
    seconds : until Python is interrupted; then it has a few more (GRACE) to come to an end
    interrupt : False ends it at once

    Attributes
    ----------
    late : None, or the limit, once Python had to be interrupted

    Raises
    ------
    Lost : the time is over, that of the whole notebook is, or the sandbox used more than it may; it is closed then
    """

    def __init__(self, session, seconds: float, interrupt: bool = True):
        self.session, self.seconds, self.interrupt = session, seconds, interrupt
        self.end, self.late = time.monotonic() + seconds, None

    def __call__(self, file, writing: bool = False) -> None:
        poll = select.poll()
        poll.register(file, select.POLLOUT if writing else select.POLLIN)
        while True:
            ready = poll.poll(250)
            self._look(bool(ready))
            if ready:
                return

    def _look(self, ready: bool) -> None:
        session, now = self.session, time.monotonic()
        if _stopping.is_set():
            raise Stopped
        if now - session.looked > 1:
            excess, session.looked = session.sandbox.excess(), now
            if excess:
                self._end(f"used {excess} and was stopped")
        if now > session.end:
            self._end(f"was stopped: the notebook took longer than {session.limits['wall_seconds']:g} s")
        # An answer that is there when a busy machine looks late is taken; one that goes on and on is not.
        if now <= self.end + (GRACE if ready else 0):
            return
        if not self.interrupt:
            self._end(f"took longer than {self.seconds:g} s")
        if self.late is not None:
            self._end(f"took longer than {self.seconds:g} s and could not be interrupted")
        send_signal(session.python, signal.SIGINT)
        self.late, self.end = self.seconds, now + GRACE

    def _end(self, why: str) -> None:
        self.session.sandbox.close()
        raise Lost(why)


class Session:
    """A Python in a sandbox of its own, and the way to talk to it.

    Parameters
    ----------
    control : of the warm Python that it is a copy of; None starts one anew inside the sandbox
    done : outputs and execution counts of the cells that the warm Python has run already
    """

    def __init__(self, stages, control, done, limits, unsafe):
        self.limits, self.home, self.done = limits, HOME, done
        self.end, self.looked = math.inf, 0.0  # when the notebook's time is over; when a limit was last looked at
        self.channel, there = socket.socketpair()
        self.report, report = socket.socketpair()
        self.pid, self.python = None, None  # the student's Python: its number, and a file that stands for it (pidfd)
        if unsafe:
            self.home = leftovers.folder()
        cold = control is None
        program = [sys.executable, "-m", "grading.inside", str(there.fileno())] if cold else None
        self.sandbox = None
        try:
            self.sandbox = Sandbox(limits, program, [there.fileno()] if cold else (), unsafe)
            order = {"limits": limits, "home": self.home, "environment": environment() | {"HOME": self.home}}
            order |= self.sandbox.order()
            if cold:
                there.close()
                send(self.channel, order)
                if unsafe:
                    self.pid = self.sandbox.process.pid
                    self.python = os.pidfd_open(self.pid)
                else:
                    self.pid, self.python = self.sandbox.inner()
            else:
                with stages.lock:  # byte and order belong together
                    socket.send_fds(control, [b"."], [there.fileno(), report.fileno()])
                    send(control, {"do": "fork", "namespaces_of": self.sandbox.pid, **order})
                there.close()
                report.close()  # or the end of the copy would not be noticed
                self.pid, self.python = self._started()
            self.sandbox.cgroup.add(self.pid)
        except BaseException:
            report.close()
            there.close()
            self.close()
            raise
        report.close()

    def _started(self) -> tuple[int, int]:
        if not select.select([self.report], [], [], 30)[0]:
            raise OSError("the sandbox gave no sign within 30 s")
        line, stands, *_ = socket.recv_fds(self.report, 1000, 1)
        if not line:
            raise OSError("the copy of Python ended before it was in the sandbox")
        if not stands:
            raise OSError(line.decode("utf-8", "replace").lstrip("! ").strip())
        return int(line.split()[0]), stands[0]

    def ask(self, head: dict, body: bytes, seconds: float) -> tuple[dict, float | None]:
        """Send an order and wait for what comes back; the second value is the limit, if it had to be interrupted.

        Raises
        ------
        Lost : nothing came even after an interrupt, a limit was passed, Python ended, or what came is no answer
        """
        watch = Watch(self, seconds)
        try:
            send(self.channel, head, body, watch)
            answer, _ = receive(self.channel, 2 * self.limits["output_bytes"], MOST_VALUES, MOST_BRACKETS, watch)
        except (Gone, OSError):
            raise Lost(self._why("ended Python")) from None
        except ChannelError as problem:
            raise Lost(f"sent back something that no cell gives ({problem})") from None
        if not isinstance(answer, dict):
            raise Lost("sent back something that no cell gives")
        return storable(answer), watch.late

    def test(self, control: socket.socket, seconds: float) -> dict:
        """Let a copy of the waiting test call this Python's functions; see `grading.trusted.run_test`.

        The copy waits for this Python without a limit of its own: the watch here ends both.
        """
        watch = Watch(self, seconds, interrupt=False)
        reading, writing = os.pipe()
        here, there = socket.socketpair()
        with os.fdopen(reading, "rb", buffering=0) as report, here:
            try:
                socket.send_fds(control, [b"."], [self.channel.fileno(), writing, there.fileno()])
            finally:
                os.close(writing)
                there.close()
            # Whole lines, not the whole file: a copy gives back its memory before it closes its files.
            lines = _lines(report, watch)
            next(lines)  # the copy's number: it has begun, and has sent what stands for it
            try:
                return storable(json.loads(next(lines)))
            except ValueError:
                raise Lost("could not be tested: the Python with the tests ended") from None
            except Lost:
                _end(here)
                raise

    def _why(self, otherwise: str) -> str:
        """Why Python ended, as far as the kernel tells."""
        if self.sandbox.cgroup.overrun():
            return f"used more than {self.limits['memory'] / 2**30:g} GB of memory and was stopped"
        return otherwise

    def close(self) -> dict:
        """Kill everything, and say what it used."""
        held = self.sandbox.held() if self.sandbox else ""
        if self.sandbox:
            if self.python is not None:
                send_signal(self.python)
            self.sandbox.close()
        used = {"cpu_seconds": None, "memory": None, "sandbox": held}
        try:
            if self.python is not None and select.select([self.report], [], [], 2)[0]:
                cpu, memory = self.report.recv(100).split()
                used |= {"cpu_seconds": float(cpu), "memory": int(memory) * 1024}
        except (OSError, ValueError):
            pass
        if self.python is not None:
            os.close(self.python)
        self.report.close()
        self.channel.close()
        if self.home != HOME:
            shutil.rmtree(self.home, ignore_errors=True)
        return used


def _lines(report, watch):
    """What a copy of the tests reports, line by line."""
    rest = b""
    while True:
        watch(report)
        part = report.read(2**16)
        if not part:
            raise Lost("could not be tested: the Python with the tests ended")
        *lines, rest = (rest + part).split(b"\n")
        yield from lines


def _end(here: socket.socket) -> None:
    """End the process that has sent what stands for it (pidfd) over this socket."""
    here.settimeout(1)
    _, stands, *_ = socket.recv_fds(here, 1, 1)
    for one in stands:
        send_signal(one)
        os.close(one)
