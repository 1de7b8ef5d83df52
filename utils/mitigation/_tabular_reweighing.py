"""Reweighing for a tree: every row a weight, so that group and label are independent in the weighted rows."""

import pandas as pd

from utils.mitigation._reweighing import reweighing_weights
from utils.mitigation._tabular_model import Bar, FittedTable, Groups, Names, counted_tree, encode_both


def tabular_reweighing(
    train: pd.DataFrame, validation: pd.DataFrame, *, groups: Groups, features: Names, seed: int = 0, bar: Bar = None
) -> FittedTable:
    """Fit a tree to rows that count as `reweighing_weights` says. Parameters as in `unmitigated`.

    Source: Kamiran and Calders (2012), see `reweighing_weights`.
    """
    encoder, rows, _ = encode_both(train, validation, features, groups)
    weight = reweighing_weights(rows.label, rows.group)
    model = counted_tree(seed, bar).fit(rows.x, rows.label, sample_weight=weight)
    return FittedTable(encoder, groups, lambda x, group: model.predict(x))
