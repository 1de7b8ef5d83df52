"""Unawareness by a silhouette: what is drawn, without its colour."""

from typing import Any

import pandas as pd
import torch

from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._settings import check_settings
from utils.mitigation._tables import both_as_tensors
from utils.mitigation._training import train_network


@keeps
def silhouette(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: str | list[str],
    seed: int = 0,
    darkest: int = 0,
    **training: Any,
) -> Fitted:
    """Train on, and predict from, pictures in which every pixel is white that is not black. Others as in `plain`.

    Where things are drawn in one colour on black, nothing of the colour is left, not even its brightness (see `grey`).

    Parameters
    ----------
    darkest : a pixel counts as black if none of its channels is above this, 0 to 255

    Examples
    --------
    A light red and a dark blue are the same to it, and not the same as black.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import silhouette
    >>> black = np.zeros((32, 32, 3), np.uint8)
    >>> table = pd.DataFrame({"img": [black] * 10, "label": [1, 1] + [0] * 8, "sex": ["f", "m"] * 5})
    >>> red, blue = (table.assign(img=[np.full((32, 32, 3), c, np.uint8)] * 10) for c in [(255, 0, 0), (0, 0, 40)])
    >>> fitted = silhouette(table, table, groups="sex", epochs=1)
    >>> np.allclose(fitted.score(red), fitted.score(blue)), np.allclose(fitted.score(red), fitted.score(table))
    (True, False)
    """
    check_settings(darkest=darkest)

    def see(images):
        drawn = (images > darkest).any(-1, keepdim=True)
        return (255 * drawn.to(torch.uint8)).expand(images.shape)

    return train_network(*both_as_tensors(train, validation, groups), groups, seed=seed, see=see, **training)
