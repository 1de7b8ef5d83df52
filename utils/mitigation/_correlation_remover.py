"""The correlation remover: features from which the linear trace of the groups was subtracted."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from fairlearn.preprocessing import CorrelationRemover

from utils.mitigation._tabular_model import Bar, FittedTable, Groups, Names, counted_tree, encode_both


def without_correlation(
    x: np.ndarray, attribute: Sequence[str], *others: tuple[np.ndarray, object], alpha: float = 1.0
) -> list[np.ndarray]:
    """Features from which the linear trace of an attribute was subtracted (fairlearn's `CorrelationRemover`).

    Fitted on the first pair. What is left is uncorrelated with the attribute, column by column, on those rows; it is
    not independent of it, and a model that combines columns can find it again.

    Parameters
    ----------
    x, attribute : float array (n, d) and n words, of the training rows
    others : further pairs, such as those of the test rows
    alpha : 1 removes all of the correlation, 0 nothing

    Returns
    -------
    list of float arrays, one a pair, in order

    Examples
    --------
    Two hours more in the one group are taken out, what is within the groups stays.

    >>> import numpy as np
    >>> from utils.mitigation import without_correlation
    >>> hours = np.array([[1.0], [2.0], [3.0], [4.0]])
    >>> [x.round(1).tolist() for x in without_correlation(hours, ["f", "f", "m", "m"])]
    [[[2.0], [3.0], [2.0], [3.0]]]
    """
    names = sorted(set(map(str, attribute)))[1:]  # one is implied by the others
    pairs = [(x, attribute), *others]
    coded = [np.column_stack([*((np.asarray(a, str) == n).astype(float) for n in names), m]) for m, a in pairs]
    remover = CorrelationRemover(sensitive_feature_ids=list(range(len(names))), alpha=alpha).fit(coded[0])
    return [remover.transform(c) for c in coded]


def correlation_remover(
    train: pd.DataFrame, validation: pd.DataFrame, *, groups: Groups, features: Names, seed: int = 0, bar: Bar = None
) -> FittedTable:
    """Fit a tree to features without correlation with the groups; whoever is decided about needs a group, too.

    Parameters as in `unmitigated`. Source: fairlearn.preprocessing.CorrelationRemover; see `without_correlation`.
    """
    encoder, rows, _ = encode_both(train, validation, features, groups)
    model = counted_tree(seed, bar).fit(without_correlation(rows.x, rows.group)[0], rows.label)

    def decide(x, group):
        return model.predict(without_correlation(rows.x, rows.group, (x, group))[1])

    return FittedTable(encoder, groups, decide, uses_attribute=True)
