"""Training any network on a table of images."""

import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from utils import kept
from utils.datasets._images import stack_images
from utils.training._baseline import BATCH_SIZE, EPOCHS, LEARNING_RATE
from utils.training._loop import shuffled, train_epochs
from utils.training._models import load_weights, weights
from utils.training._tensors import floats, label_array
from utils.training._threads import one_thread


def fit(
    model: nn.Module,
    table: pd.DataFrame,
    *,
    epochs: int = EPOCHS,
    batch_size: int = BATCH_SIZE,
    learning_rate: float = LEARNING_RATE,
    one_cycle: bool = False,
    seed: int = 0,
    progress: bool = True,
) -> nn.Module:
    """Train any network on a table of images, with Adam and cross-entropy.

    The result is kept (`utils.kept`) if the network is made of ordinary layers: the same network with the same start
    values, rows and settings is not trained again. Layers that draw by lot (Dropout) do so from torch's global
    generator, whatever `seed` is; a network with such a layer is trained every time.

    Parameters
    ----------
    model : Module from float (n, 3, side, side) to logits (n, classes); it is trained in place
    table : DataFrame with `img` (side × side × 3 uint8) and `label` (0 to 9)
    learning_rate : of Adam; with `one_cycle` the highest it reaches
    one_cycle : let the learning rate rise from a 25th and then fall to almost nothing (Smith and Topin 2019), which
        steadies the result of a short training
    seed : of the order in which the rows are seen

    Returns
    -------
    Module : the same model, in evaluation mode

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.training import baseline_mlp, fit, predict
    >>> pictures = [np.full((28, 28, 3), level, np.uint8) for level in (0, 255, 0, 255)]
    >>> table = pd.DataFrame({"img": pictures, "label": [0, 1, 0, 1]})
    >>> model = fit(baseline_mlp(), table, epochs=20, progress=False)
    >>> predict(model, table).tolist()
    [0, 1, 0, 1]
    """
    images, labels = stack_images(table), label_array(table)
    settings = {"epochs": epochs, "learning_rate": learning_rate, "one_cycle": one_cycle, "seed": seed}

    def compute():
        pixels, label = torch.from_numpy(images), torch.tensor(labels)

        def loss(rows, generator):
            return F.cross_entropy(model(floats(pixels.index_select(0, rows))), label[rows])

        batches = shuffled(len(label), batch_size)
        with one_thread(), tqdm(total=epochs * len(label), unit="img", disable=not progress, leave=False) as bar:
            for _ in train_epochs(model, batches, loss, **settings, on_rows=bar.update):
                pass
        return weights(model)

    trained = kept.recall(
        "fit",
        [model, images, labels, batch_size, settings],
        compute,
        shown=(epochs * len(labels), "img", progress),
    )
    load_weights(model, trained)
    model.zero_grad()  # as after a training, also where the result was kept
    return model.eval()
