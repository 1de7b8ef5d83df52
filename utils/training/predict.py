"""Predictions of a trained network for the rows of a table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn

from utils.datasets.images import stack_images
from utils.training.fit import image_tensor, one_thread

CHUNK = 1000  # images at a time, so that their float copies need 9 MB and not four times the table


def predict_many(models: Sequence[nn.Module], table: pd.DataFrame) -> np.ndarray:
    """Predicted classes of several models.

    Parameters
    ----------
    models : Modules from float (n, 3, side, side) to logits (n, classes)
    table : DataFrame with `img`, n rows

    Returns
    -------
    int array (models, n)

    Raises
    ------
    ValueError : a model does not take images of this size
    """
    images = stack_images(table)
    out = np.empty((len(models), len(images)), int)
    with torch.inference_mode(), one_thread():
        for start in range(0, len(images), CHUNK):
            x = image_tensor(images[start : start + CHUNK])
            for i, model in enumerate(models):
                out[i, start : start + CHUNK] = _logits(model, x).argmax(1).numpy()
    return out


def predict_probabilities(model: nn.Module, table: pd.DataFrame) -> np.ndarray:
    """What the model takes for the probability of each class (softmax of its logits): float64 array (n, classes).

    Whether it is one is a question of calibration (`utils.evaluation.curves.reliability_table`). Raises as in
    `predict_many`.
    """
    images = stack_images(table)
    with torch.inference_mode(), one_thread():
        parts = [
            torch.softmax(_logits(model, image_tensor(images[start : start + CHUNK])).double(), 1).numpy()
            for start in range(0, len(images), CHUNK)
        ]
    return np.concatenate(parts)


def _logits(model, x):
    try:
        return model(x)
    except RuntimeError as error:
        raise ValueError(
            f"The model does not take images of shape {tuple(x.shape[1:])}: {str(error).splitlines()[0]}. Give it "
            "images of the size that it was trained on."
        ) from error


def predict(model: nn.Module, table: pd.DataFrame) -> np.ndarray:
    """Predicted classes of one model: int array (n,). See `predict_many`."""
    return predict_many([model], table)[0]


def run_baseline_model(model: nn.Module, df: pd.DataFrame) -> pd.DataFrame:
    """Add the model's predictions to the table as column `pred1`.

    The table itself gets the column and is returned too, so that both `run_baseline_model(m, df)` and
    `df = run_baseline_model(m, df)` work.
    """
    df["pred1"] = predict(model, df)
    return df
