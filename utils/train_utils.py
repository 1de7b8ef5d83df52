"""Training under the name that notebooks of the workshop AIM342 import; the code is in `utils.aim342`."""

from utils.aim342 import (
    run_baseline_model,
    train_baseline_model,
)

__all__ = [
    "run_baseline_model",
    "train_baseline_model",
]
