"""Unawareness by augmentation: in training, every picture gets a hue by lot."""

from typing import Any

import pandas as pd
import torch

from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._tables import both_as_tensors
from utils.mitigation._training import train_network

# Rotation of colours around the grey axis: cos · I + sin · K + (1 − cos) · J, with J = 1/3 everywhere.
TURN = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / 3**0.5


def turn_hues(images: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """Turn every picture's colours around the grey axis.

    Parameters
    ----------
    images : uint8 (n, side, side, 3)
    angles : float (n,), radians

    Returns
    -------
    uint8 (n, side, side, 3); what falls outside of 0 to 255 is cut off
    """
    cos, sin = angles.cos()[:, None, None], angles.sin()[:, None, None]
    turned = cos * torch.eye(3) + sin * TURN + (1 - cos) / 3  # (n, 3, 3)
    flat = images.reshape(len(images), -1, 3).float()
    return torch.bmm(flat, turned.transpose(1, 2)).round_().clamp_(0, 255).to(torch.uint8).reshape(images.shape)


@keeps
def random_hue(
    train: pd.DataFrame, validation: pd.DataFrame, *, groups: str | list[str], seed: int = 0, **training: Any
) -> Fitted:
    """Turn the hues of each picture by a random angle whenever it is seen in training. Others as in `plain`.

    The network cannot rely on hue. Pattern, outline, brightness and place stay.

    Examples
    --------
    Hues are turned in training only: in prediction the network sees them as they are.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import random_hue
    >>> black = np.zeros((32, 32, 3), np.uint8)
    >>> table = pd.DataFrame({"img": [black] * 10, "label": [1, 1] + [0] * 8, "sex": ["f", "m"] * 5})
    >>> red, blue = (table.assign(img=[np.full((32, 32, 3), c, np.uint8)] * 10) for c in [(255, 0, 0), (0, 0, 255)])
    >>> fitted = random_hue(red, red, groups="sex", epochs=1)
    >>> np.allclose(fitted.score(red), fitted.score(blue))
    False
    """

    def see_training(images, generator):
        return turn_hues(images, 2 * torch.pi * torch.rand(len(images), generator=generator))

    return train_network(
        *both_as_tensors(train, validation, groups), groups, seed=seed, see_training=see_training, **training
    )
