"""Grid search: many trees, each with other weights of the groups, of which one is chosen on validation data."""

import pandas as pd
from fairlearn.reductions import DemographicParity, GridSearch

from utils.evaluation._metrics import accuracy
from utils.evaluation._pareto import non_dominated
from utils.evaluation.criteria import demographic_parity_difference
from utils.mitigation._tabular_model import Bar, FittedTable, Groups, Names, counted_tree, encode_both


def grid_search(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: Groups,
    features: Names,
    seed: int = 0,
    grid_size: int = 20,
    bar: Bar = None,
) -> FittedTable:
    """Of `grid_size` trees, take one with the smallest gap in selection rates that no other beats in accuracy as well.

    Gap and accuracy are those of the validation rows. Other parameters as in `unmitigated`.

    Parameters
    ----------
    grid_size : how many trees; with k groups they fill k − 1 dimensions

    Source: Agarwal et al. (2018), A reductions approach to fair classification, ICML; fairlearn.reductions.GridSearch.
    """
    encoder, rows, held_out = encode_both(train, validation, features, groups)
    search = GridSearch(counted_tree(seed, bar), DemographicParity(), grid_size=grid_size)
    search.fit(rows.x, rows.label, sensitive_features=rows.group)
    decisions = [pd.DataFrame({"pred1": m.predict(held_out.x), "group": held_out.group}) for m in search.predictors_]
    table = pd.DataFrame(
        {
            "accuracy": [accuracy(held_out.label, d["pred1"]) for d in decisions],
            "gap": [demographic_parity_difference(d, "group") for d in decisions],
        }
    )
    front = table[non_dominated(table, maximise="accuracy", minimise="gap")]
    chosen = search.predictors_[front["gap"].idxmin()]
    return FittedTable(encoder, groups, lambda x, group: chosen.predict(x))
