"""What varies: gaps that chance alone gives, and results over training seeds."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from utils.plotting._style import SERIES, new_axes


def plot_null(
    null: ArrayLike, observed: float, *, xlabel: str = "best-to-worst gap in accuracy", ax: Axes | None = None
) -> Axes:
    """Histogram of values that chance alone gives, with the observed value as a labelled line. Returns the Axes.

    Examples
    --------
    >>> from utils.plotting import plot_null
    >>> ax = plot_null([0.0, 0.1, 0.2, 0.3], observed=0.25)
    >>> sorted(ax.get_legend_handles_labels()[1])
    ['all groups alike (4 simulations)', 'observed: 0.250']
    """
    null = np.asarray(null)
    ax = new_axes(ax)
    ax.hist(null, bins=40, color=SERIES[0], alpha=0.7, label=f"all groups alike ({len(null):,} simulations)")
    ax.axvline(observed, color="black", linewidth=2.5, linestyle="--", label=f"observed: {observed:.3f}")
    ax.set_xlabel(xlabel)
    ax.set_ylabel("simulations")
    ax.legend()
    return ax


def describe_null(null: ArrayLike, observed: float) -> str:
    """An alt text for `plot_null`.

    Examples
    --------
    >>> from utils.plotting import describe_null
    >>> describe_null([0.0, 0.1, 0.2, 0.3], observed=0.25)
    'Histogram of 4 simulated gaps ...: mean 0.150, ... The observed gap, 0.250, is at least as large as 75% of them.'
    """
    null = np.asarray(null)
    return (
        f"Histogram of {len(null):,} simulated gaps when all groups are alike: mean {null.mean():.3f}, 95 in 100 below "
        f"{np.quantile(null, 0.95):.3f}. The observed gap, {observed:.3f}, is at least as large as "
        f"{np.mean(null <= observed):.0%} of them."
    )


def plot_over_seeds(
    table: pd.DataFrame,
    value: str,
    by: str | None = None,
    *,
    zero: bool = False,
    ylabel: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Every seed's value as a point, with mean and ± 1 standard deviation, for each value of `by`.

    Parameters
    ----------
    table : one row a seed (and value of `by`)
    value, by : columns
    zero : draw a line at 0, for differences

    Returns
    -------
    Axes

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.plotting import plot_over_seeds
    >>> runs = pd.DataFrame({"way": ["old", "old", "new", "new"], "accuracy": [0.5, 0.7, 0.7, 0.9]})
    >>> ax = plot_over_seeds(runs, "accuracy", by="way")
    >>> [tick.get_text() for tick in ax.get_xticklabels()]
    ['new', 'old']
    """
    ax = new_axes(ax)
    parts = [("", table)] if by is None else list(table.groupby(by, sort=True))
    for i, (_, part) in enumerate(parts):
        y = part[value].to_numpy()
        # Points side by side in the order of the seeds, so that none hides another.
        ax.plot(i + np.linspace(-0.25, 0.25, len(y)), y, "o", color=SERIES[0], alpha=0.6, markersize=4)
        ax.errorbar(
            i + 0.36,
            y.mean(),
            y.std(ddof=1),
            fmt="D",
            color="black",
            capsize=4,
            label="mean ± 1 SD over seeds" if i == 0 else None,
        )
    if zero:
        ax.axhline(0, color="0.35", linestyle="--", linewidth=1)
    ax.set_xticks(range(len(parts)), [str(name) for name, _ in parts])
    ax.set_xlabel(by or "")
    ax.set_ylabel(ylabel or value)
    ax.legend()
    return ax


def describe_over_seeds(table: pd.DataFrame, value: str, by: str | None = None) -> str:
    """An alt text for `plot_over_seeds`.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.plotting import describe_over_seeds
    >>> runs = pd.DataFrame({"way": ["old", "old", "new", "new"], "accuracy": [0.5, 0.7, 0.7, 0.9]})
    >>> describe_over_seeds(runs, "accuracy", by="way")
    'accuracy of every training seed as points, ... new: 0.800 ± 0.141; old: 0.600 ± 0.141.'
    """
    parts = [("all", table)] if by is None else list(table.groupby(by, sort=True))
    means = "; ".join(f"{name}: {p[value].mean():.3f} ± {p[value].std(ddof=1):.3f}" for name, p in parts)
    return f"{value} of every training seed as points, with mean ± standard deviation. {means}."
