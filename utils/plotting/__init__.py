"""Figures: each takes a tidy table and an optional `ax`, and returns the Axes; for each `plot_…` there is a
`describe_…` that says in words what it shows. `show` puts a figure out with these words as its alt text.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "_association": ["describe_co_occurrence", "describe_shares_below", "plot_co_occurrence", "plot_shares_below"],
        "_audit": [
            "describe_forest",
            "describe_small_multiples",
            "plot_forest",
            "plot_small_multiples",
        ],
        "_before_after": ["describe_before_after", "plot_before_after"],
        "_curves": ["describe_reliability", "describe_roc", "plot_reliability", "plot_roc"],
        "_differences": ["describe_differences", "plot_differences"],
        "_digits": ["describe_images", "plot_five", "plot_images", "plot_one_each"],
        "_distributions": ["describe_null", "describe_over_seeds", "plot_null", "plot_over_seeds"],
        "_impossibility": ["describe_impossibility", "plot_impossibility"],
        "_pareto": ["describe_pareto", "plot_pareto"],
        "_pictures": ["describe_contact_sheet", "plot_contact_sheet"],
        "_style": ["MARKERS", "PALETTE", "SERIES", "new_axes", "show"],
    },
)
