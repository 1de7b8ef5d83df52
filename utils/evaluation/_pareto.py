"""Which models no other model beats in everything at once."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from utils.evaluation._coding import check_table


def non_dominated(table: pd.DataFrame, maximise: Sequence[str] = (), minimise: Sequence[str] = ()) -> np.ndarray:
    """The Pareto front: the rows that no other row dominates.

    A row is dominated when another is at least as good in every column and better in one. Which row of the front to
    take is no question of arithmetic: each of them gives up something for something else.

    Parameters
    ----------
    table : DataFrame, one row a model
    maximise, minimise : numeric columns of which more, or less, is better; at least one in all. Differences that have
        a sign must be made absolute first: −0.2 is not a smaller gap than 0.1

    Returns
    -------
    bool array (rows,). Equal rows are all in the front or all out of it; a row with a missing value is never in it,
    and dominates no other. Every pair of rows is compared: meant for thousands of models, not for millions.

    Raises
    ------
    KeyError : a column is missing
    ValueError : no column is named, one is named for both, or one does not hold numbers

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import non_dominated
    >>> models = pd.DataFrame({"accuracy": [0.9, 0.8, 0.7], "gap": [0.2, 0.1, 0.3]}, index=["plain", "fair", "poor"])
    >>> non_dominated(models, maximise=["accuracy"], minimise=["gap"]).tolist()
    [True, True, False]
    """
    maximise = [maximise] if isinstance(maximise, str) else list(maximise)
    minimise = [minimise] if isinstance(minimise, str) else list(minimise)
    columns = maximise + minimise
    if not columns:
        raise ValueError("No column is named: say what is better when it is more (maximise) or less (minimise).")
    both = sorted(set(maximise) & set(minimise))
    if both:
        raise ValueError(f"{both[0]!r} stands in maximise and in minimise: a value cannot be better both ways.")
    missing = [c for c in columns if c not in table]
    if missing or len(table):  # a table without rows has an empty front
        check_table(table, *columns)
    for column in columns:
        if not pd.api.types.is_numeric_dtype(table[column].dtype):
            wrong = next(iter(table[column]), "nothing")
            raise ValueError(f"{column!r} holds {wrong!r}: numbers are needed to say which row is better.")
    values = np.column_stack(
        [table[c].to_numpy(float, na_value=np.nan) for c in maximise]
        + [-table[c].to_numpy(float, na_value=np.nan) for c in minimise]
    )
    known = ~np.isnan(values).any(axis=1)
    at_least, better = np.ones((len(table),) * 2, bool), np.zeros((len(table),) * 2, bool)
    for v in values.T:  # [i, j]: row i against row j
        at_least &= v[:, None] >= v
        better |= v[:, None] > v
    return known & ~(at_least & better & known[:, None]).any(axis=0)
