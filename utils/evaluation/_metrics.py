"""The metrics of one group of rows: what each is, what it does not say, and where it comes from.

Each function takes the labels and the predictions (or scores) of some rows and returns one number; `audit` computes the
same by group, with intervals. The order of the arguments is fairlearn's and scikit-learn's, so that each can be given
to a `MetricFrame`. The decorator above a function tells the audit how it is counted and which value is better; the
glossary's entries are made from the docstrings. One file, because this is the whole list of metrics, and nearly all of
it is docstrings.
"""

from collections.abc import Hashable

import numpy as np
from numpy.typing import ArrayLike

from utils.evaluation._counting import (
    as_binary,
    check_scores,
    checked,
    weighted_auc,
    weighted_calibration_error,
    weighted_mean_score,
)
from utils.evaluation._registry import divide, metrics_of, of_counts, of_rows, rate


@rate("tp tn", "tp fp fn tn", better="higher", by_class=False)
def accuracy(label: ArrayLike, prediction: ArrayLike) -> float:
    """Accuracy: the share of rows for which the prediction equals the label.

    Formula: right predictions divided by all rows, (TP + TN) / n.
    Range: 0 to 1.
    No disparity: equal in all groups (difference 0, ratio 1), which is called overall accuracy equality.
    Does not say: which errors were made, on whom, or how much each costs. A high accuracy can hide a small
    group for which nearly everything is wrong; and where few labels are positive, predicting "no" for everybody
    is accurate. Where the group is a function of the label, accuracy by group is class recall.
    Source: Berk, Heidari, Jabbari, Kearns and Roth (2021), Fairness in Criminal Justice Risk Assessments: The
    State of the Art, Sociological Methods & Research, for the equality.

    Parameters
    ----------
    label, prediction : arrays (rows,) of any values

    Returns
    -------
    float, NaN where it is undefined

    Raises
    ------
    ValueError : lengths that differ, missing values

    Examples
    --------
    >>> from utils.evaluation import accuracy
    >>> accuracy(["cat", "cat", "dog", "dog"], ["cat", "dog", "dog", "dog"])
    0.75
    """
    label = checked(label, "label")
    return float((label == checked(prediction, "prediction", len(label))).mean())


@rate("fp fn", "tp fp fn tn", better="lower", by_class=False)
def error_rate(label: ArrayLike, prediction: ArrayLike) -> float:
    """Error rate: the share of rows for which the prediction differs from the label.

    Formula: wrong predictions divided by all rows, (FP + FN) / n; 1 minus accuracy.
    Range: 0 to 1.
    No disparity: equal in all groups (difference 0, ratio 1).
    Does not say: which errors they were, or what each costs. A ratio of error rates says more than a ratio of
    accuracies where both are high: accuracies of 0.99 and 0.97 have a ratio near 1, the errors one of 3.
    Source: Buolamwini and Gebru (2018), Gender Shades: Intersectional Accuracy Disparities in Commercial Gender
    Classification, FAT*, for an audit by crossed groups.

    Parameters
    ----------
    label, prediction : arrays (rows,) of any values

    Returns
    -------
    float, NaN where it is undefined

    Raises
    ------
    ValueError : lengths that differ, missing values

    Examples
    --------
    >>> from utils.evaluation import error_rate
    >>> error_rate(["cat", "cat", "dog", "dog"], ["cat", "dog", "dog", "dog"])
    0.25
    """
    label = checked(label, "label")
    return float((label != checked(prediction, "prediction", len(label))).mean())


