"""Predictions of a trained network for the rows of a table."""

from collections.abc import Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
import torch
from torch import nn

from utils.datasets._images import stack_images
from utils.training._tensors import image_tensor
from utils.training._threads import one_thread

CHUNK = 1000  # images at a time, so that their float copies need 9 MB and not four times the table


def predict_many(models: Sequence[nn.Module], table: pd.DataFrame) -> np.ndarray:
    """Predicted classes of several models.

    Parameters
    ----------
    models : Modules from float (n, 3, side, side) to logits (n, classes); they predict as in evaluation mode, whatever
        mode they are in, and stay in theirs
    table : DataFrame with `img`, n rows

    Returns
    -------
    int array (models, n)

    Raises
    ------
    ValueError : a model does not take images of this size

    Examples
    --------
    Two networks with three classes: one says which colour is strongest, one which is weakest:

    >>> import numpy as np
    >>> import pandas as pd
    >>> from torch import nn
    >>> from utils.training import predict_many
    >>> strongest = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    >>> weakest = nn.Sequential(strongest, nn.Softmin(1))
    >>> table = pd.DataFrame({"img": [np.full((4, 4, 3), color, np.uint8) for color in ([9, 0, 5], [0, 5, 9])]})
    >>> predict_many([strongest, weakest], table).tolist()
    [[0, 2], [1, 0]]
    """
    images = stack_images(table)
    out = np.empty((len(models), len(images)), int)
    with torch.inference_mode(), one_thread(), _evaluating(*models):
        for start in range(0, len(images), CHUNK):
            x = image_tensor(images[start : start + CHUNK])
            for i, model in enumerate(models):
                out[i, start : start + CHUNK] = _logits(model, x).argmax(1).numpy()
    return out


def predict_probabilities(model: nn.Module, table: pd.DataFrame) -> np.ndarray:
    """What the model takes for the probability of each class (softmax of its logits): float64 array (n, classes).

    Whether it is one is a question of calibration (`utils.evaluation.reliability_table`). Raises as in
    `predict_many`.

    Examples
    --------
    A network whose logits are the means of red, green and blue:

    >>> import numpy as np
    >>> import pandas as pd
    >>> from torch import nn
    >>> from utils.training import predict_probabilities
    >>> model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    >>> table = pd.DataFrame({"img": [np.full((4, 4, 3), color, np.uint8) for color in ([9, 9, 9], [255, 0, 0])]})
    >>> predict_probabilities(model, table).round(3).tolist()
    [[0.333, 0.333, 0.333], [0.576, 0.212, 0.212]]
    """
    images = stack_images(table)
    with torch.inference_mode(), one_thread(), _evaluating(model):
        parts = [
            torch.softmax(_logits(model, image_tensor(images[start : start + CHUNK])).double(), 1).numpy()
            for start in range(0, len(images), CHUNK)
        ]
    return np.concatenate(parts)


@contextmanager
def _evaluating(*models):
    """For a while no layer is in training mode, where it may draw by lot (globally) or change its running means."""
    training = [part for model in models for part in model.modules() if part.training]
    for part in training:
        part.training = False  # not `eval()` and `train()`: they would reach parts that were in another mode
    try:
        yield
    finally:
        for part in training:
            part.training = True


def _logits(model, x):
    try:
        return model(x)
    except RuntimeError as error:
        raise ValueError(
            f"The model does not take images of shape {tuple(x.shape[1:])}: {str(error).splitlines()[0]}. Give it "
            "images of the size that it was trained on."
        ) from error


def predict(model: nn.Module, table: pd.DataFrame) -> np.ndarray:
    """Predicted classes of one model: int array (n,). See `predict_many`.

    Examples
    --------
    A network that knows three classes, the colour that is strongest:

    >>> import numpy as np
    >>> import pandas as pd
    >>> from torch import nn
    >>> from utils.training import predict
    >>> model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    >>> table = pd.DataFrame({"img": [np.full((4, 4, 3), color, np.uint8) for color in ([9, 0, 0], [0, 0, 9])]})
    >>> predict(model, table).tolist()
    [0, 2]
    """
    return predict_many([model], table)[0]


def run_baseline_model(model: nn.Module, df: pd.DataFrame) -> pd.DataFrame:
    """The table with the model's predictions.

    Parameters
    ----------
    model : Module with the digits' classes
    df : DataFrame with `img`; it is left as it is, so that the results of two models on one table can be compared

    Returns
    -------
    DataFrame : a copy with `pred1` (int); the pictures in it are the given table's own, so that it takes little memory

    Raises
    ------
    ValueError : the model does not take images of this size

    Examples
    --------
    >>> from utils.datasets import evaluation_data
    >>> from utils.training import baseline_mlp, run_baseline_model
    >>> digits = evaluation_data().head(5)
    >>> results = run_baseline_model(baseline_mlp(), digits)
    >>> "pred1" in results, "pred1" in digits
    (True, False)
    """
    return df.assign(pred1=predict(model, df))
