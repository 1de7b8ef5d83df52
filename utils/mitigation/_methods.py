"""The table of methods: what family each belongs to, which attributes it needs and where, and its source."""

from functools import partial

import pandas as pd

from utils.mitigation._adversarial import adversarial
from utils.mitigation._domain_discriminative import domain_discriminative
from utils.mitigation._domain_independent import domain_independent
from utils.mitigation._drop_column import drop_column
from utils.mitigation._fairness_penalty import fairness_penalty
from utils.mitigation._grey import grey
from utils.mitigation._group_dro import group_dro
from utils.mitigation._group_thresholds import group_thresholds
from utils.mitigation._hide_person import hide_person
from utils.mitigation._just_train_twice import just_train_twice
from utils.mitigation._last_layer_retraining import last_layer_retraining
from utils.mitigation._learning_from_failure import learning_from_failure
from utils.mitigation._loss_weights import loss_weights
from utils.mitigation._plain import plain
from utils.mitigation._random_hue import random_hue
from utils.mitigation._reject_option import reject_option
from utils.mitigation._resampling import resampling
from utils.mitigation._reweighing import reweighing
from utils.mitigation._silhouette import silhouette
from utils.mitigation._subsampling import subsampling
from utils.mitigation._threshold_optimizer import threshold_optimizer

# name → function, family, where the attribute is needed ("T" training, "V" validation, "P" prediction), source.
# V stands for methods whose own settings come from cells of the validation data. The choice of a checkpoint uses these
# cells for all methods alike, and is not counted.
_TABLE = {
    "plain": (plain, "none", "", "Vapnik 1998"),
    "drop column": (drop_column, "unawareness", "", "–"),
    "grey": (grey, "unawareness", "", "–"),
    "random hue": (random_hue, "unawareness", "", "–"),
    "silhouette": (silhouette, "unawareness", "", "–"),
    "hide person": (hide_person, "unawareness", "", "–"),
    "reweighing": (reweighing, "before training", "T", "Kamiran and Calders 2012"),
    "loss weights": (loss_weights, "before training", "T", "Idrissi et al. 2022"),
    "resampling": (resampling, "before training", "T", "Idrissi et al. 2022"),
    "subsampling": (subsampling, "before training", "T", "Idrissi et al. 2022"),
    "group DRO": (group_dro, "in training", "T", "Sagawa et al. 2020"),
    "adversarial": (partial(adversarial, conditional=False), "in training", "T", "Ganin et al. 2016"),
    "adversarial, conditional": (adversarial, "in training", "T", "Zhang et al. 2018"),
    "domain discriminative": (domain_discriminative, "in training", "T", "Wang et al. 2020"),
    "domain independent": (domain_independent, "in training", "T", "Wang et al. 2020"),
    "fairness penalty": (fairness_penalty, "in training", "T", "Buyl et al. 2024"),
    "Just Train Twice": (just_train_twice, "in training", "", "Liu et al. 2021"),
    "Learning from Failure": (learning_from_failure, "in training", "", "Nam et al. 2020"),
    "group thresholds": (group_thresholds, "after training", "V P", "Hardt et al. 2016"),
    "threshold optimizer": (threshold_optimizer, "after training", "V P", "Hardt et al. 2016"),
    "reject option": (reject_option, "after training", "T V P", "Kamiran et al. 2012"),
    "last-layer retraining": (last_layer_retraining, "after training", "V", "Kirichenko et al. 2023"),
    # Controls: they show where a gain comes from.
    "group DRO, batches not balanced": (
        partial(group_dro, balanced_batches=False),
        "control",
        "T",
        "Sagawa et al. 2020",
    ),
    "adversarial, strength 0": (partial(adversarial, strength=0.0), "control", "T", "–"),
}
METHODS = {name: row[0] for name, row in _TABLE.items()}


def method_table() -> pd.DataFrame:
    """One row a method: `method`, `family`, `training`, `validation`, `prediction` (bool: needs the attribute there),
    `source`.

    Examples
    --------
    >>> from utils.mitigation import method_table
    >>> table = method_table()
    >>> table.loc[table["prediction"], "method"].tolist()
    ['group thresholds', 'threshold optimizer', 'reject option']
    """
    return pd.DataFrame(
        {
            "method": list(_TABLE),
            "family": [row[1] for row in _TABLE.values()],
            "training": ["T" in row[2] for row in _TABLE.values()],
            "validation": ["V" in row[2] for row in _TABLE.values()],
            "prediction": ["P" in row[2] for row in _TABLE.values()],
            "source": [row[3] for row in _TABLE.values()],
        }
    )
