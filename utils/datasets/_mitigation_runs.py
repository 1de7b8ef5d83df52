"""Stored results of mitigation methods over several seeds, so that nobody has to wait."""

import pandas as pd

from utils.datasets._registry import verified


def load_mitigation_runs() -> pd.DataFrame:
    """The stored runs of Lab 3 (pictures, five trainings a method), as `utils.mitigation.compare` gave them.

    Returns
    -------
    DataFrame, one row a method, seed and test table (`measured_on`: "validation", "pairs" or "test"), with the columns
    that `compare` describes; `flip_rate` only for "pairs". See `datasets/mitigation_runs/DATASHEET.md`

    Raises
    ------
    DataError : the file is missing or damaged

    Examples
    --------
    >>> from utils.datasets import load_mitigation_runs
    >>> runs = load_mitigation_runs()
    >>> runs["seed"].nunique(), sorted(runs["measured_on"].unique())
    (5, ['pairs', 'test', 'validation'])
    >>> runs.loc[runs["flip_rate"].notna(), "measured_on"].unique().tolist()
    ['pairs']
    """
    return pd.read_csv(verified("mitigation_runs/runs.csv.gz"))


def load_adult_runs() -> pd.DataFrame:
    """The stored runs of Lab 4 (Adult, ten splits), as `utils.mitigation.compare_tabular` gave them.

    Returns
    -------
    DataFrame, one row a method, seed (of split, trees and draws) and choice of rows and groups (`data`), with the
    columns that `compare_tabular` describes. See `datasets/adult_runs/DATASHEET.md`

    Raises
    ------
    DataError : the file is missing or damaged

    Examples
    --------
    >>> from utils.datasets import load_adult_runs
    >>> runs = load_adult_runs()
    >>> runs["seed"].nunique(), "unmitigated" in set(runs["method"])
    (10, True)
    >>> sorted(runs["data"].unique())
    ['White and Black, by sex and race', 'all races, by sex', 'all races, by sex and race']
    """
    return pd.read_csv(verified("adult_runs/runs.csv.gz"))
