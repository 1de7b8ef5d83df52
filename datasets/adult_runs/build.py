"""Fit every mitigation method of Lab 4 on ten splits of Adult, for three choices of groups, and write the results down.

    python datasets/adult_runs/build.py

About seven minutes on two cores. `seconds` differ from machine to machine, and so does the file's hash: after a run,
put its new `bytes`, `sha256` and `sha256_content` into `datasets/registry.toml`.
"""

import itertools
import logging
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from utils.datasets._adult import FEATURES, SENSITIVE, load_adult
from utils.datasets._registry import pack
from utils.mitigation._tabular import compare_tabular
from utils.training._tabular import split_rows

FILE = Path(__file__).parent / "runs.csv.gz"
SEEDS = range(10)
# name → races kept (None: all), groups of the constraints, grid points
SETTINGS = {
    "all races, by sex": (None, "sex", 20),
    "White and Black, by sex and race": (["White", "Black"], SENSITIVE, 100),
    "all races, by sex and race": (None, SENSITIVE, 100),
}


def run(job: tuple[str, int]) -> pd.DataFrame:
    logging.disable(logging.WARNING)  # fairlearn says that grids in many dimensions are coarse; so does the lab
    name, seed = job
    races, groups, grid_size = SETTINGS[name]
    parts = split_rows(load_adult(races), SENSITIVE, seed=seed)
    runs = compare_tabular(*parts, features=FEATURES, groups=groups, seed=seed, grid_size=grid_size, progress=False)
    return runs.assign(data=name, seed=seed)


def main():
    jobs = list(itertools.product(SETTINGS, SEEDS))
    with ProcessPoolExecutor(2) as pool:
        runs = pd.concat(tqdm(pool.map(run, jobs), total=len(jobs), file=sys.stderr))
    runs = runs[["data", "seed", *(c for c in runs.columns if c not in ("data", "seed"))]]
    numbers = {name: 5 for name in runs.columns if runs[name].dtype.kind == "f"}
    content = runs.round(numbers).to_csv(index=False).encode()
    print(f"{len(runs)} rows")
    pack(content, FILE)


if __name__ == "__main__":
    main()
