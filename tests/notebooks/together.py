"""Run the notebooks of a lab with another setting of the switch that students may change."""

from pathlib import Path

import nbformat

from utils.headless import execute


def executed(notebooks: list[Path], change: dict[str, str], folder: Path) -> dict[str, list]:
    """The executed cells of each notebook: its name → cells.

    They run as one notebook, in a kernel that forgets every name in between: to start one for each, with all imports,
    takes as long as the cells.

    Parameters
    ----------
    change : text of the switch cell → what stands there instead
    folder : for the files; the executed notebook lies in `executed` there
    """
    together = nbformat.v4.new_notebook()
    for path in notebooks:
        notebook = nbformat.read(path, as_version=4)
        (switch,) = (cell for cell in notebook.cells if cell.id == "switch")
        assert "nbgrader" not in switch.metadata  # students may change it
        for before, after in change.items():
            assert before in switch.source
            switch.source = switch.source.replace(before, after)
        for cell in notebook.cells:
            cell.id = f"{path.stem}-{cell.id}"
        together.metadata = notebook.metadata
        together.cells += [nbformat.v4.new_code_cell("%reset -f"), *notebook.cells]
    nbformat.write(together, folder / "together.ipynb")
    assert execute(folder / "together.ipynb", folder / "executed").unanswered == 0
    cells = nbformat.read(folder / "executed/together.ipynb", as_version=4).cells
    return {path.stem: [cell for cell in cells if cell.id.startswith(f"{path.stem}-")] for path in notebooks}


def need_whole(path: Path, cells: list) -> None:
    """Fail unless every cell of the notebook was run."""
    assert len(cells) == len(nbformat.read(path, as_version=4).cells)
    assert all(cell.execution_count for cell in cells if cell.cell_type == "code")
