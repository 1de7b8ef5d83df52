"""Figures under the name that notebooks of the workshop AIM342 import; the code is in `utils.aim342`."""

import matplotlib.pyplot as plt

from utils.aim342 import (
    plot_confidence_intervals_from_df,
    plot_confidence_intervals_from_two_dfs,
    plot_five,
    plot_intersectional_confidence_intervals_from_df,
    plot_one_each,
)

__all__ = [
    "plot_confidence_intervals_from_df",
    "plot_confidence_intervals_from_two_dfs",
    "plot_five",
    "plot_intersectional_confidence_intervals_from_df",
    "plot_one_each",
    "plt",
]
