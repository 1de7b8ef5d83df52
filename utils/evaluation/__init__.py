"""Accuracy by group, intervals, disparities and the null distribution of a gap. NumPy and pandas only: no torch."""
