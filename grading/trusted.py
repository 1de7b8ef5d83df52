"""The Python that runs the tests. No line of a student's code ever runs in it.

It runs the source notebook once, with the course's own answers, and stops at each test that is worth points. There a
copy of it waits. For each submission that copy is copied again, the answer's functions are replaced by stand-ins that
ask the student's Python over a channel for plain data (`grading.plain`), and the test runs, on the course's own state
and with the course's own libraries. So a patched numpy, an object that equals everything, or a rewritten test has
nothing to act on; and a wrong answer to one question cannot spoil the test of another.
"""

import ast
import builtins
import functools
import json
import os
import re
import resource
import secrets
import select
import signal
import socket
import sys

from .inside import Outputs, stage
from .plain import ChannelError, Reader, Writer, change_in_place, receive, send

MOST_WORDS = 600  # characters of a test's message
MOST_MEMORY = 2 * 2**30  # bytes that a test may take beside what it started with, whatever comes from the student
MOST_SECONDS = 900  # of a processor; whoever waits for a test ends it sooner
MOST_AHEAD = 900  # seconds for the cells after the last test


class StudentGone(BaseException):
    """The student's Python ended, fell silent or sent nonsense. No test may catch this as an ordinary error."""


def load(shell, cells: list[dict], at_answers: bool = False) -> tuple[dict, list[socket.socket]]:
    """Run the source; at each test leave a copy behind. Returns what to say, and a socket to each copy, in order.

    `at_answers` leaves one behind at each answer too, which goes on as a student's Python from there.
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
            if at_answers:
                leave("answer", cell["id"], functools.partial(go_on, shell))
        if cell["kind"] == "test":
            names = names_tested(cell["id"], answers)
            leave("test", cell["id"], lambda there, code=cell["code"], names=names: wait(shell, there, code, names))
        shell.outputs = Outputs()
        done = shell.run_cell(cell["code"], silent=True)
        error = done.error_before_exec or done.error_in_exec
        if error is not None and not cell["may_fail"]:
            problem = f"{type(error).__name__}: {error}"
            return {"error": f"The source notebook itself fails in its cell '{cell['id']}': {problem}"}, []
    return {"ok": ids}, waiting


def go_on(shell, control: socket.socket) -> None:
    """Wait as the Python that students' copies come from. Does not return."""
    del shell.showtraceback  # `become` took it away
    stage(shell, control)


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


def wait(shell, control: socket.socket, code: str, names: list[str]) -> None:
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
                set_limits()
                answer = test(shell, code, names, socket.socket(fileno=fds[0]))
            except BaseException as problem:
                answer = {
                    "passed": False,
                    "gone": False,
                    "message": "",
                    "problem": f"{type(problem).__name__}: {problem}",
                }
            os.write(report, json.dumps(answer).encode() + b"\n")
            os._exit(0)
        for fd in fds:
            os.close(fd)


def set_limits() -> None:
    """Limits of this copy: it decodes what a student's Python sends, and is in no sandbox."""
    with open("/proc/self/status") as file:
        in_use = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmData"))
    for name, most in {resource.RLIMIT_DATA: in_use + MOST_MEMORY, resource.RLIMIT_CPU: MOST_SECONDS}.items():
        hard = resource.getrlimit(name)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(name, (most, most))


def test(shell, code: str, names: list[str], channel: socket.socket) -> dict:
    """Run a test against the student's functions.

    Returns
    -------
    dict : `passed`; `message`, the failed check's words; `gone`, whether the student's Python was lost on the way;
        `problem`, empty or why the result is not to be trusted (a canary survived)
    """
    student = Student(channel)
    alarm = canaries(shell, student)
    if alarm:
        return {"passed": False, "gone": False, "message": "", "problem": alarm}
    try:
        for name in names:
            reference = shell.user_ns[name]
            shell.user_ns[name] = student.function(name, reference) if callable(reference) else student.value(name)
    except (Exception, StudentGone) as problem:  # no such variable, or one that cannot be sent
        words = f"{type(problem).__name__}: {problem}"[:MOST_WORDS]
        return {"passed": False, "gone": isinstance(problem, StudentGone), "message": words, "problem": ""}
    done = shell.run_cell(code, silent=True)
    problem = done.error_before_exec or done.error_in_exec
    words = "" if problem is None else f"{type(problem).__name__}: {problem}"[:MOST_WORDS]
    alarm = canaries(shell, None) if problem is None else ""
    return {
        "passed": problem is None and not alarm,
        "gone": isinstance(problem, StudentGone),
        "message": words,
        "problem": alarm,
    }


def canaries(shell, student) -> str:
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
        done = shell.run_cell(check, silent=True)
        if done.error_before_exec is None and done.error_in_exec is None:
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


