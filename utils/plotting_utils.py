"""Figures under the name that notebooks of the workshop AIM342 import; the code is in `utils.plotting`."""

import matplotlib.pyplot as plt

from utils.plotting._digits import plot_five, plot_one_each
from utils.plotting._rates import (
    plot_confidence_intervals_from_df,
    plot_confidence_intervals_from_two_dfs,
    plot_intersectional_confidence_intervals_from_df,
)

__all__ = [
    "plot_confidence_intervals_from_df",
    "plot_confidence_intervals_from_two_dfs",
    "plot_five",
    "plot_intersectional_confidence_intervals_from_df",
    "plot_one_each",
    "plt",
]