@of_counts(
    lambda tp, fp, fn, tn: (divide(tp, tp + fn) + divide(tn, tn + fp)) / 2,
    better="higher",
    undefined="not both labels occur",
)
def balanced_accuracy(label: ArrayLike, prediction: ArrayLike, positive: Hashable = None) -> float:
    """Balanced accuracy: the mean of the true positive rate and the true negative rate; with more classes, the mean
    recall.

    Formula: (TP / (TP + FN) + TN / (TN + FP)) / 2.
    Range: 0 to 1; 0.5 for a guess that ignores the row; undefined unless both labels occur.
    No disparity: equal in all groups (difference 0, ratio 1).
    Does not say: how often each kind of error happens in practice: it weighs the classes alike, however rare
    one is. Two groups with equal balanced accuracy can have opposite errors.
    Source: Brodersen, Ong, Stephan and Buhmann (2010), The Balanced Accuracy and Its Posterior Distribution,
    ICPR.

    Parameters
    ----------
    label, prediction : arrays (rows,); 0 or 1, or any values with `positive` saying which one is the positive class
    positive : the positive class; None for 0 and 1

    Returns
    -------
    float, NaN where it is undefined

    Raises
    ------
    ValueError : lengths that differ, missing values, values other than 0 and 1 without `positive`

    Examples
    --------
    >>> from utils.evaluation import accuracy, balanced_accuracy
    >>> label, never = [1, 0, 0, 0], [0, 0, 0, 0]
    >>> accuracy(label, never), balanced_accuracy(label, never)
    (0.75, 0.5)
    >>> balanced_accuracy([0, 0, 0], [0, 1, 0])
    nan
    """
    return _counted("balanced_accuracy", label, prediction, positive)


@rate("tp fp", "tp fp fn tn", better="neither", needs=("prediction",))
def selection_rate(label: ArrayLike, prediction: ArrayLike, positive: Hashable = None) -> float:
    """Selection rate: the share of rows that are predicted positive, that is, selected.

    Formula: predicted positives divided by all rows, (TP + FP) / n.
    Range: 0 to 1.
    No disparity: equal in all groups (difference 0, ratio 1), which is called demographic parity.
    Does not say: whether those selected should have been, or whether those left out should not: it never looks
    at the label.
    Source: Dwork, Hardt, Pitassi, Reingold and Zemel (2012), Fairness through Awareness, ITCS, who call equal
    selection rates statistical parity.

    Parameters
    ----------
    label, prediction : arrays (rows,); 0 or 1, or any values with `positive` saying which one is the positive class
    positive : the positive class; None for 0 and 1

    Returns
    -------
    float, NaN where it is undefined

    Raises
    ------
    ValueError : lengths that differ, missing values, values other than 0 and 1 without `positive`

    Examples
    --------
    >>> from utils.evaluation import selection_rate
    >>> selection_rate([1, 0, 0, 0], [0, 1, 1, 0])
    0.5
    >>> selection_rate(["hired", "not", "not", "not"], ["not", "hired", "hired", "not"], positive="hired")
    0.5
    """
    return _counted("selection_rate", label, prediction, positive)


@rate("tp fn", "tp fp fn tn", better="neither", needs=("label",))
def base_rate(label: ArrayLike, prediction: ArrayLike, positive: Hashable = None) -> float:
    """Base rate (prevalence): the share of rows whose label is positive.

    Formula: label positives divided by all rows, (TP + FN) / n.
    Range: 0 to 1.
    No disparity: it is a property of the data and not of the model; where it differs between groups, several
    criteria cannot hold at once.
    Does not say: why groups differ, or whether the labels are right: who was measured, and by whom, is in it.
    Source: Kleinberg, Mullainathan and Raghavan (2017), Inherent Trade-Offs in the Fair Determination of Risk
    Scores, ITCS.

    Parameters
    ----------
    label, prediction : arrays (rows,); 0 or 1, or any values with `positive` saying which one is the positive class
    positive : the positive class; None for 0 and 1

    Returns
    -------
    float, NaN where it is undefined

    Raises
    ------
    ValueError : lengths that differ, missing values, values other than 0 and 1 without `positive`

    Examples
    --------
    >>> from utils.evaluation import base_rate
    >>> base_rate([1, 0, 0, 0], [0, 1, 1, 0])
    0.25
    """
    return _counted("base_rate", label, prediction, positive)


