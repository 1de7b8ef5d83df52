"""Curves of scores by group: reliability, and ROC with the operating points."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from utils.evaluation._audit import SMALL
from utils.evaluation._coding import check_table, group_name, listed
from utils.plotting._drawing import (
    legend_below,
    legend_of_figure,
    metric_rows,
    name_points,
    noun_for,
    panel_grid,
    wrapped_text,
)
from utils.plotting._style import MARKERS, SERIES, new_axes

LINES = ["-", "--", "-.", ":"]
TOGETHER = len(SERIES)  # more curves than these get a panel each
PANELS = 4  # side by side
NARROW = "\u00a0=\u00a0"  # no line ends here


def plot_reliability(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes | np.ndarray:
    """The share of positives against the mean score of each bin, by group, with intervals.

    Up to four groups stand in one Axes; more get a panel each, with the others in grey behind. Bins under 30 rows are
    drawn hollow; bins without rows are left out.

    Parameters
    ----------
    table : result of `reliability_table`
    ax : Axes for all groups together

    Returns
    -------
    Axes, or an array of Axes, one a group

    Raises
    ------
    KeyError : a column is missing
    ValueError : the table is empty

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import reliability_table
    >>> from utils.plotting import plot_reliability
    >>> people = pd.DataFrame({"label": [0, 0, 1, 1], "score": [0.25, 0.25, 0.9, 0.9]})
    >>> ax = plot_reliability(reliability_table(people, bins=2))
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['all rows (n = 4)', 'calibrated: observed = mean score', 'bin under 30 rows']
    """
    parts = _by_group(table, "bin", "mean_score", "observed", "low", "high", "n", "small")
    parts = [(name, part[part["n"] > 0].sort_values("mean_score")) for name, part in parts]
    diagonal = Line2D([], [], color="0.35", linestyle="--", linewidth=1, label="calibrated: observed = mean score")
    hollow = Line2D([], [], color="0.4", marker="o", mfc="white", linestyle="", label=f"bin under {SMALL} rows")
    few = [hollow] if (table["small"] & (table["n"] > 0)).any() else []

    def draw(ax, look, name, part):
        color, marker, line = look
        ax.vlines(part["mean_score"], part["low"], part["high"], color=color, linewidth=1.5, alpha=0.6)
        ax.plot(part["mean_score"], part["observed"], line, color=color, linewidth=1.5)
        for rows, face in ((part[~part["small"]], color), (part[part["small"]], "white")):
            ax.plot(rows["mean_score"], rows["observed"], marker, color=color, mfc=face, markersize=6)

    axes = _draw_curves(ax, parts, draw, "mean_score", "observed")
    for panel in np.ravel(axes):
        panel.plot([0, 1], [0, 1], color="0.35", linestyle="--", linewidth=1, zorder=1)
    notes = [(name, f"n = {part['n'].sum():,}") for name, part in parts]
    _finish_curves(axes, notes, "mean score of the bin", "share of positives", [diagonal, *few], markers=True)
    return axes


def describe_reliability(table: pd.DataFrame) -> str:
    """An alt text for `plot_reliability`: of each group, where the share of positives is furthest from the score.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import reliability_table
    >>> from utils.plotting import describe_reliability
    >>> people = pd.DataFrame({"label": [0, 0, 1, 1], "score": [0.25, 0.25, 0.9, 0.9]})
    >>> describe_reliability(reliability_table(people, bins=2))
    '... Furthest from it: all rows 0.00 observed at a mean score of 0.25 (n = 2, under 30 rows).'
    """
    parts = _by_group(table, "bin", "mean_score", "observed", "low", "high", "n", "small")
    far = []
    for name, part in parts:
        part = part[part["n"] > 0]
        enough = part[~part["small"]] if (~part["small"]).any() else part
        if len(enough):
            row = enough.loc[(enough["observed"] - enough["mean_score"]).abs().idxmax()]
            few = f", under {SMALL} rows" if row["small"] else ""
            gap = row["observed"] - row["mean_score"]
            at = f"{row['observed']:.2f} observed at a mean score of {row['mean_score']:.2f} (n = {row['n']:,}{few})"
            far.append((row["small"], -abs(gap), f"{name} {at}"))
    most = [text for *_, text in sorted(far)]  # groups with bins of enough rows first
    what = f"Share of positives against mean score in {table['bin'].nunique()} bins, {len(parts)} {noun_for(parts)}"
    return f"{what}, with the diagonal of calibrated scores. Furthest from it: {'; '.join(most[:5])}."


def plot_roc(
    table: pd.DataFrame, operating_points: pd.DataFrame | None = None, *, ax: Axes | None = None
) -> Axes | np.ndarray:
    """The ROC curve of each group, and where on it the model's decisions lie.

    Up to four groups stand in one Axes; more get a panel each, with the others in grey behind.

    Parameters
    ----------
    table : result of `roc_table`
    operating_points : an audit with the metrics false_positive_rate and true_positive_rate of the same groups
    ax : Axes for all groups together

    Returns
    -------
    Axes, or an array of Axes, one a group

    Raises
    ------
    KeyError : a column is missing
    ValueError : a table is empty, or the audit lacks one of the two rates or all of the groups

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import roc_table
    >>> from utils.plotting import plot_roc
    >>> people = pd.DataFrame({"sex": ["f", "f", "m", "m"], "label": [0, 1, 1, 1], "score": [0.2, 0.8, 0.3, 0.4]})
    >>> ax = plot_roc(roc_table(people, groups="sex"))
    >>> [text.get_text() for text in ax.get_legend().get_texts()[:2]]
    ['f (AUC 1.000, n = 2, under 30 rows)', 'm (no curve: one class only, n = 2, under 30 rows)']
    """
    parts = _by_group(table, "threshold", "false_positive_rate", "true_positive_rate", "auc", "n", "small")
    points = {} if operating_points is None else _operating_points(operating_points, table)
    drawn = []

    def draw(ax, look, name, part):
        color, marker, line = look
        ax.plot(part["false_positive_rate"], part["true_positive_rate"], line, color=color, linewidth=1.8)
        if name in points and np.isfinite(points[name]).all():
            ax.plot(*points[name], marker, color=color, mec="black", markersize=10, zorder=4)
            drawn.append((*points[name], name))

    axes = _draw_curves(ax, parts, draw, "false_positive_rate", "true_positive_rate")
    panels = isinstance(axes, np.ndarray)
    for panel in np.ravel(axes):
        panel.plot([0, 1], [0, 1], color="0.35", linestyle="--", linewidth=1, zorder=1)
        panel.set_aspect("equal")
    if drawn and not panels:  # a panel's title names its point
        name_points(axes, *zip(*drawn, strict=True))
    handles = [Line2D([], [], color="0.35", linestyle="--", linewidth=1, label="chance: both rates equal")]
    if drawn:
        text = "operating point" if panels else "operating point, with the group's name"
        handles.append(Line2D([], [], color="0.7", marker="o", mec="black", markersize=9, linestyle="", label=text))
    notes = [(name, _auc(part)) for name, part in parts]
    _finish_curves(axes, notes, "false positive rate", "true positive rate", handles, markers=False)
    return axes


def describe_roc(table: pd.DataFrame, operating_points: pd.DataFrame | None = None) -> str:
    """An alt text for `plot_roc`: lowest and highest AUC, groups without one, and the operating points.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import roc_table
    >>> from utils.plotting import describe_roc
    >>> people = pd.DataFrame({"sex": ["f", "f", "m", "m"], "label": [0, 1, 1, 1], "score": [0.2, 0.8, 0.3, 0.4]})
    >>> describe_roc(roc_table(people, groups="sex"))
    'ROC curves of 2 groups, ...; f (AUC 1.000, n = 2, under 30 rows); without an AUC, since only one class occurs: m.'
    """
    parts = _by_group(table, "threshold", "false_positive_rate", "true_positive_rate", "auc", "n", "small")
    known = sorted((p for p in parts if np.isfinite(p[1]["auc"].iloc[0])), key=lambda p: p[1]["auc"].iloc[0])
    sentence = f"ROC curves of {len(parts)} {noun_for(parts)}, with the diagonal of chance"
    ends = known if len(known) < 2 else [known[0], known[-1]]
    for what, (name, part) in zip(["lowest", "highest"] if len(ends) == 2 else [""], ends, strict=False):
        sentence += f"; {what} {name} ({_auc(part)})".replace("  ", " ")
    lost = [name for name, part in parts if not np.isfinite(part["auc"].iloc[0])]
    if lost:
        sentence += f"; without an AUC, since only one class occurs: {listed(lost)}"
    if operating_points is not None:
        points = _operating_points(operating_points, table)
        at = [
            f"{name} FPR {points[name][0]:.2f}, TPR {points[name][1]:.2f}"
            for name, _ in parts
            if name in points and np.isfinite(points[name]).all()
        ]
        sentence += f". Operating points: {'; '.join(at[:8])}" + (f" and {len(at) - 8} more" if len(at) > 8 else "")
    return sentence + "."


def _by_group(table, first, *columns):
    """(name, rows) of each group of a curve table; the columns before `first` name the groups."""
    check_table(table, first, *columns)
    groups = list(table.columns[: table.columns.get_loc(first)])
    if not groups:
        return [("all rows", table)]
    return [(group_name(key), part) for key, part in table.groupby(groups, sort=False)]


def _operating_points(audit, table):
    """Group name → (false positive rate, true positive rate), from an audit of the same groups."""
    split = group_name(table.columns[: table.columns.get_loc("threshold")])
    rates = []
    for metric in ("false_positive_rate", "true_positive_rate"):
        rows = metric_rows(audit, metric)
        rows = rows[rows["split"] == split]
        if rows.empty:
            raise ValueError(f"The operating points have no rows by {split or 'overall'!r}, as the curves have.")
        rates.append(rows.set_index("name")["value"])
    both = pd.concat(rates, axis=1)
    both.index = both.index if split else ["all rows"]
    return dict(zip(both.index, both.to_numpy().tolist(), strict=True))


def _auc(part):
    auc, n = part["auc"].iloc[0], part["n"].iloc[0]
    value = f"AUC {auc:.3f}" if np.isfinite(auc) else "no curve: one class only"
    return f"{value}, n = {n:,}" + (f", under {SMALL} rows" if part["small"].iloc[0] else "")


def _look(i):
    """Colour, marker and line style of a series; no two of the first 16 are alike in colour and line style."""
    return SERIES[i % len(SERIES)], MARKERS[i % len(MARKERS)], LINES[(i + i // len(SERIES)) % len(LINES)]


def _draw_curves(ax, parts, draw, x, y):
    """All groups in one Axes, or a panel each with the others in grey."""
    if ax is not None or len(parts) <= TOGETHER:
        ax = new_axes(ax, (8, 5.6 + 0.22 * len(parts)))
        for i, (name, part) in enumerate(parts):
            draw(ax, _look(i), name, part)
        return ax
    down = -(-len(parts) // PANELS)
    axes, spare = panel_grid(len(parts), PANELS, (8.5, 2.35 * down + 0.9), True)
    for panel in spare:
        panel.remove()
    thin = [_thinned(part[x].to_numpy(float), part[y].to_numpy(float)) for _, part in parts]
    behind = np.concatenate([line for curve in thin for line in (curve, [[np.nan, np.nan]])])
    for panel, (name, part) in zip(axes, parts, strict=True):
        panel.plot(behind[:, 0], behind[:, 1], color="0.85", linewidth=0.7, zorder=0)
        draw(panel, _look(0), name, part)
    return axes


def _thinned(x, y, most=200):
    """At most so many points of a curve: enough for a grey line in the background."""
    points = np.column_stack([x, y])
    return points if len(points) <= most else points[np.linspace(0, len(points) - 1, most).astype(int)]


def _finish_curves(axes, notes, xlabel, ylabel, handles, markers):
    """Limits, labels and legend; `notes` holds of each group its name and what stands behind it."""
    for ax in np.ravel(axes):
        ax.set_xlim(-0.03, 1.03)
        ax.set_ylim(-0.03, 1.03)
    if not isinstance(axes, np.ndarray):
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        own = []
        for i, (name, more) in enumerate(notes):
            color, marker, line = _look(i)
            style = {"color": color, "linestyle": line, "marker": marker if markers else None}
            own.append(Line2D([], [], **style, label=wrapped_text(f"{name} ({more})", 56)))
        legend_below(axes, own + handles, columns=2 if max(len("".join(s)) for s in notes) < 48 else 1)
        return
    for i, (ax, (name, more)) in enumerate(zip(axes, notes, strict=True)):
        more = wrapped_text(more.replace(" = ", NARROW), 28)
        ax.set_title(f"{wrapped_text(name, 26)}\n{more}", fontsize=8.5, parse_math=False)
        ax.set_xticks([0, 0.5, 1])
        ax.set_yticks([0, 0.5, 1])
        if i + PANELS >= len(axes):
            ax.set_xlabel(xlabel, fontsize=9)
        if i % PANELS == 0:
            ax.set_ylabel(ylabel, fontsize=9)
    legend_of_figure(axes, [*handles, Line2D([], [], color="0.85", label="the other groups")])
