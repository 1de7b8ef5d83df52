"""Predictions of a trained network for the rows of a table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn

from utils.datasets.handwritten_numbers import image_array
from utils.training.fit import image_tensor, one_thread

CHUNK = 1000  # images at a time, so that their float copies need 9 MB and not four times the table


def predict_many(models: Sequence[nn.Module], table: pd.DataFrame) -> np.ndarray:
    """Predicted digits of several models.

    Parameters
    ----------
    models : Modules from float (n, 3, 28, 28) to logits (n, 10)
    table : DataFrame with `img`, n rows

    Returns
    -------
    int array (models, n)

    Raises
    ------
    ValueError : a model does not take images of this size
    """
    images = image_array(table)
    out = np.empty((len(models), len(images)), int)
    with torch.inference_mode(), one_thread():
        for start in range(0, len(images), CHUNK):
            x = image_tensor(images[start : start + CHUNK])
            for i, model in enumerate(models):
                try:
                    out[i, start : start + CHUNK] = model(x).argmax(1).numpy()
                except RuntimeError as error:
                    raise ValueError(
                        f"The model does not take images of shape {tuple(x.shape[1:])}: {str(error).splitlines()[0]}. "
                        "Give one whose input is (n, 3, 28, 28), such as utils.training.models.baseline_mlp()."
                    ) from error
    return out


def predict(model: nn.Module, table: pd.DataFrame) -> np.ndarray:
    """Predicted digits of one model: int array (n,). See `predict_many`."""
    return predict_many([model], table)[0]


def run_baseline_model(model: nn.Module, df: pd.DataFrame) -> pd.DataFrame:
    """Add the model's predictions to the table as column `pred1`.

    The table itself gets the column and is returned too, so that both `run_baseline_model(m, df)` and
    `df = run_baseline_model(m, df)` work.
    """
    df["pred1"] = predict(model, df)
    return df
