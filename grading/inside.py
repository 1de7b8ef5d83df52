"""The Python that runs a student's cells: how it gives up its rights, and what it is told over its socket.

It is the copy of a warm one (`grading.stage`), or is started in the sandbox: `python -m grading.inside FD`.

Nothing in here is trusted after the first student cell has run: the side that grades reads its answers as plain data.
"""

import base64
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

from .calls import Calls
from .channel import ChannelError, receive, send
from .fence import give_up_rights, leave_keyring, refuse_calls, set_limits
from .shell import make_shell, run_cell

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def serve(shell: "InteractiveShell", channel: socket.socket) -> None:
    """Do what is asked over the channel, one thing after another, until it is closed."""
    calls = Calls(shell, channel)
    while True:
        try:
            head, body = receive(channel)
        except ChannelError:
            os._exit(0)
        except KeyboardInterrupt:  # an interrupt that came a moment too late
            continue
        try:
            match head["do"]:
                case "run":
                    send(channel, run_cell(shell, head["code"]))
                case "file":
                    path = os.path.join(os.getcwd(), head["name"])
                    os.makedirs(os.path.dirname(path), exist_ok=True)
                    with open(path, "wb") as file:
                        file.write(body)
                    send(channel, {"ok": True})
                case "call":
                    calls.call(head, body)
                case "backward":
                    calls.backward(head, body)
                case "value":
                    calls.value(head)
        except (KeyboardInterrupt, SystemExit) as problem:
            send(channel, _failed(problem, "stopped"))
        except Exception as problem:
            send(channel, _failed(problem, str(problem)[:2000]))


def _failed(problem: BaseException, words: str) -> dict:
    """The answer to an order that could not be carried out."""
    name = type(problem).__name__
    return {"error": {"type": "RuntimeError", "name": name, "message": f"{name}: {words}"}, "outputs": []}


def _added_to_environment() -> dict[str, str]:
    """What libraries and the course's first cells have set since this Python was started."""
    with open("/proc/self/environ", "rb") as file:
        first = {entry.partition(b"=")[0] for entry in file.read().split(b"\0")}
    return {name: value for name, value in os.environ.items() if os.fsencode(name) not in first}


def begin(shell: "InteractiveShell", channel: socket.socket, head: dict) -> None:
    """Give up every right and every file but the channel, and serve. Does not return.

    `head` : `environment`, `home` and `limits`; `user`, the number to become in the sandbox (None: stay who one is);
        `filter`, the system calls that are refused, as `grading.syscalls.program` writes them in base64 (None: none)
    """
    if os.getsid(0) != os.getpid():
        os.setsid()
    added = _added_to_environment()
    os.environ.clear()
    os.environ.update(added | head["environment"])
    os.chdir(head["home"])
    keep = channel.fileno()
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    for fd in (1, 2):  # files without a name, in memory: they end with this process
        file = os.memfd_create("output")
        os.dup2(file, fd)
        os.set_inheritable(fd, True)
        os.close(file)
    os.closerange(3, keep)
    os.closerange(keep + 1, 4096)
    give_up_rights(head["user"])
    leave_keyring()
    set_limits(head["limits"])
    if head["filter"]:
        refuse_calls(base64.b64decode(head["filter"]))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    serve(shell, channel)


def main() -> None:
    """One submission over the socket FD, in a sandbox that was entered already."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    shell = make_shell()
    head, _ = receive(channel)
    begin(shell, channel, head)


if __name__ == "__main__":
    main()
