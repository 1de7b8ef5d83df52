"""Results of all mitigation methods on the pictures of Lab 3, five trainings each, so that nobody has to wait."""

import pandas as pd

from utils.datasets.registry import verified


def load_mitigation_runs() -> pd.DataFrame:
    """The stored runs, as `utils.mitigation.compare.compare` gave them.

    Returns
    -------
    DataFrame, one row a method, seed and test table (`measured_on`: "validation", "pairs" or "test"), with the columns
    that `compare` describes; `flip_rate` only for "pairs". See `datasets/mitigation_runs/DATASHEET.md`

    Raises
    ------
    DataError : the file is missing or damaged
    """
    return pd.read_csv(verified("mitigation_runs/runs.csv.gz"))
