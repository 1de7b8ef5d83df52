"""Proxies: how much single columns of a table tell about an attribute that is not among them."""

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from utils.evaluation._coding import check_table


def proxy_table(
    known: pd.DataFrame, new: pd.DataFrame, columns: Sequence[str], attribute: str, value: Hashable = None
) -> pd.DataFrame:
    """How well an attribute can be guessed from each column alone: an AUC on rows that the guess was not learnt from.

    A row's score is the share of rows with the attribute among the known rows that hold the same value in the column; a
    missing value is a value like others, and a value that never came up gets the share of all known rows. 0.5: the
    column tells nothing; 1: it tells everything. That a column tells something does not say that a model uses it.

    Parameters
    ----------
    known : DataFrame, the rows to learn the shares from
    new : DataFrame, other rows, on which they are judged
    columns : columns of both
    attribute : column of both
    value : the value of the attribute to tell from all others; default its most frequent one among the known rows

    Returns
    -------
    DataFrame, one row a column, the most telling first: `column`, `auc`, `values` (different ones among the known rows)

    Raises
    ------
    KeyError : a column is missing
    ValueError : a table is empty, or the new rows all have that value, or none has

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import proxy_table
    >>> known = pd.DataFrame({"sex": list("ffmm"), "job": ["nurse", "nurse", "driver", "driver"], "day": list("xyxy")})
    >>> new = pd.DataFrame({"sex": ["f", "m"], "job": ["nurse", "driver"], "day": ["x", "y"]})
    >>> proxy_table(known, new, ["day", "job"], "sex")
      column  auc  values
    0    job  1.0       2
    1    day  0.5       2
    """
    from sklearn.metrics import roc_auc_score  # slow to import, and needed here only

    for table in (known, new):
        check_table(table, *columns, attribute)
    value = known[attribute].mode()[0] if value is None else value
    is_value, wanted = known[attribute].eq(value).to_numpy(), new[attribute].eq(value).to_numpy()
    if wanted.all() or not wanted.any():
        raise ValueError(
            f"{int(wanted.sum())} of {len(wanted)} new rows have {value!r} in {attribute!r}: there is nothing to tell "
            "apart. Choose another value, or other rows."
        )
    rows = []
    for column in columns:
        codes, values = pd.factorize(pd.concat([known[column], new[column]]), use_na_sentinel=False)
        old, fresh = codes[: len(known)], codes[len(known) :]
        n = np.bincount(old, minlength=len(values))
        share = np.bincount(old, weights=is_value, minlength=len(values)) / np.maximum(n, 1)
        score = np.where(n > 0, share, is_value.mean())[fresh]
        rows.append({"column": column, "auc": float(roc_auc_score(wanted, score)), "values": int((n > 0).sum())})
    return pd.DataFrame(rows).sort_values("auc", ascending=False, ignore_index=True, kind="stable")
