"""Fairlearn's ThresholdOptimizer on the scores of a tree."""

import pandas as pd
from fairlearn.postprocessing import ThresholdOptimizer

from utils.mitigation._tabular_model import Bar, FittedTable, Groups, Names, counted_tree, encode_both


def tabular_thresholds(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: Groups,
    features: Names,
    seed: int = 0,
    constraint: str = "demographic parity",
    bar: Bar = None,
) -> FittedTable:
    """Thresholds by group, drawn by lot where need be, so that a criterion holds on the validation rows.

    Needs the group of whoever it decides about. The lot is drawn with `seed`. Others as in `unmitigated`.

    Parameters
    ----------
    constraint : "demographic parity", "equalized odds", …, as fairlearn calls them

    Source: Hardt, Price and Srebro (2016), see `group_thresholds`; fairlearn.postprocessing.ThresholdOptimizer.
    """
    encoder, rows, held_out = encode_both(train, validation, features, groups)
    tree, name = counted_tree(seed, bar).fit(rows.x, rows.label).model, constraint.replace(" ", "_")
    model = ThresholdOptimizer(estimator=tree, constraints=name, prefit=True, predict_method="predict_proba")
    model.fit(held_out.x, held_out.label, sensitive_features=held_out.group)

    def decide(x, group):
        return model.predict(x, sensitive_features=group, random_state=seed)

    return FittedTable(encoder, groups, decide, uses_attribute=True)
