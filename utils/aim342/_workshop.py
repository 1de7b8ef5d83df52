"""What the workshop takes from the other rooms as it is."""

from utils.datasets._handwritten_numbers import create_augmented_data_2, create_starting_data, get_val2
from utils.plotting._digits import plot_five, plot_one_each
from utils.training._baseline import train_baseline_model
from utils.training._predict import run_baseline_model

__all__ = [
    "create_augmented_data_2",
    "create_starting_data",
    "get_val2",
    "plot_five",
    "plot_one_each",
    "run_baseline_model",
    "train_baseline_model",
]
