"""Group fairness criteria: how far the groups are apart in the metric that each one asks to be equal.

Each function takes a table and returns one number without an interval. `disparities` gives the same with the groups'
names, intervals, and a correction for having picked the best and the worst. The decorator above a function says which
metrics its criterion asks to be equal. One file, because this is the whole list of criteria, and nearly all of it is
docstrings.
"""

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from utils.evaluation._audit import audit
from utils.evaluation._metrics import METRICS
from utils.evaluation._registry import criteria_of, criterion, divide


@criterion("demographic_parity", "selection_rate")
def demographic_parity_difference(
    table: pd.DataFrame, groups: str | Sequence[str], prediction: str = "pred1", positive: Hashable = None
) -> float:
    """Demographic parity difference: the largest selection rate of any group minus the smallest.

    Formula: maximum minus minimum over the groups of predicted positives / rows.
    Range: 0 to 1.
    No disparity: 0: all groups are selected at the same rate.
    Does not say: whether those selected were the right ones: it never looks at the label. It is 0 for a model
    that selects nobody, or that selects at random in one group and with care in the other. Like every best-to-
    worst gap it is biased upward in a sample.
    Source: Dwork, Hardt, Pitassi, Reingold and Zemel (2012), Fairness through Awareness, ITCS, who call equal
    selection rates statistical parity; the difference as in Fairlearn.

    Parameters
    ----------
    table : DataFrame, one row an example
    groups : column, or columns that are crossed; rows without a value form the group "(missing)"
    prediction : column; 0 and 1, or any values with `positive`
    positive : the positive class; the rest is negative

    Returns
    -------
    float; NaN where fewer than two groups have a value

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import criteria
    >>> people = pd.DataFrame({"group": list("aaaabbbb"), "pred1": [1, 1, 1, 0, 1, 0, 0, 0]})
    >>> criteria.demographic_parity_difference(people, "group")
    0.5
    """
    return _difference("demographic_parity_difference", table, groups, None, prediction, positive)


@criterion("demographic_parity", "selection_rate")
def demographic_parity_ratio(
    table: pd.DataFrame, groups: str | Sequence[str], prediction: str = "pred1", positive: Hashable = None
) -> float:
    """Demographic parity ratio (disparate impact): the smallest selection rate of any group divided by the largest.

    Formula: minimum divided by maximum over the groups of predicted positives / rows.
    Range: 0 to 1; undefined where nobody is selected.
    No disparity: 1. The four-fifths rule takes a ratio under 0.8 as a first sign of adverse impact.
    Does not say: whether a law is broken: the rule is a rule of thumb for a first look, and 0.8 has no meaning
    outside it. With few rows the ratio falls below 0.8 by chance. It depends on which outcome is called
    positive: the ratio of those not selected is another.
    Source: Uniform Guidelines on Employee Selection Procedures (1978), 29 CFR 1607.4 D, for the four-fifths
    rule; Feldman, Friedler, Moeller, Scheidegger and Venkatasubramanian (2015), Certifying and Removing
    Disparate Impact, KDD.

    Parameters
    ----------
    table : DataFrame, one row an example
    groups : column, or columns that are crossed; rows without a value form the group "(missing)"
    prediction : column; 0 and 1, or any values with `positive`
    positive : the positive class; the rest is negative

    Returns
    -------
    float; NaN where fewer than two groups have a value, or the highest is 0

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import criteria
    >>> people = pd.DataFrame({"group": list("aaaabbbb"), "pred1": [1, 1, 1, 1, 1, 1, 0, 0]})
    >>> criteria.demographic_parity_ratio(people, "group")
    0.5
    >>> criteria.demographic_parity_ratio(people.assign(pred1=0), "group")
    nan
    """
    return _ratio("demographic_parity_ratio", table, groups, None, prediction, positive)


