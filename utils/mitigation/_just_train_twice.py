"""Just Train Twice: train, see which rows came out wrong, and train again with these rows weighted up."""

from typing import Any

import pandas as pd
import torch

from utils.mitigation._batches import drawn
from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._settings import BATCH_SIZE, check_settings
from utils.mitigation._tables import both_as_tensors
from utils.mitigation._training import train_network


@keeps
def just_train_twice(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: str | list[str],
    seed: int = 0,
    first_epochs: int = 2,
    up_weight: float = 20.0,
    batch_size: int = BATCH_SIZE,
    **training: Any,
) -> Fitted:
    """Upsample the rows that a short first training gets wrong, and train anew.

    The training data need no attribute; the validation data do, for choosing. In this course the column is asked for in
    both, and used in the second alone.

    Parameters
    ----------
    first_epochs : of the first training; short, so that it learns what is easy and not the exceptions
    up_weight : how many times as often a row is drawn that the first training got wrong; the paper tunes both on
        validation data

    Other parameters as in `plain`.

    Source: Liu, Haghgoo, Chen, Raghunathan, Koh, Sagawa, Liang and Finn (2021), Just Train Twice: Improving group
    robustness without training group information, ICML.

    Examples
    --------
    The first training takes all pictures, which are alike, for label 0; drawn four times as often, the two with label 1
    come up to the other eight.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import just_train_twice
    >>> black = np.zeros((32, 32, 3), np.uint8)
    >>> table = pd.DataFrame({"img": [black] * 10, "label": [1, 1] + [0] * 8, "sex": ["f", "m"] * 5})
    >>> fitted = just_train_twice(table, table, groups="sex", up_weight=4, epochs=20, learning_rate=0.02, choose="last")
    >>> fitted.score(table)[0].round(1).item()
    0.5
    """
    check_settings(first_epochs=first_epochs, up_weight=up_weight, batch_size=batch_size)
    data, held_out = both_as_tensors(train, validation, groups)
    of_first = training | {"epochs": first_epochs, "choose": "last"}
    first = train_network(data, held_out, groups, seed=seed, batch_size=batch_size, **of_first)
    wrong = first.predict(train) != data.label.numpy()
    weight = torch.where(torch.from_numpy(wrong), float(up_weight), 1.0)
    return train_network(
        data, held_out, groups, seed=seed, batches=drawn(weight, batch_size), batch_size=batch_size, **training
    )
