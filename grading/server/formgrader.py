"""The formgrader's buttons on the class server: *Collect*, *Autograde* and *Generate Feedback* do what `datalab` does.

nbgrader's own *Collect* takes what somebody else put under a student's name, its *Autograde* runs strangers' code as
the course account, beside the gradebook and without a sandbox, and its feedback shows the hidden tests. This extension
of Jupyter answers at the same addresses. Jupyter loads extensions in the order of their names, and of two answers to
one address the first is taken.
"""

import asyncio
import json
import sys
from pathlib import Path

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web

from ..course import GradingError, configuration, need_lab

MOST_LOG = 20_000  # characters of a log that the formgrader shows


def feedback(lab: str, student: str = "*", root: Path | None = None) -> None:
    """Write the feedback pages anew, with the marks and comments that were given by hand.

    Beside each page goes the secret that nbgrader sent along with the submission: the page's name in the exchange is
    made from it, so that only the person who has it finds the page. Where there is none, a new one keeps that student's
    page hidden, and keeps nbgrader from stopping for the whole class.

    Parameters
    ----------
    lab : such as lab1_handwritten_numbers
    student : one of them, or all of them
    root : the course's folder; by default the current one

    Raises
    ------
    GradingError : there is no such lab, or nothing of it was graded
    """
    from ..feedback import write_pages

    root = root or Path.cwd()
    need_lab(lab, root)
    graded = {place.parent.name: place for place in sorted((root / "autograded").glob(f"*/{lab}"))}
    chosen = list(graded) if student == "*" else [student]
    if not chosen or not set(chosen) <= set(graded):
        raise GradingError(f"Nothing of {lab} was graded yet: choose Autograde first, or run `datalab grade {lab}`.")
    config = configuration(root)
    config.BaseConverter.force = True
    for name in chosen:
        write_pages(lab, name, config, root)


class Command(JupyterHandler):
    """Runs a command of the course and answers as nbgrader's own buttons do: `success`, `log` and `error`."""

    one_at_a_time: asyncio.Lock  # one process writes the gradebook

    async def run(self, *command: str) -> None:
        """Run `python -m …` in the course's folder and write the answer."""
        async with self.one_at_a_time:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", *command),
                cwd=self.settings["datalab_course"],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            output, _ = await process.communicate()
        log = output.decode("utf-8", errors="replace")[-MOST_LOG:]
        answer = {"success": process.returncode == 0, "log": log}
        if process.returncode != 0:
            answer["error"] = log
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(answer))


class Grade(Command):
    @web.authenticated
    async def post(self, lab: str, student: str):
        await self.run("utils.commands", "grade", f"--student={student}", "--", lab)


class Collect(Command):
    @web.authenticated
    async def post(self, lab: str):
        await self.run("utils.commands", "collect", "--kind=exchange", "--", lab)


class WriteFeedback(Command):
    @web.authenticated
    async def post(self, lab: str, student: str = "*"):
        await self.run("grading.server.formgrader", lab, student)


HANDLERS = {
    r"/formgrader/api/assignment/([^/]+)/collect": Collect,
    r"/formgrader/api/submission/([^/]+)/([^/]+)/autograde": Grade,
    r"/formgrader/api/assignment/([^/]+)/generate_feedback": WriteFeedback,
    r"/formgrader/api/assignment/([^/]+)/([^/]+)/generate_feedback": WriteFeedback,
}


def _jupyter_server_extension_points():
    return [{"module": "grading.server.formgrader"}]


def _load_jupyter_server_extension(server):
    Command.one_at_a_time = asyncio.Lock()
    application = server.web_app
    application.settings["datalab_course"] = server.root_dir
    base = application.settings["base_url"]
    application.add_handlers(".*$", [(url_path_join(base, address), handler) for address, handler in HANDLERS.items()])


if __name__ == "__main__":
    try:
        feedback(*sys.argv[1:3])
    except GradingError as problem:
        sys.exit(f"{problem}")
    print("Feedback is written to feedback/<student>/<lab>/.")
