"""Individual fairness: are like cases treated alike, does the attribute alone change a decision, and who benefits."""

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from utils.evaluation._coding import check_table, sortable
from utils.evaluation._counting import as_binary, check_scores, checked
from utils.evaluation._intervals import rate_interval


def consistency(features: ArrayLike, prediction: ArrayLike, neighbours: int = 5) -> float:
    """Consistency: how far each row's prediction agrees with those of the rows that are most like it.

    Formula: 1 minus the mean, over all rows, of the distance between a row's prediction and the mean prediction of
    its k nearest other rows.
    Range: 0 to 1 for predictions or scores in [0, 1].
    No disparity: 1: every row is treated as its nearest neighbours are.
    Does not say: whether the features are a just measure of likeness: who is like whom is decided by their choice and
    scaling, and a proxy among the features separates people who are alike. It is 1 for a model that treats all alike.
    Source: Zemel, Wu, Swersky, Pitassi and Dwork (2013), Learning Fair Representations, ICML. AIF360 counts a row as
    the first of its own neighbours, which makes its values higher.

    Parameters
    ----------
    features : DataFrame or array (rows, features) of numbers without gaps; scale them first, since distances are
        Euclidean: a feature in cents outweighs one in years
    prediction : array (rows,) of predictions 0 and 1, or of scores; of more classes, ask for one at a time, as with
        `prediction == "3"`
    neighbours : how many other rows each row is compared with; where more are equally near than that (as with few
        one-hot columns), which of them count depends on the order of the rows

    Returns
    -------
    float

    Raises
    ------
    ValueError : lengths that differ, features that are no numbers or missing, predictions outside [0, 1], as many
        neighbours as rows

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import consistency
    >>> people = pd.DataFrame({"years": [1, 2, 10, 11]})
    >>> consistency(people, [1, 1, 0, 0], neighbours=1)
    1.0
    >>> consistency(people, [1, 0, 1, 0], neighbours=1)
    0.0
    """
    from sklearn.neighbors import NearestNeighbors

    prediction = check_scores(checked(prediction, "prediction").infer_objects(), "prediction")
    try:
        table = isinstance(features, pd.DataFrame)
        x = features.to_numpy(float, na_value=np.nan) if table else np.asarray(features, float)
    except (TypeError, ValueError):
        raise ValueError("features hold text: turn each category into numbers (one-hot) first.") from None
    if x.ndim != 2 or len(x) != len(prediction):
        raise ValueError(f"features have the shape {x.shape}; give a table with one row for each of {len(prediction)}.")
    if not np.isfinite(x).all():
        raise ValueError(
            f"{int((~np.isfinite(x)).sum())} values of the features are missing or infinite; fill them first."
        )
    if not 1 <= neighbours < len(x):
        raise ValueError(f"neighbours is {neighbours}; with {len(x)} rows it must be from 1 to {len(x) - 1}.")
    # Asked without rows of their own, the search leaves each row itself out, also where others are equal to it.
    nearest = NearestNeighbors(n_neighbors=neighbours).fit(x).kneighbors(return_distance=False)
    return float(1 - np.abs(prediction - prediction[nearest].mean(axis=1)).mean())