@rate("tp", "tp fn", better="higher")
def true_positive_rate(label: ArrayLike, prediction: ArrayLike, positive: Hashable = None) -> float:
    """True positive rate (recall, sensitivity, TPR): of the rows whose label is positive, the share predicted
    positive.

    Formula: true positives divided by label positives, TP / (TP + FN).
    Range: 0 to 1; undefined without label positives.
    No disparity: equal in all groups (difference 0, ratio 1), which is called equal opportunity.
    Does not say: how many negatives are flagged as well: it is 1 for a model that flags everybody.
    Source: Hardt, Price and Srebro (2016), Equality of Opportunity in Supervised Learning, NIPS.

    Parameters
    ----------
    label, prediction : arrays (rows,); 0 or 1, or any values with `positive` saying which one is the positive class
    positive : the positive class; None for 0 and 1

    Returns
    -------
    float, NaN where it is undefined

    Raises
    ------
    ValueError : lengths that differ, missing values, values other than 0 and 1 without `positive`

    Examples
    --------
    >>> from utils.evaluation import true_positive_rate
    >>> true_positive_rate([1, 1, 1, 1, 0], [1, 1, 1, 0, 1])
    0.75
    >>> true_positive_rate([0, 0], [1, 0])
    nan
    """
    return _counted("true_positive_rate", label, prediction, positive)


@rate("fp", "fp tn", better="lower")
def false_positive_rate(label: ArrayLike, prediction: ArrayLike, positive: Hashable = None) -> float:
    """False positive rate (FPR): of the rows whose label is negative, the share predicted positive.

    Formula: false positives divided by label negatives, FP / (FP + TN).
    Range: 0 to 1; undefined without label negatives.
    No disparity: equal in all groups (difference 0, ratio 1), which is called predictive equality.
    Does not say: how many of the flagged are flagged wrongly: that is the false discovery rate. It is 0 for a
    model that flags nobody.
    Source: Corbett-Davies, Pierson, Feller, Goel and Huq (2017), Algorithmic Decision Making and the Cost of
    Fairness, KDD.

    Parameters
    ----------
    label, prediction : arrays (rows,); 0 or 1, or any values with `positive` saying which one is the positive class
    positive : the positive class; None for 0 and 1

    Returns
    -------
    float, NaN where it is undefined

    Raises
    ------
    ValueError : lengths that differ, missing values, values other than 0 and 1 without `positive`

    Examples
    --------
    >>> from utils.evaluation import false_positive_rate
    >>> false_positive_rate([0, 0, 0, 0, 1], [1, 0, 0, 0, 1])
    0.25
    >>> false_positive_rate([1, 1], [1, 0])
    nan
    """
    return _counted("false_positive_rate", label, prediction, positive)


@rate("tn", "fp tn", better="higher")
def true_negative_rate(label: ArrayLike, prediction: ArrayLike, positive: Hashable = None) -> float:
    """True negative rate (specificity, TNR): of the rows whose label is negative, the share predicted negative.

    Formula: true negatives divided by label negatives, TN / (FP + TN); 1 minus the false positive rate.
    Range: 0 to 1; undefined without label negatives.
    No disparity: equal in all groups (difference 0, ratio 1). The difference has the size of that of the false
    positive rate; the ratio does not.
    Does not say: anything about the positives: it is 1 for a model that flags nobody.
    Source: Verma and Rubin (2018), Fairness Definitions Explained, FairWare.

    Parameters
    ----------
    label, prediction : arrays (rows,); 0 or 1, or any values with `positive` saying which one is the positive class
    positive : the positive class; None for 0 and 1

    Returns
    -------
    float, NaN where it is undefined

    Raises
    ------
    ValueError : lengths that differ, missing values, values other than 0 and 1 without `positive`

    Examples
    --------
    >>> from utils.evaluation import true_negative_rate
    >>> true_negative_rate([0, 0, 0, 0, 1], [1, 0, 0, 0, 1])
    0.75
    >>> true_negative_rate([1, 1], [1, 0])
    nan
    """
    return _counted("true_negative_rate", label, prediction, positive)


