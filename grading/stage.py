"""A Python that others are copied from: `python -m grading.stage FD`, and what it is told over that socket.

It is started once for a notebook, imports what the lab imports and runs the cells that nobody may change. Then it is
copied (`fork`) for each submission, which spares every one of them the seconds that imports take. The copy enters a
sandbox of its own before it sees a line of the student's code. A stage itself never runs student code.
"""

import importlib
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

from .channel import receive, send
from .fence import enter
from .inside import begin
from .shell import make_shell, run_cell

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def wait_for_orders(shell: "InteractiveShell", control: socket.socket) -> None:
    """Wait for orders on `control`: run cells, copy oneself for a submission, or into a stage that goes on from here.

    A copy is sent over with its socket as a file descriptor. When it ends, its share of time and memory is reported
    on the pipe that came along.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    while True:
        data, fds, *_ = socket.recv_fds(control, 1, 4)
        if not data:
            os._exit(0)  # whoever started this has gone
        head, body = receive(control)
        match head["do"]:
            case "import":
                for module, names in head["names"].items():
                    try:
                        there = importlib.import_module(module)
                        for attribute in names:
                            getattr(there, attribute, None)  # a package may load a module only when it is asked for
                    except Exception:  # noqa: S112  the notebook itself will say what is missing
                        continue
                send(control, {"ok": True})
            case "run":
                send(control, run_cell(shell, head["code"]))
            case "stage":
                if os.fork() == 0:
                    control.close()
                    control = socket.socket(fileno=fds[0])
                else:
                    os.close(fds[0])
                    send(control, {"ok": True})
            case "tests":
                from .trusted import become  # only here: no student's Python has it, nor has the student edition

                become(shell, control, wait_for_orders, **{name: head[name] for name in ("cells", "rest", "answers")})
            case "fork":
                if os.fork() == 0:
                    control.close()
                    _become_submission(shell, fds, head)
                for fd in fds:
                    os.close(fd)
                _reap()


def _reap() -> None:
    """Take note of copies that have ended, or they would stay in the table of processes."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _become_submission(shell: "InteractiveShell", fds: list[int], head: dict) -> None:
    """In the first copy: enter the sandbox and copy again, since only a child is in the new process namespace."""
    channel, report = socket.socket(fileno=fds[0]), socket.socket(fileno=fds[1])
    try:
        enter(head["namespaces_of"])
        ready = os.pipe()
        child = os.fork()
        if child:
            # A number may be given to another process once this one has ended; what stands for it here may not.
            socket.send_fds(report, [f"{child}\n".encode()], [os.pidfd_open(child)])
            os.write(ready[1], b"x")
            channel.close()
            _, _, used = os.wait4(child, 0)
            report.send(f"{used.ru_utime + used.ru_stime:.3f} {used.ru_maxrss}\n".encode())
            os._exit(0)
        os.read(ready[0], 1)
        begin(shell, channel, head)
    except BaseException as problem:
        try:
            report.send(f"! {type(problem).__name__}: {problem}\n".encode())
        finally:
            os._exit(1)


def main() -> None:
    """A stage on the socket FD."""
    control = socket.socket(fileno=int(sys.argv[1]))
    for fd in (1, 2):
        os.dup2(os.memfd_create("output"), fd)
    wait_for_orders(make_shell(), control)


if __name__ == "__main__":
    main()
