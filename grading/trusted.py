"""The Python that runs the tests. No line of a student's code ever runs in it.

It runs the source notebook once, with the course's own answers, and stops at each test that is worth points. There a
copy of it waits. For each submission that copy is copied again, the answer's functions are replaced by stand-ins that
ask the student's Python over a channel for plain data (`grading.stand_ins`), and the test runs, on the course's own
state and with the course's own libraries. So a patched numpy, an object that equals everything, or a rewritten test has
nothing to act on; and a wrong answer to one question cannot spoil the test of another.
"""

import ast
import json
import os
import re
import resource
import secrets
import select
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from .channel import send
from .fence import limit_process
from .shell import Outputs
from .stand_ins import MOST_WORDS, Student, StudentGone

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

MOST_MEMORY = 2 * 2**30  # bytes that a test may take beside what it started with, whatever comes from the student
MOST_SECONDS = 900  # of a processor; whoever waits for a test ends it sooner
MOST_AHEAD = 900  # seconds for the cells after the last test


@dataclass(frozen=True)
class Verdict:
    """What became of a test.

    `message` : the failed check's words; `gone` : whether the student's Python was lost on the way; `problem` : empty,
    or why the result is not to be trusted (a canary survived)
    """

    passed: bool
    message: str = ""
    gone: bool = False
    problem: str = ""


def load(
    shell: "InteractiveShell", cells: list[dict], at_answer: Callable[[socket.socket], None] | None = None
) -> tuple[dict, list[socket.socket]]:
    """Run the source; at each test leave a copy behind. Returns what to say, and a socket to each copy, in order.

    Each answer leaves a copy behind too where it is said what that one does: `at_answer`, called with its socket.
    """
    waiting, ids, answers = [], [], {}

    def leave(kind, name, work):
        here, there = socket.socketpair()
        if os.fork() == 0:
            here.close()
            for other in waiting:
                other.close()
            work(there)
        there.close()
        waiting.append(here)
        ids.append([kind, name])

    for cell in cells:
        if cell["kind"] == "answer":
            answers[cell["id"]] = defined(cell["code"])
            if at_answer is not None:
                leave("answer", cell["id"], at_answer)
        if cell["kind"] == "test":
            names = names_tested(cell["id"], answers)
            leave("test", cell["id"], lambda there, code=cell["code"], names=names: wait(shell, there, code, names))
        shell.outputs = Outputs()
        error = _error_of(shell, cell["code"])
        if error is not None and not cell["may_fail"]:
            problem = _in_words(error)
            return {"error": f"The source notebook itself fails in its cell '{cell['id']}': {problem}"}, []
    return {"ok": ids}, waiting


def _error_of(shell: "InteractiveShell", code: str) -> BaseException | None:
    """The error that code raised, which nobody is shown; None where there was none."""
    executed = shell.run_cell(code, silent=True)
    return executed.error_in_exec if executed.error_before_exec is None else executed.error_before_exec


def _in_words(problem: BaseException) -> str:
    return f"{type(problem).__name__}: {problem}"


