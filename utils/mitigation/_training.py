"""What all methods share: one training loop, the choice of a checkpoint on validation data, and the fitted model."""

import copy
import functools
import inspect
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from utils import kept
from utils.datasets._images import stack_images
from utils.mitigation._tables import Data, attribute_numbers, attribute_values
from utils.training._fit import floats, load_weights, one_thread, weights
from utils.training._models import scene_convnet
from utils.training._pictures import SETTINGS

EPOCHS, BATCH_SIZE, LEARNING_RATE = (SETTINGS[name] for name in ("epochs", "batch_size", "learning_rate"))
CHUNK = 1000
HISTORY = ("epoch", "loss", "accuracy", "worst_group_accuracy", "chosen")
WHOLE = {"epochs": 1, "batch_size": 1, "first_epochs": 1, "hidden": 1, "draws": 1, "shift": 0}  # name → the smallest


@dataclass(frozen=True)
class Fitted:
    """A trained model, as every method returns it.

    Attributes
    ----------
    network : Sequential whose last layer is linear, in evaluation mode: the checkpoint that was chosen
    last : the same network after its last epoch; the two are the same where nothing was chosen
    history : DataFrame, one row an epoch: `epoch`, `loss` (mean over the epoch), and on validation data `accuracy`,
        `worst_group_accuracy`, and `chosen` (bool)
    names, groups : the attribute values, in order, and the columns that they come from
    decide, uses_attribute : how a method after training decides, and whether it needs the attribute for that

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import plain
    >>> black = np.zeros((32, 32, 3), np.uint8)
    >>> table = pd.DataFrame({"img": [black] * 10, "label": [1, 1] + [0] * 8, "sex": ["f", "m"] * 5})
    >>> fitted = plain(table, table, groups="sex", epochs=2, choose="last")
    >>> fitted.names, fitted.predict(table).shape, fitted.history["chosen"].tolist()
    (('f', 'm'), (10,), [False, True])
    """

    network: nn.Module
    last: nn.Module
    history: pd.DataFrame
    names: tuple[str, ...]
    groups: str | list[str]
    see: Callable | None = None  # what the method does to images before the network sees them: tensor → tensor
    head: Callable | None = None  # from logits to the probability of class 1, where that is no softmax of two
    decide: Callable | None = None  # (scores, attribute numbers) → decisions, where that is no threshold of 0.5
    uses_attribute: bool = False  # whether `decide` looks at the attribute

    def after_last_epoch(self) -> "Fitted":
        """The same method without the choice of a checkpoint: its network after the last epoch."""
        return replace(self, network=self.last)

    def logits(self, table: pd.DataFrame) -> torch.Tensor:
        """float32 tensor (n, outputs)."""
        return self._run(self.network, table)

    def features(self, table: pd.DataFrame) -> np.ndarray:
        """What the last layer gets to see: float32 array (n, d). For `utils.evaluation.leakage`."""
        return self._run(self.network[:-1], table).numpy()

    def score(self, table: pd.DataFrame) -> np.ndarray:
        """What the model takes for the probability of class 1: float64 array (n,)."""
        logits = self.logits(table).double()
        return (self.head(logits) if self.head else torch.softmax(logits, 1)[:, 1]).numpy()

    def predict(self, table: pd.DataFrame) -> np.ndarray:
        """Decisions 0 or 1: int array (n,). The table needs the attribute only where `uses_attribute` is True."""
        scores = self.score(table)
        if self.decide is None:
            return (scores >= 0.5).astype(int)
        attribute = None
        if self.uses_attribute:
            attribute = attribute_numbers(attribute_values(table, self.groups), self.names)
        return np.asarray(self.decide(scores, attribute)).astype(int)

    def _run(self, network, table):
        images = torch.from_numpy(stack_images(table))
        with torch.inference_mode(), one_thread():
            return torch.cat([network(self._seen(images[i : i + CHUNK])) for i in range(0, len(images), CHUNK)])

    def _seen(self, images):
        return floats(self.see(images) if self.see else images)


def start_network(model: Callable | None, seed: int, outputs: int = 2) -> nn.Sequential:
    """A new network from a factory `model(generator, outputs)`; default `scene_convnet`."""
    network = (model or scene_convnet)(torch.Generator().manual_seed(seed), outputs)
    if not isinstance(network, nn.Sequential) or not isinstance(network[-1], nn.Linear):
        raise ValueError("model must give a Sequential whose last layer is linear, such as models.scene_convnet.")
    return network


def shuffled(rows: int, batch_size: int) -> Callable:
    """Batches that see every row once an epoch, in random order."""
    return lambda generator: torch.randperm(rows, generator=generator).split(batch_size)


def drawn(weights: torch.Tensor, batch_size: int, rows: int | None = None) -> Callable:
    """Batches of rows drawn with these probabilities (up to a factor) with replacement; `rows` an epoch."""
    weights = weights.double()

    def batches(generator):
        return torch.multinomial(weights, rows or len(weights), replacement=True, generator=generator).split(batch_size)

    return batches


