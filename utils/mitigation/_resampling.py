"""Group-balanced resampling: batches in which every cell (attribute × label) is as frequent as any other."""

from typing import Any

import pandas as pd

from utils.mitigation._batches import balanced
from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._settings import BATCH_SIZE, check_settings
from utils.mitigation._tables import both_as_tensors
from utils.mitigation._training import train_network


@keeps
def resampling(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: str | list[str],
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
    **training: Any,
) -> Fitted:
    """Draw rows with replacement, with probability 1 / rows of their cell. Other parameters as in `plain`.

    Rows of a rare cell are seen again and again, which a network can learn by heart.

    Source: Idrissi et al. (2022), see `loss_weights`.

    Examples
    --------
    The pictures are all alike, two in ten have label 1 (`plain` scores 0.2): both labels are drawn alike often.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import resampling
    >>> black = np.zeros((32, 32, 3), np.uint8)
    >>> table = pd.DataFrame({"img": [black] * 10, "label": [1, 1] + [0] * 8, "sex": ["f", "m"] * 5})
    >>> fitted = resampling(table, table, groups="sex", epochs=20, learning_rate=0.02, choose="last")
    >>> fitted.score(table)[0].round(1).item()
    0.5
    """
    check_settings(batch_size=batch_size)
    data, held_out = both_as_tensors(train, validation, groups)
    return train_network(
        data, held_out, groups, seed=seed, batches=balanced(data, batch_size), batch_size=batch_size, **training
    )
