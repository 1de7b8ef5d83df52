"""Leakage: how well an attribute can be read off a model's predictions or features."""

import numpy as np
import pandas as pd

from utils.evaluation.counting import checked, divide
from utils.evaluation.intervals import bootstrap_interval, rate_interval


def leakage(features, attribute, *, folds: int = 5, level: float = 0.95, draws: int = 1000, rng=0) -> pd.Series:
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
    features : DataFrame or array (rows, features); columns that are no numbers are one-hot encoded. One column of
        predictions will do
    attribute : array (rows,), two values or more
    folds : parts in which the rows are tried; stratified by the attribute
    level, draws : of the interval: bootstrap of the rows' outcomes on their counts, for the attackers that were trained
    rng : numpy Generator or a seed: which rows fall into which part, and the bootstrap

    Returns
    -------
    Series with `value` (balanced accuracy), `low`, `high`, `chance`, `accuracy` with `accuracy_low`, `accuracy_high`
    (Wilson) and `most_common` (what always naming the most common value gets), `auc` (two values only), `n`

    Raises
    ------
    ValueError : lengths that differ, missing values, one value only, fewer rows of a value than folds
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    attribute = checked(attribute, "attribute")
    x = pd.DataFrame(features).reset_index(drop=True)
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
    split = StratifiedKFold(folds, shuffle=True, random_state=int(rng.integers(2**31)))
    attacker = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    chances = cross_val_predict(attacker, x, codes, cv=split, method="predict_proba")
    told = chances.argmax(axis=1)
    right = np.bincount(codes, told == codes)
    cells = np.stack([right, rows - right]).astype(float)

    def balanced(cells):
        return divide(cells[..., 0, :], cells.sum(-2)).mean(-1)

    drawn = rng.multinomial(len(codes), cells.ravel() / len(codes), size=draws).reshape(draws, *cells.shape)
    low, high = bootstrap_interval(balanced(drawn), level)
    accuracy_low, accuracy_high = rate_interval(right.sum(), len(codes), level=level)
    return pd.Series(
        {
            "value": float(balanced(cells)),
            "low": float(low),
            "high": float(high),
            "chance": 1 / len(values),
            "accuracy": right.sum() / len(codes),
            "accuracy_low": accuracy_low,
            "accuracy_high": accuracy_high,
            "most_common": rows.max() / len(codes),
            "auc": roc_auc_score(codes, chances[:, 1]) if len(values) == 2 else np.nan,
            "n": len(codes),
        }
    )


def leakage_amplification(label, prediction, attribute, *, flips: int = 5, folds: int = 5, rng=0) -> pd.Series:
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
    Series with `value` (mean over the draws), `sd` (over the draws), `model` (leakage of the predictions), `dataset`
    (mean leakage of the labels at the model's accuracy), `labels` (leakage of the labels as they are)
    """
    label = checked(label, "label")
    prediction = checked(prediction, "prediction", len(label))
    rng = np.random.default_rng(rng)
    classes = pd.unique(pd.concat([label, prediction], ignore_index=True))
    codes = pd.Index(classes).get_indexer(label)
    wrong = int((label.to_numpy() != prediction.to_numpy()).sum())

    def leak(values):
        return leakage(
            pd.Series(values, dtype=object).astype(str).to_frame(), attribute, folds=folds, draws=100, rng=seed
        )

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