@rate("fn", "tp fn", better="lower")
def false_negative_rate(label: ArrayLike, prediction: ArrayLike, positive: Hashable = None) -> float:
    """False negative rate (miss rate, FNR): of the rows whose label is positive, the share predicted negative.

    Formula: false negatives divided by label positives, FN / (TP + FN); 1 minus the true positive rate.
    Range: 0 to 1; undefined without label positives.
    No disparity: equal in all groups (difference 0, ratio 1). The difference has the size of that of the true
    positive rate; the ratio does not.
    Does not say: how many were missed, in people: a small rate of a large group can be many.
    Source: Verma and Rubin (2018), Fairness Definitions Explained, FairWare.

    Parameters
    ----------
    label, prediction : arrays (rows,); 0 or 1, or any values with `positive` saying which one is the positive class
    positive : the positive class; None for 0 and 1

    Returns
    -------
    float, NaN where it is undefined

    Raises
    ------
    ValueError : lengths that differ, missing values, values other than 0 and 1 without `positive`

    Examples
    --------
    >>> from utils.evaluation import false_negative_rate
    >>> false_negative_rate([1, 1, 1, 1, 0], [1, 1, 1, 0, 1])
    0.25
    >>> false_negative_rate([0, 0], [1, 0])
    nan
    """
    return _counted("false_negative_rate", label, prediction, positive)


@rate("tp", "tp fp", better="higher")
def precision(label: ArrayLike, prediction: ArrayLike, positive: Hashable = None) -> float:
    """Precision (positive predictive value, PPV): of the rows predicted positive, the share whose label is positive.

    Formula: true positives divided by predicted positives, TP / (TP + FP).
    Range: 0 to 1; undefined where nothing is predicted positive.
    No disparity: equal in all groups (difference 0, ratio 1), which is called predictive parity.
    Does not say: how many positives were missed. With equal precision and different base rates, false positive
    and false negative rates have to differ, unless the model makes no errors.
    Source: Chouldechova (2017), Fair Prediction with Disparate Impact: A Study of Bias in Recidivism Prediction
    Instruments, Big Data.

    Parameters
    ----------
    label, prediction : arrays (rows,); 0 or 1, or any values with `positive` saying which one is the positive class
    positive : the positive class; None for 0 and 1

    Returns
    -------
    float, NaN where it is undefined

    Raises
    ------
    ValueError : lengths that differ, missing values, values other than 0 and 1 without `positive`

    Examples
    --------
    >>> from utils.evaluation import precision
    >>> precision([1, 1, 1, 0, 1], [1, 1, 1, 1, 0])
    0.75
    >>> precision([1, 0], [0, 0])
    nan
    """
    return _counted("precision", label, prediction, positive)


@rate("tn", "tn fn", better="higher")
def negative_predictive_value(label: ArrayLike, prediction: ArrayLike, positive: Hashable = None) -> float:
    """Negative predictive value (NPV): of the rows predicted negative, the share whose label is negative.

    Formula: true negatives divided by predicted negatives, TN / (TN + FN).
    Range: 0 to 1; undefined where nothing is predicted negative.
    No disparity: equal in all groups (difference 0, ratio 1); together with equal precision it is called
    conditional use accuracy equality.
    Does not say: how many negatives were flagged. Where positives are rare it is high for any model.
    Source: Berk, Heidari, Jabbari, Kearns and Roth (2021), Fairness in Criminal Justice Risk Assessments: The
    State of the Art, Sociological Methods & Research.

    Parameters
    ----------
    label, prediction : arrays (rows,); 0 or 1, or any values with `positive` saying which one is the positive class
    positive : the positive class; None for 0 and 1

    Returns
    -------
    float, NaN where it is undefined

    Raises
    ------
    ValueError : lengths that differ, missing values, values other than 0 and 1 without `positive`

    Examples
    --------
    >>> from utils.evaluation import negative_predictive_value
    >>> negative_predictive_value([0, 0, 0, 1, 0], [0, 0, 0, 0, 1])
    0.75
    >>> negative_predictive_value([1, 0], [1, 1])
    nan
    """
    return _counted("negative_predictive_value", label, prediction, positive)


