"""What goes with what in a data set: co-occurrence of two columns, and how far it is from chance."""

import numpy as np
import pandas as pd

from utils.evaluation._coding import check_table, group_codes
from utils.evaluation._intervals import bootstrap_interval

UNSEEN = "never together"


def co_occurrence(
    table: pd.DataFrame,
    first: str,
    second: str,
    *,
    level: float = 0.95,
    draws: int = 1000,
    rng: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """How often each value of one column goes with each value of another, and the pointwise mutual information.

    Formula: PMI(a, b) = log2(P(a, b) / (P(a) P(b))), with shares of rows as probabilities. 0: as often together as if
    the columns were independent; 1: twice as often; −1: half as often.
    Does not say: how many rows that is. A rare pair gets the largest values, up and down, by chance alone: look at the
    interval. Nor why they go together.
    Source: Church and Hanks (1990), Word Association Norms, Mutual Information, and Lexicography, Computational
    Linguistics 16 (1); for labels of images Aka et al. (2021), Measuring Model Biases in the Absence of Ground Truth,
    AIES.

    Parameters
    ----------
    table : DataFrame, one row an example
    first, second : columns; rows without a value form the group "(missing)"
    level, draws, rng : of the intervals, from a bootstrap of the rows (on their counts)

    Returns
    -------
    DataFrame, one row a pair of values, also of those that never meet: the two columns, `count`, `expected` (the count
    if the columns were independent), `pmi`, `low`, `high` (bits; −inf where count is 0, and then without an interval),
    `share` (of the rows with this value of `second`, how many have this value of `first`), `note` ("never together")

    Raises
    ------
    KeyError, ValueError : unknown columns, the same column twice, an empty table

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import co_occurrence
    >>> seen = pd.DataFrame({"object": ["pan", "pan", "tie", "tie"], "who": ["woman", "man", "man", "man"]})
    >>> co_occurrence(seen, "object", "who", draws=100)[["object", "who", "count", "expected", "pmi"]].round(2)
      object    who  count  expected   pmi
    0    pan    man      1       1.5 -0.58
    1    pan  woman      1       0.5  1.00
    2    tie    man      2       1.5  0.42
    3    tie  woman      0       0.5  -inf
    """
    check_table(table, first, second)
    if first == second:
        raise ValueError(f"first and second are both {first!r}: name two columns.")
    (codes, values, _), (more, more_values, _) = (group_codes(table[name], name) for name in (first, second))
    counts = np.bincount(codes * len(more_values) + more, minlength=len(values) * len(more_values))
    counts = counts.reshape(len(values), len(more_values))
    n = len(table)

    def pmi(cells):
        expected = cells.sum(-1, keepdims=True) * cells.sum(-2, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log2(cells * float(n) / expected)

    drawn = pmi(np.random.default_rng(rng).multinomial(n, counts.ravel() / n, size=draws).reshape(draws, *counts.shape))
    # A pair that is not in a draw has −inf there (or is undefined, where one of the two is not in it either). That is a
    # low value and no gap, so the quantiles take a low number.
    low, high = bootstrap_interval(np.moveaxis(np.where(np.isfinite(drawn), drawn, -1e9), 0, -1), level)
    low, high = (np.where(end < -100, -np.inf, end) for end in (low, high))
    unseen = counts == 0
    rows, across = np.indices(counts.shape).reshape(2, -1)
    return pd.DataFrame(
        {
            first: np.array(values, dtype=object)[rows],
            second: np.array(more_values, dtype=object)[across],
            "count": counts.ravel(),
            "expected": (counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) / n).ravel(),
            "pmi": pmi(counts).ravel(),
            "low": np.where(unseen, np.nan, low).ravel(),
            "high": np.where(unseen, np.nan, high).ravel(),
            "share": (counts / counts.sum(0, keepdims=True)).ravel(),
            "note": np.where(unseen, UNSEEN, "").ravel(),
        }
    ).infer_objects()
