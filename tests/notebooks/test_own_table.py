"""Lab 4 runs on a learner's own CSV file as on Adult, and with the large searches: the switch is changed, no more."""

import json
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

from utils.notebooks import execute

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "course/source").glob("lab4_*/*.ipynb"))
SWITCH = 'TABLE = "adult"'


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> str:
    """A file about loans: another target, three age groups, a rare gender, missing values, a comma in a word."""
    rng = np.random.default_rng(12)
    n = 4000
    gender = rng.choice(["woman", "man", "other"], n, p=[0.48, 0.48, 0.04])
    hours = rng.normal(34, 8, n).round() + 5 * (gender == "man")
    job = np.where(rng.random(n) < 0.8, np.where(gender == "man", "driver", "nurse"), "clerk, office")
    table = pd.DataFrame(
        {
            "hours": pd.Series(hours).where(rng.random(n) > 0.05),
            "job": pd.Series(job).where(rng.random(n) > 0.1, "?"),
            "years": rng.integers(0, 40, n),
            "age_group": rng.choice(["young", "middle", "old"], n),
            "gender": pd.Series(gender).where(rng.random(n) > 0.02),
        }
    )
    table["granted"] = np.where(0.1 * (hours - 38) + 0.05 * table["years"] + rng.normal(0, 1, n) > 1, "yes", "no")
    file = tmp_path_factory.mktemp("own") / "loans.csv"
    table.to_csv(file, index=False)
    return str(file)


@pytest.fixture(scope="module")
def cells(own, tmp_path_factory) -> dict[str, list]:
    """The executed cells of each notebook.

    They run as one notebook, in a kernel that forgets every name in between: to start three, each with all imports,
    takes as long as the cells.
    """
    described = {"file": own, "target": "granted", "positive": "yes", "sensitive": ["gender", "age_group"]}
    together = nbformat.v4.new_notebook()
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        (switch,) = (cell for cell in notebook.cells if cell.id == "switch")
        assert SWITCH in switch.source and "nbgrader" not in switch.metadata  # students may change it
        assert "FULL = False" in switch.source
        switch.source = switch.source.replace(SWITCH, f"TABLE = {described!r}").replace("FULL = False", "FULL = True")
        for cell in notebook.cells:
            cell.id = f"{path.stem}-{cell.id}"
        together.metadata = notebook.metadata
        together.cells += [nbformat.v4.new_code_cell("%reset -f"), *notebook.cells]
    folder = tmp_path_factory.mktemp("lab4")
    nbformat.write(together, folder / "together.ipynb")
    done = execute(folder / "together.ipynb", folder / "done")
    assert done["open"] == 0
    executed = nbformat.read(folder / "done/together.ipynb", as_version=4).cells
    return {path.stem: [cell for cell in executed if cell.id.startswith(f"{path.stem}-")] for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_works_on_an_own_table(path, cells):
    assert len(cells[path.stem]) == len(nbformat.read(path, as_version=4).cells)
    assert all(cell.execution_count for cell in cells[path.stem] if cell.cell_type == "code")
    said = json.dumps(cells[path.stem], ensure_ascii=False)
    assert "gender" in said and "Asian-Pac-Islander (" not in said  # the people are those of the file
