"""Loss weights: the loss of a row counts the more, the rarer its cell (attribute × label) is."""

from typing import Any

import pandas as pd
from torch.nn import functional as F

from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._settings import check_settings
from utils.mitigation._tables import both_as_tensors
from utils.mitigation._training import train_network


@keeps
def loss_weights(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: str | list[str],
    seed: int = 0,
    power: float = 1.0,
    **training: Any,
) -> Fitted:
    """Weigh each row's loss with (rows / cells / rows of its cell)^power, scaled to a mean of 1. Others as in `plain`.

    With power 1 all cells count alike in the loss; reweighing makes attribute and label independent and keeps their
    shares.

    Parameters
    ----------
    power : 0 (plain training) to 1

    Source: Idrissi, Arjovsky, Pezeshki and Lopez-Paz (2022), Simple data balancing achieves competitive worst-group-
    accuracy, CLeaR (there RWG).

    Examples
    --------
    The pictures are all alike, two in ten have label 1 (`plain` scores 0.2): weighted, both labels count the same.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import loss_weights
    >>> black = np.zeros((32, 32, 3), np.uint8)
    >>> table = pd.DataFrame({"img": [black] * 10, "label": [1, 1] + [0] * 8, "sex": ["f", "m"] * 5})
    >>> fitted = loss_weights(table, table, groups="sex", epochs=20, learning_rate=0.02, choose="last")
    >>> fitted.score(table)[0].round(1).item()
    0.5
    """
    check_settings(power=power)
    data, held_out = both_as_tensors(train, validation, groups)
    weight = (1 / data.cell_rows[data.cell].double()) ** power
    weight = (weight / weight.mean()).float()

    def loss(network, x, rows):
        return (weight[rows] * F.cross_entropy(network(x), data.label[rows], reduction="none")).mean()

    return train_network(data, held_out, groups, seed=seed, loss=loss, **training)
