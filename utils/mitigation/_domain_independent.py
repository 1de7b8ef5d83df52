"""Domain-independent heads: one output layer for each attribute value, and their sum for the decision."""

from typing import Any

import pandas as pd
import torch
from torch.nn import functional as F

from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._tables import both_as_tensors
from utils.mitigation._training import train_network


@keeps
def domain_independent(
    train: pd.DataFrame, validation: pd.DataFrame, *, groups: str | list[str], seed: int = 0, **training: Any
) -> Fitted:
    """Train one head for each attribute value, on its own rows; decide from the sum of their logits.

    Each head learns the label among rows of one attribute value, where the attribute says nothing about it. The
    decision does not need the attribute. The score ranks and is no probability: a sum of logits is more extreme than
    each. Other parameters as in `plain`.

    Source: Wang, Qinami, Karakozis, Genova, Nair, Hata and Russakovsky (2020), Towards fairness in visual recognition,
    CVPR, section 4.4 (sum of the heads' logits).

    Examples
    --------
    Two attribute values, so two heads with two logits each, which give one score; the attribute is not asked for.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import domain_independent
    >>> black = np.zeros((32, 32, 3), np.uint8)
    >>> table = pd.DataFrame({"img": [black] * 10, "label": [1, 1] + [0] * 8, "sex": ["f", "m"] * 5})
    >>> fitted = domain_independent(table, table, groups="sex", epochs=1)
    >>> tuple(fitted.logits(table).shape), fitted.score(table).shape, fitted.uses_attribute
    ((10, 4), (10,), False)
    """
    data, held_out = both_as_tensors(train, validation, groups)
    values = len(data.names)

    def loss(network, x, rows):
        return F.cross_entropy(own_logits(network(x), data.attribute[rows]), data.label[rows])

    return train_network(data, held_out, groups, seed=seed, outputs=2 * values, loss=loss, head=summed, **training)


def own_logits(logits: torch.Tensor, attribute: torch.Tensor) -> torch.Tensor:
    """Of logits (n, 2 · values), head after head, the two of each row's own head: (n, 2)."""
    return logits.view(len(logits), -1, 2)[torch.arange(len(logits)), attribute]


def summed(logits: torch.Tensor) -> torch.Tensor:
    """Score of label 1 from the sum over all heads' logits (n, 2 · values), as a softmax of it: (n,)."""
    return torch.softmax(logits.view(len(logits), -1, 2).sum(1), 1)[:, 1]
