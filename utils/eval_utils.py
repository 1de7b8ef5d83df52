"""Evaluation under the name that notebooks of the workshop AIM342 import; the code is in `utils.aim342`."""

from utils.aim342 import (
    compute_accuracy,
    compute_confidence_bounds,
    get_accuracy_by_intersection,
    get_group_accuracy_by_value,
    print_absolute_vs_ratio_error,
    print_absolute_vs_relative_accuracy,
    print_accuracy_by_group,
    print_accuracy_by_intersection,
)

__all__ = [
    "compute_accuracy",
    "compute_confidence_bounds",
    "get_accuracy_by_intersection",
    "get_group_accuracy_by_value",
    "print_absolute_vs_ratio_error",
    "print_absolute_vs_relative_accuracy",
    "print_accuracy_by_group",
    "print_accuracy_by_intersection",
]
