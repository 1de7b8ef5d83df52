"""Notebooks executed without a browser, with an HTML page of each."""

import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

WIDGET = "application/vnd.jupyter.widget-view+json"


class NotebookError(RuntimeError):
    """A notebook cannot be run; the message says which, where and why."""


@dataclass(frozen=True)
class Execution:
    """What became of a notebook that was executed from the top.

    Attributes
    ----------
    name : folder and notebook, such as "lab0_start_here/0_start_here"
    seconds : how long it took
    cells : executed code cells
    unanswered : questions without an answer yet
    """

    name: str
    seconds: float
    cells: int
    unanswered: int


def execute(path: Path, to: Path, timeout: int = 600) -> Execution:
    """Execute one notebook, leave the executed copy and an HTML page of it in the folder `to`.

    A question without an answer yet is no mistake: as long as a notebook has the line that stands in for an answer
    (`raise NotImplementedError`), its answer and test cells may fail. Every other cell has to run.

    Raises
    ------
    NotebookError : a cell failed, with its error
    """
    notebook = nbformat.read(path, as_version=4)
    unanswered = [
        cell for cell in notebook.cells if _of_nbgrader(cell, "solution") and "raise NotImplementedError" in cell.source
    ]
    may_fail = [
        cell
        for cell in notebook.cells
        if unanswered and (_of_nbgrader(cell, "solution") or _of_nbgrader(cell, "grade"))
    ]
    for cell in may_fail:
        cell.metadata["tags"] = [*cell.metadata.get("tags", []), "raises-exception"]
    client = NotebookClient(
        notebook,
        timeout=timeout,
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],  # or each kernel warns that it talks over a local port
        resources={"metadata": {"path": str(path.parent)}},
    )
    start = time.perf_counter()
    try:
        client.execute()
    except CellExecutionError as problem:
        raise NotebookError(f"{path} stops at a cell that should run.\n{problem}") from None
    finally:
        for cell in may_fail:
            cell.metadata["tags"].remove("raises-exception")
        to.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, to / path.name)  # after an error too: it shows how far the notebook came
    seconds = time.perf_counter() - start
    for cell in notebook.cells:  # a progress bar lives as long as its kernel: on a page it would stand at 0 % for ever
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if WIDGET not in output.get("data", {})]
    page, _ = HTMLExporter().from_notebook_node(notebook, resources={"metadata": {"name": path.stem}})
    (to / path.name).with_suffix(".html").write_text(page, encoding="utf-8")
    cells = sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in notebook.cells)
    return Execution(f"{path.parent.name}/{path.stem}", seconds, cells, len(unanswered))


def _of_nbgrader(cell: nbformat.NotebookNode, key: str) -> bool:
    return cell.metadata.get("nbgrader", {}).get(key, False)
