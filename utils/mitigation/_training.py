"""How every method trains a network: start values, batches, the choice of a checkpoint on validation data."""

import copy
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from utils.mitigation._fitted import Fitted, run_network
from utils.mitigation._keeping import recalled
from utils.mitigation._settings import BATCH_SIZE, EPOCHS, LEARNING_RATE, check_settings
from utils.mitigation._tables import Data
from utils.training._loop import shuffled, train_epochs
from utils.training._models import load_weights, scene_convnet, weights
from utils.training._tensors import floats
from utils.training._threads import one_thread

HISTORY = ("epoch", "loss", "accuracy", "worst_group_accuracy", "chosen")


def start_network(model: Callable | None, seed: int, outputs: int = 2) -> nn.Sequential:
    """A new network from a factory `model(generator, outputs)`; default `scene_convnet`."""
    network = (model or scene_convnet)(torch.Generator().manual_seed(seed), outputs)
    if not isinstance(network, nn.Sequential) or not isinstance(network[-1], nn.Linear):
        raise ValueError("model must give a Sequential whose last layer is linear, such as models.scene_convnet.")
    return network


def train_network(
    data: Data,
    held_out: Data,
    groups: str | list[str],
    *,
    seed: int = 0,
    model: Callable | None = None,
    outputs: int = 2,
    batches: Callable | None = None,
    loss: Callable | None = None,
    more: Iterable[nn.Parameter] = (),
    see: Callable | None = None,
    see_training: Callable | None = None,
    shift: int = 0,
    head: Callable | None = None,
    epochs: int = EPOCHS,
    batch_size: int = BATCH_SIZE,
    learning_rate: float = LEARNING_RATE,
    weight_decay: float = 0.0,
    choose: str = "worst_group",
    progress: bool = False,
) -> Fitted:
    """Train with Adam and a one-cycle learning rate, and keep the checkpoint that does best on validation data.

    Every method hands on what it is called with and does not use itself: `model`, `epochs`, `batch_size`,
    `learning_rate`, `weight_decay`, `shift`, `choose`, `progress`. What a method of this project trains is kept, see
    `keeps`; called by any other function this trains every time.

    Parameters
    ----------
    data, held_out : training and validation data, see `as_tensors`
    groups : the columns that made them
    seed : of the start values and of the order of the rows
    model : function (torch.Generator, outputs) → Sequential whose last layer is linear; default `scene_convnet`
    outputs : of the network
    batches : function of a torch Generator to the epoch's batches of row numbers; default `shuffled`
    loss : function (network, x, rows) → scalar tensor; default the mean cross-entropy
    more : parameters that are trained along
    see, see_training : function of uint8 images to what the network sees of them, always; in training the second, if
        there is one, which is also given a generator
    shift : whenever a picture is seen in training, it is moved by up to so many pixels in each direction, by lot. Where
        rows of a cell are few, a network otherwise learns them by heart
    head : from logits to the score of class 1, from 0 to 1; default softmax. From 0.5 on the decision is 1
    epochs, batch_size, learning_rate : the learning rate is the highest that is reached
    weight_decay : factor of Adam's penalty on the squares of the weights
    choose : "worst_group": the epoch with the highest accuracy in the worst cell (attribute × label) of the validation
        data, of equal ones the one with the highest mean over cells; "average": with the highest accuracy; "last"
    progress : show a bar

    Raises
    ------
    ValueError : a setting is out of range

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import as_tensors, train_network
    >>> black = np.zeros((32, 32, 3), np.uint8)
    >>> data = as_tensors(pd.DataFrame({"img": [black] * 4, "label": [0, 1, 0, 1], "sex": ["f", "f", "m", "m"]}), "sex")
    >>> fitted = train_network(data, data, "sex", epochs=3, choose="last")
    >>> fitted.history[["epoch", "chosen"]].to_numpy().tolist()
    [[1, False], [2, False], [3, True]]
    """
    check_settings(epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, weight_decay=weight_decay)
    check_settings(choose=choose, shift=shift)
    network = start_network(model, seed, outputs)
    batches = batches or shuffled(len(data), batch_size)
    loss = loss or (lambda network, x, rows: F.cross_entropy(network(x), data.label[rows]))

    def seen_in_training(rows, generator):
        images = data.images.index_select(0, rows)  # far faster than images[rows]
        images = see_training(images, generator) if see_training else see(images) if see else images
        return floats(move(images, shift, generator) if shift else images)

    def compute() -> dict:
        losses = train_epochs(
            network,
            batches,
            lambda rows, generator: loss(network, seen_in_training(rows, generator), rows),
            epochs=epochs,
            learning_rate=learning_rate,
            seed=seed,
            weight_decay=weight_decay,
            more=more,
        )
        with one_thread(), tqdm(total=epochs, unit="epoch", disable=not progress, leave=False) as bar:
            return _best_epoch(network, losses, lambda: accuracies(network, held_out, see, head), choose, bar)

    trained = recalled(network, compute, (epochs, "epoch", progress))
    history = pd.DataFrame({name: trained[name] for name in HISTORY})
    chosen = copy.deepcopy(network)
    for which, numbers in [(chosen, "chosen "), (network, "last ")]:
        load_weights(which, {k.removeprefix(numbers): v for k, v in trained.items() if k.startswith(numbers)})
    groups = groups if isinstance(groups, str) else list(groups)
    return Fitted(chosen.eval(), network.eval(), history, data.names, groups, see=see, head=head)


