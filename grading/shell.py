"""The IPython that runs cells, and what a cell shows: the outputs as a notebook stores them, capped."""

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

MOST_TEXT = 100_000  # characters of text that one cell may print; the rest is cut off with a note
MOST_DATA = 3_000_000  # characters of one picture or table
MOST_OUTPUTS = 200  # of one cell
KINDS = {"text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/jpeg"}
MORE = f"[left out here: this cell shows more than {MOST_OUTPUTS} outputs]"
CUT = "\n[cut off here: this cell printed more than {:,} characters]\n"


class Outputs:
    """The outputs of one cell, as a notebook stores them, capped."""

    def __init__(self):
        self.list, self.text, self.clear_next = [], 0, False

    def add(self, output: dict) -> None:
        if self.clear_next:
            self.list, self.text, self.clear_next = [], 0, False
        if len(self.list) < MOST_OUTPUTS + 10 * (output["output_type"] == "error"):  # the error comes last
            self.list.append(output)
        elif len(self.list) == MOST_OUTPUTS:
            self.list.append({"output_type": "stream", "name": "stderr", "text": MORE})

    def write(self, name: str, text: str) -> None:
        if self.text > MOST_TEXT or not text:
            return
        if self.text + len(text) > MOST_TEXT:
            text = text[: MOST_TEXT - self.text] + CUT.format(MOST_TEXT)
        self.text += len(text)
        last = self.list[-1] if self.list and not self.clear_next else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"] += text
        else:
            self.add({"output_type": "stream", "name": name, "text": text})

    def show(self, kind: str, data: dict, metadata: dict | None, **more: int) -> None:
        def fits(value):
            return isinstance(value, str) and len(value) <= MOST_DATA

        kept = {mime: value for mime, value in data.items() if mime in KINDS and fits(value)}
        if any(mime in KINDS and not fits(value) for mime, value in data.items()):
            kept["text/plain"] = f"[left out: an output of more than {MOST_DATA:,} characters]"
        if kept:
            described = {mime: m for mime, m in (metadata or {}).items() if mime in kept and isinstance(m, dict)}
            self.add({"output_type": kind, "data": kept, "metadata": described, **more})
        elif data:
            self.write("stderr", f"[left out: an output of the kind {', '.join(map(str, data))[:200]}]\n")


def make_shell() -> "InteractiveShell":
    """An IPython without terminal, history and files, whose outputs go to `shell.outputs`."""
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Publisher(DisplayPublisher):
        def publish(self, data, metadata=None, *, transient=None, update=False, **_):
            self.shell.outputs.show("display_data", data, metadata)

        def clear_output(self, wait=False):
            self.shell.outputs.clear_next = True
            if not wait:
                self.shell.outputs.list = []

    class Hook(DisplayHook):
        def write_output_prompt(self):
            pass

        def write_format_data(self, format_dict, md_dict=None):
            self.shell.outputs.show("execute_result", format_dict, md_dict, execution_count=self.prompt_count)

    class Shell(InteractiveShell):
        def _showtraceback(self, etype, evalue, stb):
            text = str(evalue)
            self.outputs.add(
                {
                    "output_type": "error",
                    "ename": str(etype.__name__)[:200],
                    "evalue": text[:5000],
                    "traceback": [line[:20_000] for line in "\n".join(stb).splitlines()[:200]],
                }
            )

        def enable_gui(self, gui=None):
            pass

    class Stream:
        encoding, errors, closed = "utf-8", "replace", False

        def __init__(self, name, shell):
            self.name, self.shell = name, shell

        def write(self, text):
            if not isinstance(text, str):
                raise TypeError(f"write() argument must be str, not {type(text).__name__}")
            self.shell.outputs.write(self.name, text)
            return len(text)

        def writelines(self, lines):
            for line in lines:
                self.write(line)

        def flush(self):
            pass

        def isatty(self):
            return False

        def writable(self):
            return True

        def readable(self):
            return False

        def fileno(self):
            return {"stdout": 1, "stderr": 2}[self.name]

    config = Config({"HistoryManager": {"enabled": False}})
    shell = Shell.instance(config=config, display_pub_class=Publisher, displayhook_class=Hook)
    shell.outputs = Outputs()
    shell.colors = "nocolor"
    sys.stdout, sys.stderr = Stream("stdout", shell), Stream("stderr", shell)
    return shell


def run_cell(shell: "InteractiveShell", code: str) -> dict:
    """Run a cell: its `outputs` and `count`. What programs wrote past Python (file descriptors 1 and 2) comes last."""
    shell.outputs = Outputs()
    for fd in (1, 2):
        os.ftruncate(fd, 0)
        os.lseek(fd, 0, os.SEEK_SET)
    shell.run_cell(code, store_history=True)
    outputs = shell.outputs
    for fd, name in ((1, "stdout"), (2, "stderr")):
        outputs.write(name, os.pread(fd, MOST_TEXT + 1, 0).decode("utf-8", "replace"))
    return {"outputs": outputs.list, "count": shell.execution_count - 1}
