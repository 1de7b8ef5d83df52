"""The workshop's two printed comparisons of the group that is served best with the one that is served worst."""

import math
from collections.abc import Mapping

from utils.evaluation._disparity import disparity_table


def print_absolute_vs_relative_accuracy(accuracies: Mapping[str, float], *names: object, **named: object) -> None:
    """Print how far the worst group's accuracy lies below the best group's, as a difference and as a ratio.

    Parameters
    ----------
    accuracies : group → accuracy, from `get_group_accuracy_by_value` or `get_accuracy_by_intersection`
    names, named : words for the heading, such as the group's name; all optional

    Examples
    --------
    >>> from utils.aim342 import print_absolute_vs_relative_accuracy
    >>> print_absolute_vs_relative_accuracy({"blue": 0.99, "orange": 0.97}, "colour")
    Accuracy by colour
      best   blue: 0.9900
      worst  orange: 0.9700
      difference, worst − best: -0.0200 (-2.0 percentage points)
      ratio, worst / best: 0.9798
    """
    worst, best = _worst_and_best(accuracies)
    print(_heading("Accuracy", names, named))
    print(f"  best   {best.group}: {best.accuracy:.4f}")
    print(f"  worst  {worst.group}: {worst.accuracy:.4f}")
    print(f"  difference, worst − best: {worst.difference:+.4f} ({100 * worst.difference:+.1f} percentage points)")
    ratio = "undefined: the best accuracy is 0" if math.isnan(worst.ratio) else f"{worst.ratio:.4f}"
    print(f"  ratio, worst / best: {ratio}")


def print_absolute_vs_ratio_error(accuracies: Mapping[str, float], *names: object, **named: object) -> None:
    """Print how much higher the worst group's error rate is than the best group's, as a difference and as a ratio.

    Parameters as in `print_absolute_vs_relative_accuracy`. Where the best group makes no error the ratio is undefined,
    and said to be.

    Examples
    --------
    >>> from utils.aim342 import print_absolute_vs_ratio_error
    >>> print_absolute_vs_ratio_error({"blue": 0.99, "orange": 0.97}, "colour")
    Error rate by colour
      lowest   blue: 0.0100
      highest  orange: 0.0300
      difference, highest − lowest: +0.0200 (+2.0 percentage points)
      ratio, highest / lowest: 3.00 to 1
    """
    worst, best = _worst_and_best(accuracies)
    print(_heading("Error rate", names, named))
    print(f"  lowest   {best.group}: {1 - best.accuracy:.4f}")
    print(f"  highest  {worst.group}: {1 - worst.accuracy:.4f}")
    print(
        f"  difference, highest − lowest: {-worst.difference:+.4f} ({-100 * worst.difference:+.1f} percentage points)"
    )
    ratio = (
        "undefined: the best group makes no error" if math.isnan(worst.error_ratio) else f"{worst.error_ratio:.2f} to 1"
    )
    print(f"  ratio, highest / lowest: {ratio}")


def _worst_and_best(accuracies):
    table = disparity_table(accuracies)
    return table.loc[table["accuracy"].idxmin()], table.loc[table["accuracy"].idxmax()]


def _heading(what, names, named):
    words = [str(w) for w in (*names, *named.values()) if isinstance(w, str)]
    return f"{what} by {' and '.join(words)}" if words else f"{what} by group"
