"""The classifier of Labs 2 and 3: a small network on pictures of 32 × 32, for one seed or several."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import torch
from torch import nn
from tqdm.auto import tqdm

from utils import kept
from utils.datasets._images import stack_images
from utils.training._fit import fit
from utils.training._models import scene_convnet
from utils.training._predict import predict_probabilities
from utils.training._tensors import label_array
from utils.training._threads import thread_pool

SIDE = 32
# Eight epochs with a rising and falling rate: the results of ten seeds then differ least, see benchmarks/README.md.
SETTINGS = {"epochs": 8, "batch_size": 64, "learning_rate": 0.005, "one_cycle": True}


def train_picture_model(table: pd.DataFrame, seed: int = 0, progress: bool = True) -> nn.Sequential:
    """Train `scene_convnet` with Adam, one-cycle learning rate up to 0.005, batches of 64, 8 epochs.

    Parameters
    ----------
    table : DataFrame with `img` (32 × 32 × 3 uint8) and `label` (0, 1, …)
    seed : int, of the start values and of the order of the rows

    Returns
    -------
    Module in evaluation mode, for `run_picture_model`

    Raises
    ------
    KeyError, ValueError : a column is missing; an image has another size; labels are missing, or only one class

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.training import run_picture_model, train_picture_model
    >>> pictures = [np.full((32, 32, 3), level, np.uint8) for level in (0, 255, 0, 255)]
    >>> table = pd.DataFrame({"img": pictures, "label": [0, 1, 0, 1]})
    >>> model = train_picture_model(table, progress=False)
    >>> run_picture_model(model, table)["pred1"].tolist()
    [0, 1, 0, 1]
    """
    return train_picture_models(table, [seed], progress=progress)[0]


def train_picture_models(
    table: pd.DataFrame, seeds: Iterable[int] = range(5), progress: bool = True
) -> list[nn.Sequential]:
    """Train the network once a seed, as many at a time as there are cores: one training run is one draw, so draw many.

    Each seed gives the model that `train_picture_model(table, seed)` gives. Each is kept, see `fit`.

    Returns
    -------
    list of Modules in evaluation mode, in the order of the seeds

    Examples
    --------
    >>> from utils.datasets import simulate
    >>> from utils.training import predict_many, train_picture_models
    >>> scenes = simulate(n=100, seed=0, side=32)
    >>> models = train_picture_models(scenes, seeds=[0, 1], progress=False)
    >>> predict_many(models, scenes).shape
    (2, 100)
    """
    seeds = list(seeds)
    if not seeds:
        raise ValueError("seeds is empty: name at least one.")
    stack_images(table, SIDE)
    labels = label_array(table)
    if labels.min() == labels.max():
        raise ValueError(f"All {len(labels):,} labels are {labels[0]}: there is nothing to tell apart.")

    def train(seed):
        network = scene_convnet(torch.Generator().manual_seed(seed), int(labels.max()) + 1)
        return fit(network, table, **SETTINGS, seed=seed, progress=progress and len(seeds) == 1)

    before = kept.recalled()
    with thread_pool(len(seeds)) as pool:
        models = pool.map(train, seeds)
        several = progress and len(seeds) > 1
        models = list(tqdm(models, total=len(seeds), unit="model", disable=not several, leave=False))
    if kept.recalled() > before:
        kept.show_kept(len(seeds), "model", several)
    return models


def run_picture_model(model: nn.Module, table: pd.DataFrame, threshold: float = 0.5) -> pd.DataFrame:
    """The table with the model's score and decision.

    Parameters
    ----------
    model : Module with two classes
    table : DataFrame with `img`
    threshold : from which score on the decision is 1; one number

    Returns
    -------
    DataFrame : a copy with `score` (float, what the model takes for the probability of class 1) and `pred1` (0 or 1)

    Raises
    ------
    ValueError : the model has not two classes, or does not take images of this size

    Examples
    --------
    A network that was not trained yet, and three grey levels:

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.training import run_picture_model, scene_convnet
    >>> table = pd.DataFrame({"img": [np.full((32, 32, 3), level, np.uint8) for level in (0, 100, 255)]})
    >>> results = run_picture_model(scene_convnet(), table, threshold=0.3)
    >>> results["score"].round(1).tolist(), results["pred1"].tolist()
    ([0.5, 0.4, 0.2], [1, 1, 0])
    """
    scores = predict_probabilities(model, table)
    if scores.shape[1] != 2:
        raise ValueError(f"The model has {scores.shape[1]} classes; one score and a threshold are for two.")
    return table.assign(score=scores[:, 1], pred1=np.where(scores[:, 1] >= threshold, 1, 0))
