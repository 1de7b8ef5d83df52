"""Unawareness by dropping the column: the attribute is taken out of the tables, and so is every means to see to it."""

from typing import Any

import pandas as pd

from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._tables import attribute_values, both_as_tensors
from utils.mitigation._training import train_network
from utils.tables import columns_of

EVERYBODY = "everybody"


@keeps
def drop_column(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: str | list[str],
    seed: int = 0,
    choose: str = "average",
    **training: Any,
) -> Fitted:
    """Train on tables without the attribute. Other parameters as in `plain`.

    A network that sees pictures never saw the column, so it learns what `plain` learns: with the same choice of a
    checkpoint the two are the same, weight by weight. What is lost is the choice by the worst group, for nobody can
    tell any more which groups there are: the checkpoint is chosen by average accuracy.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import drop_column, plain
    >>> black = np.zeros((32, 32, 3), np.uint8)
    >>> table = pd.DataFrame({"img": [black] * 10, "label": [1, 1] + [0] * 8, "sex": ["f", "m"] * 5})
    >>> settings = {"groups": "sex", "epochs": 2, "choose": "last"}
    >>> np.array_equal(drop_column(table, table, **settings).score(table), plain(table, table, **settings).score(table))
    True
    """
    columns = columns_of(groups)
    attribute_values(train, columns)  # names a column that is not there
    tables = (t.drop(columns=columns, errors="ignore").assign(**{EVERYBODY: "all"}) for t in (train, validation))
    return train_network(*both_as_tensors(*tables, EVERYBODY), EVERYBODY, seed=seed, choose=choose, **training)
