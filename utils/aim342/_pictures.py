"""The workshop's pictures, which `utils.plotting` draws."""

from utils.plotting._digits import plot_five, plot_one_each

__all__ = ["plot_five", "plot_one_each"]
