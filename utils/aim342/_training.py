"""The workshop's model, which `utils.training` trains. By itself, since torch takes seconds to load."""

from utils.training._baseline import train_baseline_model
from utils.training._predict import run_baseline_model

__all__ = ["run_baseline_model", "train_baseline_model"]
