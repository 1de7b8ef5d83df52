"""The settings that methods share: their usual values, and the range of each."""

from typing import Any

import numpy as np

from utils.training._pictures import SETTINGS

EPOCHS, BATCH_SIZE, LEARNING_RATE = (SETTINGS[name] for name in ("epochs", "batch_size", "learning_rate"))
WHOLE = {"epochs": 1, "batch_size": 1, "first_epochs": 1, "hidden": 1, "draws": 1, "shift": 0}  # name → the smallest
CHOICES = ("worst_group", "average", "last")  # of `choose`


def check_settings(**settings: Any) -> None:
    """Raise one sentence for a setting outside its range."""
    for name, value in settings.items():
        if name == "choose":
            if value not in CHOICES:
                raise ValueError(f"choose is {value!r}; it must be 'worst_group', 'average' or 'last'.")
        elif name in WHOLE:
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < WHOLE[name]:
                raise ValueError(f"{name} is {value!r}; it must be a whole number, at least {WHOLE[name]}.")
        elif isinstance(value, bool) or not isinstance(value, int | float | np.number) or not value >= 0:
            raise ValueError(f"{name} is {value!r}; it must be a number, at least 0.")