def balanced(data: Data, batch_size: int) -> Callable:
    """Batches in which every cell that has rows is as frequent as any other.

    Examples
    --------
    Ten rows in a thousand have label 1, and half of each batch.

    >>> import numpy as np
    >>> import pandas as pd
    >>> import torch
    >>> from utils.mitigation import balanced, as_tensors
    >>> table = pd.DataFrame({"img": [np.zeros((1, 1, 3), np.uint8)] * 1000, "label": [1] * 10 + [0] * 990, "sex": "f"})
    >>> batches = balanced(as_tensors(table, "sex"), batch_size=500)(torch.Generator().manual_seed(0))
    >>> [round((rows < 10).float().mean().item(), 1) for rows in batches]
    [0.5, 0.5]
    """
    return drawn(1 / data.cell_rows[data.cell], batch_size)


@dataclass
class _Call:
    """A method that is at work, with all that it was called with, and how many networks it has trained so far."""

    name: str
    inputs: dict
    networks: int = field(default=0)


_at_work: ContextVar[_Call | None] = ContextVar("method at work", default=None)


def keeps(method: Callable) -> Callable:
    """Let `utils.kept` keep the networks that a method trains, under all that the method is called with.

    A loss or a way to draw batches is a function that knows tables and weights, and has no key of its own. The method
    that makes it has: it does the same whenever it is called with the same.
    """
    signature = inspect.signature(method)

    @functools.wraps(method)
    def kept_method(*args, **kwargs):
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        inputs = {k: v for k, v in given.arguments.items() if k != "training"} | given.arguments.get("training", {})
        inputs.pop("progress", None)
        inputs = {"method": kept_method} | inputs  # it has a key only if it is a method of this project
        before = _at_work.set(_Call(f"{method.__module__.rpartition('.')[2]}", inputs))
        try:
            return method(*args, **kwargs)
        finally:
            _at_work.reset(before)

    return kept_method


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
    head : from logits to the probability of class 1; default softmax
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

    def compute() -> dict:
        return _train(
            network, data, held_out, batches, loss, [*more], see, see_training, head,
            seed, shift, epochs, learning_rate, weight_decay, choose, progress,
        )  # fmt: skip

    call, found = _at_work.get(), None
    if call is None:
        found = compute()
    else:
        call.networks += 1
        inputs = [call.inputs, call.networks, network]
        found = kept.recall(call.name, inputs, compute, shown=(epochs, "epoch", progress))
    history = pd.DataFrame({name: found[name] for name in HISTORY})
    chosen = copy.deepcopy(network)
    for which, numbers in [(chosen, "chosen "), (network, "last ")]:
        load_weights(which, {k.removeprefix(numbers): v for k, v in found.items() if k.startswith(numbers)})
    groups = groups if isinstance(groups, str) else list(groups)
    return Fitted(chosen.eval(), network.eval(), history, data.names, groups, see=see, head=head)


def _train(
    network, data, held_out, batches, loss, more, see, see_training, head,
    seed, shift, epochs, learning_rate, weight_decay, choose, progress,
) -> dict:  # fmt: skip
    """The loop of `train_network`: the history by column, and the weights of both networks by name."""
    generator = torch.Generator().manual_seed(seed)
    trained = [*network.parameters(), *more]
    optimizer = torch.optim.Adam(trained, lr=learning_rate, weight_decay=weight_decay, fused=True)
    steps = epochs * len(batches(torch.Generator().manual_seed(seed)))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    history, best, chosen = [], None, {}
    with one_thread(), tqdm(total=epochs, unit="epoch", disable=not progress, leave=False) as bar:
        for epoch in range(epochs):
            network.train()
            total, seen = 0.0, 0
            for rows in batches(generator):
                images = data.images.index_select(0, rows)  # far faster than images[rows]
                images = see_training(images, generator) if see_training else see(images) if see else images
                images = move(images, shift, generator) if shift else images
                optimizer.zero_grad()
                value = loss(network, floats(images), rows)
                value.backward()
                optimizer.step()
                schedule.step()
                total, seen = total + float(value.detach()) * len(rows), seen + len(rows)
            network.eval()
            average, cells = accuracies(network, held_out, see, head)
            worst = float(np.nanmin(cells))
            key = {"worst_group": (worst, np.nanmean(cells)), "average": (average,), "last": (epoch,)}[choose]
            history.append([epoch + 1, total / seen, average, worst])
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


def accuracies(network, data: Data, see=None, head=None) -> tuple[float, np.ndarray]:
    """Accuracy over all rows, and in each cell (NaN where a cell has no rows)."""
    with torch.inference_mode():
        logits = torch.cat(
            [
                network(floats(see(part) if see else part))
                for part in (data.images[i : i + CHUNK] for i in range(0, len(data), CHUNK))
            ]
        )
        decision = (head(logits) >= 0.5).long() if head else logits.argmax(1)
        right = (decision == data.label).double()
        rows = data.cell_rows
        of_cell = torch.zeros(len(rows), dtype=torch.float64).index_add_(0, data.cell, right)
    with np.errstate(invalid="ignore"):
        return float(right.mean()), of_cell.numpy() / rows.numpy()


def check_settings(**settings):
    """Raise one sentence for a setting outside its range."""
    for name, value in settings.items():
        if name == "choose":
            if value not in ("worst_group", "average", "last"):
                raise ValueError(f"choose is {value!r}; it must be 'worst_group', 'average' or 'last'.")
        elif name in WHOLE:
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < WHOLE[name]:
                raise ValueError(f"{name} is {value!r}; it must be a whole number, at least {WHOLE[name]}.")
        elif isinstance(value, bool) or not isinstance(value, int | float | np.number) or not value >= 0:
            raise ValueError(f"{name} is {value!r}; it must be a number, at least 0.")
