"""Unawareness by grey: the colours are taken out of the pictures."""

from typing import Any

import pandas as pd
import torch

from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._tables import both_as_tensors
from utils.mitigation._training import train_network

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
EQUAL = (1 / 3, 1 / 3, 1 / 3)


@keeps
def grey(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: str | list[str],
    seed: int = 0,
    weights: tuple[float, float, float] = LUMA,
    **training: Any,
) -> Fitted:
    """Train on, and predict from, pictures in grey. Other parameters as in `plain`.

    It takes away hue and not brightness: two colours of different brightness stay two shades of grey, and tell the
    attribute as before. Look at the leakage.

    Parameters
    ----------
    weights : how much red, green and blue each count; the default is how bright they look

    Examples
    --------
    Red is the same to it as the grey that is as bright, and not the same as black.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import grey
    >>> black = np.zeros((32, 32, 3), np.uint8)
    >>> table = pd.DataFrame({"img": [black] * 10, "label": [1, 1] + [0] * 8, "sex": ["f", "m"] * 5})
    >>> red = table.assign(img=[np.full((32, 32, 3), (255, 0, 0), np.uint8)] * 10)
    >>> as_bright = table.assign(img=[np.full((32, 32, 3), 76, np.uint8)] * 10)
    >>> fitted = grey(table, table, groups="sex", epochs=1)
    >>> np.allclose(fitted.score(red), fitted.score(as_bright)), np.allclose(fitted.score(red), fitted.score(table))
    (True, False)
    """
    share = torch.tensor(weights, dtype=torch.float32)
    if share.shape != (3,) or (share < 0).any() or abs(float(share.sum()) - 1) > 1e-3:
        raise ValueError(f"weights is {weights!r}; give three numbers, 0 or more, that add up to 1.")

    def see(images):
        shade = (images.float() @ share).round_().clamp_(0, 255).to(torch.uint8)
        return shade[..., None].expand(images.shape)

    return train_network(*both_as_tensors(train, validation, groups), groups, seed=seed, see=see, **training)