def _best_epoch(network, losses, measure, choose, bar) -> dict:
    """Go through the epochs: the history by column, and the weights of the chosen checkpoint and the last, by name.

    Parameters
    ----------
    losses : see `train_epochs`; the network is trained while these are asked for
    measure : function without arguments to the accuracy on validation data, and that of each cell
    """
    history, best, chosen = [], None, {}
    for epoch, mean_loss in enumerate(losses):
        network.eval()
        average, cells = measure()
        worst = float(np.nanmin(cells))
        key = {"worst_group": (worst, np.nanmean(cells)), "average": (average,), "last": (epoch,)}[choose]
        history.append([epoch + 1, mean_loss, average, worst])
        if best is None or key > best[0]:
            best, chosen = (key, epoch), weights(network)
        bar.update()
    epoch, *others = map(np.array, zip(*history, strict=True))
    return (
        dict(zip(HISTORY, [epoch, *others, epoch == best[1] + 1], strict=True))
        | {f"chosen {name}": numbers for name, numbers in chosen.items()}
        | {f"last {name}": numbers for name, numbers in weights(network).items()}
    )


def move(images: torch.Tensor, most: int, generator: torch.Generator) -> torch.Tensor:
    """Each picture moved by up to `most` pixels across and down, by lot; what comes in from the edge is black."""
    n, side = images.shape[:2]
    framed = F.pad(images, (0, 0, most, most, most, most))
    down, across = torch.randint(0, 2 * most + 1, (2, n), generator=generator)
    windows = framed.unfold(1, side, 1).unfold(2, side, 1)  # (n, downs, acrosses, 3, side, side), a view
    return windows[torch.arange(n), down, across].permute(0, 2, 3, 1)


def accuracies(
    network: nn.Module, data: Data, see: Callable | None = None, head: Callable | None = None
) -> tuple[float, np.ndarray]:
    """Accuracy over all rows, and in each cell (NaN where a cell has no rows)."""
    with torch.inference_mode():
        logits = run_network(network, data.images, see)
        decision = (head(logits) >= 0.5).long() if head else logits.argmax(1)
        right = (decision == data.label).double()
        rows = data.cell_rows
        of_cell = torch.zeros(len(rows), dtype=torch.float64).index_add_(0, data.cell, right)
    with np.errstate(invalid="ignore"):
        return float(right.mean()), of_cell.numpy() / rows.numpy()
