"""Group thresholds: for each attribute value the threshold that serves its worse-served label best."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._plain import plain
from utils.mitigation._tables import as_tensors


@keeps
def group_thresholds(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: str | list[str],
    seed: int = 0,
    base: Fitted | None = None,
    **training: Any,
) -> Fitted:
    """Choose each group's threshold on validation data so that the lower of its true positive and true negative rate is
    as high as can be.

    Needs the attribute whenever it decides, which may be unlawful, or unwise where the attribute is perceived.

    Parameters
    ----------
    base : a Fitted; default: `plain` is trained first

    Other parameters as in `plain`.

    Source: thresholds by group as in Hardt, Price and Srebro (2016), Equality of opportunity in supervised learning,
    NeurIPS; the worst cell as the aim is ours.

    Examples
    --------
    A shade of 120 has label 1 in the one group, and 130 has label 0 in the other: one threshold cannot serve both.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import group_thresholds, plain
    >>> shades = [0, 0, 0, 120, 130, 250, 250, 250]
    >>> table = pd.DataFrame({"img": [np.full((32, 32, 3), shade, np.uint8) for shade in shades]})
    >>> table = table.assign(label=[0, 0, 0, 1, 0, 1, 1, 1], sex=["f"] * 4 + ["m"] * 4)
    >>> base = plain(table, table, groups="sex", epochs=20, choose="last")
    >>> fitted = group_thresholds(table, table, groups="sex", base=base)
    >>> fitted.predict(table).tolist(), fitted.uses_attribute
    ([0, 0, 0, 1, 0, 1, 1, 1], True)
    """
    base = base or plain(train, validation, groups=groups, seed=seed, **training)
    held_out = as_tensors(validation, groups, base.names)
    label, attribute = held_out.label.numpy(), held_out.attribute.numpy()
    scores = base.score(validation)
    thresholds = np.array(
        [best_threshold(label[attribute == a], scores[attribute == a]) for a in range(len(base.names))]
    )
    return replace(base, decide=lambda s, a: s >= thresholds[a], uses_attribute=True)


def best_threshold(label: np.ndarray, score: np.ndarray) -> float:
    """The threshold with the highest min(true positive rate, true negative rate); 0.5 where a label does not occur.

    Of several as good the middle one. The threshold lies half-way between two scores.

    Examples
    --------
    >>> import numpy as np
    >>> from utils.mitigation import best_threshold
    >>> best_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.4, 0.9]))
    0.3...
    >>> best_threshold(np.array([1, 1]), np.array([0.1, 0.2]))
    0.5
    """
    if len(label) == 0 or label.min() == label.max():
        return 0.5
    cuts = np.unique(score)
    cuts = np.concatenate([[0.0], (cuts[1:] + cuts[:-1]) / 2, [1.0]])
    tpr = 1 - np.searchsorted(np.sort(score[label == 1]), cuts, side="left") / (label == 1).sum()
    tnr = np.searchsorted(np.sort(score[label == 0]), cuts, side="left") / (label == 0).sum()
    worse = np.minimum(tpr, tnr)
    return float(np.median(cuts[worse == worse.max()]))
