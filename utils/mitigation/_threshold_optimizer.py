"""Fairlearn's ThresholdOptimizer on the scores of a network."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._plain import plain
from utils.mitigation._tables import as_tensors


class _Scores(BaseEstimator):
    """Scores as a classifier that was fitted before, which is what fairlearn asks for."""

    def fit(self, x, y):
        return self

    def predict(self, x):
        return np.asarray(x, np.float64)[:, 0]  # float64: fairlearn 0.15 fails on float32 under pandas 3

    def __sklearn_is_fitted__(self):
        return True


@keeps
def threshold_optimizer(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: str | list[str],
    seed: int = 0,
    base: Fitted | None = None,
    constraint: str = "equalized_odds",
    objective: str = "balanced_accuracy_score",
    **training: Any,
) -> Fitted:
    """Thresholds by group, drawn by lot where need be, so that a criterion holds on the validation data.

    Needs the attribute whenever it decides. Two people with the same score and attribute can be decided differently:
    the lot is drawn with `seed`, so that the same table gives the same decisions.

    Parameters
    ----------
    base : a Fitted; default: `plain` is trained first
    constraint, objective : as fairlearn calls them ("demographic_parity", "true_positive_rate_parity", …)

    Other parameters as in `plain`.

    Source: Hardt, Price and Srebro (2016), see `group_thresholds`; fairlearn.postprocessing.ThresholdOptimizer.

    Examples
    --------
    With a threshold for each group all are right, and so both groups have the same rates. The network stays as it was.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import plain, threshold_optimizer
    >>> shades = [0, 0, 0, 120, 130, 250, 250, 250]
    >>> table = pd.DataFrame({"img": [np.full((32, 32, 3), shade, np.uint8) for shade in shades]})
    >>> table = table.assign(label=[0, 0, 0, 1, 0, 1, 1, 1], sex=["f"] * 4 + ["m"] * 4)
    >>> base = plain(table, table, groups="sex", epochs=20, choose="last")
    >>> fitted = threshold_optimizer(table, table, groups="sex", base=base)
    >>> fitted.predict(table).tolist(), fitted.network is base.network
    ([0, 0, 0, 1, 0, 1, 1, 1], True)
    """
    from fairlearn.postprocessing import ThresholdOptimizer

    base = base or plain(train, validation, groups=groups, seed=seed, **training)
    held_out = as_tensors(validation, groups, base.names)
    optimizer = ThresholdOptimizer(
        estimator=_Scores(), constraints=constraint, objective=objective, prefit=True, predict_method="predict"
    )
    optimizer.fit(
        base.score(validation)[:, None],
        held_out.label.numpy(),
        sensitive_features=held_out.attribute.numpy(),
    )

    def decide(scores, attribute):
        return optimizer.predict(scores[:, None], sensitive_features=attribute, random_state=seed)

    return replace(base, decide=decide, uses_attribute=True)