@criterion("equal_opportunity", "true_positive_rate")
def equal_opportunity_difference(
    table: pd.DataFrame,
    groups: str | Sequence[str],
    label: str = "label",
    prediction: str = "pred1",
    positive: Hashable = None,
) -> float:
    """Equal opportunity difference: the largest true positive rate of any group minus the smallest.

    Formula: maximum minus minimum over the groups of TP / (TP + FN).
    Range: 0 to 1.
    No disparity: 0: of those whose label is positive, every group has the same share found.
    Does not say: how many of the others are flagged: false positives may fall on one group only. It takes the
    labels as the truth. Like every best-to-worst gap it is biased upward in a sample.
    Source: Hardt, Price and Srebro (2016), Equality of Opportunity in Supervised Learning, NIPS.

    Parameters
    ----------
    table : DataFrame, one row an example
    groups : column, or columns that are crossed; rows without a value form the group "(missing)"
    label, prediction : columns; 0 and 1, or any values with `positive`
    positive : the positive class; the rest is negative

    Returns
    -------
    float; NaN where fewer than two groups have a value

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import criteria
    >>> people = pd.DataFrame({"group": list("aabbcc"), "label": [1, 1, 1, 1, 0, 0], "pred1": [1, 1, 1, 0, 1, 1]})
    >>> criteria.equal_opportunity_difference(people, "group")
    0.5
    >>> criteria.equal_opportunity_difference(people[people["group"] != "a"], "group")
    nan
    """
    return _difference("equal_opportunity_difference", table, groups, label, prediction, positive)


@criterion("predictive_equality", "false_positive_rate")
def predictive_equality_difference(
    table: pd.DataFrame,
    groups: str | Sequence[str],
    label: str = "label",
    prediction: str = "pred1",
    positive: Hashable = None,
) -> float:
    """Predictive equality difference: the largest false positive rate of any group minus the smallest.

    Formula: maximum minus minimum over the groups of FP / (FP + TN). (Some exercises test it as the true
    negative rate: the difference is the same, the ratio is not.)
    Range: 0 to 1.
    No disparity: 0: of those whose label is negative, every group has the same share flagged.
    Does not say: how many positives are missed. It takes the labels as the truth. Like every best-to-worst gap
    it is biased upward in a sample.
    Source: Corbett-Davies, Pierson, Feller, Goel and Huq (2017), Algorithmic Decision Making and the Cost of
    Fairness, KDD.

    Parameters
    ----------
    table : DataFrame, one row an example
    groups : column, or columns that are crossed; rows without a value form the group "(missing)"
    label, prediction : columns; 0 and 1, or any values with `positive`
    positive : the positive class; the rest is negative

    Returns
    -------
    float; NaN where fewer than two groups have a value

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import criteria
    >>> people = pd.DataFrame({"group": list("aabbcc"), "label": [0, 0, 0, 0, 1, 1], "pred1": [1, 0, 0, 0, 1, 1]})
    >>> criteria.predictive_equality_difference(people, "group")
    0.5
    >>> criteria.predictive_equality_difference(people[people["group"] != "a"], "group")
    nan
    """
    return _difference("predictive_equality_difference", table, groups, label, prediction, positive)


@criterion("equalized_odds", "true_positive_rate", "false_positive_rate")
def equalized_odds_difference(
    table: pd.DataFrame,
    groups: str | Sequence[str],
    label: str = "label",
    prediction: str = "pred1",
    positive: Hashable = None,
) -> float:
    """Equalized odds difference: the larger of the differences in true positive rate and in false positive rate.

    Formula: the larger of two differences, each maximum minus minimum over the groups: of TP / (TP + FN), and
    of FP / (FP + TN).
    Range: 0 to 1.
    No disparity: 0: given the label, the prediction does not depend on the group.
    Does not say: which of the two rates differs, or that accuracy is equal: with other base rates, groups with
    equal odds differ in accuracy and in precision. Like every best-to-worst gap it is biased upward in a
    sample.
    Source: Hardt, Price and Srebro (2016), Equality of Opportunity in Supervised Learning, NIPS; the larger of
    the two as in Fairlearn.

    Parameters
    ----------
    table : DataFrame, one row an example
    groups : column, or columns that are crossed; rows without a value form the group "(missing)"
    label, prediction : columns; 0 and 1, or any values with `positive`
    positive : the positive class; the rest is negative

    Returns
    -------
    float; NaN where fewer than two groups have a value

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import criteria
    >>> people = pd.DataFrame({"group": list("aaaabbbb"), "label": 2 * [1, 1, 0, 0], "pred1": [1, 1, 0, 0, 1, 0, 1, 1]})
    >>> criteria.equal_opportunity_difference(people, "group"), criteria.predictive_equality_difference(people, "group")
    (0.5, 1.0)
    >>> criteria.equalized_odds_difference(people, "group")
    1.0
    """
    return _difference("equalized_odds_difference", table, groups, label, prediction, positive)


