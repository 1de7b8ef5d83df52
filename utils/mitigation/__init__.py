"""Mitigation methods behind one call: `method(train, validation, groups=…, seed=…)`; none makes a model *fair*.

`METHODS` has those for pictures by name, `method_table` says what each does, `compare` runs several over seeds and
`summary` sums that up. `TABULAR_METHODS`, `fit_tabular` and `compare_tabular` are for tables. An entry of either is a
`Method`, which says what it needs.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "_adversarial": ["adversarial"],
        "_batches": ["balanced"],
        "_compare": ["compare", "summary"],
        "_correlation_remover": ["without_correlation"],
        "_domain_discriminative": ["domain_discriminative"],
        "_domain_independent": ["domain_independent"],
        "_drop_column": ["drop_column"],
        "_fairness_penalty": ["fairness_penalty"],
        "_fitted": ["Fitted"],
        "_grey": ["grey"],
        "_group_dro": ["group_dro", "new_weights"],
        "_group_thresholds": ["best_threshold", "group_thresholds"],
        "_hide_person": ["hide_person"],
        "_just_train_twice": ["just_train_twice"],
        "_last_layer_retraining": ["last_layer_retraining"],
        "_learning_from_failure": ["learning_from_failure"],
        "_loss_weights": ["loss_weights"],
        "_method": ["Method"],
        "_methods": ["METHODS", "method_table"],
        "_plain": ["plain"],
        "_random_hue": ["random_hue"],
        "_reject_option": ["reject_option"],
        "_resampling": ["resampling"],
        "_reweighing": ["reweighing", "reweighing_weights"],
        "_settings": ["BATCH_SIZE"],
        "_silhouette": ["silhouette"],
        "_subsampling": ["subsampling"],
        "_tables": ["as_tensors", "both_as_tensors"],
        "_tabular": ["TABULAR_METHODS", "compare_tabular", "fit_tabular", "measure_decisions"],
        "_threshold_optimizer": ["threshold_optimizer"],
        "_training": ["train_network"],
    },
)
