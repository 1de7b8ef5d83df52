"""The impossibility of having all criteria at once, as a figure."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from utils.evaluation._impossibility import required_false_positive_rate
from utils.plotting._curves import LINES
from utils.plotting._drawing import legend_below
from utils.plotting._style import MARKERS, SERIES, new_axes


def plot_impossibility(
    base_rates: pd.Series, precision: float, observed: pd.DataFrame | None = None, *, ax: Axes | None = None
) -> Axes:
    """What false positive rate goes with each true positive rate, if all groups have the same precision.

    A line a group. Equal rates would need one point that lies on all lines: with different base rates that is (0, 0)
    alone, the classifier that selects nobody.

    Parameters
    ----------
    base_rates : Series, group → share of its rows that are positive, each above 0 and below 1
    precision : the one that all groups are to have, in (0, 1]
    observed : DataFrame with `true_positive_rate` and `false_positive_rate`, its index the groups: where a model is now

    Returns
    -------
    Axes

    Examples
    --------
    At a true positive rate of 1, where the lines end, the two groups are far apart.

    >>> import pandas as pd
    >>> from utils.plotting import plot_impossibility
    >>> ax = plot_impossibility(pd.Series({"f": 0.2, "m": 0.5}), precision=0.8)
    >>> [line.get_ydata()[-1].round(4).item() for line in ax.lines]
    [0.0625, 0.25]
    """
    ax = new_axes(ax, (7, 5))
    across = np.linspace(0, 1, 201)
    handles = []
    for i, (group, rate) in enumerate(base_rates.items()):
        color, line = SERIES[i % len(SERIES)], LINES[i % len(LINES)]
        needed = required_false_positive_rate(rate, precision, across)
        ax.plot(across, np.where(needed <= 1, needed, np.nan), color=color, linestyle=line, linewidth=2)
        handles.append(Line2D([], [], color=color, linestyle=line, linewidth=2, label=f"{group}: base rate {rate:.0%}"))
        if observed is not None and group in observed.index:
            at, marker = observed.loc[group], MARKERS[i % len(MARKERS)]
            ax.plot(at["true_positive_rate"], at["false_positive_rate"], marker, color=color, markersize=9)
            handles.append(Line2D([], [], color=color, marker=marker, linestyle="", label=f"{group}: this model"))
    ax.set_xlim(0, 1)
    ax.set_ylim(bottom=0)
    ax.set_xlabel("true positive rate")
    ax.set_ylabel(f"false positive rate\nthat a precision of {precision:.0%} demands")
    legend_below(ax, handles, columns=2)
    return ax


def describe_impossibility(base_rates: pd.Series, precision: float, true_positive_rate: float = 0.8) -> str:
    """An alt text for `plot_impossibility`: what each group would need at one true positive rate.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.plotting import describe_impossibility
    >>> describe_impossibility(pd.Series({"f": 0.2, "m": 0.5}), precision=0.8)
    '... At a true positive rate of 80%: f (base rate 20%) 5%; m (base rate 50%) 20%.'
    """
    needed = {
        group: required_false_positive_rate(rate, precision, true_positive_rate) for group, rate in base_rates.items()
    }
    demands = "; ".join(
        f"{group} (base rate {base_rates[group]:.0%}) {f'{v:.0%}' if v <= 1 else 'more than 100 %, which cannot be'}"
        for group, v in needed.items()
    )
    return (
        "A line a group, which fan out from the origin: the false positive rate that goes with each true positive rate "
        f"at a precision of {precision:.0%}. At a true positive rate of {true_positive_rate:.0%}: {demands}."
    )
