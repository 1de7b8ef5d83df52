"""Rates by group with their intervals."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from utils.aim342._accuracy import accuracy_by_group
from utils.evaluation._audit import SMALL
from utils.evaluation._coding import check_table
from utils.plotting._style import MARKERS, SERIES, new_axes
from utils.tables import CROSSED, crossed


def plot_accuracy(
    tables: pd.DataFrame | Mapping[str, pd.DataFrame],
    groups: str | list[str],
    *,
    reference: float | None = None,
    show_error: bool = True,
    sort: bool = False,
    legend: bool = True,
    markers: Sequence[str] = MARKERS,
    title: str | None = None,
    ylabel: str = "Accuracy",
    value: str = "accuracy",
    figsize: tuple[float, float] = (9, 4.5),
    fontsize: float = 11,
    tick_spacing: int = 1,
    ax: Axes | None = None,
):
    """Accuracy of each group with its interval; one series or several side by side.

    Series differ by colour and by marker. Groups under 30 rows are drawn hollow, and their name says so. The axis
    reaches down to the lowest interval, so that the group served worst is never cut off.

    Parameters
    ----------
    tables : result of `accuracy_by_group`, or name → result for several series over the same groups
    groups : the group column or columns of the tables
    reference : a rate to draw as a dashed line, such as the overall accuracy
    value : the column drawn; the interval is in `low` and `high`

    Returns
    -------
    Axes

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.aim342 import accuracy_by_group, plot_accuracy
    >>> people = pd.DataFrame({"sex": ["f"] * 4 + ["m"] * 4, "label": 1, "pred1": [1, 0, 0, 0, 1, 1, 1, 0]})
    >>> ax = plot_accuracy(accuracy_by_group(people, "sex"), "sex")
    >>> [tick.get_text().splitlines() for tick in ax.get_xticklabels()]
    [['f', '(under 30 rows)'], ['m', '(under 30 rows)']]
    """
    groups = [groups] if isinstance(groups, str) else list(groups)
    series = {"": tables} if isinstance(tables, pd.DataFrame) else dict(tables)
    for table in series.values():
        check_table(table, *groups, value, "low", "high", "n", "small")
    names = {label: crossed(t, groups).to_numpy() for label, t in series.items()}
    first = next(iter(series))
    place = {name: i for i, name in enumerate(names[first])}
    if sort:
        place = {
            name: i for i, name in enumerate(names[first][np.argsort(series[first][value].to_numpy(), kind="stable")])
        }
    for label, own in names.items():
        if set(own) != set(place):
            raise ValueError(
                f"Series {label!r} has the groups {sorted(own)}, the first one {sorted(place)}: they must be the same."
            )
    ax = new_axes(ax, figsize)
    few, lowest = set(), reference if reference is not None else 1.0
    for i, (label, table) in enumerate(series.items()):
        x = np.array([place[name] for name in names[label]]) + 0.22 * (i - (len(series) - 1) / 2)
        y, small = table[value].to_numpy(), table["small"].to_numpy()
        color, marker = SERIES[i % len(SERIES)], markers[i % len(markers)]
        low, high = table["low"].to_numpy(), table["high"].to_numpy()
        if show_error:
            ax.vlines(x, low, high, color=color, linewidth=2)
        lowest = min(lowest, np.nanmin(low if show_error else y))
        for rows, face in ((~small, color), (small, "white")):
            named = label and not (face == "white" and (~small).any())  # one entry in the legend for a series
            if rows.any():
                ax.plot(x[rows], y[rows], marker, color=color, mfc=face, markersize=8, label=label if named else None)
        few |= set(names[label][small])
    if reference is not None:
        ax.axhline(reference, color="0.35", linestyle="--", linewidth=1, label=f"reference {reference:.3f}")
    ticks = list(place)[::tick_spacing]
    ax.set_xticks(
        [place[t] for t in ticks],
        [f"{t}\n(under {SMALL} rows)" if t in few else t for t in ticks],
        fontsize=fontsize,
        rotation=90 if len(ticks) > 12 else 0,
    )
    ax.set_ylim(max(0, np.floor(lowest * 10) / 10), 1.01)
    ax.set_xlabel(CROSSED.join(groups), fontsize=fontsize)
    ax.set_ylabel(ylabel, fontsize=fontsize)
    if title:
        ax.set_title(title, fontsize=fontsize + 1)
    if legend and ax.get_legend_handles_labels()[1]:
        ax.legend(fontsize=fontsize, loc="lower left")
    return ax


def describe_accuracy(
    table: pd.DataFrame, groups: str | list[str], value: str = "accuracy", name: str = "Accuracy"
) -> str:
    """An alt text for `plot_accuracy`: the lowest and the highest group with their intervals.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.aim342 import accuracy_by_group, describe_accuracy
    >>> people = pd.DataFrame({"sex": ["f"] * 4 + ["m"] * 4, "label": 1, "pred1": [1, 0, 0, 0, 1, 1, 1, 0]})
    >>> describe_accuracy(accuracy_by_group(people, "sex"), "sex")
    'Accuracy by sex with intervals, 2 groups: lowest f at 0.25 (interval ...), highest m at 0.75 (interval ...).'
    """
    groups = [groups] if isinstance(groups, str) else list(groups)
    named = table.assign(name=crossed(table, groups))

    def say(row):
        return f"{row['name']} at {row[value]:.2f} (interval {row['low']:.2f} to {row['high']:.2f})"

    return (
        f"{name} by {' and '.join(groups)} with intervals, {len(named)} groups: "
        f"lowest {say(named.loc[named[value].idxmin()])}, "
        f"highest {say(named.loc[named[value].idxmax()])}."
    )


def plot_confidence_intervals_from_df(
    df_with_preds: pd.DataFrame,
    label_col: str,
    pred_col: str,
    dataset_name: str,
    group_name: str,
    use_legend: bool = True,
    show_error: bool = True,
    marker: str = "o",
    figsize: tuple[float, float] = (12, 6),
    fontsize: float = 16,
    tick_spacing: int = 1,
    sort_x: bool = False,
    ax: Axes | None = None,
):
    """Accuracy by group with Wilson intervals, from a table with predictions. Returns the Axes; see `plot_accuracy`.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.aim342 import plot_confidence_intervals_from_df
    >>> people = pd.DataFrame({"sex": list("ffmm"), "label": 1, "pred1": [1, 0, 1, 1]})
    >>> ax = plot_confidence_intervals_from_df(people, "label", "pred1", "test data", "sex")
    >>> ax.get_title()
    'Accuracy by sex with 95 % intervals: test data'
    """
    rates = {dataset_name: accuracy_by_group(df_with_preds, group_name, label_col, pred_col)}
    style = _style(use_legend, [marker], figsize, fontsize, tick_spacing, sort_x)
    title = _title(show_error, group_name, dataset_name)
    return plot_accuracy(rates, group_name, show_error=show_error, title=title, ax=ax, **style)


def plot_intersectional_confidence_intervals_from_df(
    df_with_preds: pd.DataFrame,
    label_col: str,
    pred_col: str,
    dataset_name: str,
    group_1: str,
    group_2: str,
    use_legend: bool = True,
    show_error: bool = True,
    marker: str = "o",
    figsize: tuple[float, float] = (12, 6),
    fontsize: float = 16,
    tick_spacing: int = 1,
    sort_x: bool = False,
    ax: Axes | None = None,
):
    """Accuracy by crossed group with Wilson intervals. Returns the Axes; see `plot_accuracy`.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.aim342 import plot_intersectional_confidence_intervals_from_df
    >>> people = pd.DataFrame({"sex": list("ffmm"), "age": ["old", "young"] * 2, "label": 1, "pred1": [1, 0, 1, 1]})
    >>> ax = plot_intersectional_confidence_intervals_from_df(people, "label", "pred1", "test data", "sex", "age")
    >>> [tick.get_text().splitlines()[0] for tick in ax.get_xticklabels()]
    ['f × old', 'f × young', 'm × old', 'm × young']
    """
    groups = [group_1, group_2]
    rates = {dataset_name: accuracy_by_group(df_with_preds, groups, label_col, pred_col)}
    style = _style(use_legend, [marker], figsize, fontsize, tick_spacing, sort_x)
    title = _title(show_error, CROSSED.join(groups), dataset_name)
    return plot_accuracy(rates, groups, show_error=show_error, title=title, ax=ax, **style)


def plot_confidence_intervals_from_two_dfs(
    df_1: pd.DataFrame,
    df_2: pd.DataFrame,
    label_col: str,
    pred_col: str,
    dataset_name_1: str,
    dataset_name_2: str,
    group_name: str,
    use_legend: bool = True,
    show_error: bool = True,
    marker_1: str = "o",
    marker_2: str = "^",
    figsize: tuple[float, float] = (12, 6),
    fontsize: float = 16,
    tick_spacing: int = 1,
    sort_x: bool = False,
    ax: Axes | None = None,
):
    """Accuracy by group of two tables side by side, with Wilson intervals. Returns the Axes; see `plot_accuracy`.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.aim342 import plot_confidence_intervals_from_two_dfs
    >>> people = pd.DataFrame({"sex": list("ffmm"), "label": 1, "pred1": [1, 0, 1, 1]})
    >>> new = people.assign(pred1=1)
    >>> ax = plot_confidence_intervals_from_two_dfs(people, new, "label", "pred1", "old", "new", "sex")
    >>> sorted(text.get_text() for text in ax.get_legend().get_texts())
    ['new', 'old']
    """
    if dataset_name_1 == dataset_name_2:
        raise ValueError(
            f"Both data sets are called {dataset_name_1!r}: give them different names, so that they can be told apart."
        )
    tables = {dataset_name_1: df_1, dataset_name_2: df_2}
    rates = {name: accuracy_by_group(table, group_name, label_col, pred_col) for name, table in tables.items()}
    style = _style(use_legend, [marker_1, marker_2], figsize, fontsize, tick_spacing, sort_x)
    title = _title(show_error, group_name, f"{dataset_name_1} and {dataset_name_2}")
    return plot_accuracy(rates, group_name, show_error=show_error, title=title, ax=ax, **style)


def _style(use_legend, markers, figsize, fontsize, tick_spacing, sort_x):
    """The workshop's words for what a figure looks like, as `plot_accuracy` knows them."""
    looks = {"figsize": figsize, "fontsize": fontsize, "tick_spacing": tick_spacing}
    return {"legend": use_legend, "markers": markers, "sort": sort_x} | looks


def _title(show_error, group, dataset):
    return f"Accuracy by {group}{' with 95 % intervals' if show_error else ''}: {dataset}"