@rate("fp", "tp fp", better="lower")
def false_discovery_rate(label: ArrayLike, prediction: ArrayLike, positive: Hashable = None) -> float:
    """False discovery rate (FDR): of the rows predicted positive, the share whose label is negative.

    Formula: false positives divided by predicted positives, FP / (TP + FP); 1 minus precision.
    Range: 0 to 1; undefined where nothing is predicted positive.
    No disparity: equal in all groups (difference 0, ratio 1).
    Does not say: how likely it is to be flagged wrongly for somebody whose label is negative: that is the false
    positive rate. (In testing many hypotheses the same name is used for the expected share of false
    rejections.)
    Source: Verma and Rubin (2018), Fairness Definitions Explained, FairWare.

    Parameters
    ----------
    label, prediction : arrays (rows,); 0 or 1, or any values with `positive` saying which one is the positive class
    positive : the positive class; None for 0 and 1

    Returns
    -------
    float, NaN where it is undefined

    Raises
    ------
    ValueError : lengths that differ, missing values, values other than 0 and 1 without `positive`

    Examples
    --------
    >>> from utils.evaluation import false_discovery_rate
    >>> false_discovery_rate([1, 1, 1, 0, 1], [1, 1, 1, 1, 0])
    0.25
    >>> false_discovery_rate([1, 0], [0, 0])
    nan
    """
    return _counted("false_discovery_rate", label, prediction, positive)


@rate("fn", "tn fn", better="lower")
def false_omission_rate(label: ArrayLike, prediction: ArrayLike, positive: Hashable = None) -> float:
    """False omission rate (FOR): of the rows predicted negative, the share whose label is positive.

    Formula: false negatives divided by predicted negatives, FN / (TN + FN); 1 minus the negative predictive
    value.
    Range: 0 to 1; undefined where nothing is predicted negative.
    No disparity: equal in all groups (difference 0, ratio 1).
    Does not say: what share of the positives is missed: that is the false negative rate.
    Source: Verma and Rubin (2018), Fairness Definitions Explained, FairWare.

    Parameters
    ----------
    label, prediction : arrays (rows,); 0 or 1, or any values with `positive` saying which one is the positive class
    positive : the positive class; None for 0 and 1

    Returns
    -------
    float, NaN where it is undefined

    Raises
    ------
    ValueError : lengths that differ, missing values, values other than 0 and 1 without `positive`

    Examples
    --------
    >>> from utils.evaluation import false_omission_rate
    >>> false_omission_rate([0, 0, 0, 1, 0], [0, 0, 0, 0, 1])
    0.25
    >>> false_omission_rate([1, 0], [1, 1])
    nan
    """
    return _counted("false_omission_rate", label, prediction, positive)


@of_counts(
    lambda tp, fp, fn, tn: divide(2 * tp, 2 * tp + fp + fn),
    better="higher",
    undefined="no positive, neither label nor prediction",
)
def f1_score(label: ArrayLike, prediction: ArrayLike, positive: Hashable = None) -> float:
    """F1 score: the harmonic mean of precision and true positive rate.

    Formula: 2 TP / (2 TP + FP + FN).
    Range: 0 to 1; undefined where neither a label nor a prediction is positive.
    No disparity: equal in all groups (difference 0, ratio 1). But it rises with the base rate: groups with
    other base rates differ in it although the model errs on both alike.
    Does not say: anything about true negatives; nor which of the two errors lowers it.
    Source: van Rijsbergen (1979), Information Retrieval, second edition, for the F measure.

    Parameters
    ----------
    label, prediction : arrays (rows,); 0 or 1, or any values with `positive` saying which one is the positive class
    positive : the positive class; None for 0 and 1

    Returns
    -------
    float, NaN where it is undefined

    Raises
    ------
    ValueError : lengths that differ, missing values, values other than 0 and 1 without `positive`

    Examples
    --------
    >>> from utils.evaluation import f1_score
    >>> f1_score([1, 1, 0, 0], [1, 0, 1, 0])
    0.5
    >>> f1_score([1, 1, 0, 0] + 96 * [0], [1, 0, 1, 0] + 96 * [0])
    0.5
    """
    return _counted("f1_score", label, prediction, positive)


