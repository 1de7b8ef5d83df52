"""Reject-option classification: where the model is unsure, decide against the usual pattern."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from utils.mitigation._fitted import Fitted
from utils.mitigation._keeping import keeps
from utils.mitigation._plain import plain
from utils.mitigation._tables import as_tensors

BANDS = np.linspace(0, 0.5, 51)


@keeps
def reject_option(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    groups: str | list[str],
    seed: int = 0,
    base: Fitted | None = None,
    **training: Any,
) -> Fitted:
    """Within a band around 0.5, give each attribute value the label that it has less often than others do.

    In the paper the group that is deprived gets the favourable label in the band, and the favoured group the other
    one. Here a group counts as deprived if its share of label 1 in the training data is below that of all rows. The
    band is the one with the highest accuracy in the worst cell (attribute × label) of the validation data.

    Needs the attribute whenever it decides.

    Parameters
    ----------
    base : a Fitted; default: `plain` is trained first

    Other parameters as in `plain`.

    Source: Kamiran, Karim and Zhang (2012), Decision theory for discrimination-aware classification, ICDM, section
    III.

    Examples
    --------
    The two in the middle are in doubt: the one in the group with fewer labels of 1 gets a 1, the other a 0.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import plain, reject_option
    >>> shades = [0, 0, 0, 120, 130, 250, 250, 250]
    >>> table = pd.DataFrame({"img": [np.full((32, 32, 3), shade, np.uint8) for shade in shades]})
    >>> table = table.assign(label=[0, 0, 0, 1, 0, 1, 1, 1], sex=["f"] * 4 + ["m"] * 4)
    >>> base = plain(table, table, groups="sex", epochs=20, choose="last")
    >>> fitted = reject_option(table, table, groups="sex", base=base)
    >>> fitted.predict(table).tolist()
    [0, 0, 0, 1, 0, 1, 1, 1]
    """
    base = base or plain(train, validation, groups=groups, seed=seed, **training)
    data, held_out = as_tensors(train, groups, base.names), as_tensors(validation, groups, base.names)
    label, attribute = data.label.numpy(), data.attribute.numpy()
    rows = np.bincount(attribute, minlength=len(base.names))
    deprived = np.bincount(attribute, label, len(base.names)) < label.mean() * rows

    def decided(scores, groups_of, band):
        return np.where(np.abs(scores - 0.5) < band, deprived[groups_of], scores >= 0.5)

    scores, groups_of, cell = base.score(validation), held_out.attribute.numpy(), held_out.cell.numpy()
    right = [decided(scores, groups_of, band) == held_out.label.numpy() for band in BANDS]
    worst = [min(r[cell == c].mean() for c in np.unique(cell)) for r in right]
    band = BANDS[int(np.argmax(worst))]
    return replace(base, decide=lambda s, a: decided(s, a, band), uses_attribute=True)
