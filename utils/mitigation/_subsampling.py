"""Subsampling: every cell (attribute × label) is cut down to the size of the smallest."""

from typing import Any

import numpy as np
import pandas as pd
import torch

from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._settings import BATCH_SIZE, EPOCHS, check_settings
from utils.mitigation._tables import both_as_tensors
from utils.mitigation._training import train_network


@keeps
def subsampling(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: str | list[str],
    seed: int = 0,
    epochs: int = EPOCHS,
    batch_size: int = BATCH_SIZE,
    **training: Any,
) -> Fitted:
    """Keep of every cell as many rows, by lot, as the smallest has, and train on these. Others as in `plain`.

    An epoch here has as many steps as one of all rows, so that the training is as long: the few rows are seen more
    often.

    Source: Idrissi et al. (2022), see `loss_weights` (there SUBG).

    Examples
    --------
    The pictures are all alike, two in ten have label 1 (`plain` scores 0.2): one row is kept of each sex and label.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import subsampling
    >>> black = np.zeros((32, 32, 3), np.uint8)
    >>> table = pd.DataFrame({"img": [black] * 10, "label": [1, 1] + [0] * 8, "sex": ["f", "m"] * 5})
    >>> fitted = subsampling(table, table, groups="sex", epochs=20, learning_rate=0.02, choose="last")
    >>> fitted.score(table)[0].round(1).item()
    0.5
    """
    check_settings(epochs=epochs, batch_size=batch_size)
    data, held_out = both_as_tensors(train, validation, groups)
    draw = np.random.default_rng(seed).random(len(data))
    order = np.lexsort((draw, data.cell.numpy()))
    rows = data.cell_rows.numpy()
    first = np.repeat(np.cumsum(rows) - rows, rows)
    place = np.arange(len(order)) - first
    subset = torch.tensor(order[place < rows[rows > 0].min()])

    def batches(generator):
        rounds = -(-len(data) // len(subset))
        seen = torch.cat([subset[torch.randperm(len(subset), generator=generator)] for _ in range(rounds)])
        return seen[: len(data)].split(batch_size)

    return train_network(
        data, held_out, groups, seed=seed, batches=batches, epochs=epochs, batch_size=batch_size, **training
    )