@criterion("predictive_parity", "precision")
def predictive_parity_difference(
    table: pd.DataFrame,
    groups: str | Sequence[str],
    label: str = "label",
    prediction: str = "pred1",
    positive: Hashable = None,
) -> float:
    """Predictive parity difference: the largest precision of any group minus the smallest.

    Formula: maximum minus minimum over the groups of TP / (TP + FP).
    Range: 0 to 1.
    No disparity: 0: a positive prediction is right equally often in every group.
    Does not say: how many positives were missed. With other base rates, equal precision goes with unequal error
    rates, unless the model makes no errors. Like every best-to-worst gap it is biased upward in a sample.
    Source: Chouldechova (2017), Fair Prediction with Disparate Impact: A Study of Bias in Recidivism Prediction
    Instruments, Big Data.

    Parameters
    ----------
    table : DataFrame, one row an example
    groups : column, or columns that are crossed; rows without a value form the group "(missing)"
    label, prediction : columns; 0 and 1, or any values with `positive`
    positive : the positive class; the rest is negative

    Returns
    -------
    float; NaN where fewer than two groups have a value

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import criteria
    >>> people = pd.DataFrame({"group": list("aaabbb"), "label": [1, 1, 1, 1, 0, 1], "pred1": [1, 1, 0, 1, 1, 0]})
    >>> criteria.predictive_parity_difference(people, "group")
    0.5
    """
    return _difference("predictive_parity_difference", table, groups, label, prediction, positive)


@criterion("conditional_use_accuracy_equality", "precision", "negative_predictive_value")
def conditional_use_accuracy_difference(
    table: pd.DataFrame,
    groups: str | Sequence[str],
    label: str = "label",
    prediction: str = "pred1",
    positive: Hashable = None,
) -> float:
    """Conditional use accuracy difference: the larger of the differences in precision and in negative predictive
    value.

    Formula: the larger of two differences, each maximum minus minimum over the groups: of TP / (TP + FP), and
    of TN / (TN + FN).
    Range: 0 to 1.
    No disparity: 0: a prediction, positive or negative, is right equally often in every group.
    Does not say: how errors fall on those whose label is positive, or negative. Like every best-to-worst gap it
    is biased upward in a sample.
    Source: Berk, Heidari, Jabbari, Kearns and Roth (2021), Fairness in Criminal Justice Risk Assessments: The
    State of the Art, Sociological Methods & Research.

    Parameters
    ----------
    table : DataFrame, one row an example
    groups : column, or columns that are crossed; rows without a value form the group "(missing)"
    label, prediction : columns; 0 and 1, or any values with `positive`
    positive : the positive class; the rest is negative

    Returns
    -------
    float; NaN where fewer than two groups have a value

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import criteria
    >>> people = pd.DataFrame({"group": list("aaaabbbb"), "label": [1, 1, 0, 0, 1, 0, 1, 1], "pred1": 2 * [1, 1, 0, 0]})
    >>> criteria.predictive_parity_difference(people, "group")
    0.5
    >>> criteria.conditional_use_accuracy_difference(people, "group")
    1.0
    """
    return _difference("conditional_use_accuracy_difference", table, groups, label, prediction, positive)


