"""Domain-independent heads: one output layer for each attribute value, and their mean for the decision."""

import torch
from torch.nn import functional as F

from utils.mitigation.tables import prepare_both
from utils.mitigation.training import Fitted, train_network


def domain_independent(train, validation, *, groups, seed=0, **training) -> Fitted:
    """Train one head for each attribute value, on its own rows; decide from the sum of their logits.

    Each head learns the label among rows of one attribute value, where the attribute says nothing about it. The
    decision does not need the attribute. Other parameters as in `plain`.

    Source: Wang, Qinami, Karakozis, Genova, Nair, Hata and Russakovsky (2020), Towards fairness in visual recognition,
    CVPR, section 4.4 (sum of the heads' logits).
    """
    data, held_out = prepare_both(train, validation, groups)
    values = len(data.names)

    def loss(network, x, rows):
        logits = network(x).view(len(rows), values, 2)
        own = logits[torch.arange(len(rows)), data.attribute[rows]]
        return F.cross_entropy(own, data.label[rows])

    def head(logits):
        return torch.softmax(logits.view(len(logits), values, 2).sum(1), 1)[:, 1]

    return train_network(data, held_out, groups, seed=seed, outputs=2 * values, loss=loss, head=head, **training)
