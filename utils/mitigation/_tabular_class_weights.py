"""Class weights: both labels count the same in a tree, however rare the one is."""

from collections.abc import Sequence

import pandas as pd
from tqdm.auto import tqdm

from utils.mitigation._tabular_model import FittedTable, counted_tree, encode_both


def class_weights(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: str | Sequence[str],
    features: Sequence[str],
    seed: int = 0,
    bar: tqdm | None = None,
) -> FittedTable:
    """Fit a tree in which a row counts the more, the rarer its label is. Parameters as in `unmitigated`.

    Source: scikit-learn's `class_weight="balanced"`.
    """
    encoder, rows, _ = encode_both(train, validation, features, groups)
    model = counted_tree(seed, bar, class_weight="balanced").fit(rows.x, rows.label)
    return FittedTable(encoder, groups, lambda x, group: model.predict(x))
