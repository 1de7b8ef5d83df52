"""Learning from Failure: two networks, one that is drawn to what is easy, one that learns what the first gets wrong."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from torch.nn import functional as F

from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._settings import check_settings
from utils.mitigation._tables import both_as_tensors
from utils.mitigation._training import start_network, train_network


@keeps
def learning_from_failure(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: str | list[str],
    seed: int = 0,
    q: float = 0.3,
    memory: float = 0.7,
    model: Callable | None = None,
    **training: Any,
) -> Fitted:
    """Train a second network on rows weighted by how much harder they are for the first.

    The first network minimises the generalised cross-entropy (1 − p^q) / q, p its probability of the label, which
    counts most the rows that it gets right already. The second minimises the cross-entropy weighted by
    CE₁ / (CE₁ + CE₂), from running means of each row's two losses (scaled by the label's largest).

    The training data need no attribute; the validation data do, for choosing.

    Parameters
    ----------
    q : of the generalised cross-entropy, above 0; the paper's 0.7 was worse on validation data of both tasks tried
    memory : of the running means, below 1; the paper's 0.7

    Other parameters as in `plain`.

    Source: Nam, Cha, Ahn, Lee and Shin (2020), Learning from failure: De-biasing classifier from biased classifier,
    NeurIPS, algorithm 1.

    Examples
    --------
    Of the black pictures one has label 1, of the white ones one has label 0. Both are hard, and come to count more.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import learning_from_failure, plain
    >>> black, white = (np.full((32, 32, 3), shade, np.uint8) for shade in (0, 255))
    >>> table = pd.DataFrame({"img": [black] * 5 + [white] * 5, "sex": ["f"] * 5 + ["m"] * 5})
    >>> table["label"] = [1, 0, 0, 0, 0, 1, 1, 1, 1, 0]
    >>> settings = {"groups": "sex", "epochs": 20, "learning_rate": 0.02, "choose": "last"}
    >>> usual, other = (f(table, table, **settings).score(table) for f in (plain, learning_from_failure))
    >>> bool(usual[0] < other[0]), bool(usual[5] > other[5])
    (True, True)
    """
    check_settings(q=q, memory=memory)
    if q == 0 or memory >= 1:
        raise ValueError(f"q is {q} and memory is {memory}; q must be above 0 and memory below 1.")
    data, held_out = both_as_tensors(train, validation, groups)
    easy = start_network(model, seed + 1_000_003)
    means = torch.zeros(2, len(data))

    def loss(network, x, rows):
        label = data.label[rows]
        easy_logits, logits = easy(x), network(x)
        hard = F.cross_entropy(logits, label, reduction="none")
        easy_hard = F.cross_entropy(easy_logits, label, reduction="none")
        with torch.no_grad():
            means[:, rows] = memory * means[:, rows] + (1 - memory) * torch.stack([easy_hard, hard])
            weight = relative_difficulty(means, data.label, rows)
        return generalised_cross_entropy(easy_logits, label, q).mean() + (weight * hard).mean()

    return train_network(data, held_out, groups, seed=seed, model=model, loss=loss, more=easy.parameters(), **training)


def generalised_cross_entropy(logits: torch.Tensor, label: torch.Tensor, q: float) -> torch.Tensor:
    """(1 − p^q) / q of each row, p the probability that the logits (n, 2) give its label: float tensor (n,).

    Its gradient is p^q times that of the cross-entropy: rows that are right already count most.
    """
    p = torch.softmax(logits, 1).gather(1, label[:, None])[:, 0]
    return (1 - p**q) / q


def relative_difficulty(losses: torch.Tensor, label: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """CE₁ / (CE₁ + CE₂) of some rows, each loss first divided by the largest of its network among rows of its label.

    Parameters
    ----------
    losses : float tensor (2, n), of the first network and of the second
    label : int64 tensor (n,), 0 or 1
    rows : int64 tensor (m,), positions of those asked for

    Returns
    -------
    float tensor (m,)
    """
    largest = torch.stack([losses[:, label == value].amax(1) for value in (0, 1)], 1).clamp(min=1e-8)  # (2, labels)
    scaled = losses[:, rows] / largest[:, label[rows]]
    return scaled[0] / (scaled[0] + scaled[1] + 1e-8)
