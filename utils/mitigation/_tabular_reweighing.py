"""Reweighing for a tree: every row a weight, so that group and label are independent in the weighted rows."""

from collections.abc import Sequence

import pandas as pd
from tqdm.auto import tqdm

from utils.mitigation._reweighing import reweighing_weights
from utils.mitigation._tabular_model import FittedTable, counted_tree, encode_both


def tabular_reweighing(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: str | Sequence[str],
    features: Sequence[str],
    seed: int = 0,
    bar: tqdm | None = None,
) -> FittedTable:
    """Fit a tree to rows that count as `reweighing_weights` says. Parameters as in `unmitigated`.

    Source: Kamiran and Calders (2012), see `reweighing_weights`.
    """
    encoder, rows, _ = encode_both(train, validation, features, groups)
    weight = reweighing_weights(rows.label, rows.group)
    model = counted_tree(seed, bar).fit(rows.x, rows.label, sample_weight=weight)
    return FittedTable(encoder, groups, lambda x, group: model.predict(x))
