"""Figures of an audit: values by group as a forest, and small multiples by metric.

Nothing is told by colour alone: every figure repeats it by a marker, a line style or words. Figures grow with the
groups, so that forty of them stay readable; Axes that are passed in keep their size, and want a figure made with
`layout="constrained"`, which makes room for names and legends. The other figures of this folder keep to the same.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from utils.evaluation._coding import check_table, listed
from utils.plotting._drawing import (
    ROW,
    by_split,
    capitalised,
    dress_rows,
    in_words,
    legend_below,
    legend_of_figure,
    line_count,
    metric_rows,
    noun_for,
    of_class,
    panel_grid,
    row_label,
    row_places,
    rows_on_axes,
)
from utils.plotting._rows import (
    draw_rows,
    extremes_in_words,
    missing_words,
    number_words,
    print_n,
    row_handles,
    value_words,
)
from utils.tables import group_name


def plot_forest(
    audit: pd.DataFrame,
    metric: str,
    *,
    sort: bool = False,
    reference: str | float | None = "overall",
    ax: Axes | None = None,
):
    """One metric of an audit: a line a group and crossed group, with its interval and its rows.

    Groups under 30 rows are drawn hollow, and their name says so; a value that is undefined is said in words. The axis
    reaches as far as the intervals.

    Parameters
    ----------
    audit : result of `audit`, or some of its rows; with more than two classes the rows of one class
    metric : its name in the audit
    sort : within each split from the lowest value to the highest, instead of in the order of the table
    reference : where the dashed line stands: "overall" (where the audit has that row), a number, or None

    Returns
    -------
    Axes

    Raises
    ------
    KeyError : a column of an audit is missing
    ValueError : the metric is not in the audit, or there for several classes

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import audit
    >>> from utils.plotting import plot_forest
    >>> people = pd.DataFrame({"sex": ["f"] * 4 + ["m"] * 4, "label": 1, "pred1": [1, 0, 0, 0, 1, 1, 1, 0]})
    >>> ax = plot_forest(audit(people, groups=["sex"], problems="ignore"), "accuracy")
    >>> [tick.get_text() for tick in ax.get_yticklabels()]
    ['overall (under 30 rows)', 'sex', 'f (under 30 rows)', 'm (under 30 rows)']
    """
    rows = metric_rows(audit, metric)
    if sort:
        rows = by_split(rows, "value")
    line = _reference(rows, reference)
    words = missing_words(rows)
    ax, y = rows_on_axes(ax, rows, words)
    draw_rows(ax, y, rows, words, line)
    print_n(ax, y, rows)
    ax.set_xlabel(in_words(metric) + of_class(audit, metric))
    legend_below(ax, row_handles(rows, line, _level(audit)))
    return ax


def describe_forest(audit: pd.DataFrame, metric: str) -> str:
    """An alt text for `plot_forest`: the overall value, the lowest and the highest group, and what is undefined.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import audit
    >>> from utils.plotting import describe_forest
    >>> people = pd.DataFrame({"sex": ["f"] * 4 + ["m"] * 4, "label": 1, "pred1": [1, 0, 0, 0, 1, 1, 1, 0]})
    >>> describe_forest(audit(people, groups=["sex"], problems="ignore"), "accuracy")
    'Accuracy by sex with 95 % intervals, 2 groups; overall 0.500 ...; lowest f at 0.250 ..., highest m at 0.750 ....'
    """
    rows = metric_rows(audit, metric)
    groups, overall = rows[rows["split"] != ""], rows[rows["split"] == ""]
    splits = groups["split"].unique()
    words = f"{capitalised(in_words(metric))}{of_class(audit, metric)}"
    words += f" by {_and(splits)} with {_level(audit)}s, {_count(groups)}" if len(splits) else f" with {_level(audit)}"
    if len(overall):
        words += f"; overall {value_words(overall.iloc[0])}"
    return f"{words}{extremes_in_words(groups)}."


def plot_small_multiples(
    audit: pd.DataFrame,
    metrics: str | Sequence[str] | None = None,
    by: str | Sequence[str] | None = None,
    *,
    columns: int = 3,
    axes: np.ndarray | None = None,
):
    """Several metrics of an audit side by side: a panel a metric, the same groups in the same lines.

    Every panel has its own scale, as far as its intervals reach, and a dashed line at the overall value.

    Parameters
    ----------
    audit : result of `audit`, or some of its rows; with more than two classes the rows of one class
    metrics : names in the audit; None draws them all
    by : the split that is drawn: a column, or columns for crossed groups; None draws them all
    columns : at most so many panels side by side
    axes : array of as many Axes as metrics, or more

    Returns
    -------
    array of Axes, one a metric

    Raises
    ------
    KeyError, ValueError : as in `plot_forest`; also for a split that is not in the audit, and for too few axes

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import audit
    >>> from utils.plotting import plot_small_multiples
    >>> people = pd.DataFrame({"sex": ["f"] * 4 + ["m"] * 4, "label": 1, "pred1": [1, 0, 0, 0, 1, 1, 1, 0]})
    >>> rates = audit(people, groups=["sex"], metrics=["accuracy", "selection_rate"], problems="ignore")
    >>> [ax.get_title().splitlines() for ax in plot_small_multiples(rates)]
    [['accuracy', 'overall 0.500'], ['selection rate', 'overall 0.500']]
    """
    metrics, tables = _panels_of(audit, metrics, by)
    rows = tables[0]
    y, headings, total = row_places(rows["split"], [line_count(row_label(r, 26)) for r in rows.itertuples()])
    if axes is None:
        down = -(-len(metrics) // columns)
        columns = -(-len(metrics) // down)  # four panels stand two by two, not three and one
        axes, spare = panel_grid(len(metrics), columns, (8.5, down * (total * ROW + 0.75) + 0.4), "row")
        for ax in spare:
            ax.remove()
    else:
        axes = np.ravel(axes)
        if len(axes) < len(metrics):
            raise ValueError(f"There are {len(axes)} axes for {len(metrics)} metrics: give one for each.")
        axes, columns = axes[: len(metrics)], len(metrics)
    for i, (ax, metric, table) in enumerate(zip(axes, metrics, tables, strict=True)):
        line = _reference(table, "overall")
        words = ["" if np.isfinite(v) else "undefined" for v in table["value"]]
        dress_rows(ax, y, [row_label(r, 26) for r in rows.itertuples()], headings, total)
        ax.tick_params(axis="y", labelleft=i % columns == 0)
        ax.tick_params(axis="x", labeltop=False)
        draw_rows(ax, y, table, words, line)
        ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        title = in_words(metric) + of_class(audit, metric)
        ax.set_title(f"{title}\n{'no overall value' if line is None else f'overall {line[1]:.3f}'}", fontsize=10)
        if i % columns == columns - 1:
            print_n(ax, y, rows)
    handles = row_handles(pd.concat(tables), None, _level(audit))
    handles.append(Line2D([], [], color="0.35", linestyle="--", linewidth=1, label="overall value"))
    legend_of_figure(axes, handles)
    return axes


def describe_small_multiples(
    audit: pd.DataFrame, metrics: str | Sequence[str] | None = None, by: str | Sequence[str] | None = None
) -> str:
    """An alt text for `plot_small_multiples`: of each metric the lowest and the highest group.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import audit
    >>> from utils.plotting import describe_small_multiples
    >>> people = pd.DataFrame({"sex": ["f"] * 4 + ["m"] * 4, "label": 1, "pred1": [1, 0, 0, 0, 1, 1, 1, 0]})
    >>> rates = audit(people, groups=["sex"], metrics=["accuracy", "error_rate"], problems="ignore")
    >>> describe_small_multiples(rates)
    '2 panels with 95 % intervals by sex, 2 groups. Accuracy overall 0.500; lowest f at 0.250, ... Error rate overall
    0.500; lowest m at 0.250, ..., highest f at 0.750, under 30 rows.'
    """
    metrics, tables = _panels_of(audit, metrics, by)
    first = tables[0][tables[0]["split"] != ""]
    parts = []
    for metric, rows in zip(metrics, tables, strict=True):
        groups, overall = rows[rows["split"] != ""], rows[rows["split"] == ""]
        at = f" overall {number_words(overall['value'].iloc[0])}" if len(overall) else ""
        parts.append(f"{in_words(metric)}{at}{extremes_in_words(groups, brief=True)}")
    splits = f" by {_and(first['split'].unique())}" if len(first) else ""
    return (
        f"{len(metrics)} panels with {_level(audit)}s{splits}, {_count(first)}. {'. '.join(map(capitalised, parts))}."
    )


def _panels_of(audit, metrics, by):
    """Metrics, and the rows of each: the same groups in the same order."""
    check_table(audit, "metric")
    metrics = (
        audit["metric"].unique().tolist() if metrics is None else [metrics] if isinstance(metrics, str) else metrics
    )
    if not len(metrics):
        raise ValueError("metrics is empty: name at least one metric of the audit.")
    tables = [metric_rows(audit, metric) for metric in metrics]
    every = pd.concat(tables)
    if by is not None:
        by = by if isinstance(by, str) else group_name(by)
        if by not in set(every["split"]) - {""}:
            there = listed([repr(s) for s in every["split"].unique() if s])
            raise ValueError(f"The audit has no split by {by!r}; there are {there or 'none'}.")
        every = every[every["split"].isin(["", by])]
    lines = by_split(every.drop_duplicates(["split", "name"]))
    keys = pd.MultiIndex.from_frame(lines[["split", "name"]])
    aligned = []
    for table in tables:
        own = table.set_index(["split", "name"]).reindex(keys).reset_index()
        own["n"], own["small"] = lines["n"], lines["small"]
        aligned.append(own.fillna({"note": "not in the audit"}))
    return list(metrics), aligned


def _level(audit):
    level = audit.attrs.get("level")
    return f"{100 * level:g} % interval" if level else "interval"


def _and(words):
    words = list(words)
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _count(rows):
    return f"{len(rows)} {noun_for(rows)}"


def _reference(rows, reference):
    """(text, value) of the dashed line, or None."""
    if reference is None:
        return None
    if isinstance(reference, str):
        if reference != "overall":
            raise ValueError(f'reference is {reference!r}; it must be "overall", a number, or None.')
        overall = rows.loc[rows["split"] == "", "value"]
        known = len(overall) and np.isfinite(overall.iloc[0])
        return (f"overall {overall.iloc[0]:.3f}", float(overall.iloc[0])) if known else None
    return f"reference {reference:g}", float(reference)
