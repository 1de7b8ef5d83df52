"""The workshop's data, which `utils.datasets` makes."""

from utils.datasets._handwritten_numbers import create_augmented_data_2, create_starting_data, get_val2

__all__ = ["create_augmented_data_2", "create_starting_data", "get_val2"]
