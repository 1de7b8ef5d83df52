"""Unawareness by a mask: the boxes of people are painted grey, in training and in prediction."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from utils.datasets._scene_table import hide_figures
from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._tables import both_as_tensors
from utils.mitigation._training import train_network


@dataclass(frozen=True)
class FittedHidden(Fitted):
    """A model that gets to see pictures only with the people in them hidden."""

    def _run(self, network, table):
        return super()._run(network, hide_figures(table))


@keeps
def hide_person(
    train: pd.DataFrame, validation: pd.DataFrame, *, groups: str | list[str], seed: int = 0, **training: Any
) -> Fitted:
    """Train on, and predict from, pictures in which people's boxes are grey. Other parameters as in `plain`.

    The tables need `boxes`, or `x_min`, `x_max`, `y_min`, `y_max` (then the main person alone is hidden). What stands
    around the person, and how large the box is, stays and can tell the attribute. Look at the leakage.

    Examples
    --------
    The person's box is the whole picture: black or white, nothing is left of it.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import hide_person
    >>> black, white = (np.full((32, 32, 3), shade, np.uint8) for shade in (0, 255))
    >>> table = pd.DataFrame({"img": [black] * 5 + [white] * 5, "sex": ["f"] * 5 + ["m"] * 5})
    >>> table["label"] = [1, 0, 0, 0, 0, 1, 1, 1, 1, 0]
    >>> table = table.assign(x_min=0.0, x_max=1.0, y_min=0.0, y_max=1.0)
    >>> scores = hide_person(table, table, groups="sex", epochs=1).score(table)
    >>> np.allclose(scores, scores[0])
    True
    """
    data, held_out = both_as_tensors(hide_figures(train), hide_figures(validation), groups)
    fitted = train_network(data, held_out, groups, seed=seed, **training)
    return FittedHidden(**vars(fitted))
