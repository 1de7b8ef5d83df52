"""From one source to every copy: the students' notebooks and the solved ones."""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateAssignment, GenerateSolution, NbGraderException
from traitlets.config import Config

from .course import ROOT, GradingError, configuration, labs, need_lab, run_nbgrader

WIDGET = "application/vnd.jupyter.widget-view+json"


def release(chosen: list[str] | None = None, root: Path = ROOT, to: Path | None = None) -> list[Path]:
    """Write the students' copies: solutions, hidden tests and mark schemes taken out.

    Parameters
    ----------
    chosen : the labs to generate; all of them when None, and copies of labs that are no more are removed then
    to : the folder to write to; `course/release` when None

    Returns
    -------
    list of Path : the notebooks written
    """
    to = to or root / "course/release"
    config = configuration(root)
    config.CourseDirectory.release_directory = str(to)
    # The gradebook is filled when submissions are graded; the copies themselves need none.
    config.GenerateAssignment.no_database = True
    config.SaveCells.enabled = False
    return _generate(GenerateAssignment, config, chosen, root, to)


def solutions(
    chosen: list[str] | None = None,
    root: Path = ROOT,
    to: Path | None = None,
    execute: bool = True,
    say: Callable[[str], object] = print,
) -> list[Path]:
    """Write the solved notebooks, executed, with their outputs; mark schemes taken out.

    Parameters
    ----------
    chosen, to : as in `release`; the folder is `solutions` when None
    execute : False leaves them without outputs, which is enough to compare what they say
    say : called with one line for each executed notebook

    Raises
    ------
    GradingError : a cell of a solved notebook raised an error; the message names notebook, cell and error
    """
    to = to or root / "solutions"
    config = configuration(root)
    config.CourseDirectory.solution_directory = str(to)
    config.Execute.enabled = (
        False  # nbgrader goes on after an error and keeps it as output: a solution must not have one
    )
    with tempfile.TemporaryDirectory() as folder:
        config.CourseDirectory.db_url = f"sqlite:///{folder}/gradebook.db"
        with Gradebook(config.CourseDirectory.db_url, config.CourseDirectory.course_id) as gradebook:
            for lab in chosen or labs(root):
                gradebook.add_assignment(lab)
        written = _generate(GenerateSolution, config, chosen, root, to)
    if execute:
        for path in written:
            start = time.perf_counter()
            _execute(path)
            say(f"{path.relative_to(to)}  solved in {time.perf_counter() - start:.1f} s")
    return written


def _generate(step: type, config: Config, chosen: list[str] | None, root: Path, to: Path) -> list[Path]:
    for lab in chosen or []:
        need_lab(lab, root)
    config.BaseConverter.force = True  # or a lab that was generated once would be left as it is
    if chosen is None:
        for old in to.glob("*"):
            if old.is_dir() and old.name not in labs(root):
                shutil.rmtree(old)
    for lab in chosen or labs(root):
        try:
            run_nbgrader(step, config, lab)
        except NbGraderException as problem:
            raise GradingError(f"{lab} could not be generated: {last_error(problem.messages)}") from None
    return [path for lab in chosen or labs(root) for path in sorted((to / lab).glob("*.ipynb"))]


def _execute(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    language = notebook.metadata.get("language_info")
    client = NotebookClient(
        notebook,
        timeout=600,
        coalesce_streams=True,  # else the pieces of a print differ from run to run
        record_timing=False,
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute()
    except CellExecutionError as problem:
        raise GradingError(f"The solution {path.parent.name}/{path.name} does not run: {problem}") from None
    for cell in notebook.cells:  # a progress bar lives as long as its kernel: on a page it would stand at 0 % for ever
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if WIDGET not in o.get("data", {})]
    # The kernel writes its exact version there; the same notebook solved on another Python would differ.
    notebook.metadata["language_info"] = language
    nbformat.write(notebook, path)


def last_error(messages: list[str]) -> str:
    """The line that says what went wrong, out of everything nbgrader wrote: the end of its last traceback."""
    tracebacks = [m for m in messages if m.lstrip().startswith("Traceback")]
    return (tracebacks or messages)[-1].strip().splitlines()[-1]