@of_counts(lambda tp, fp, fn, tn: divide(fn, fp), better="neither", undefined="no false positive")
def treatment_ratio(label: ArrayLike, prediction: ArrayLike, positive: Hashable = None) -> float:
    """Treatment ratio: how many false negatives there are for each false positive.

    Formula: false negatives divided by false positives, FN / FP.
    Range: 0 upward without limit; undefined without false positives.
    No disparity: equal in all groups (difference 0, ratio 1), which is called treatment equality.
    Does not say: how many errors there are: 1 for each 1, and 1,000 for each 1,000, have the ratio 1.
    Source: Berk, Heidari, Jabbari, Kearns and Roth (2021), Fairness in Criminal Justice Risk Assessments: The
    State of the Art, Sociological Methods & Research.

    Parameters
    ----------
    label, prediction : arrays (rows,); 0 or 1, or any values with `positive` saying which one is the positive class
    positive : the positive class; None for 0 and 1

    Returns
    -------
    float, NaN where it is undefined

    Raises
    ------
    ValueError : lengths that differ, missing values, values other than 0 and 1 without `positive`

    Examples
    --------
    >>> from utils.evaluation import treatment_ratio
    >>> treatment_ratio([1, 1, 1, 0], [0, 0, 1, 1])
    2.0
    >>> treatment_ratio([1, 0], [0, 0])
    nan
    """
    return _counted("treatment_ratio", label, prediction, positive)


@of_rows(weighted_auc, better="higher", undefined="not both labels occur")
def auc(label: ArrayLike, score: ArrayLike, positive: Hashable = None) -> float:
    """Area under the ROC curve (AUC): how often a row with a positive label has a higher score than one with a
    negative label.

    Formula: over all pairs of a positive and a negative row of the group, the share in which the positive one
    has the higher score; ties count one half.
    Range: 0 to 1; 0.5 for scores that do not tell the labels apart; undefined unless both labels occur.
    No disparity: equal in all groups (difference 0, ratio 1).
    Does not say: how the group does at the threshold in use, whether its scores are calibrated, or how its
    members are ranked against members of other groups: each group's AUC compares its members with each other
    only.
    Source: Hanley and McNeil (1982), The Meaning and Use of the Area under a Receiver Operating Characteristic
    (ROC) Curve, Radiology; for its blind spots Kallus and Zhou (2019), The Fairness of Risk Scores Beyond
    Classification: Bipartite Ranking and the xAUC Metric, NeurIPS.

    Parameters
    ----------
    label : array (rows,); 0 or 1, or any values with `positive` saying which one is the positive class
    score : float array (rows,) in [0, 1]
    positive : the positive class; None for 0 and 1

    Returns
    -------
    float, NaN where it is undefined

    Raises
    ------
    ValueError : lengths that differ, missing values, labels other than 0 and 1 without `positive`, scores
        outside [0, 1]

    Examples
    --------
    >>> from utils.evaluation import auc
    >>> auc([1, 0, 1, 0], [0.9, 0.8, 0.3, 0.1])
    0.75
    >>> auc([1, 0], [0.5, 0.5])
    0.5
    """
    return _scored("auc", label, score, positive)


