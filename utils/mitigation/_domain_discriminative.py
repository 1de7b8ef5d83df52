"""Domain-discriminative training: tell all pairs of attribute and label apart, then take the training prior out."""

from typing import Any

import pandas as pd
import torch
from torch.nn import functional as F

from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._tables import both_as_tensors
from utils.mitigation._training import train_network


@keeps
def domain_discriminative(
    train: pd.DataFrame, validation: pd.DataFrame, *, groups: str | list[str], seed: int = 0, **training: Any
) -> Fitted:
    """Classify pairs (attribute, label); decide from Σ over a of P(a, y | x) / P(a, y), P(a, y) the training shares.

    "Fairness through awareness": the network is told the attribute, so that it can be divided out. Other parameters as
    in `plain`.

    Source: Wang et al. (2020), see `domain_independent`, section 4.3 (prior shift inference).

    Examples
    --------
    The pictures are all alike, two in ten have label 1 (`plain` scores 0.2): divided by the shares, nothing is left.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import domain_discriminative
    >>> black = np.zeros((32, 32, 3), np.uint8)
    >>> table = pd.DataFrame({"img": [black] * 10, "label": [1, 1] + [0] * 8, "sex": ["f", "m"] * 5})
    >>> fitted = domain_discriminative(table, table, groups="sex", epochs=20, learning_rate=0.02, choose="last")
    >>> fitted.score(table)[0].round(1).item()
    0.5
    """
    data, held_out = both_as_tensors(train, validation, groups)
    rows_of = data.cell_rows
    weight = torch.where(rows_of > 0, len(data) / rows_of.clamp(min=1), 0.0)

    def loss(network, x, rows):
        return F.cross_entropy(network(x), data.cell[rows])

    def head(logits):
        return without_prior(torch.softmax(logits, 1), weight)

    return train_network(data, held_out, groups, seed=seed, outputs=len(rows_of), loss=loss, head=head, **training)


def without_prior(probabilities: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Probability of label 1 from those of the cells (n, 2 · values), each times the cell's weight: (n,)."""
    share = (probabilities * weight).view(len(probabilities), -1, 2).sum(1)
    return share[:, 1] / share.sum(1)