def counterfactual_flip_rate(
    prediction: ArrayLike, counterfactual_prediction: ArrayLike, level: float = 0.95
) -> pd.Series:
    """Counterfactual flip rate: of the pairs that differ in the attribute only, the share whose prediction changes.

    Formula: pairs with two predictions divided by all pairs.
    Range: 0 to 1.
    No disparity: 0: the attribute alone changes no decision in these pairs.
    Does not say: that the attribute has no influence: whatever goes along with it (place, clothes, words) is held
    fixed in a pair, and may carry it. Nor is it counterfactual fairness in the causal sense, which asks what else
    would be different had the attribute been another.
    Source: Garg, Perot, Limtiaco, Taly, Chi and Beutel (2019), Counterfactual Fairness in Text Classification through
    Robustness, AIES; for the causal sense Kusner, Loftus, Russell and Silva (2017), Counterfactual Fairness, NIPS.

    Parameters
    ----------
    prediction, counterfactual_prediction : arrays (pairs,): of the case as it is, and of the same case with the other
        attribute
    level : of the interval

    Returns
    -------
    Series with `value`, `low`, `high` (Wilson), `n` (pairs), `flips`, and for predictions 0 and 1 `to_positive` and
    `to_negative` (how many flips went which way when the attribute changed), else missing

    Raises
    ------
    ValueError : lengths that differ, missing values, no pairs, text in one and numbers in the other

    Examples
    --------
    >>> from utils.evaluation import counterfactual_flip_rate
    >>> flips = counterfactual_flip_rate([1, 1, 0, 0], [1, 0, 0, 0])
    >>> flips.round(2).to_dict()
    {'value': 0.25, 'low': 0.05, 'high': 0.7, 'n': 4.0, 'flips': 1.0, 'to_positive': 0.0, 'to_negative': 1.0}
    """
    before = checked(prediction, "prediction")
    after = checked(counterfactual_prediction, "counterfactual_prediction", len(before))
    if not sortable([before[0], after[0]]):
        raise ValueError(
            f"prediction holds {before.tolist()[0]!r} and counterfactual_prediction holds {after.tolist()[0]!r}: "
            "the two must have the same values."
        )
    flips = int((before != after).sum())
    low, high = rate_interval(flips, len(before), level=level)
    out = {"value": flips / len(before), "low": low, "high": high, "n": len(before), "flips": flips}
    ways = {"to_positive": np.nan, "to_negative": np.nan}
    try:
        y, z = as_binary(before, "prediction"), as_binary(after, "counterfactual_prediction")
        ways = {"to_positive": int((~y & z).sum()), "to_negative": int((y & ~z).sum())}
    except ValueError:
        pass  # more classes than two have no such direction
    return pd.Series(out | ways)


def generalised_entropy(
    label: ArrayLike, prediction: ArrayLike, alpha: float = 2.0, positive: Hashable = None
) -> float:
    """Generalised entropy index: how unequally the benefits of a model's decisions are spread over people.

    Formula: each row's benefit is prediction − label + 1 (2 for a false positive, 1 for a right prediction, 0 for a
    false negative), b; the index is the mean of ((b / mean b) to the power α, minus 1), divided by α (α − 1).
    Range: 0 upward; for α = 2 it is half the squared coefficient of variation of b. Undefined where every row is a
    false negative, since then there is no benefit to spread.
    No disparity: 0: everyone's benefit is the same.
    Does not say: who has less: it knows no groups (see `entropy_between_groups`). It takes the labels as deserved, and
    a false positive as a gift; where the positive decision is a harm, swap the classes.
    Source: Speicher, Heidari, Grgic-Hlaca, Gummadi, Singla, Weller and Zafar (2018), A Unified Approach to Quantifying
    Algorithmic Unfairness: Measuring Individual & Group Unfairness via Inequality Indices, KDD.

    Parameters
    ----------
    label, prediction : arrays (rows,); 0 and 1, or any values with `positive`
    alpha : how much weight high benefits have; 0 is the mean log deviation, 1 the Theil index, 2 as in AIF360
    positive : the positive class

    Returns
    -------
    float; NaN where it is undefined (for α = 0 also where any benefit is 0: infinite)

    Raises
    ------
    ValueError : lengths that differ, missing values, values other than 0 and 1 without `positive`

    Examples
    --------
    >>> from utils.evaluation import generalised_entropy
    >>> generalised_entropy([1, 0], [1, 0])
    0.0
    >>> generalised_entropy([1, 0], [0, 1])
    0.5
    >>> generalised_entropy([1, 1], [0, 0])
    nan
    """
    return _entropy(_benefits(label, prediction, positive), alpha)


