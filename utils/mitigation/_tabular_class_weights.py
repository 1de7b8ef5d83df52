"""Class weights: both labels count the same in a tree, however rare the one is."""

import pandas as pd

from utils.mitigation._tabular_model import Bar, FittedTable, Groups, Names, counted_tree, encode_both


def class_weights(
    train: pd.DataFrame, validation: pd.DataFrame, *, groups: Groups, features: Names, seed: int = 0, bar: Bar = None
) -> FittedTable:
    """Fit a tree in which a row counts the more, the rarer its label is. Parameters as in `unmitigated`.

    Source: scikit-learn's `class_weight="balanced"`.
    """
    encoder, rows, _ = encode_both(train, validation, features, groups)
    model = counted_tree(seed, bar, class_weight="balanced").fit(rows.x, rows.label)
    return FittedTable(encoder, groups, lambda x, group: model.predict(x))