def defined(code: str) -> list[str]:
    """The functions and variables that a cell defines at its top level."""
    names = []
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names += [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    return names


def names_tested(test: str, answers: dict[str, list[str]]) -> list[str]:
    """The names of a question's answer cells: `test_q3_…` tests `q3_…`; where nothing fits, all answers so far."""
    question = re.match(r"test_(q\d+)_", test)
    own = [names for cell, names in answers.items() if question and cell.startswith(f"{question[1]}_")]
    return [name for names in own or answers.values() for name in names]


def wait(shell: "InteractiveShell", control: socket.socket, code: str, names: list[str]) -> None:
    """Test one submission after another, each in a copy. Does not return."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the copies need no burial
    while True:
        data, fds, *_ = socket.recv_fds(control, 1, 3)
        if not data:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            report = fds[1]
            # What stands for this copy, whoever has its number later: with it the copy can be ended.
            socket.send_fds(socket.socket(fileno=fds[2]), [b"."], [os.pidfd_open(os.getpid())])
            os.write(report, f"{os.getpid()}\n".encode())
            try:
                # This copy decodes what a student's Python sends, and is in no sandbox.
                limit_process(MOST_MEMORY, {resource.RLIMIT_CPU: MOST_SECONDS})
                verdict = run_test(shell, code, names, socket.socket(fileno=fds[0]))
            except BaseException as problem:
                verdict = Verdict(passed=False, problem=_in_words(problem))
            os.write(report, json.dumps(asdict(verdict)).encode() + b"\n")
            os._exit(0)
        for fd in fds:
            os.close(fd)


def run_test(shell: "InteractiveShell", code: str, names: list[str], channel: socket.socket) -> Verdict:
    """Run a test against the student's functions and variables of these names."""
    student = Student(channel)
    alarm = canaries(shell, student)
    if alarm:
        return Verdict(passed=False, problem=alarm)
    try:
        for name in names:
            reference = shell.user_ns[name]
            shell.user_ns[name] = student.function(name, reference) if callable(reference) else student.value(name)
    except (Exception, StudentGone) as problem:  # no such variable, or one that cannot be sent
        return Verdict(False, _in_words(problem)[:MOST_WORDS], gone=isinstance(problem, StudentGone))
    problem = _error_of(shell, code)
    if problem is not None:
        return Verdict(False, _in_words(problem)[:MOST_WORDS], gone=isinstance(problem, StudentGone))
    alarm = canaries(shell, None)
    return Verdict(passed=not alarm, problem=alarm)


def canaries(shell: "InteractiveShell", student: Student | None) -> str:
    """Checks that must fail, with new names and values each time; says which one did not.

    No student code runs here, so they should never sing. They are here for the day on which that is broken.
    """
    a = secrets.randbelow(10**9)
    name = f"canary_{secrets.token_hex(6)}"
    checks = [f"assert {a} == {a + 1}", f"raise AssertionError('{name}')", f"{name}()"]
    if "numpy" in sys.modules:
        checks.append(
            f"import numpy as np\nassert np.isclose({a}, {a + 1}, rtol=0) or np.allclose([{a}], [{a + 1}], rtol=0)"
        )
        checks.append(f"import numpy as np\nassert np.array_equal([{a}, 2], [{a}, 3])")
    if "pandas" in sys.modules:
        frames = f"pd.DataFrame({{'{name}': [{a}]}}), pd.DataFrame({{'{name}': [{a + 1}]}})"
        checks.append(f"import pandas as pd\npd.testing.assert_frame_equal({frames})")
    if "torch" in sys.modules:
        checks.append(f"import torch\nassert torch.equal(torch.tensor([{a}]), torch.tensor([{a + 1}]))")
    for check in checks:
        if _error_of(shell, check) is None:
            return "a check that must fail passed (a canary): the Python that runs the tests was tampered with"
    if student is not None:
        try:
            student.function(name, lambda: None)()
        except NameError:
            return ""
        except StudentGone:
            return ""  # the test itself will find that out
        except Exception:
            pass
        return "the student's Python answers for a function that nobody defined (a canary): it was tampered with"
    return ""


def train_ahead(shell: "InteractiveShell", control: socket.socket, cells: list[dict]) -> None:
    """Run cells for what they leave in the store of kept results; in a copy, so that nothing can go wrong here."""
    if os.environ.get("DATALAB_KEEP") != "on" or not cells:
        return
    copy = os.fork()
    if copy == 0:
        try:
            signal.alarm(MOST_AHEAD)
            for cell in cells:
                if select.select([control], [], [], 0)[0]:
                    break  # nobody waits any more
                shell.outputs = Outputs()
                shell.run_cell(cell["code"], silent=True)
        finally:
            os._exit(0)
    os.waitpid(copy, 0)


def become(
    shell: "InteractiveShell",
    control: socket.socket,
    go_on: Callable[["InteractiveShell", socket.socket], None],
    cells: list[dict],
    rest: list[dict],
    answers: bool = False,
) -> None:
    """Turn a Python that has only imported so far into the one with the tests. Does not return.

    Parameters
    ----------
    go_on : what a copy that is left behind at an answer does: it is a Python that students' copies come from
    cells : those of the source up to the last test
    rest : the cells after it. What they train is kept for the submissions, which run them too.
    answers : whether copies are left behind at answers
    """
    shell.showtraceback = lambda *_, **__: None  # nobody reads them here, and they take longer than a test

    def at_answer(there: socket.socket) -> None:
        del shell.showtraceback  # it is an attribute of this shell, in front of its class's own
        go_on(shell, there)

    answer, waiting = load(shell, cells, at_answer if answers else None)
    if "ok" in answer:
        train_ahead(shell, control, rest)
    send(control, answer)
    for copy in waiting:
        socket.send_fds(control, [b"."], [copy.fileno()])
        copy.close()
    control.recv(1)  # until the other side closes it
    os._exit(0)
