"""The names that notebooks of the workshop AIM342 know, in one place: thin words for what the other rooms do.

`utils.dataset_utils`, `train_utils`, `eval_utils` and `plotting_utils`, which those notebooks import, point here. Lab 1
grew out of the workshop and imports from here. For everybody else accuracy by group is `utils.evaluation.audit`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "_accuracy": [
            "accuracy_by_group",
            "compute_accuracy",
            "compute_confidence_bounds",
            "get_accuracy_by_intersection",
            "get_group_accuracy_by_value",
            "print_accuracy_by_group",
            "print_accuracy_by_intersection",
        ],
        "_data": ["create_augmented_data_2", "create_starting_data", "get_val2"],
        "_disparity": ["print_absolute_vs_ratio_error", "print_absolute_vs_relative_accuracy"],
        "_figures": [
            "describe_accuracy",
            "plot_accuracy",
            "plot_confidence_intervals_from_df",
            "plot_confidence_intervals_from_two_dfs",
            "plot_intersectional_confidence_intervals_from_df",
        ],
        "_pictures": ["plot_five", "plot_one_each"],
        "_training": ["run_baseline_model", "train_baseline_model"],
    },
)
