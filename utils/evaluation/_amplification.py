"""Bias amplification: does a model tie an attribute to a task more strongly than its training data do?"""

import numpy as np
import pandas as pd

from utils.evaluation._coding import check_table, sortable
from utils.evaluation._counting import checked
from utils.evaluation._intervals import bootstrap_interval
from utils.evaluation._registry import divide


def bias_amplification(
    training: pd.DataFrame,
    evaluation: pd.DataFrame,
    label: str = "label",
    prediction: str = "pred1",
    attribute: str = "group",
    attribute_prediction: str | None = None,
    *,
    level: float = 0.95,
    draws: int = 1000,
    rng: int | np.random.Generator = 0,
) -> pd.Series:
    """Bias amplification (Zhao): how much more often a class goes with its majority attribute in predictions than it
    does in training.

    Formula: b(a, t) is the share of attribute value a among the rows of class t. For every pair with b above 1 / number
    of attribute values in training: b among the rows predicted t, minus b in training; summed, and divided by the
    number of classes.
    Range: −1 to 1.
    No disparity: 0: predictions tie the attribute to the classes as strongly as the training labels do. Below 0: less.
    Does not say: which way the influence runs: it mixes predictions of the task given the attribute with those of the
    attribute given the task. It ignores how common each attribute value is, so that where one makes up most rows, an
    association with the other goes unseen. Nor does it say that the training data's own association is acceptable.
    Source: Zhao, Wang, Yatskar, Ordonez and Chang (2017), Men Also Like Shopping: Reducing Gender Bias Amplification
    using Corpus-level Constraints, EMNLP; for its blind spots Wang and Russakovsky (2021), Directional Bias
    Amplification, ICML.

    Parameters
    ----------
    training, evaluation : tables, one row an example; the first needs `label` and `attribute`, the second also
        `prediction`
    label, prediction, attribute : columns; any number of classes and of attribute values
    attribute_prediction : column with the model's prediction of the attribute, as in the paper; None takes the
        attribute itself
    level, draws, rng : of the interval: bootstrap of the evaluation rows on their counts; the training data are held
        fixed

    Returns
    -------
    Series with `value`, `low`, `high`, `n` (evaluation rows). A class that is never predicted has no share b: it counts
    as unchanged

    Raises
    ------
    KeyError, ValueError : unknown columns, missing values, an attribute or class with one value only, text in one
        column and numbers in the other

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import bias_amplification
    >>> training = pd.DataFrame({"group": list("aaabbbba"), "label": [1, 1, 1, 1, 0, 0, 0, 0]})
    >>> evaluation = training.assign(pred1=[1, 1, 1, 0, 0, 0, 0, 1])
    >>> float(bias_amplification(training, evaluation, draws=100)["value"])
    0.25
    >>> float(bias_amplification(training, training.assign(pred1=training["label"]), draws=100)["value"])
    0.0
    """
    names, classes = _values(training, evaluation, label, prediction, attribute, attribute_prediction)
    in_training = _shares(_counts(training, [attribute, label], [names, classes]), 0)
    watched = in_training > 1 / len(names)
    counts = _counts(evaluation, [attribute_prediction or attribute, prediction], [names, classes])

    def value(cells):
        more = np.where(watched, _shares(cells, -2) - in_training, 0)
        return np.nansum(more, axis=(-2, -1)) / len(classes)

    drawn = np.random.default_rng(rng).multinomial(counts.sum(), counts.ravel() / counts.sum(), size=draws)
    low, high = bootstrap_interval(value(drawn.reshape(draws, *counts.shape)), level)
    return pd.Series({"value": float(value(counts)), "low": float(low), "high": float(high), "n": int(counts.sum())})


