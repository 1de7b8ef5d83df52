"""Why criteria exclude each other: what equal precision demands where base rates differ."""

import numpy as np
from numpy.typing import ArrayLike


def required_false_positive_rate(base_rate: ArrayLike, precision: ArrayLike, true_positive_rate: ArrayLike):
    """The false positive rate that a group must have, given its base rate, its precision and its true positive rate.

    Formula: FPR = p / (1 − p) · (1 − PPV) / PPV · TPR, with base rate p and precision PPV. It follows from the
    definitions alone, for every classifier. So two groups with different base rates and the same precision cannot have
    both rates alike, unless nobody of either is ever falsely taken for positive.
    Source: Chouldechova (2017), Fair Prediction with Disparate Impact, Big Data 5 (2); for scores Kleinberg,
    Mullainathan and Raghavan (2017), Inherent Trade-Offs in the Fair Determination of Risk Scores, ITCS.

    Parameters
    ----------
    base_rate, precision, true_positive_rate : numbers or arrays that broadcast; base rate in (0, 1), precision in
        (0, 1], true positive rate in [0, 1]

    Returns
    -------
    float or float array; above 1 where no classifier has these three

    Raises
    ------
    ValueError : a value lies outside its range

    Examples
    --------
    >>> from utils.evaluation import required_false_positive_rate
    >>> required_false_positive_rate(base_rate=[0.2, 0.5], precision=0.8, true_positive_rate=0.8).round(3).tolist()
    [0.05, 0.2]
    """
    p, ppv, tpr = (np.asarray(v, float) for v in (base_rate, precision, true_positive_rate))
    for name, value, inside, wanted in [
        ("base_rate", p, (p > 0) & (p < 1), "above 0 and below 1"),
        ("precision", ppv, (ppv > 0) & (ppv <= 1), "above 0 and at most 1"),
        ("true_positive_rate", tpr, (tpr >= 0) & (tpr <= 1), "from 0 to 1"),
    ]:
        if not np.all(inside):
            raise ValueError(f"{name} is {value[~inside].flat[0]}; it must lie {wanted}.")
    odds = p / (1 - p)
    false_for_each_true = (1 - ppv) / ppv
    needed = odds * false_for_each_true * tpr
    return float(needed) if needed.ndim == 0 else needed
