"""Accuracy overall, by group and by crossed groups: `audit` in the words and columns of the workshop."""

import pandas as pd

from utils.evaluation._audit import SMALL, audit
from utils.evaluation._coding import check_table, correct
from utils.evaluation._intervals import rate_interval
from utils.tables import crossed


def accuracy_by_group(
    table: pd.DataFrame,
    groups: str | list[str],
    label: str = "label",
    prediction: str = "pred1",
    method: str = "wilson",
    level: float = 0.95,
) -> pd.DataFrame:
    """Accuracy in each group: correct predictions divided by the group's rows.

    `audit` gives this and every other metric; this is its answer in the columns that the workshop's tables have. With
    several columns in `groups` the groups are crossed (orange 8s, blue 8s, …). Where a group column is a function
    of the label, as curviness is of the digit, "accuracy" in a group is class recall: it mixes which digits are hard
    with how the group is served.

    Parameters
    ----------
    table : DataFrame, one row an example
    groups : column or columns with the groups' names; rows whose name is missing form the group "(missing)"
    label, prediction : columns
    method, level : of the interval, see `rate_interval`

    Returns
    -------
    DataFrame sorted by group, with the group columns and `n` (rows), `correct` (rows), `accuracy`, `low`, `high`, and
    `small` (fewer than 30 rows)

    Raises
    ------
    KeyError, ValueError : as in `correct`; also for a group without rows

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.aim342 import accuracy_by_group
    >>> digits = pd.DataFrame({"colour": 3 * ["blue"] + ["orange"], "label": [8, 8, 3, 3], "pred1": [8, 8, 8, 3]})
    >>> accuracy_by_group(digits, "colour").round(3)
       colour  n  correct  accuracy    low   high  small
    0    blue  3        2     0.667  0.208  0.939   True
    1  orange  1        1     1.000  0.207  1.000   True
    """
    groups = [groups] if isinstance(groups, str) else list(groups)
    correct(table, label, prediction)  # says what is missing
    check_table(table, *groups)
    for column in groups:
        if isinstance(table[column].dtype, pd.CategoricalDtype):
            empty = table[column].cat.categories.difference(table[column].unique())
            if len(empty):
                raise ValueError(
                    f"In {column!r} no row belongs to {', '.join(map(str, empty))}: a group without rows has no rate."
                )
    rates = audit(table, label, prediction, groups=[tuple(groups)], interval=method, level=level, problems="ignore")
    out = rates.loc[1:, [*groups, "n", "count", "value", "low", "high", "small"]].reset_index(drop=True)
    out = out.infer_objects().rename(columns={"count": "correct", "value": "accuracy"})
    return out.astype({"correct": int})


def compute_accuracy(df: pd.DataFrame, label_col: str = "label", pred_col: str = "pred1") -> float:
    """Share of rows whose prediction is the label.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.aim342 import compute_accuracy
    >>> compute_accuracy(pd.DataFrame({"label": [8, 3, 8, 3], "pred1": [8, 8, 8, 3]}))
    0.75
    """
    return float(correct(df, label_col, pred_col).mean())


def compute_confidence_bounds(
    df: pd.DataFrame, label_col: str = "label", pred_col: str = "pred1", method: str = "wilson", level: float = 0.95
) -> tuple[float, float]:
    """Interval of the accuracy, (low, high); see `rate_interval` for what it means and for `method`.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.aim342 import compute_confidence_bounds
    >>> few = pd.DataFrame({"label": [8, 3, 8, 3], "pred1": [8, 8, 8, 3]})
    >>> [round(end, 2) for end in compute_confidence_bounds(few)]
    [0.3, 0.95]
    >>> [round(end, 2) for end in compute_confidence_bounds(pd.concat(100 * [few]))]
    [0.71, 0.79]
    """
    hits = correct(df, label_col, pred_col)
    return rate_interval(int(hits.sum()), len(hits), method, level)


