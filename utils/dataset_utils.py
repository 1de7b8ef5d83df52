"""The data functions under the name that notebooks of the workshop AIM342 import; the code is in `utils.aim342`."""

import numpy as np
import pandas as pd

from utils.aim342 import (
    create_augmented_data_2,
    create_starting_data,
    get_val2,
)

__all__ = [
    "create_augmented_data_2",
    "create_starting_data",
    "get_val2",
    "np",
    "pd",
]
