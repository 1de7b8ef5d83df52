"""From the columns `img` and `label` of a table to the tensors that networks want."""

import numpy as np
import pandas as pd
import torch

from utils.tables import require_columns
from utils.training._models import CLASSES


def label_array(table: pd.DataFrame, column: str = "label") -> np.ndarray:
    """The labels as an int array, after checking that there are some, none is missing and all are 0 to 9.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.training import label_array
    >>> label_array(pd.DataFrame({"label": [0, 1, 9]})).tolist()
    [0, 1, 9]
    >>> label_array(pd.DataFrame({"label": [0, 1, None]}))
    Traceback (most recent call last):
    ValueError: 1 of 3 values in 'label' are missing; drop these rows first.
    """
    require_columns(table, column)
    labels = table[column]
    if len(labels) == 0:
        raise ValueError("The table is empty: there is nothing to train on.")
    if labels.isna().any():
        raise ValueError(
            f"{int(labels.isna().sum())} of {len(labels)} values in {column!r} are missing; drop these rows first."
        )
    values = labels.to_numpy()
    if values.dtype.kind not in "iu" or values.min() < 0 or values.max() >= CLASSES:
        raise ValueError(
            f"{column!r} must hold whole numbers from 0 to {CLASSES - 1}; it holds {labels.unique()[:5].tolist()} …"
        )
    return np.ascontiguousarray(values)  # torch takes no array in reverse


def image_tensor(images: np.ndarray) -> torch.Tensor:
    """uint8 (n, side, side, 3) to float32 (n, 3, side, side) in [0, 1], as the networks want it.

    Examples
    --------
    >>> import numpy as np
    >>> from utils.training import image_tensor
    >>> white = image_tensor(np.full((2, 4, 4, 3), 255, np.uint8))
    >>> tuple(white.shape), white.max().item()
    ((2, 3, 4, 4), 1.0)
    """
    planes = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
    # Laid out plane by plane once, or else every model's first layer would copy it so.
    return planes.to(torch.float32, memory_format=torch.contiguous_format, copy=True).div_(255)


def floats(images: torch.Tensor) -> torch.Tensor:
    """uint8 (n, side, side, 3) to float32 (n, 3, side, side) in [0, 1], a batch of a training."""
    return images.permute(0, 3, 1, 2).to(torch.float32, copy=True).div_(255)
