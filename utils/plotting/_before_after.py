"""Two models side by side: an arrow from before to after for every group, or for every disparity."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from utils.evaluation._audit import SMALL
from utils.evaluation._coding import check_table, listed
from utils.evaluation._metrics import METRICS
from utils.plotting._drawing import (
    by_split,
    comparison_words,
    full_name,
    in_words,
    legend_below,
    metric_rows,
    of_class,
    reach_to,
    rows_on_axes,
    wrapped_text,
    write_at,
    write_beside,
)
from utils.plotting._style import SERIES


def plot_before_after(
    before: pd.DataFrame,
    after: pd.DataFrame,
    metric: str | None = None,
    *,
    names: Sequence[str] = ("before", "after"),
    ax: Axes | None = None,
) -> Axes:
    """What changed between two models: an arrow a line, from before to after.

    Of two audits, the value of one metric in each group; of two results of `disparities`, the worst-to-best gap without
    its sign, by metric. Lines are sorted by what was before. Words at the right say what the change is. Arrows carry no
    intervals: whether chance alone could have made them is for a paired comparison and `plot_differences`.

    Parameters
    ----------
    before, after : two results of `audit`, or two of `disparities`, with the same groups
    metric : its name; with disparities, None draws all of them
    names : of the two models

    Returns
    -------
    Axes

    Raises
    ------
    KeyError : a column is missing
    ValueError : the two are not of the same kind or do not have the same lines, or the metric is in none of them

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import audit
    >>> from utils.plotting import plot_before_after
    >>> people = pd.DataFrame({"sex": ["f"] * 4 + ["m"] * 4, "label": 1, "pred1": [1, 0, 0, 0, 1, 1, 1, 0]})
    >>> before, after = (audit(t, groups=["sex"], problems="ignore") for t in (people, people.assign(pred1=1)))
    >>> ax = plot_before_after(before, after, "accuracy")
    >>> [text.get_text() for text in ax.texts if text.get_text()]
    ['+0.500 better', '+0.750 better', '+0.250 better']
    """
    rows, gaps = _both(before, after, metric)
    verdicts = [_verdict(b, a, metric, gaps) for b, a in zip(rows["before"], rows["after"], strict=True)]
    words = [_undefined_change(r, names) for r in rows.itertuples()]
    ax, y = rows_on_axes(ax, rows, words)
    reach_to(ax, rows["before"], rows["after"])
    kinds = {}
    for at, row, (sign, verdict), word in zip(y, rows.itertuples(), verdicts, words, strict=True):
        if word:
            write_at(ax, at, word)
            continue
        color, line = {1: (SERIES[0], "-"), -1: (SERIES[1], "--"), 0: ("0.4", "-")}[sign]
        if row.after != row.before:
            ax.annotate(
                "",
                xy=(row.after, at),
                xytext=(row.before, at),
                arrowprops={
                    "arrowstyle": "-|>,head_length=0.45,head_width=0.22",
                    "color": color,
                    "linestyle": line,
                    "linewidth": 1.8,
                    "shrinkA": 0,
                    "shrinkB": 0,
                    "mutation_scale": 16,
                },
                annotation_clip=False,
            )
        # A bar is seen under the head of a short arrow, where a dot would be covered.
        ax.plot(row.before, at, "|", color=color, markersize=12, markeredgewidth=2, zorder=3)
        write_beside(ax, at, verdict)
        kinds[sign] = Line2D([], [], color=color, linestyle=line, linewidth=1.8, label=_kind(sign, metric, gaps))
    start = Line2D([], [], color="0.4", marker="|", markersize=12, mew=2, linestyle="", label=f"{names[0]} (bar)")
    end = Line2D([], [], color="0.4", marker=">", linestyle="", label=f"{names[1]} (arrow head)")
    legend_below(ax, [start, end, *(kinds[k] for k in (1, -1, 0) if k in kinds)])
    ax.set_xlabel(_gap_words(metric) if gaps else in_words(metric) + of_class(before, metric))
    return ax


def describe_before_after(
    before: pd.DataFrame, after: pd.DataFrame, metric: str | None = None, *, names: Sequence[str] = ("before", "after")
) -> str:
    """An alt text for `plot_before_after`: how many lines changed which way, and the largest change each way.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import audit
    >>> from utils.plotting import describe_before_after
    >>> people = pd.DataFrame({"sex": ["f"] * 4 + ["m"] * 4, "label": 1, "pred1": [1, 0, 0, 0, 1, 1, 1, 0]})
    >>> before, after = (audit(t, groups=["sex"], problems="ignore") for t in (people, people.assign(pred1=1)))
    >>> describe_before_after(before, after, "accuracy")
    'Arrows from before to after: accuracy, 3 lines; 3 better, the largest change f (sex), ..., 0.250 to 1.000 ....'
    """
    rows, gaps = _both(before, after, metric)
    verdicts = [_verdict(b, a, metric, gaps) for b, a in zip(rows["before"], rows["after"], strict=True)]
    change = (rows["after"] - rows["before"]).to_numpy()
    rows["verdict"] = [verdict for _, verdict in verdicts]
    what = _gap_words(metric) if gaps else in_words(metric) + of_class(before, metric)
    phrases = [f"Arrows from {names[0]} to {names[1]}: {what}, {len(rows)} {'line' if len(rows) == 1 else 'lines'}"]
    for sign in (1, -1, 0):
        which = np.flatnonzero([s == sign and np.isfinite(c) for (s, _), c in zip(verdicts, change, strict=True)])
        if not len(which):
            continue
        phrases.append(f"{len(which)} {_kind(sign, metric, gaps)}")
        top = rows.loc[which[np.abs(change[which]).argmax()]]
        if top["verdict"] != "no change":
            few = f", under {SMALL} rows" if top["small"] else ""
            at = f"{full_name(top, rows)}{few}, {top['before']:.3f} to {top['after']:.3f}"
            phrases[-1] += f", the largest change {at} ({top['verdict']})"
    lost = rows[~np.isfinite(change)]
    if len(lost):
        why = [_undefined_change(r, names).replace("\n", " ") for r in lost.itertuples()]
        lines = [f"{full_name(r, rows)} ({w})" for (_, r), w in zip(lost.iterrows(), why, strict=True)]
        phrases.append("no arrow: " + listed(lines))
    return "; ".join(phrases) + "."


def _both(before: pd.DataFrame, after: pd.DataFrame, metric: str | None) -> tuple[pd.DataFrame, bool]:
    """The lines of two tables side by side, sorted by `before`, and whether they are worst-to-best gaps."""
    gaps = "comparison" in before
    if gaps != ("comparison" in after):
        raise ValueError("One table is an audit and the other holds disparities: compare two of a kind.")
    if gaps:
        first, second = _gaps(before, metric), _gaps(after, metric)
    elif metric is None:
        raise ValueError("metric is None: name the metric of the two audits that is drawn.")
    else:
        first, second = metric_rows(before, metric), metric_rows(after, metric)
    keys = ["split", "name"]
    odd = set(map(tuple, first[keys].to_numpy())) ^ set(map(tuple, second[keys].to_numpy()))
    if odd:
        names = listed(sorted(" ".join(filter(None, (name, split and f"({split})"))) for split, name in odd))
        raise ValueError(f"Before and after must have the same lines; only one of them has {names}.")
    both = first.merge(second[[*keys, "value", "note"]], on=keys, suffixes=("", "_after"))
    return by_split(both.rename(columns={"value": "before", "value_after": "after"}), "before"), gaps


def _gaps(table: pd.DataFrame, metric: str | None) -> pd.DataFrame:
    check_table(table, "by", "metric", "comparison", "difference")
    cut = table[(table["comparison"] == "worst to best") & (table["metric"].eq(metric) | (metric is None))]
    if cut.empty:
        there = listed([str(m) for m in table["metric"].unique()], 20)
        raise ValueError(f"There is no worst-to-best gap of {metric!r} in the table; its metrics are {there}.")
    rows = pd.DataFrame({"value": cut["difference"].astype(float).abs().to_numpy(), "split": cut["by"].to_numpy()})
    many = cut["metric"].nunique() > 1 or "class" in cut
    if many:
        rows["name"] = [comparison_words(r | {"group": None}, "−", True) for r in cut.to_dict("records")]
    else:  # one metric: a line a split
        rows["name"], rows["split"] = cut["by"].to_numpy(), ""
    rows["note"] = cut["note"].fillna("").to_numpy() if "note" in cut else ""
    rows["small"] = False
    return by_split(rows)


def _verdict(before: float, after: float, metric: str | None, gaps: bool) -> tuple[int, str]:
    """Better (1), worse (−1) or neither (0), and the change in words."""
    change = after - before
    if not np.isfinite(change):
        return 0, "undefined"
    if abs(change) < 5e-4:
        return 0, "no change"
    goal = "lower" if gaps else _better(metric)
    sign = int(np.sign(change)) * {"lower": -1, "higher": 1, "neither": 0}[goal]
    words = {1: "smaller gap", -1: "larger gap"} if gaps else {1: "better", -1: "worse", 0: "higher"}
    verdict = "lower" if sign == 0 and change < 0 else words[sign]
    return sign, f"{'+' if change > 0 else '−'}{abs(change):.3f} {verdict}"


def _kind(sign: int, metric: str | None, gaps: bool) -> str:
    if gaps:
        return {1: "smaller gap", -1: "larger gap", 0: "no change"}[sign]
    neither = _better(metric) == "neither"
    return {1: "better", -1: "worse", 0: "neither better nor worse" if neither else "no change"}[sign]


def _undefined_change(row: NamedTuple, names: Sequence[str]) -> str:
    """Why there is no arrow; empty where there is one."""
    lost = [
        (str(name), note)
        for name, value, note in zip(names, (row.before, row.after), (row.note, row.note_after), strict=True)
        if not np.isfinite(value)
    ]
    if not lost:
        return ""
    notes = dict.fromkeys(note for _, note in lost if note)
    why = f": {'; '.join(notes)}" if notes else ""
    return wrapped_text(f"undefined ({', '.join(name for name, _ in lost)}){why}", 60)


def _gap_words(metric: str | None) -> str:
    return f"worst-to-best difference{f' in {in_words(metric)}' if metric else ''}, without its sign"


def _better(metric):
    return METRICS[metric].better if metric in METRICS else "neither"  # of a column of one's own, nothing is known