class Student:
    """A student's Python at the other end of a channel."""

    def __init__(self, channel: socket.socket):
        channel.setblocking(True)
        self.channel, self.calls = channel, 0

    def function(self, name: str, reference):
        """A stand-in for the student's function: same call, the work is done over there."""

        @functools.wraps(reference)
        def stand_in(*args, **kwargs):
            return self._call(name, args, kwargs)

        return stand_in

    def value(self, name: str):
        """The student's variable of this name."""
        self._send({"do": "value", "name": name})
        head, body = self._answer()
        return Reader(body).decode(head["ok"])

    def _send(self, head: dict, body: bytes = b"") -> None:
        try:
            send(self.channel, head, body)
        except OSError as problem:
            raise StudentGone(str(problem)) from None

    def _answer(self):
        try:
            head, body = receive(self.channel)
        except (ChannelError, OSError) as problem:
            raise StudentGone(str(problem)) from None
        if not isinstance(head, dict) or not {"ok", "error", "callback"} & set(head):
            raise StudentGone("an answer that is none")
        if "error" in head:
            raise _error(head["error"])
        return head, body

    def _call(self, name, args, kwargs):
        functions, inputs = [], []
        self.calls += 1
        number = self.calls

        def keep(function):
            functions.append(function)
            return len(functions) - 1

        def follow(tensor):
            inputs.append(tensor)
            return len(inputs) - 1

        writer = Writer(callback=keep, graph=follow)
        head = {"do": "call", "name": name, "number": number, "args": [writer.encode(arg) for arg in args]}
        head["kwargs"] = {key: writer.encode(arg) for key, arg in kwargs.items()}
        self._send(head, bytes(writer.body))
        while True:
            head, body = self._answer()
            if "callback" not in head:
                break
            self._callback(functions, head, body)
        followed = {}

        def with_gradient(tensor, place):
            followed[int(place)] = tensor
            return tensor

        try:
            result = Reader(body, tensor=with_gradient).decode(head["ok"])
            reader = Reader(body)
            for value, new in zip([*args, *kwargs.values()], head["changed"], strict=True):
                if new is not None:
                    change_in_place(value, reader.decode(new[0]))
        except ChannelError as problem:
            raise TypeError(f"the function's answer cannot be read: {problem}") from None
        except (KeyError, TypeError, ValueError, IndexError) as problem:
            raise StudentGone(f"an answer that is none: {type(problem).__name__}") from None
        if followed and inputs:
            result = self._linked(result, followed, inputs, number)
        return result

    def _callback(self, functions, head, body):
        try:
            reader = Reader(body)
            args = [reader.decode(arg) for arg in head["args"]]
            kwargs = {str(key): reader.decode(arg) for key, arg in head["kwargs"].items()}
            writer = Writer()
            answer = {"ok": writer.encode(functions[head["callback"]](*args, **kwargs))}
        except Exception as problem:
            writer, answer = Writer(), {"error": f"{type(problem).__name__}: {problem}"[:MOST_WORDS]}
        self._send(answer, bytes(writer.body))

    def _linked(self, result, followed, inputs, number):
        """Tensors whose gradient is asked of the student's Python when someone calls `backward` here."""
        import torch

        places = sorted(followed)
        student = self

        class Remote(torch.autograd.Function):
            @staticmethod
            def forward(ctx, *given):
                return tuple(followed[place].detach().clone() for place in places)

            @staticmethod
            def backward(ctx, *grads):
                writer = Writer()
                encoded = [writer.encode(grad) for grad in grads]
                ask = {"do": "backward", "number": number, "places": places, "grads": encoded}
                student._send(ask, bytes(writer.body))
                head, body = student._answer()
                found = Reader(body).decode(["list", head["ok"]])
                return tuple(
                    None if grad is None else grad.reshape(given.shape).to(given.dtype)
                    for grad, given in zip(found, inputs, strict=True)
                )

        linked = dict(zip([id(followed[place]) for place in places], Remote.apply(*inputs), strict=True))

        def replace(value):
            if isinstance(value, list | tuple):
                return type(value)(replace(item) for item in value)
            if isinstance(value, dict):
                return {key: replace(item) for key, item in value.items()}
            return linked.get(id(value), value)

        return replace(result)


def _error(about) -> Exception:
    """The error that the student's function raised, as the built-in error it is a kind of."""
    try:
        kind = getattr(builtins, str(about["type"]), None)
        message = str(about["message"])[:2000]
        name = str(about.get("name") or about["type"])[:100]
    except (KeyError, TypeError, AttributeError):
        return StudentGone("an answer that is none")
    if not (isinstance(kind, type) and issubclass(kind, Exception)) or issubclass(kind, UnicodeError | StopIteration):
        kind = RuntimeError
    if kind is AssertionError:  # a check failed in the student's own code, not in the test
        kind = RuntimeError
    return kind(message if name == kind.__name__ else f"{name}: {message}")


def train_ahead(shell, control: socket.socket, cells: list[dict]) -> None:
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


def become(shell, control: socket.socket, cells: list[dict], rest: list[dict], answers: bool = False) -> None:
    """Turn a Python that has only imported so far into the one with the tests. Does not return.

    `rest` are the cells after the last test. What they train is kept for the submissions, which run them too.
    """
    shell.showtraceback = lambda *_, **__: None  # nobody reads them here, and they take longer than a test
    answer, waiting = load(shell, cells, answers)
    if "ok" in answer:
        train_ahead(shell, control, rest)
    send(control, answer)
    for one in waiting:
        socket.send_fds(control, [b"."], [one.fileno()])
        one.close()
    control.recv(1)  # until the other side closes it
    os._exit(0)
