"""Ways to draw the batches of a training: functions of a generator to an epoch's batches of row numbers."""

from collections.abc import Callable

import torch

from utils.mitigation._tables import Data


def drawn(weights: torch.Tensor, batch_size: int, rows: int | None = None) -> Callable:
    """Batches of rows drawn with these probabilities (up to a factor) with replacement; `rows` an epoch."""
    weights = weights.double()

    def batches(generator):
        return torch.multinomial(weights, rows or len(weights), replacement=True, generator=generator).split(batch_size)

    return batches


def balanced(data: Data, batch_size: int) -> Callable:
    """Batches in which every cell that has rows is as frequent as any other.

    Examples
    --------
    Ten rows in a thousand have label 1, and half of each batch.

    >>> import numpy as np
    >>> import pandas as pd
    >>> import torch
    >>> from utils.mitigation import balanced, as_tensors
    >>> table = pd.DataFrame({"img": [np.zeros((1, 1, 3), np.uint8)] * 1000, "label": [1] * 10 + [0] * 990, "sex": "f"})
    >>> batches = balanced(as_tensors(table, "sex"), batch_size=500)(torch.Generator().manual_seed(0))
    >>> [round((rows < 10).float().mean().item(), 1) for rows in batches]
    [0.5, 0.5]
    """
    return drawn(1 / data.cell_rows[data.cell], batch_size)
