"""Adversarial removal: features from which an adversary cannot tell the attribute."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F

from utils.mitigation._batches import balanced
from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._settings import BATCH_SIZE, check_settings
from utils.mitigation._tables import both_as_tensors
from utils.mitigation._training import start_network, train_network
from utils.training._models import new_layers


class Reverse(torch.autograd.Function):
    """The identity, whose gradient is turned round and multiplied by a factor."""

    @staticmethod
    def forward(context: Any, x: torch.Tensor, factor: float) -> torch.Tensor:
        context.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return -context.factor * gradient, None


@keeps
def adversarial(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: str | list[str],
    seed: int = 0,
    strength: float = 0.1,
    conditional: bool = True,
    balanced_batches: bool = True,
    hidden: int = 64,
    model: Callable | None = None,
    batch_size: int = BATCH_SIZE,
    **training: Any,
) -> Fitted:
    """Train with an adversary that predicts the attribute from the features, and turn its gradient round.

    Loss: cross-entropy of the label + cross-entropy of the adversary; between features and adversary the gradient is
    multiplied by −strength, so that the features come to hide what the adversary looks for.

    Parameters
    ----------
    strength : λ; 0.1 was chosen on validation data of two tasks (parity and pictures) among 0.03, 0.1, 0.3 and 1; Ganin
        et al. let it rise to 1. With 0 the adversary watches and changes nothing: the control that shows where a gain
        comes from
    conditional : the adversary is also told the label, so that only what goes beyond the label is to be hidden
        (needed where attribute and label go together: else the label itself is hidden, too)
    balanced_batches : draw all cells (attribute × label) alike often
    hidden : units of the adversary's hidden layer

    Other parameters as in `plain`.

    Source: Ganin et al. (2016), Domain-adversarial training of neural networks, JMLR 17; for attributes Zhang, Lemoine
    and Mitchell (2018), Mitigating unwanted biases with adversarial learning, AIES.

    Examples
    --------
    With strength 0, and batches as in `plain`, the adversary changes nothing.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import adversarial, plain
    >>> black = np.zeros((32, 32, 3), np.uint8)
    >>> table = pd.DataFrame({"img": [black] * 10, "label": [1, 1] + [0] * 8, "sex": ["f", "m"] * 5})
    >>> control = adversarial(table, table, groups="sex", epochs=2, strength=0, balanced_batches=False)
    >>> np.allclose(control.score(table), plain(table, table, groups="sex", epochs=2).score(table))
    True
    """
    check_settings(strength=strength, hidden=hidden, batch_size=batch_size)
    data, held_out = both_as_tensors(train, validation, groups)
    width, values = start_network(model, seed)[-1].in_features, len(data.names)
    with new_layers():
        adversary = nn.Sequential(nn.Linear(width + 2 * conditional, hidden), nn.ReLU(), nn.Linear(hidden, values))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():  # start values as PyTorch's own
        for layer in (adversary[0], adversary[2]):
            bound = layer.in_features**-0.5
            layer.weight.uniform_(-bound, bound, generator=generator)
            layer.bias.uniform_(-bound, bound, generator=generator)

    def loss(network, x, rows):
        label = data.label[rows]
        features = network[:-1](x)
        hidden_from = Reverse.apply(features, strength)
        if conditional:
            hidden_from = torch.cat([hidden_from, F.one_hot(label, 2).float()], 1)
        return F.cross_entropy(network[-1](features), label) + F.cross_entropy(
            adversary(hidden_from), data.attribute[rows]
        )

    return train_network(
        data,
        held_out,
        groups,
        seed=seed,
        model=model,
        loss=loss,
        more=adversary.parameters(),
        batches=balanced(data, batch_size) if balanced_batches else None,
        batch_size=batch_size,
        **training,
    )
