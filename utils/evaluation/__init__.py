"""What a model does to each group: metrics with intervals, the gaps between groups, and what chance alone would give.

`audit` gives every metric by group and crossed group; `disparities` the gaps, corrected for the picking of the worst.
Around them: single metrics, fairness criteria (`criteria`), intervals, comparisons of models and groups, curves,
proxies, leakage. NumPy and pandas only: no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["criteria"],
    submod_attrs={
        "_amplification": ["bias_amplification", "directional_bias_amplification"],
        "_association": ["co_occurrence"],
        "_audit": ["AuditError", "AuditWarning", "audit"],
        "_coding": ["correct"],
        "_curves": ["reliability_table", "roc_table"],
        "_disparity": [
            "absolute_disparity",
            "disparities",
            "disparity_table",
            "error_ratio",
            "relative_disparity",
            "shrink",
        ],
        "_impossibility": ["required_false_positive_rate"],
        "_individual": [
            "consistency",
            "counterfactual_flip_rate",
            "entropy_between_groups",
            "generalised_entropy",
            "theil_index",
        ],
        "_intervals": ["bootstrap_interval", "difference_interval", "rate_interval", "ratio_interval"],
        "_leakage": ["leakage", "leakage_amplification"],
        "_many_tests": ["benjamini_hochberg", "holm"],
        "_metrics": [
            "accuracy",
            "auc",
            "balanced_accuracy",
            "base_rate",
            "calibration_error",
            "error_rate",
            "f1_score",
            "false_discovery_rate",
            "false_negative_rate",
            "false_omission_rate",
            "false_positive_rate",
            "mean_score",
            "negative_predictive_value",
            "precision",
            "selection_rate",
            "treatment_ratio",
            "true_negative_rate",
            "true_positive_rate",
        ],
        "_null_gaps": [
            "group_against_rest",
            "null_gap",
            "null_gap_test",
            "null_p_value",
            "power_of_gap",
            "sample_size_for_gap",
        ],
        "_pairs": ["paired_bootstrap", "paired_comparison", "paired_difference_interval"],
        "_pareto": ["non_dominated"],
        "_proxies": ["proxy_table"],
        "_seeds": ["seeds_and_rows_interval"],
    },
)