def directional_bias_amplification(
    training: pd.DataFrame,
    evaluation: pd.DataFrame,
    label: str = "label",
    prediction: str = "pred1",
    attribute: str = "group",
    attribute_prediction: str | None = None,
    *,
    level: float = 0.95,
    draws: int = 1000,
    rng: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Directional bias amplification: how much further than the labels predictions follow an association of the
    training data.

    Formula: attribute to task: for each pair of attribute value a and class t, the share predicted t among the rows of
    a, minus the share labelled t among them; with the sign turned where a and t go together less often in training than
    they would if they were independent; the mean over all pairs. Task to attribute: the same with the prediction of
    the attribute among the rows labelled t.
    Range: −1 to 1 for each pair.
    No disparity: 0: predictions follow the association no more than the labels do. Below 0: less.
    Does not say: that the labels' own association is acceptable, or that errors fall on groups alike: it is 0 for a
    model whose errors cancel out within every group. The mean can hide pairs that go opposite ways.
    Source: Wang and Russakovsky (2021), Directional Bias Amplification, ICML. As in the authors' code, the shares are
    those of the evaluation rows, and the training rows only decide the sign.

    Parameters
    ----------
    as in `bias_amplification`; without `attribute_prediction` only the direction from attribute to task is measured.
    (Think before you let a model predict a perceived attribute.)

    Where a pair is exactly as common in training as under independence (as in balanced data, or for a class without
    training rows), there is no association to amplify, and it counts 0, as in the authors' code (the paper's formula
    would turn its sign). Look at the groups' selection rates for such data.

    Returns
    -------
    DataFrame with `direction` ("attribute to task" or "task to attribute"), the attribute's column and `class` (missing
    in the first row of a direction, which holds the mean), `value`, `low`, `high` (bootstrap of the evaluation rows on
    their counts)

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import directional_bias_amplification
    >>> training = pd.DataFrame({"group": list("aaabbbba"), "label": [1, 1, 1, 1, 0, 0, 0, 0]})
    >>> evaluation = training.assign(pred1=[1, 1, 1, 0, 0, 0, 0, 1])
    >>> directional_bias_amplification(training, evaluation, draws=100)[["direction", "group", "class", "value"]]
               direction group class  value
    0  attribute to task   NaN   NaN   0.25
    1  attribute to task     a     0   0.25
    2  attribute to task     a     1   0.25
    3  attribute to task     b     0   0.25
    4  attribute to task     b     1   0.25
    """
    names, classes = _values(training, evaluation, label, prediction, attribute, attribute_prediction)
    together = _counts(training, [attribute, label], [names, classes])
    # In whole numbers, so that independence is exact: counts times rows against the product of the margins.
    sign = np.sign(together * together.sum() - together.sum(1, keepdims=True) * together.sum(0, keepdims=True))
    rng = np.random.default_rng(rng)
    directions = {"attribute to task": ([attribute, label, prediction], [names, classes, classes])}
    if attribute_prediction is not None:
        columns = [label, attribute, attribute_prediction]
        directions["task to attribute"] = (columns, [classes, names, names])
    parts = []
    for direction, (columns, values) in directions.items():
        counts = _counts(evaluation, columns, values)  # given, labelled, predicted
        turned = sign if direction == "attribute to task" else sign.T

        def value(cells, turned=turned):
            given = cells.sum((-2, -1))[..., None]
            return turned * (divide(cells.sum(-2), given) - divide(cells.sum(-1), given))

        drawn = rng.multinomial(counts.sum(), counts.ravel() / counts.sum(), size=draws).reshape(draws, *counts.shape)
        each, samples = value(counts), value(drawn)
        flat = np.r_[np.nanmean(each), each.ravel()]
        samples = np.column_stack([np.nanmean(samples, axis=(1, 2)), samples.reshape(draws, -1)])
        low, high = bootstrap_interval(samples.T, level)
        pairs = pd.MultiIndex.from_product(values[:2]).to_frame(index=False)
        pairs.columns = [attribute, "class"] if direction == "attribute to task" else ["class", attribute]
        mean = pd.DataFrame({attribute: [np.nan], "class": [np.nan]}, dtype=object)
        part = pd.concat([mean, pairs[[attribute, "class"]].astype(object)], ignore_index=True)
        parts.append(part.assign(direction=direction, value=flat, low=low, high=high))
    return pd.concat(parts, ignore_index=True)[["direction", attribute, "class", "value", "low", "high"]]


def _values(training, evaluation, label, prediction, attribute, attribute_prediction):
    """The attribute's values and the classes that occur, sorted; an error where there is nothing to compare."""
    check_table(training, label, attribute)
    more = [] if attribute_prediction is None else [attribute_prediction]
    check_table(evaluation, label, prediction, attribute, *more)
    each = []
    for columns in ([attribute, *more], [label, prediction]):
        values = [checked(t[c], c) for t in (training, evaluation) for c in columns if c in t]
        occur = pd.unique(pd.concat([v.astype(object) for v in values])).tolist()  # True and 1 are one value
        if not sortable(occur):
            raise ValueError(
                f"{' and '.join(map(repr, columns))} hold text and numbers ({', '.join(map(repr, occur[:4]))}): they "
                "must have the same values in both tables."
            )
        each.append(sorted(occur))
        if len(each[-1]) < 2:
            raise ValueError(f"{columns[0]!r} is {each[-1][0]!r} in every row: there is no association to measure.")
    return each


def _counts(table, columns, values):
    """Rows for each combination of the columns' values: an array with one axis a column."""
    shape = [len(v) for v in values]
    codes = [
        pd.Index(v, dtype=object).get_indexer(table[c].astype(object)) for c, v in zip(columns, values, strict=True)
    ]
    return np.bincount(np.ravel_multi_index(codes, shape), minlength=np.prod(shape)).reshape(shape)


def _shares(cells, axis):
    return divide(cells, cells.sum(axis=axis, keepdims=True))
