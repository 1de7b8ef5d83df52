"""The exponentiated gradient: a lot among trees, whose weights of the groups follow the violation of a criterion."""

import pandas as pd
from fairlearn.reductions import DemographicParity, EqualizedOdds, ExponentiatedGradient

from utils.mitigation._tabular_model import Bar, FittedTable, Groups, Names, counted_tree, encode_both

CONSTRAINTS = {"demographic parity": DemographicParity, "equalized odds": EqualizedOdds}


def exponentiated_gradient(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: Groups,
    features: Names,
    seed: int = 0,
    constraint: str = "demographic parity",
    bar: Bar = None,
) -> FittedTable:
    """Fit trees until the lot among them keeps the criterion. The lot is drawn with `seed`; others as in `unmitigated`.

    Parameters
    ----------
    constraint : one of `CONSTRAINTS`

    Source: Agarwal et al. (2018), see `grid_search`; fairlearn.reductions.ExponentiatedGradient.
    """
    encoder, rows, _ = encode_both(train, validation, features, groups)
    model = ExponentiatedGradient(counted_tree(seed, bar), CONSTRAINTS[constraint](), max_iter=50)
    model.fit(rows.x, rows.label, sensitive_features=rows.group)
    return FittedTable(encoder, groups, lambda x, group: model.predict(x, random_state=seed))
