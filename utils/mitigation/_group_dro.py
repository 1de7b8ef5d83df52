"""Group DRO: train for the cell (attribute × label) with the highest loss."""

from typing import Any

import pandas as pd
import torch
from torch.nn import functional as F

from utils.mitigation._batches import balanced
from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._settings import BATCH_SIZE, check_settings
from utils.mitigation._tables import both_as_tensors
from utils.mitigation._training import train_network


@keeps
def group_dro(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: str | list[str],
    seed: int = 0,
    step: float = 0.01,
    balanced_batches: bool = True,
    batch_size: int = BATCH_SIZE,
    **training: Any,
) -> Fitted:
    """Minimise the weighted mean of the cells' losses, with weights that grow where the loss is high.

    In each batch q(g) ← q(g) · exp(step · loss of cell g), scaled to a sum of 1; the loss is Σ q(g) · loss of cell g.

    Parameters
    ----------
    step : how fast the weights follow; the paper's default is 0.01
    balanced_batches : draw all cells alike often, as in the paper. Much of the gain comes from this: switch it off to
        see what the weights do by themselves

    Other parameters as in `plain`.

    Source: Sagawa, Koh, Hashimoto and Liang (2020), Distributionally robust neural networks for group shifts, ICLR,
    algorithm 1.

    Examples
    --------
    The pictures are all alike, and two of three cells have label 1, which gives a score of 2/3. The
    third has the highest loss: weights that follow it draw the score towards 1/2.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import group_dro
    >>> black = np.zeros((32, 32, 3), np.uint8)
    >>> table = pd.DataFrame({"img": [black] * 9, "label": [0, 1, 1] * 3, "sex": ["f", "f", "m"] * 3})
    >>> settings = {"groups": "sex", "epochs": 20, "learning_rate": 0.02, "choose": "last"}
    >>> still, follows = (group_dro(table, table, step=step, **settings).score(table)[0] for step in (0, 0.5))
    >>> bool(still > 0.6), bool(follows < 0.6)
    (True, True)
    """
    check_settings(step=step, batch_size=batch_size)
    data, held_out = both_as_tensors(train, validation, groups)
    cells = len(data.cell_rows)
    weight = (data.cell_rows > 0) / (data.cell_rows > 0).sum()  # q

    def loss(network, x, rows):
        nonlocal weight
        cell = data.cell[rows]
        of_row = F.cross_entropy(network(x), data.label[rows], reduction="none")
        count = torch.bincount(cell, minlength=cells)
        of_cell = torch.zeros(cells).index_add_(0, cell, of_row) / count.clamp(min=1)
        weight = new_weights(weight, of_cell.detach(), step)
        return (weight * of_cell).sum()

    batches = balanced(data, batch_size) if balanced_batches else None
    return train_network(
        data, held_out, groups, seed=seed, loss=loss, batches=batches, batch_size=batch_size, **training
    )


def new_weights(weight: torch.Tensor, losses: torch.Tensor, step: float) -> torch.Tensor:
    """q ← q · exp(step · loss), scaled to a sum of 1.

    Examples
    --------
    The loss of the second is higher by log 2, about 0.7: its weight becomes twice that of the first.

    >>> import torch
    >>> from utils.mitigation import new_weights
    >>> new_weights(torch.tensor([0.5, 0.5]), torch.tensor([0.0, 0.7]), step=1).tolist()
    [0.33..., 0.66...]
    """
    weight = weight * torch.exp(step * losses)
    return weight / weight.sum()
