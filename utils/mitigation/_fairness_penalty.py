"""A fairness penalty: cross-entropy plus the violation of a criterion, by the library fairret."""

from typing import Any

import pandas as pd
from torch.nn import functional as F

from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._settings import check_settings
from utils.mitigation._tables import both_as_tensors
from utils.mitigation._training import train_network

CRITERIA = {
    "demographic parity": ["PositiveRate"],
    "equal opportunity": ["TruePositiveRate"],
    "predictive equality": ["FalsePositiveRate"],
    "equalized odds": ["TruePositiveRate", "FalsePositiveRate"],
}


@keeps
def fairness_penalty(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: str | list[str],
    seed: int = 0,
    criterion: str = "equalized odds",
    strength: float = 0.1,
    batch_size: int = 256,
    **training: Any,
) -> Fitted:
    """Minimise cross-entropy + strength · Σ over groups |rate of the group / rate overall − 1|, batch by batch.

    Parameters
    ----------
    criterion : one of `CRITERIA`; the rates are those of the scores, not of the decisions
    strength : 0 is plain training; 0.1 was chosen on validation data of two tasks among 0.03, 0.1, 0.3 and 1. Above it
        training collapses where a group has few positive rows in a batch
    batch_size : large enough that every group has rows of both labels in most batches; a group without any in a batch
        is left out there

    Other parameters as in `plain`.

    Source: Buyl, Defrance and De Bie (2024), fairret: a framework for differentiable fairness regularization terms,
    ICLR; its `NormLoss`.

    Examples
    --------
    The picture shows the sex and no more, and label 1 is four times as frequent in the one.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import fairness_penalty
    >>> black, white = (np.full((32, 32, 3), shade, np.uint8) for shade in (0, 255))
    >>> table = pd.DataFrame({"img": [black] * 5 + [white] * 5, "sex": ["f"] * 5 + ["m"] * 5})
    >>> table["label"] = [1, 0, 0, 0, 0, 1, 1, 1, 1, 0]
    >>> settings = {"groups": "sex", "criterion": "demographic parity", "epochs": 20, "choose": "last"}
    >>> scores = [fairness_penalty(table, table, strength=s, **settings).score(table) for s in (0, 1)]
    >>> [round(float(abs(score[0] - score[5])), 1) for score in scores]
    [0.6, 0.0]
    """
    from fairret.loss import NormLoss
    from fairret.statistic import FalsePositiveRate, PositiveRate, TruePositiveRate

    if criterion not in CRITERIA:
        raise ValueError(f"criterion is {criterion!r}; it must be one of {', '.join(CRITERIA)}.")
    check_settings(strength=strength, batch_size=batch_size)
    data, held_out = both_as_tensors(train, validation, groups)
    statistics = {c.__name__: c() for c in (PositiveRate, TruePositiveRate, FalsePositiveRate)}
    penalties = [(name, NormLoss(statistics[name])) for name in CRITERIA[criterion]]
    membership = F.one_hot(data.attribute, len(data.names)).float()

    def loss(network, x, rows):
        logits = network(x)
        margin, label, member = (
            (logits[:, 1] - logits[:, 0])[:, None],
            data.label[rows].float()[:, None],
            membership[rows],
        )
        value = F.cross_entropy(logits, data.label[rows])
        for name, penalty in penalties:
            counted = {"PositiveRate": label >= 0, "TruePositiveRate": label == 1, "FalsePositiveRate": label == 0}[
                name
            ]
            present = (member * counted).sum(0) > 0
            if present.sum() > 1:
                labels = () if name == "PositiveRate" else (label,)
                value = value + strength * penalty(margin, member[:, present], *labels)
        return value

    return train_network(data, held_out, groups, seed=seed, loss=loss, batch_size=batch_size, **training)
