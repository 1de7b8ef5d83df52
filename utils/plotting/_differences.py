"""Differences between groups or models with their intervals, and on which side of zero these lie."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from utils.evaluation._audit import SMALL
from utils.evaluation._coding import check_table, listed
from utils.plotting._drawing import (
    by_split,
    capitalised,
    comparison_words,
    full_name,
    in_words,
    legend_below,
    rows_on_axes,
)
from utils.plotting._rows import draw_rows, extremes_in_words, missing_words, print_n, row_handles
from utils.plotting._style import MARKERS, SERIES
from utils.tables import group_name


def plot_differences(
    table: pd.DataFrame,
    value: str = "difference",
    low: str | None = None,
    high: str | None = None,
    names: str | list[str] | None = None,
    *,
    no_disparity: float | None = None,
    ax: Axes | None = None,
):
    """Differences with their intervals, around a line at zero.

    The marker says on which side of the line the interval lies: a triangle points to the side that it lies on, a circle
    stands where it holds zero.

    Parameters
    ----------
    table : result of `disparities` (a line a comparison), or a table with group columns, a difference and an interval,
        as `paired_bootstrap` returns
    value : the column drawn; of `disparities` also "corrected" or "ratio"
    low, high : columns of the interval. None takes of `disparities`' difference the corrected interval, since worst and
        best were picked from noisy values; or else `…_low` and `…_high` of the value, or `low` and `high`
    names : column or columns that name a line; None takes the metric and the two groups, or the columns before `value`
        that hold names
    no_disparity : where the line stands; None takes 0, and 1 for ratios

    Returns
    -------
    Axes

    Raises
    ------
    KeyError : a column is missing
    ValueError : the table is empty

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import audit, disparities
    >>> from utils.plotting import plot_differences
    >>> people = pd.DataFrame({"sex": ["f"] * 4 + ["m"] * 4, "label": 1, "pred1": [1, 0, 0, 0, 1, 1, 1, 0]})
    >>> ax = plot_differences(disparities(audit(people, groups=["sex"], problems="ignore")))
    >>> ax.get_xlabel()
    'difference in accuracy, intervals corrected for having picked the groups'
    """
    rows, zero = _differences(table, value, low, high, names, no_disparity)
    words = missing_words(rows)
    ax, y = rows_on_axes(ax, rows, words, width=44)
    side = _side(rows, zero)
    draw_rows(ax, y, rows, words, (f"no difference: {zero:g}", zero), np.array([MARKERS[0], "<", ">"])[side])
    if "n" in table:
        print_n(ax, y, rows)
    metrics = table["metric"].unique() if "metric" in table else []
    corrected = (low or f"{_interval_of(table, value)}low") == "corrected_low"
    quantity = in_words(value) + (f" in {in_words(metrics[0])}" if len(metrics) == 1 else "")
    ax.set_xlabel(quantity + (", intervals corrected for having picked the groups" if corrected else ""))
    handles = [
        Line2D([], [], color=SERIES[0], linewidth=2, marker=marker, markersize=8, label=text)
        for i, (marker, text) in enumerate(
            [(MARKERS[0], f"interval holds {zero:g}"), ("<", f"lies below {zero:g}"), (">", f"lies above {zero:g}")]
        )
        if (side[np.isfinite(rows["value"])] == i).any()
    ]
    legend_below(ax, handles + row_handles(rows, (f"no difference: {zero:g}", zero), None))
    return ax


def describe_differences(
    table: pd.DataFrame,
    value: str = "difference",
    low: str | None = None,
    high: str | None = None,
    names: str | list[str] | None = None,
    *,
    no_disparity: float | None = None,
) -> str:
    """An alt text for `plot_differences`: the lowest and highest, and which intervals do not hold zero.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import audit, disparities
    >>> from utils.plotting import describe_differences
    >>> people = pd.DataFrame({"sex": ["f"] * 4 + ["m"] * 4, "label": 1, "pred1": [1, 0, 0, 0, 1, 1, 1, 0]})
    >>> describe_differences(disparities(audit(people, groups=["sex"], problems="ignore")))
    'Difference with intervals, 1 line; f − m at -0.500 (interval ...); every interval holds 0.'
    """
    rows, zero = _differences(table, value, low, high, names, no_disparity)
    side = _side(rows, zero)
    away = [
        f"{full_name(row, rows)} ({'below' if s == 1 else 'above'})"
        for (_, row), s in zip(rows.iterrows(), side, strict=True)
        if s
    ]
    sentence = f"{capitalised(in_words(value))} with intervals, {len(rows)} {'line' if len(rows) == 1 else 'lines'}"
    holds = f"intervals that do not hold {zero:g}: {listed(away, 8)}" if away else f"every interval holds {zero:g}"
    sentence += extremes_in_words(rows, with_n="n" in table)
    return f"{sentence}; {holds if np.isfinite(rows['low']).any() else 'no intervals'}."


def _differences(table, value, low, high, names, no_disparity):
    own = _interval_of(table, value)
    low, high = low or f"{own}low", high or f"{own}high"
    names = [names] if isinstance(names, str) else names
    check_table(table, value, low, high, *(names or []))
    rows = pd.DataFrame({"value": table[value], "low": table[low], "high": table[high]}).reset_index(drop=True)
    rows = rows.astype(float).replace([np.inf, -np.inf], np.nan)
    rows["n"] = table["n"].to_numpy() if "n" in table else 0
    rows["small"] = table["small"].to_numpy(bool) if "small" in table else "n" in table and (rows["n"] < SMALL)
    rows["note"] = table["note"].fillna("").to_numpy() if "note" in table else ""
    rows["split"] = ""
    if names is None and {"by", "metric", "comparison", "group", "reference"} <= set(table):
        mark = "/" if value.startswith("ratio") else "−"
        rows["name"] = [comparison_words(r, mark, table["metric"].nunique() > 1) for r in table.to_dict("records")]
        kinds = table["comparison"].nunique() > 1
        rows["split"] = [f"{b}, {c}" if kinds else b for b, c in zip(table["by"], table["comparison"], strict=True)]
        rows = by_split(rows)
    else:
        if names is None:
            before = list(table.columns[: table.columns.get_loc(value)])
            known = {"n", "positives", "small", "before", "after", "note", low, high}
            names = [c for c in before if c not in known and not pd.api.types.is_float_dtype(table[c].dtype)]
            if "metric" in names and table["metric"].nunique() == 1:
                names.remove("metric")
        rows["name"] = [
            group_name(in_words(v) if c == "metric" else v for c, v in zip(names, row, strict=True) if pd.notna(v))
            or "overall"
            for row in table[names].to_numpy(object)
        ]
    return rows, (1.0 if value.startswith("ratio") else 0.0) if no_disparity is None else no_disparity


def _interval_of(table, value):
    """How the names of the interval's columns begin."""
    if value == "difference" and "corrected_low" in table:  # worst and best were picked: see `disparities`
        return "corrected_"
    return f"{value}_" if f"{value}_low" in table else ""


def _side(rows, zero):
    """0 where the interval holds zero or there is none, 1 where it lies below, 2 where it lies above."""
    return np.where(rows["high"] < zero, 1, np.where(rows["low"] > zero, 2, 0))
