"""Figures of an audit: values by group as a forest, small multiples by metric, and differences between groups.

Nothing is told by colour alone: every figure repeats it by a marker, a line style or words. Figures grow with the
groups, so that forty of them stay readable; Axes that are passed in keep their size, and want a figure made with
`layout="constrained"`, which makes room for names and legends. The other figures of this folder keep to the same.
"""

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from utils.evaluation._audit import SMALL
from utils.evaluation._coding import check_table, group_name, listed
from utils.plotting._drawing import (
    ROW,
    by_split,
    capitalised,
    comparison_words,
    dress_rows,
    full_name,
    in_words,
    legend_below,
    legend_of_figure,
    line_count,
    metric_rows,
    noun_for,
    of_class,
    panel_grid,
    reach_to,
    row_label,
    row_places,
    rows_on_axes,
    wrapped_text,
    write_at,
    write_beside,
)
from utils.plotting._style import MARKERS, SERIES


def plot_forest(audit: pd.DataFrame, metric: str, *, sort: bool = False, reference="overall", ax=None):
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
    words = ["" if np.isfinite(v) else _undefined(note) for v, note in zip(rows["value"], rows["note"], strict=True)]
    ax, y = rows_on_axes(ax, rows, words)
    _draw_rows(ax, y, rows, words, line)
    _print_n(ax, y, rows)
    ax.set_xlabel(in_words(metric) + of_class(audit, metric))
    legend_below(ax, _forest_handles(rows, line, _level(audit)))
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
    said = f"{capitalised(in_words(metric))}{of_class(audit, metric)}"
    said += f" by {_and(splits)} with {_level(audit)}s, {_count(groups)}" if len(splits) else f" with {_level(audit)}"
    if len(overall):
        said += f"; overall {_value(overall.iloc[0])}"
    return f"{said}{_extremes(groups)}."


def plot_small_multiples(audit: pd.DataFrame, metrics=None, by=None, *, columns: int = 3, axes=None):
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
    >>> found = audit(people, groups=["sex"], metrics=["accuracy", "selection_rate"], problems="ignore")
    >>> [ax.get_title().splitlines() for ax in plot_small_multiples(found)]
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
        _draw_rows(ax, y, table, words, line)
        ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        title = in_words(metric) + of_class(audit, metric)
        ax.set_title(f"{title}\n{'no overall value' if line is None else f'overall {line[1]:.3f}'}", fontsize=10)
        if i % columns == columns - 1:
            _print_n(ax, y, rows)
    handles = _forest_handles(pd.concat(tables), None, _level(audit))
    handles.append(Line2D([], [], color="0.35", linestyle="--", linewidth=1, label="overall value"))
    legend_of_figure(axes, handles)
    return axes


def describe_small_multiples(audit: pd.DataFrame, metrics=None, by=None) -> str:
    """An alt text for `plot_small_multiples`: of each metric the lowest and the highest group.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import audit
    >>> from utils.plotting import describe_small_multiples
    >>> people = pd.DataFrame({"sex": ["f"] * 4 + ["m"] * 4, "label": 1, "pred1": [1, 0, 0, 0, 1, 1, 1, 0]})
    >>> found = audit(people, groups=["sex"], metrics=["accuracy", "error_rate"], problems="ignore")
    >>> describe_small_multiples(found)
    '2 panels with 95 % intervals by sex, 2 groups. Accuracy overall 0.500; lowest f at 0.250, ... Error rate overall
    0.500; lowest m at 0.250, ..., highest f at 0.750, under 30 rows.'
    """
    metrics, tables = _panels_of(audit, metrics, by)
    first = tables[0][tables[0]["split"] != ""]
    said = []
    for metric, rows in zip(metrics, tables, strict=True):
        groups, overall = rows[rows["split"] != ""], rows[rows["split"] == ""]
        at = f" overall {_number(overall['value'].iloc[0])}" if len(overall) else ""
        said.append(f"{in_words(metric)}{at}{_extremes(groups, brief=True)}")
    splits = f" by {_and(first['split'].unique())}" if len(first) else ""
    return f"{len(metrics)} panels with {_level(audit)}s{splits}, {_count(first)}. {'. '.join(map(capitalised, said))}."


