"""Leakage: how well an attribute can be read off a model's predictions or features."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from utils.evaluation._coding import sortable
from utils.evaluation._counting import checked
from utils.evaluation._intervals import rate_interval

MOST_CLASSES = 100  # a column with more different whole numbers is a measurement, not a prediction


def leakage(
    features: ArrayLike,
    attribute: ArrayLike,
    *,
    folds: int = 5,
    level: float = 0.95,
    rng: int | np.random.Generator = 0,
) -> pd.Series:
    """Leakage: how well an attribute can be predicted from predictions, scores or features, by a simple attacker.

    Formula: a logistic regression learns to tell the attribute from the features, on four fifths of the rows, and is
    tried on the other fifth; five times, so that every row is tried once. Leakage is the mean, over the attribute's
    values, of the share of their rows that it tells correctly (balanced accuracy).
    Range: 0 to 1; a guess has 1 divided by the number of the attribute's values.
    No disparity: the value of a guess: this attacker finds nothing.
    Does not say: that nothing is there: a stronger attacker may find what a linear one does not, and in photographs
    perceived gender presentation shows in nearly everything. Nor that the model uses what leaks.
    Source: Wang, Zhao, Yatskar, Chang and Ordonez (2019), Balanced Datasets Are Not Enough: Estimating and Mitigating
    Gender Bias in Deep Image Representations, ICCV; on photographs Meister, Zhao, Wang, Ramaswamy, Fong and Russakovsky
    (2023), Gender Artifacts in Visual Datasets, ICCV.

    Parameters
    ----------
    features : DataFrame or array (rows, features), or one column of predictions or scores, array (rows,). Columns that
        are no numbers are one-hot encoded, and so is one column of up to 100 different whole numbers: they are classes.
        In a table, turn columns of class numbers into text first, or the attacker takes a 3 for half a 6
    attribute : array (rows,), two values or more
    folds : parts in which the rows are tried; stratified by the attribute
    level : of the intervals. They leave out that other rows would have trained other attackers: from features of pure
        noise, those of 95 % held chance in 85 to 92 of 100 simulated tables, so take one that just misses it lightly
    rng : numpy Generator or a seed: which rows fall into which part

    For the balanced accuracy the attacker names the value that the features make likelier than it is among all rows:
    its probabilities are divided by the values' shares. (Naming the likeliest, it would nearly always name the common
    value of a lopsided attribute, and seem to find nothing. The paper's attacker works on balanced rows instead.)

    Returns
    -------
    Series with `value` (balanced accuracy), `low`, `high` (the Wilson intervals of the values' shares, put together as
    in Newcombe's interval), `chance`; `accuracy` (of naming the likeliest value) with `accuracy_low`, `accuracy_high`
    (Wilson) and `most_common` (what always naming the most common value gets), `auc` (two values only), `n`

    Raises
    ------
    ValueError : lengths that differ, missing or infinite values, one value only, fewer rows of a value than folds

    Examples
    --------
    >>> from utils.evaluation import leakage
    >>> leaked = leakage(4 * ["long"] + 4 * ["short"], list("aaaabbbb"), folds=2)
    >>> leaked[["value", "chance"]].to_dict()
    {'value': 1.0, 'chance': 0.5}
    >>> leakage(8 * ["long"], list("aaaabbbb"), folds=2)["value"].item()
    0.5
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    attribute = checked(attribute, "attribute")
    if folds < 2:
        raise ValueError(f"folds is {folds}; the attacker learns on all parts but one, so that 2 are the least.")
    x = pd.DataFrame(features).reset_index(drop=True)
    if np.ndim(features) == 1 and x[x.columns[0]].dtype.kind in "iu" and x[x.columns[0]].nunique() <= MOST_CLASSES:
        x = x.astype(str)
    if len(x) != len(attribute):
        raise ValueError(
            f"features have {len(x)} rows and the attribute {len(attribute)} values: give one for each row."
        )
    if gaps := [str(c) for c in x if x[c].isna().any()]:
        raise ValueError(f"Features have missing values in {', '.join(gaps)}; fill or drop them first.")
    codes, values = pd.factorize(attribute, sort=True)
    rows = np.bincount(codes)
    if len(values) < 2:
        raise ValueError(f"The attribute is {values[0]!r} in every row: there is nothing to tell apart.")
    if rows.min() < folds:
        raise ValueError(
            f"Only {rows.min()} rows have the attribute {values[rows.argmin()]!r}: with {folds} folds at least {folds} "
            "are needed."
        )
    rng = np.random.default_rng(rng)
    x = pd.get_dummies(x, dtype=float).to_numpy(float)
    if infinite := int((~np.isfinite(x)).sum()):
        raise ValueError(f"{infinite} values of the features are infinite; cut or drop them first.")
    split = StratifiedKFold(folds, shuffle=True, random_state=int(rng.integers(2**31)))
    attacker = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    chances = cross_val_predict(attacker, x, codes, cv=split, method="predict_proba")
    right = np.bincount(codes, (chances / rows).argmax(axis=1) == codes)
    shares = right / rows
    value = shares.mean()
    # Not the bootstrap: where nearly all rows are told correctly, it has next to no width and holds far too seldom.
    low, high = rate_interval(right, rows, level=level)
    low, high = value - np.hypot.reduce(shares - low) / len(rows), value + np.hypot.reduce(high - shares) / len(rows)
    likeliest = int((chances.argmax(axis=1) == codes).sum())
    accuracy_low, accuracy_high = rate_interval(likeliest, len(codes), level=level)
    return pd.Series(
        {
            "value": float(value),
            "low": float(low),
            "high": float(high),
            "chance": 1 / len(values),
            "accuracy": likeliest / len(codes),
            "accuracy_low": accuracy_low,
            "accuracy_high": accuracy_high,
            "most_common": rows.max() / len(codes),
            "auc": roc_auc_score(codes, chances[:, 1]) if len(values) == 2 else np.nan,
            "n": len(codes),
        }
    )


def leakage_amplification(
    label: ArrayLike,
    prediction: ArrayLike,
    attribute: ArrayLike,
    *,
    flips: int = 5,
    folds: int = 5,
    rng: int | np.random.Generator = 0,
) -> pd.Series:
    """Leakage amplification: how much more of an attribute predictions give away than labels of the same accuracy do.

    Formula: leakage of the predictions minus leakage of the labels, after as many labels, drawn by lot, were replaced
    by another class as the model gets wrong; the mean over several such draws.
    Range: −1 to 1.
    No disparity: 0: predictions give away what the labels do. Below 0: less.
    Does not say: that the labels' own leakage is acceptable. And it sees what one column of classes tells: scores and
    features of the same model can give away far more.
    Source: Wang, Zhao, Yatskar, Chang and Ordonez (2019), Balanced Datasets Are Not Enough: Estimating and Mitigating
    Gender Bias in Deep Image Representations, ICCV.

    Parameters
    ----------
    label, prediction, attribute : arrays (rows,) of any classes
    flips : draws of labels that are replaced
    folds, rng : as in `leakage`

    Returns
    -------
    Series with `value` (mean over the draws), `sd` (over the draws only: the uncertainty that comes from the number of
    rows is not in it), `model` (leakage of the predictions), `dataset` (mean leakage of the labels at the model's
    accuracy), `labels` (leakage of the labels as they are)

    Raises
    ------
    ValueError : as in `leakage`; text in the labels and numbers in the predictions, or the reverse; no draws

    Examples
    --------
    >>> from utils.evaluation import leakage_amplification
    >>> label = 15 * [0] + 5 * [1] + 5 * [0] + 15 * [1]
    >>> prediction, attribute = 20 * [0] + 20 * [1], 20 * ["a"] + 20 * ["b"]
    >>> amplified = leakage_amplification(label, prediction, attribute, flips=2, folds=2)
    >>> amplified[["model", "labels", "dataset", "value"]].round(2).to_dict()
    {'model': 1.0, 'labels': 0.75, 'dataset': 0.55, 'value': 0.45}
    """
    label = checked(label, "label")
    prediction = checked(prediction, "prediction", len(label))
    if not sortable([label[0], prediction[0]]):
        raise ValueError(
            f"label holds {label.tolist()[0]!r} and prediction holds {prediction.tolist()[0]!r}: the two must have the "
            "same values."
        )
    if flips < 1:
        raise ValueError(f"flips is {flips}; at least one draw of replaced labels is needed.")
    rng = np.random.default_rng(rng)
    classes = pd.unique(pd.concat([label, prediction], ignore_index=True))
    codes = pd.Index(classes).get_indexer(label)
    wrong = int((label.to_numpy() != prediction.to_numpy()).sum())

    def leak(values):
        return leakage(pd.Series(values, dtype=object).astype(str).to_frame(), attribute, folds=folds, rng=seed)

    seed = int(rng.integers(2**31))  # the same parts of the rows for all, so that they do not differ by lot
    model = leak(prediction.to_numpy())["value"]
    at_same_accuracy = []
    for _ in range(flips):
        replaced = codes.copy()
        which = rng.choice(len(codes), wrong, replace=False)
        replaced[which] = (replaced[which] + rng.integers(1, max(len(classes), 2), wrong)) % len(classes)
        at_same_accuracy.append(leak(classes[replaced])["value"])
    gains = model - np.array(at_same_accuracy)
    out = {"value": gains.mean(), "sd": gains.std(ddof=1) if flips > 1 else np.nan, "model": model}
    return pd.Series(out | {"dataset": np.mean(at_same_accuracy), "labels": leak(label.to_numpy())["value"]})
