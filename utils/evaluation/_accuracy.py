"""Accuracy overall, by group and by crossed groups, with intervals, as tidy tables."""

import pandas as pd

from utils.evaluation._audit import SMALL, audit
from utils.evaluation._coding import check_table
from utils.evaluation._intervals import rate_interval


def correct(table: pd.DataFrame, label: str = "label", prediction: str = "pred1") -> pd.Series:
    """Whether each row was predicted correctly: Series of bool with the table's index.

    Raises
    ------
    KeyError : a column is missing
    ValueError : the table is empty, or a label or prediction is missing
    """
    check_table(table, label, prediction)
    for column in (label, prediction):
        gaps = int(table[column].isna().sum())
        if gaps:
            raise ValueError(
                f"{gaps} of {len(table)} values in {column!r} are missing; drop or label these rows first."
            )
    return table[label] == table[prediction]


def accuracy_by_group(
    table: pd.DataFrame,
    groups: str | list[str],
    label: str = "label",
    prediction: str = "pred1",
    method: str = "wilson",
    level: float = 0.95,
) -> pd.DataFrame:
    """Accuracy in each group: correct predictions divided by the group's rows.

    With several columns in `groups` the groups are crossed (orange 8s, blue 8s, …). Where a group column is a function
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
    found = audit(table, label, prediction, groups=[tuple(groups)], interval=method, level=level, problems="ignore")
    out = found.loc[1:, [*groups, "n", "count", "value", "low", "high", "small"]].reset_index(drop=True)
    out = out.infer_objects().rename(columns={"count": "correct", "value": "accuracy"})
    return out.astype({"correct": int})


def compute_accuracy(df: pd.DataFrame, label_col: str = "label", pred_col: str = "pred1") -> float:
    """Share of rows whose prediction is the label."""
    return float(correct(df, label_col, pred_col).mean())


def compute_confidence_bounds(
    df: pd.DataFrame, label_col: str = "label", pred_col: str = "pred1", method: str = "wilson", level: float = 0.95
) -> tuple[float, float]:
    """Interval of the accuracy, (low, high); see `rate_interval` for what it means and for `method`."""
    hits = correct(df, label_col, pred_col)
    return rate_interval(int(hits.sum()), len(hits), method, level)


def get_group_accuracy_by_value(
    df: pd.DataFrame, group_col: str, prediction_col: str = "pred1", ground_truth_col: str = "label"
) -> dict[str, float]:
    """Accuracy of each group as a dict, group → share; not rounded."""
    table = accuracy_by_group(df, group_col, ground_truth_col, prediction_col)
    return dict(zip(table[group_col], table["accuracy"], strict=True))


def get_accuracy_by_intersection(
    df: pd.DataFrame, group1_col: str, group2_col: str, prediction_col: str = "pred1", ground_truth_col: str = "label"
) -> dict[str, float]:
    """Accuracy of each crossed group as a dict with keys like `8-orange`; not rounded."""
    table = accuracy_by_group(df, [group1_col, group2_col], ground_truth_col, prediction_col)
    return dict(zip(crossed_name(table, [group1_col, group2_col]), table["accuracy"], strict=True))


def crossed_name(table: pd.DataFrame, groups: list[str]) -> pd.Series:
    """One name for each row's crossed group: the groups' values joined by hyphens, as `8-orange`."""
    return table[groups].astype(str).agg("-".join, axis=1)


def print_accuracy_by_group(
    df: pd.DataFrame, group_col: str, prediction_col: str = "pred1", ground_truth_col: str = "label"
) -> None:
    """Print a line for each group: accuracy, its Wilson interval, rows; groups under 30 rows are marked."""
    _print_accuracies(accuracy_by_group(df, group_col, ground_truth_col, prediction_col), [group_col])


def print_accuracy_by_intersection(
    df: pd.DataFrame, group1_col: str, group2_col: str, prediction_col: str = "pred1", ground_truth_col: str = "label"
) -> None:
    """Print a line for each crossed group, as `print_accuracy_by_group` does."""
    groups = [group1_col, group2_col]
    _print_accuracies(accuracy_by_group(df, groups, ground_truth_col, prediction_col), groups)


def _print_accuracies(table, groups):
    names = crossed_name(table, groups)
    width = max(names.map(len).max(), len("group"))
    print(f"Accuracy by {' and '.join(groups)} (95 % Wilson interval)")
    for name, row in zip(names, table.itertuples(), strict=True):
        few = f"   few rows (under {SMALL}): read with care" if row.small else ""
        print(f"  {name:<{width}}  {row.accuracy:.3f}  [{row.low:.3f}, {row.high:.3f}]  n = {row.n:,}{few}")
