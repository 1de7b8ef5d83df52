"""A tree that is fitted to the labels, and no more: what methods for tables are compared with."""

import pandas as pd

from utils.mitigation._tabular_model import Bar, FittedTable, Groups, Names, counted_tree, encode_both


def unmitigated(
    train: pd.DataFrame, validation: pd.DataFrame, *, groups: Groups, features: Names, seed: int = 0, bar: Bar = None
) -> FittedTable:
    """Fit a small tree to the rows as they are (Breiman et al. 1984, Classification and regression trees).

    Parameters, of this and of every other method for tables
    ----------
    train, validation : DataFrames with the features, `label` (0 or 1) and the group columns
    groups : column, or columns to be crossed
    features : columns that the model sees
    seed : int, of all that is drawn
    bar : a tqdm bar that moves on with every fitted tree; None: no bar

    Returns
    -------
    FittedTable, with `predict(table)` and `uses_attribute`

    Raises
    ------
    KeyError : a column is missing
    """
    encoder, rows, _ = encode_both(train, validation, features, groups)
    model = counted_tree(seed, bar).fit(rows.x, rows.label)
    return FittedTable(encoder, groups, lambda x, group: model.predict(x))
