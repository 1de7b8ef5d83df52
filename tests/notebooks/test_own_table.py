"""Lab 4 runs on a learner's own CSV file as on Adult, and with the large searches: the switch is changed, no more."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.notebooks.together import executed, need_whole

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "course/source").glob("lab4_*/*.ipynb"))


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
    described = {"file": own, "target": "granted", "positive": "yes", "sensitive": ["gender", "age_group"]}
    change = {'TABLE = "adult"': f"TABLE = {described!r}", "FULL = False": "FULL = True"}
    return executed(NOTEBOOKS, change, tmp_path_factory.mktemp("lab4"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_works_on_an_own_table(path, cells):
    need_whole(path, cells[path.stem])
    said = json.dumps(cells[path.stem], ensure_ascii=False)
    assert "gender" in said and "Asian-Pac-Islander (" not in said  # the people are those of the file
