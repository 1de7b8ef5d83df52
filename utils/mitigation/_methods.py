"""The table of methods for pictures: what family each belongs to, what it needs, and its source."""

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
from utils.mitigation._method import BASE, PREDICTION, TRAINING, VALIDATION, Method, by_name
from utils.mitigation._plain import plain
from utils.mitigation._random_hue import random_hue
from utils.mitigation._reject_option import reject_option
from utils.mitigation._resampling import resampling
from utils.mitigation._reweighing import reweighing
from utils.mitigation._silhouette import silhouette
from utils.mitigation._subsampling import subsampling
from utils.mitigation._threshold_optimizer import threshold_optimizer

METHODS = by_name(
    Method("plain", plain, "none", (), "Vapnik 1998"),
    Method("drop column", drop_column, "unawareness", (), "–"),
    Method("grey", grey, "unawareness", (), "–"),
    Method("random hue", random_hue, "unawareness", (), "–"),
    Method("silhouette", silhouette, "unawareness", (), "–"),
    Method("hide person", hide_person, "unawareness", (), "–"),
    Method("reweighing", reweighing, "before training", (TRAINING,), "Kamiran and Calders 2012"),
    Method("loss weights", loss_weights, "before training", (TRAINING,), "Idrissi et al. 2022"),
    Method("resampling", resampling, "before training", (TRAINING,), "Idrissi et al. 2022"),
    Method("subsampling", subsampling, "before training", (TRAINING,), "Idrissi et al. 2022"),
    Method("group DRO", group_dro, "in training", (TRAINING,), "Sagawa et al. 2020"),
    Method("adversarial", partial(adversarial, conditional=False), "in training", (TRAINING,), "Ganin et al. 2016"),
    Method("adversarial, conditional", adversarial, "in training", (TRAINING,), "Zhang et al. 2018"),
    Method("domain discriminative", domain_discriminative, "in training", (TRAINING,), "Wang et al. 2020"),
    Method("domain independent", domain_independent, "in training", (TRAINING,), "Wang et al. 2020"),
    Method("fairness penalty", fairness_penalty, "in training", (TRAINING,), "Buyl et al. 2024"),
    Method("Just Train Twice", just_train_twice, "in training", (), "Liu et al. 2021"),
    Method("Learning from Failure", learning_from_failure, "in training", (), "Nam et al. 2020"),
    Method("group thresholds", group_thresholds, "after training", (VALIDATION, PREDICTION, BASE), "Hardt et al. 2016"),
    Method(
        "threshold optimizer",
        threshold_optimizer,
        "after training",
        (VALIDATION, PREDICTION, BASE),
        "Hardt et al. 2016",
    ),
    Method(
        "reject option",
        reject_option,
        "after training",
        (TRAINING, VALIDATION, PREDICTION, BASE),
        "Kamiran et al. 2012",
    ),
    Method(
        "last-layer retraining", last_layer_retraining, "after training", (VALIDATION, BASE), "Kirichenko et al. 2023"
    ),
    # Controls: they show where a gain comes from.
    Method(
        "group DRO, batches not balanced",
        partial(group_dro, balanced_batches=False),
        "control",
        (TRAINING,),
        "Sagawa et al. 2020",
    ),
    Method("adversarial, strength 0", partial(adversarial, strength=0.0), "control", (TRAINING,), "–"),
)


def method_table() -> pd.DataFrame:
    """One row a method: `method`, `family`, `training`, `validation`, `prediction` (bool: needs the attribute there),
    `source`.

    Examples
    --------
    >>> from utils.mitigation import method_table
    >>> table = method_table().set_index("method")
    >>> bool(table.loc["plain", "prediction"]), bool(table.loc["reject option", "prediction"])
    (False, True)
    """
    return pd.DataFrame(
        {
            "method": list(METHODS),
            "family": [method.family for method in METHODS.values()],
            "training": [TRAINING in method.needs for method in METHODS.values()],
            "validation": [VALIDATION in method.needs for method in METHODS.values()],
            "prediction": [PREDICTION in method.needs for method in METHODS.values()],
            "source": [method.source for method in METHODS.values()],
        }
    )
