"""Training under the name that notebooks of the workshop AIM342 import; the code is in `utils.training`."""

from utils.training._baseline import train_baseline_model
from utils.training._predict import run_baseline_model

__all__ = ["run_baseline_model", "train_baseline_model"]