def get_group_accuracy_by_value(
    df: pd.DataFrame, group_col: str, prediction_col: str = "pred1", ground_truth_col: str = "label"
) -> dict[str, float]:
    """Accuracy of each group as a dict, group → share; not rounded.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.aim342 import get_group_accuracy_by_value
    >>> digits = pd.DataFrame({"colour": ["blue", "blue", "orange"], "label": [8, 3, 8], "pred1": [8, 8, 8]})
    >>> get_group_accuracy_by_value(digits, "colour")
    {'blue': 0.5, 'orange': 1.0}
    """
    table = accuracy_by_group(df, group_col, ground_truth_col, prediction_col)
    return dict(zip(table[group_col], table["accuracy"], strict=True))


def get_accuracy_by_intersection(
    df: pd.DataFrame, group1_col: str, group2_col: str, prediction_col: str = "pred1", ground_truth_col: str = "label"
) -> dict[str, float]:
    """Accuracy of each crossed group as a dict with keys like `8-orange`; not rounded.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.aim342 import get_accuracy_by_intersection
    >>> digits = pd.DataFrame({"colour": ["blue", "blue", "orange"], "label": [8, 3, 8], "pred1": [8, 8, 8]})
    >>> get_accuracy_by_intersection(digits, "label", "colour")
    {'3-blue': 0.0, '8-blue': 1.0, '8-orange': 1.0}
    """
    table = accuracy_by_group(df, [group1_col, group2_col], ground_truth_col, prediction_col)
    keys = table[[group1_col, group2_col]].astype(str).agg("-".join, axis=1)  # the workshop's own keys
    return dict(zip(keys, table["accuracy"], strict=True))


def print_accuracy_by_group(
    df: pd.DataFrame, group_col: str, prediction_col: str = "pred1", ground_truth_col: str = "label"
) -> None:
    """Print a line for each group: accuracy, its Wilson interval, rows; groups under 30 rows are marked.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.aim342 import print_accuracy_by_group
    >>> digits = pd.DataFrame({"colour": 32 * ["blue"] + 2 * ["orange"], "label": 34 * [8], "pred1": 33 * [8] + [3]})
    >>> print_accuracy_by_group(digits, "colour")
    Accuracy by colour (95 % Wilson interval)
      blue    1.000  [0.893, 1.000]  n = 32
      orange  0.500  [0.095, 0.905]  n = 2   few rows (under 30): read with care
    """
    _print_accuracies(accuracy_by_group(df, group_col, ground_truth_col, prediction_col), [group_col])


def print_accuracy_by_intersection(
    df: pd.DataFrame, group1_col: str, group2_col: str, prediction_col: str = "pred1", ground_truth_col: str = "label"
) -> None:
    """Print a line for each crossed group, as `print_accuracy_by_group` does.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.aim342 import print_accuracy_by_intersection
    >>> digits = pd.DataFrame({"colour": ["blue", "blue", "orange"], "label": [8, 3, 8], "pred1": [8, 8, 8]})
    >>> print_accuracy_by_intersection(digits, "label", "colour")
    Accuracy by label and colour (95 % Wilson interval)
      3 × blue    0.000  [0.000, 0.793]  n = 1   few rows (under 30): read with care
      8 × blue    1.000  [0.207, 1.000]  n = 1   few rows (under 30): read with care
      8 × orange  1.000  [0.207, 1.000]  n = 1   few rows (under 30): read with care
    """
    groups = [group1_col, group2_col]
    _print_accuracies(accuracy_by_group(df, groups, ground_truth_col, prediction_col), groups)


def _print_accuracies(table, groups):
    names = crossed(table, groups)
    width = max(names.map(len).max(), len("group"))
    print(f"Accuracy by {' and '.join(groups)} (95 % Wilson interval)")
    for name, row in zip(names, table.itertuples(), strict=True):
        few = f"   few rows (under {SMALL}): read with care" if row.small else ""
        print(f"  {name:<{width}}  {row.accuracy:.3f}  [{row.low:.3f}, {row.high:.3f}]  n = {row.n:,}{few}")