@criterion("overall_accuracy_equality", "accuracy")
def overall_accuracy_difference(
    table: pd.DataFrame,
    groups: str | Sequence[str],
    label: str = "label",
    prediction: str = "pred1",
    positive: Hashable = None,
) -> float:
    """Overall accuracy equality difference: the largest accuracy of any group minus the smallest.

    Formula: maximum minus minimum over the groups of (TP + TN) / n.
    Range: 0 to 1.
    No disparity: 0: predictions are right equally often in every group.
    Does not say: which errors: one group may bear all false positives and another all false negatives, at equal
    accuracy. Like every best-to-worst gap it is biased upward in a sample.
    Source: Berk, Heidari, Jabbari, Kearns and Roth (2021), Fairness in Criminal Justice Risk Assessments: The
    State of the Art, Sociological Methods & Research.

    Parameters
    ----------
    table : DataFrame, one row an example
    groups : column, or columns that are crossed; rows without a value form the group "(missing)"
    label, prediction : columns; 0 and 1, or any values with `positive`
    positive : the positive class; the rest is negative

    Returns
    -------
    float; NaN where fewer than two groups have a value

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import criteria
    >>> people = pd.DataFrame({"group": list("aaaabbbb"), "label": 2 * [1, 1, 0, 0], "pred1": [0, 0, 0, 0, 1, 1, 1, 1]})
    >>> criteria.overall_accuracy_difference(people, "group")
    0.0
    >>> criteria.equalized_odds_difference(people, "group")
    1.0
    """
    return _difference("overall_accuracy_difference", table, groups, label, prediction, positive)


@criterion("treatment_equality", "treatment_ratio")
def treatment_equality_difference(
    table: pd.DataFrame,
    groups: str | Sequence[str],
    label: str = "label",
    prediction: str = "pred1",
    positive: Hashable = None,
) -> float:
    """Treatment equality difference: the largest ratio of false negatives to false positives of any group minus the
    smallest.

    Formula: maximum minus minimum over the groups of FN / FP.
    Range: 0 upward without limit; undefined in groups without false positives.
    No disparity: 0: in every group the two errors stand in the same proportion.
    Does not say: how many errors there are. The ratio jumps where false positives are few. Like every best-to-
    worst gap it is biased upward in a sample.
    Source: Berk, Heidari, Jabbari, Kearns and Roth (2021), Fairness in Criminal Justice Risk Assessments: The
    State of the Art, Sociological Methods & Research.

    Parameters
    ----------
    table : DataFrame, one row an example
    groups : column, or columns that are crossed; rows without a value form the group "(missing)"
    label, prediction : columns; 0 and 1, or any values with `positive`
    positive : the positive class; the rest is negative

    Returns
    -------
    float; NaN where fewer than two groups have a value

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import criteria
    >>> people = pd.DataFrame({"group": list("aaabb"), "label": [1, 1, 0, 1, 0], "pred1": [0, 0, 1, 0, 1]})
    >>> criteria.treatment_equality_difference(people, "group")
    1.0
    """
    return _difference("treatment_equality_difference", table, groups, label, prediction, positive)


def _values(metric, table, groups, label, prediction, positive):
    split = (groups,) if isinstance(groups, str) else tuple(groups)
    of_groups = audit(
        table, label, prediction, groups=[split], metrics=[metric], positive=positive, interval=None, problems="ignore"
    )
    values = of_groups.loc[1:, "value"].dropna().to_numpy()
    return values if len(values) > 1 else np.array([np.nan])


def _difference(name, *table):
    """The largest difference between groups, of several metrics the larger one."""
    values = [_values(metric, *table) for metric in CRITERIA[name].metrics]
    return float(np.max([v.max() - v.min() for v in values]))


def _ratio(name, *table):
    (metric,) = CRITERIA[name].metrics
    values = _values(metric, *table)
    return float(divide(values.min(), values.max()))


CRITERIA = criteria_of(globals(), METRICS)