@of_rows(weighted_calibration_error, better="lower", undefined="no rows")
def calibration_error(label: ArrayLike, score: ArrayLike, positive: Hashable = None) -> float:
    """Calibration error by group (expected calibration error, ECE): how far scores lie from the shares of positives
    that they announce.

    Formula: rows are put into ten bins of equal width by score; in each bin, the distance between mean score
    and share of positive labels; the mean of these, weighted by the bins' rows.
    Range: 0 to 1.
    No disparity: 0 in every group: a score of 0.7 then means 7 in 10, whoever has it (calibration within
    groups).
    Does not say: in which direction the scores are off, or whether they tell cases apart: one constant score,
    the base rate, has an error of 0. It is biased upward, the more so the fewer rows there are, so that a small
    group looks worse calibrated than a large one.
    Source: Naeini, Cooper and Hauskrecht (2015), Obtaining Well Calibrated Probabilities Using Bayesian
    Binning, AAAI; for groups Pleiss, Raghavan, Wu, Kleinberg and Weinberger (2017), On Fairness and
    Calibration, NIPS.

    Parameters
    ----------
    label : array (rows,); 0 or 1, or any values with `positive` saying which one is the positive class
    score : float array (rows,) in [0, 1]
    positive : the positive class; None for 0 and 1

    Returns
    -------
    float, NaN where it is undefined

    Raises
    ------
    ValueError : lengths that differ, missing values, labels other than 0 and 1 without `positive`, scores
        outside [0, 1]

    Examples
    --------
    >>> from utils.evaluation import calibration_error
    >>> calibration_error([1, 1, 1, 0], [0.75, 0.75, 0.75, 0.75])
    0.0
    >>> calibration_error([1, 0, 0, 0], [0.75, 0.75, 0.75, 0.75])
    0.5
    """
    return _scored("calibration_error", label, score, positive)


@of_rows(weighted_mean_score, better="neither", undefined="no rows", needs=("score",))
def mean_score(label: ArrayLike, score: ArrayLike, positive: Hashable = None) -> float:
    """Mean score: the average of the scores of a group.

    Formula: sum of the scores divided by rows.
    Range: 0 to 1 for scores in [0, 1].
    No disparity: equal in all groups, where scores should not depend on the group; if they should follow the
    base rates, compare with those instead. Among rows of one label, equal mean scores are called balance for
    that class.
    Does not say: how many lie above the threshold: two groups with the same mean can have other selection
    rates.
    Source: Kleinberg, Mullainathan and Raghavan (2017), Inherent Trade-Offs in the Fair Determination of Risk
    Scores, ITCS, for the balance of scores.

    Parameters
    ----------
    label : array (rows,); 0 or 1, or any values with `positive` saying which one is the positive class
    score : float array (rows,) in [0, 1]
    positive : the positive class; None for 0 and 1

    Returns
    -------
    float, NaN where it is undefined

    Raises
    ------
    ValueError : lengths that differ, missing values, labels other than 0 and 1 without `positive`, scores
        outside [0, 1]

    Examples
    --------
    >>> from utils.evaluation import mean_score
    >>> mean_score([1, 0, 0, 0], [1.0, 0.5, 0.25, 0.25])
    0.5
    """
    return _scored("mean_score", label, score, positive)


def better(metric: str) -> str:
    """Which value of a metric serves a group better: "higher", "lower" or "neither".

    Raises
    ------
    ValueError : no such metric, so that nothing is known of its direction
    """
    if metric not in METRICS:
        raise ValueError(
            f"{metric!r} is no metric that this course knows, so nothing says which of its values is better; there are "
            f"{', '.join(METRICS)}."
        )
    return METRICS[metric].better


def _counted(metric, label, prediction, positive):
    label = checked(label, "label")
    prediction = checked(prediction, "prediction", len(label))
    y, p = as_binary(label, "label", positive), as_binary(prediction, "prediction", positive)
    return float(METRICS[metric].of_counts(np.sum(y & p), np.sum(~y & p), np.sum(y & ~p), np.sum(~y & ~p)))


def _scored(metric, label, score, positive):
    label = checked(label, "label")
    score = check_scores(checked(score, "score", len(label)), "score")
    y = as_binary(label, "label", positive).astype(float)
    order = np.argsort(score, kind="stable")
    return float(METRICS[metric].of_rows(np.ones((1, len(y))), y[order], score[order])[0])


METRICS = metrics_of(globals())