def theil_index(label: ArrayLike, prediction: ArrayLike, positive: Hashable = None) -> float:
    """Theil index: the generalised entropy index with α = 1.

    Formula: the mean of (b / mean b) × ln(b / mean b), where b is prediction − label + 1 and 0 × ln 0 is 0.
    Range: 0 to ln of the number of rows; undefined where every row is a false negative.
    No disparity: 0: everyone's benefit is the same.
    Does not say: who has less. What it says of b holds for it as for the generalised entropy index.
    Source: Speicher, Heidari, Grgic-Hlaca, Gummadi, Singla, Weller and Zafar (2018), A Unified Approach to Quantifying
    Algorithmic Unfairness: Measuring Individual & Group Unfairness via Inequality Indices, KDD.

    Parameters, returns and errors as in `generalised_entropy`.

    Examples
    --------
    >>> from utils.evaluation import theil_index
    >>> theil_index([1, 0], [1, 0])
    0.0
    >>> round(theil_index([1, 0], [0, 1]), 3)
    0.693
    """
    return generalised_entropy(label, prediction, 1.0, positive)


def entropy_between_groups(
    table: pd.DataFrame,
    groups: str | Sequence[str],
    label: str = "label",
    prediction: str = "pred1",
    alpha: float = 2.0,
    positive: Hashable = None,
):
    """Between-group entropy: the part of the generalised entropy index that is due to differences between groups.

    Formula: the index of the benefits after everyone's was replaced by the mean of their group; the rest of the index
    is inequality within the groups.
    Range: 0 to the whole index.
    No disparity: 0: the groups' mean benefits are the same.
    Does not say: that within the groups all is well: for most models the larger part is within. Equal mean benefits
    can come from many false negatives and as many false positives.
    Source: Speicher, Heidari, Grgic-Hlaca, Gummadi, Singla, Weller and Zafar (2018), A Unified Approach to Quantifying
    Algorithmic Unfairness: Measuring Individual & Group Unfairness via Inequality Indices, KDD.

    Parameters
    ----------
    table : DataFrame, one row an example
    groups : column, or columns that are crossed
    label, prediction, alpha, positive : columns and settings, as in `generalised_entropy`

    Returns
    -------
    Series with `total`, `between` and `within`, which add up

    Raises
    ------
    KeyError : unknown columns
    ValueError : as in `generalised_entropy`

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import entropy_between_groups
    >>> people = pd.DataFrame({"team": list("aabb"), "half": list("xyxy"), "label": [0, 0, 1, 1]})
    >>> people["pred1"] = [1, 1, 0, 0]
    >>> entropy_between_groups(people, "team").to_dict()
    {'total': 0.5, 'between': 0.5, 'within': 0.0}
    >>> entropy_between_groups(people, "half").to_dict()
    {'total': 0.5, 'between': 0.0, 'within': 0.5}
    """
    columns = [groups] if isinstance(groups, str) else list(groups)
    check_table(table, label, prediction, *columns)
    benefits = pd.Series(_benefits(table[label], table[prediction], positive), index=table.index)
    means = benefits.groupby([table[c] for c in columns], dropna=False).transform("mean")
    total, between = _entropy(benefits.to_numpy(), alpha), _entropy(means.to_numpy(), alpha)
    return pd.Series({"total": total, "between": between, "within": total - between})


def _benefits(label, prediction, positive):
    label = checked(label, "label")
    prediction = checked(prediction, "prediction", len(label))
    y, p = as_binary(label, "label", positive), as_binary(prediction, "prediction", positive)
    return p.astype(float) - y + 1


def _entropy(b, alpha):
    if b.mean() == 0:
        return np.nan
    share = b / b.mean()
    if alpha == 0:
        return float(-np.log(share).mean()) if (share > 0).all() else np.nan
    if alpha == 1:
        return float((share * np.log(np.where(share > 0, share, 1))).mean())
    if alpha < 0 and not (share > 0).all():
        return np.nan
    return float((share**alpha - 1).mean() / (alpha * (alpha - 1)))
