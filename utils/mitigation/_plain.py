"""Plain training: nothing is done about groups. What every method is compared with."""

from typing import Any

import pandas as pd

from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._tables import both_as_tensors
from utils.mitigation._training import train_network


@keeps
def plain(
    train: pd.DataFrame, validation: pd.DataFrame, *, groups: str | list[str], seed: int = 0, **training: Any
) -> Fitted:
    """Minimise the mean cross-entropy (empirical risk minimisation: Vapnik 1998, Statistical learning theory).

    Parameters, of this and of every other method
    ----------
    train, validation : DataFrames with `img` (uint8, square), `label` (0 or 1) and the attribute
    groups : column of the attribute, or several, which are crossed
    seed : int, of all that is drawn
    training : `model`, `epochs`, `batch_size`, `learning_rate`, `weight_decay`, `shift`, `choose`, `progress`: see
        `train_network`

    Returns
    -------
    Fitted, with `predict(table)`, `score(table)`, `features(table)` and `history`

    Raises
    ------
    KeyError, ValueError : a column is missing, labels are not 0 and 1, a setting is out of range
    TypeError : there is no such setting

    Examples
    --------
    Ten pictures that are all alike, two of them with label 1: the score becomes the share of label 1.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import plain
    >>> black = np.zeros((32, 32, 3), np.uint8)
    >>> table = pd.DataFrame({"img": [black] * 10, "label": [1, 1] + [0] * 8, "sex": ["f", "m"] * 5})
    >>> fitted = plain(table, table, groups="sex", epochs=20, learning_rate=0.02, choose="last")
    >>> fitted.score(table)[0].round(1).item()
    0.2
    """
    return train_network(*both_as_tensors(train, validation, groups), groups, seed=seed, **training)
