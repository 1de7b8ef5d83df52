"""Reweighing: every row a weight, so that attribute and label are independent in the weighted data."""

from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike
from torch.nn import functional as F

from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._tables import both_as_tensors
from utils.mitigation._training import train_network


def reweighing_weights(label: ArrayLike, attribute: ArrayLike) -> np.ndarray:
    """Weights of rows under which label and attribute are independent.

    w(a, y) = P(a) · P(y) / P(a, y), with shares of rows as probabilities: what one would expect if they were
    independent, over what there is. The shares of the attribute values and of the labels stay as they are.

    Parameters
    ----------
    label, attribute : arrays (n,)

    Returns
    -------
    float array (n,) with mean 1 where every pair of attribute and label occurs

    Source: Kamiran and Calders (2012), Data preprocessing techniques for classification without discrimination,
    Knowledge and Information Systems 33, section 5.2.

    Examples
    --------
    Two men and one woman have label 1: he who has label 0 counts twice as much as a man with label 1.

    >>> from utils.mitigation import reweighing_weights
    >>> reweighing_weights(label=[1, 1, 0, 1, 0, 0], attribute=["m", "m", "m", "f", "f", "f"]).tolist()
    [0.75, 0.75, 1.5, 1.5, 0.75, 0.75]
    """
    label, attribute = np.unique(label, return_inverse=True)[1], np.unique(attribute, return_inverse=True)[1]
    if len(label) == 0 or label.shape != attribute.shape:
        raise ValueError(
            f"There are {len(label)} labels and {len(attribute)} attribute values; give one of each a row."
        )
    both = np.zeros((attribute.max() + 1, label.max() + 1))
    np.add.at(both, (attribute, label), 1)
    expected = both.sum(1, keepdims=True) * both.sum(0, keepdims=True) / both.sum()
    return expected[attribute, label] / both[attribute, label]


@keeps
def reweighing(
    train: pd.DataFrame, validation: pd.DataFrame, *, groups: str | list[str], seed: int = 0, **training: Any
) -> Fitted:
    """Weigh each row's loss with `reweighing_weights`. Other parameters as in `plain`.

    Source: Kamiran and Calders (2012), see `reweighing_weights`.

    Examples
    --------
    The picture shows the sex and no more; weighted, the sex says nothing about the label (`plain` scores 0.2 and 0.8).

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import reweighing
    >>> black, white = (np.full((32, 32, 3), shade, np.uint8) for shade in (0, 255))
    >>> table = pd.DataFrame({"img": [black] * 5 + [white] * 5, "sex": ["f"] * 5 + ["m"] * 5})
    >>> table["label"] = [1, 0, 0, 0, 0, 1, 1, 1, 1, 0]
    >>> fitted = reweighing(table, table, groups="sex", epochs=20, learning_rate=0.02, choose="last")
    >>> fitted.score(table)[[0, 5]].round(1).tolist()
    [0.5, 0.5]
    """
    data, held_out = both_as_tensors(train, validation, groups)
    weight = torch.tensor(reweighing_weights(data.label.numpy(), data.attribute.numpy()), dtype=torch.float32)

    def loss(network, x, rows):
        return (weight[rows] * F.cross_entropy(network(x), data.label[rows], reduction="none")).mean()

    return train_network(data, held_out, groups, seed=seed, loss=loss, **training)
