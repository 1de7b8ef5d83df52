"""What goes with what: a heat map of co-occurrence, and the distribution of a number by group."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm

from utils.evaluation._coding import check_table
from utils.plotting._curves import LINES
from utils.plotting._drawing import capitalised, in_words, legend_below
from utils.plotting._style import SERIES, new_axes


def plot_co_occurrence(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Heat map of pointwise mutual information, with the value and the count printed in every cell.

    Parameters
    ----------
    table : result of `utils.evaluation.co_occurrence`

    Returns
    -------
    Axes

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import co_occurrence
    >>> from utils.plotting import plot_co_occurrence
    >>> people = pd.DataFrame({"sex": ["f", "f", "f", "m"], "job": ["nurse", "nurse", "cook", "cook"]})
    >>> ax = plot_co_occurrence(co_occurrence(people, "sex", "job"))
    >>> ax.get_xlabel(), ax.get_ylabel(), ax.texts[-1].get_text().split()
    ('job', 'sex', ['never', '0'])
    """
    first, second = _two_columns(table)
    pmi, low, high, count = (
        table.pivot(index=first, columns=second, values=v) for v in ("pmi", "low", "high", "count")
    )
    ax = new_axes(ax, (1.7 * pmi.shape[1] + 2.5, 0.8 * pmi.shape[0] + 1.6))
    seen = table.loc[np.isfinite(table["pmi"]), "pmi"].abs().max()
    limit = max(float(seen), 1.0)  # a faint association is not to look like a strong one
    image = ax.imshow(
        pmi.clip(lower=-limit).to_numpy(float), cmap="PuOr_r", norm=TwoSlopeNorm(0, -limit, limit), aspect="auto"
    )
    for i, j in np.ndindex(pmi.shape):
        value = pmi.iat[i, j]
        if np.isfinite(value):
            sure = low.iat[i, j] > 0 or high.iat[i, j] < 0
            text = f"{value:+.1f}{'' if sure else ' ?'}\n{count.iat[i, j]:,}"
        else:
            text = "never\n0"
        dark = abs(max(value, -limit)) > 0.6 * limit
        ax.text(j, i, text, ha="center", va="center", fontsize=9, color="white" if dark else "black")
    ax.set_xticks(range(pmi.shape[1]), pmi.columns)
    ax.set_yticks(range(pmi.shape[0]), pmi.index)
    ax.set_xlabel(in_words(second))
    ax.set_ylabel(in_words(first))
    ax.grid(False)
    ax.figure.colorbar(image, ax=ax, label="PMI in bits (0: as chance would have it)")
    if table["low"].le(0).mul(table["high"].ge(0)).any():
        ax.set_title("below each value the number of rows; ?: the interval holds 0", fontsize=9)
    else:
        ax.set_title("below each value the number of rows", fontsize=9)
    return ax


def describe_co_occurrence(table: pd.DataFrame, most: int = 3) -> str:
    """An alt text for `plot_co_occurrence`: the pairs furthest above and below chance.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import co_occurrence
    >>> from utils.plotting import describe_co_occurrence
    >>> people = pd.DataFrame({"sex": ["f", "f", "f", "m"], "job": ["nurse", "nurse", "cook", "cook"]})
    >>> describe_co_occurrence(co_occurrence(people, "sex", "job"), most=1)
    'Heat map ... Above chance: m with cook +1.0 (1 rows). Below chance: m with nurse never (0 rows).'
    """
    first, second = _two_columns(table)
    rows = table.sort_values("pmi")

    def pairs(part: pd.DataFrame) -> str:
        return "; ".join(
            f"{r[first]} with {r[second]} {format(r['pmi'], '+.1f') if r['count'] else 'never'} ({r['count']:,} rows)"
            for _, r in part.iterrows()
        )

    above, below = rows[rows["pmi"] > 0][::-1].head(most), rows[rows["pmi"] < 0].head(most)
    return (
        f"Heat map of how often {in_words(first)} goes with {in_words(second)}, as pointwise mutual information. "
        f"Above chance: {pairs(above) or 'none'}. Below chance: {pairs(below) or 'none'}."
    )


def _two_columns(table):
    check_table(table, "pmi", "count", "low", "high")
    return list(table.columns[:2])


def plot_shares_below(
    table: pd.DataFrame, value: str, by: str, *, xlabel: str | None = None, ax: Axes | None = None
) -> Axes:
    """The cumulative distribution of a number in each group: for each x, the share of the group's rows that lie below.

    Nothing is smoothed and nothing is binned, so that small groups look as rough as they are.

    Parameters
    ----------
    table : DataFrame, one row an example
    value, by : columns, a number and the group
    xlabel : what the number is, with its unit

    Returns
    -------
    Axes

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.plotting import plot_shares_below
    >>> people = pd.DataFrame({"sex": ["f", "f", "f", "m", "m"], "hours": [10, 20, 30, 40, 40]})
    >>> ax = plot_shares_below(people, "hours", "sex")
    >>> [line.get_label() for line in ax.lines]
    ['f (n = 3, half below 20.00)', 'm (n = 2, half below 40.00)']
    """
    check_table(table, value, by)
    ax = new_axes(ax)
    for i, (name, part) in enumerate(table.groupby(by, sort=True)):
        x = np.sort(part[value].dropna().to_numpy(float))
        ax.step(
            x,
            np.arange(1, len(x) + 1) / max(len(x), 1),
            where="post",
            color=SERIES[i % len(SERIES)],
            linestyle=LINES[i % len(LINES)],
            linewidth=2,
            label=f"{name} (n = {len(x):,}, half below {np.median(x):.2f})" if len(x) else f"{name} (no value)",
        )
    ax.set_ylim(0, 1)
    ax.set_xlabel(xlabel or in_words(value))
    ax.set_ylabel("share of the group's rows below")
    legend_below(ax, ax.get_legend_handles_labels()[0], columns=1)
    return ax


def describe_shares_below(table: pd.DataFrame, value: str, by: str) -> str:
    """An alt text for `plot_shares_below`: quartiles of each group.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.plotting import describe_shares_below
    >>> people = pd.DataFrame({"sex": ["f", "f", "f", "m", "m"], "hours": [10, 20, 30, 40, 40]})
    >>> describe_shares_below(people, "hours", "sex")
    'Hours by sex, cumulative. ... lie below: f: 15.00, 20.00, 25.00; m: 40.00, 40.00, 40.00.'
    """
    check_table(table, value, by)
    quarters = table.groupby(by, sort=True)[value].quantile([0.25, 0.5, 0.75]).unstack()
    quartiles = "; ".join(f"{name}: {q[0.25]:.2f}, {q[0.5]:.2f}, {q[0.75]:.2f}" for name, q in quarters.iterrows())
    of = f"{capitalised(in_words(value))} by {in_words(by)}, cumulative."
    return f"{of} Quarter, half and three quarters lie below: {quartiles}."