def plot_differences(
    table: pd.DataFrame,
    value: str = "difference",
    low: str | None = None,
    high: str | None = None,
    names=None,
    *,
    no_disparity: float | None = None,
    ax=None,
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
    words = ["" if np.isfinite(v) else _undefined(note) for v, note in zip(rows["value"], rows["note"], strict=True)]
    ax, y = rows_on_axes(ax, rows, words, width=44)
    side = _side(rows, zero)
    _draw_rows(ax, y, rows, words, (f"no difference: {zero:g}", zero), np.array([MARKERS[0], "<", ">"])[side])
    if "n" in table:
        _print_n(ax, y, rows)
    metrics = table["metric"].unique() if "metric" in table else []
    corrected = (low or f"{_interval_of(table, value)}low") == "corrected_low"
    said = in_words(value) + (f" in {in_words(metrics[0])}" if len(metrics) == 1 else "")
    ax.set_xlabel(said + (", intervals corrected for having picked the groups" if corrected else ""))
    handles = [
        Line2D([], [], color=SERIES[0], linewidth=2, marker=marker, markersize=8, label=text)
        for i, (marker, text) in enumerate(
            [(MARKERS[0], f"interval holds {zero:g}"), ("<", f"lies below {zero:g}"), (">", f"lies above {zero:g}")]
        )
        if (side[np.isfinite(rows["value"])] == i).any()
    ]
    legend_below(ax, handles + _forest_handles(rows, (f"no difference: {zero:g}", zero), None))
    return ax


def describe_differences(
    table: pd.DataFrame,
    value: str = "difference",
    low: str | None = None,
    high: str | None = None,
    names=None,
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
    said = f"{capitalised(in_words(value))} with intervals, {len(rows)} {'line' if len(rows) == 1 else 'lines'}"
    holds = f"intervals that do not hold {zero:g}: {listed(away, 8)}" if away else f"every interval holds {zero:g}"
    return (
        f"{said}{_extremes(rows, with_n='n' in table)}; {holds if np.isfinite(rows['low']).any() else 'no intervals'}."
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


def _level(audit):
    level = audit.attrs.get("level")
    return f"{100 * level:g} % interval" if level else "interval"


def _and(words):
    words = list(words)
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _count(rows):
    return f"{len(rows)} {noun_for(rows)}"


def _number(value):
    return f"{value:.3f}" if np.isfinite(value) else "undefined"


def _undefined(note):
    return wrapped_text(f"undefined: {note}" if note else "undefined", 60)


def _value(row, with_n=True):
    if not np.isfinite(row["value"]):
        return f"undefined ({row['note']})" if row["note"] else "undefined"
    inside = [f"interval {row['low']:.3f} to {row['high']:.3f}"] if np.isfinite([row["low"], row["high"]]).all() else []
    inside += [f"n = {row['n']:,}"] if with_n else []
    inside += [f"under {SMALL} rows"] if row["small"] else []
    return f"{row['value']:.3f}" + (f" ({', '.join(inside)})" if inside else "")


def _extremes(rows, brief=False, with_n=True):
    """ "; lowest …, highest …; undefined: …"."""
    known, lost = rows[np.isfinite(rows["value"])], rows[~np.isfinite(rows["value"])]

    def say(row):
        few = f", under {SMALL} rows" if row["small"] else ""
        return f"{full_name(row, rows)} at {_number(row['value']) + few if brief else _value(row, with_n)}"

    said = ""
    if len(known) == 1:
        said += f"; {say(known.iloc[0])}"
    elif len(known):
        said += f"; lowest {say(known.loc[known['value'].idxmin()])}, highest {say(known.loc[known['value'].idxmax()])}"
    if len(lost):
        said += "; undefined: " + listed(
            [full_name(r, rows) + (f" ({r['note']})" if r["note"] else "") for _, r in lost.iterrows()]
        )
    return said


def _draw_rows(ax, y, rows, words, line, markers=None):
    value, low, high = (rows[c].to_numpy() for c in ("value", "low", "high"))
    small, color = rows["small"].to_numpy(bool), SERIES[0]
    reach_to(ax, value, low, high, [np.nan if line is None else line[1]])
    if line is not None:
        ax.axvline(line[1], color="0.35", linestyle="--", linewidth=1, zorder=1)
    ranged = np.isfinite(low) & np.isfinite(high)
    ax.hlines(y[ranged], low[ranged], high[ranged], color=color, linewidth=2)
    markers = np.full(len(rows), MARKERS[0]) if markers is None else markers
    for marker in dict.fromkeys(markers):
        for which, face in ((~small, color), (small, "white")):
            which = which & (markers == marker) & np.isfinite(value)
            if which.any():
                ax.plot(value[which], y[which], marker, color=color, mfc=face, markersize=8, zorder=3)
    for at, x, alone in zip(y, value, np.isfinite(value) & ~ranged & ranged.any(), strict=True):
        if alone:
            left = x > np.mean(ax.get_xlim())
            ax.annotate(
                "no interval",
                (x, at),
                xytext=(-8 if left else 8, 0),
                textcoords="offset points",
                ha="right" if left else "left",
                va="center",
                fontsize=8.5,
                fontstyle="italic",
                color="0.3",
            )
    for at, word in zip(y, words, strict=True):
        if word:
            write_at(ax, at, word)


def _print_n(ax, y, rows):
    for at, n in zip(y, rows["n"], strict=True):
        write_beside(ax, at, f"n = {int(n):,}")


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


def _forest_handles(rows, line, level):
    """Legend entries; `level` None leaves out the one of the plain marker."""
    style = {"color": SERIES[0], "linewidth": 2, "marker": MARKERS[0], "markersize": 8}
    ranged = np.isfinite(rows[["low", "high"]].to_numpy(float)).all(axis=1).any()
    out = [] if level is None else [Line2D([], [], **style, label=f"value with {level}" if ranged else "value")]
    if rows["small"].any():
        out.append(Line2D([], [], **style | {"mfc": "white"}, label=f"hollow: under {SMALL} rows"))
    if line is not None:
        out.append(Line2D([], [], color="0.35", linestyle="--", linewidth=1, label=line[0]))
    return out
