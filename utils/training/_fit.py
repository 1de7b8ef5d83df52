"""Training on a table of images: any network (`fit`), or the baseline for one seed or many at once."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.adam import adam
from tqdm.auto import tqdm

from utils import kept
from utils.datasets._handwritten_numbers import image_array
from utils.datasets._images import stack_images
from utils.training._models import CLASSES, HIDDEN, baseline_mlp

EPOCHS = 3
BATCH_SIZE = 64
LEARNING_RATE = 0.01
MAX_COLORS = 4
CHUNK = 1024  # images looked at together


@contextmanager
def one_thread():
    """Run small models on one torch thread: more gain nothing here, and stall when another program uses the core.

    Examples
    --------
    >>> import torch
    >>> from utils.training import one_thread
    >>> before = torch.get_num_threads()
    >>> with one_thread():
    ...     torch.get_num_threads()
    1
    >>> torch.get_num_threads() == before
    True
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def label_array(table: pd.DataFrame, column: str = "label") -> np.ndarray:
    """The labels as an int array, after checking that there are some, none is missing and all are 0 to 9.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.training import label_array
    >>> label_array(pd.DataFrame({"label": [0, 1, 9]})).tolist()
    [0, 1, 9]
    >>> label_array(pd.DataFrame({"label": [0, 1, None]}))
    Traceback (most recent call last):
    ValueError: 1 of 3 values in 'label' are missing; drop these rows first.
    """
    if column not in table:
        raise KeyError(f"The table has no column {column!r}; it has {', '.join(map(str, table.columns))}.")
    labels = table[column]
    if len(labels) == 0:
        raise ValueError("The table is empty: there is nothing to train on.")
    if labels.isna().any():
        raise ValueError(
            f"{int(labels.isna().sum())} of {len(labels)} values in {column!r} are missing; drop these rows first."
        )
    values = labels.to_numpy()
    if values.dtype.kind not in "iu" or values.min() < 0 or values.max() >= CLASSES:
        raise ValueError(
            f"{column!r} must hold whole numbers from 0 to {CLASSES - 1}; it holds {labels.unique()[:5].tolist()} …"
        )
    return np.ascontiguousarray(values)  # torch takes no array in reverse


def image_tensor(images: np.ndarray) -> torch.Tensor:
    """uint8 (n, side, side, 3) to float32 (n, 3, side, side) in [0, 1], as the networks want it.

    Examples
    --------
    >>> import numpy as np
    >>> from utils.training import image_tensor
    >>> white = image_tensor(np.full((2, 4, 4, 3), 255, np.uint8))
    >>> tuple(white.shape), white.max().item()
    ((2, 3, 4, 4), 1.0)
    """
    planes = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
    # Laid out plane by plane once, or else every model's first layer would copy it so.
    return planes.to(torch.float32, memory_format=torch.contiguous_format, copy=True).div_(255)


def floats(images: torch.Tensor) -> torch.Tensor:
    """uint8 (n, side, side, 3) to float32 (n, 3, side, side) in [0, 1], a batch of a training."""
    return images.permute(0, 3, 1, 2).to(torch.float32, copy=True).div_(255)


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
    settings = [epochs, batch_size, learning_rate, one_cycle, seed]
    trained = kept.recall(
        "fit",
        [model, images, labels, settings],
        lambda: _fit(model, torch.from_numpy(images), torch.tensor(labels), *settings, progress),
        shown=(epochs * len(labels), "img", progress),
    )
    load_weights(model, trained)
    model.zero_grad()  # as after a training, also where the result was kept
    return model.eval()


def _fit(model, images, labels, epochs, batch_size, learning_rate, one_cycle, seed, progress) -> dict:
    generator = torch.Generator().manual_seed(seed)
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    steps = epochs * -(-len(labels) // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps) if one_cycle else None
    with one_thread(), tqdm(total=epochs * len(labels), unit="img", disable=not progress, leave=False) as bar:
        for _ in range(epochs):
            for rows in torch.randperm(len(labels), generator=generator).split(batch_size):
                optimizer.zero_grad()
                F.cross_entropy(model(floats(images[rows])), labels[rows]).backward()
                optimizer.step()
                if schedule:
                    schedule.step()
                bar.update(len(rows))
    optimizer.zero_grad()
    return weights(model)


def weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """A copy of all numbers of a network, by name, as `load_weights` takes them.

    Examples
    --------
    >>> from torch import nn
    >>> from utils.training import weights
    >>> {name: tuple(numbers.shape) for name, numbers in weights(nn.Linear(3, 2)).items()}
    {'weight': (2, 3), 'bias': (2,)}
    """
    return {name: t.detach().clone() for name, t in [*model.named_parameters(), *model.named_buffers()]}


@torch.no_grad()
def load_weights(model: nn.Module, numbers: dict[str, torch.Tensor]) -> nn.Module:
    """Put numbers from `weights` into a network of the same layers.

    Examples
    --------
    >>> import torch
    >>> from utils.training import baseline_mlp, load_weights, weights
    >>> first = baseline_mlp(torch.Generator().manual_seed(1))
    >>> second = load_weights(baseline_mlp(), weights(first))
    >>> torch.equal(first[1].weight, second[1].weight)
    True
    """
    for name, t in [*model.named_parameters(), *model.named_buffers()]:
        t.copy_(numbers[name])
    return model


def train_baseline_model(df: pd.DataFrame, seed: int = 0, progress: bool = True) -> nn.Sequential:
    """Train the baseline (see `baseline_mlp`): Adam at 0.01, batches of 64, 3 epochs, cross-entropy.

    Parameters
    ----------
    df : DataFrame with `img` (28 × 28 × 3 uint8) and `label` (0 to 9)
    seed : int, of the start values and of the order of the rows

    Returns
    -------
    Module in evaluation mode, for `run_baseline_model`

    Examples
    --------
    >>> from utils.datasets import evaluation_data
    >>> from utils.training import run_baseline_model, train_baseline_model
    >>> digits = evaluation_data().head(640)
    >>> model = train_baseline_model(digits, seed=0, progress=False)
    >>> bool((run_baseline_model(model, digits)["pred1"] == digits["label"]).mean() > 0.5)
    True
    """
    return train_baseline_models(df, [seed], progress=progress)[0]


def train_baseline_models(
    df: pd.DataFrame, seeds: Iterable[int] = range(30), vary: str = "both", progress: bool = True
) -> list[nn.Sequential]:
    """Train the baseline once a seed, all seeds at the same time: one training run is one draw, so draw many.

    Each seed gives the model that `train_baseline_model(df, seed)` gives, up to rounding in the last bits (which
    training amplifies: single predictions can differ, accuracies hardly). The models are kept (`utils.kept`): a call
    with the same images, labels, seeds and `vary` does not train again.

    Parameters
    ----------
    df : DataFrame with `img` and `label`
    seeds : ints, one a model
    vary : what differs between seeds: "start" (the start values; all see the rows in the order of seed 0), "order" (of
        the rows; all start from the values of seed 0), or "both"

    Returns
    -------
    list of Modules in evaluation mode, in the order of the seeds

    Examples
    --------
    >>> from utils.datasets import evaluation_data
    >>> from utils.training import predict_many, train_baseline_models
    >>> digits = evaluation_data().head(640)
    >>> models = train_baseline_models(digits, seeds=[0, 1], progress=False)
    >>> first, second = predict_many(models, digits)
    >>> first.shape, bool((first == second).all())
    ((640,), False)
    """
    seeds = list(seeds)
    if not seeds:
        raise ValueError("seeds is empty: name at least one.")
    if vary not in ("start", "order", "both"):
        raise ValueError(f"vary is {vary!r}; it must be 'start', 'order' or 'both'.")
    labels, images = label_array(df), image_array(df)
    models = [baseline_mlp(torch.Generator().manual_seed(0 if vary == "order" else s)) for s in seeds]
    order_seeds = [0 if vary == "start" else s for s in seeds]
    # How many are trained together decides about the last bits.
    workers = min(len(seeds), os.cpu_count() or 1)
    settings = [EPOCHS, BATCH_SIZE, LEARNING_RATE, MAX_COLORS, order_seeds, workers]
    trained = kept.recall(
        "train_baseline_models",
        [images, labels, models, settings],
        lambda: _train_baselines(models, images, torch.tensor(labels), order_seeds, workers, progress),
        shown=(EPOCHS * len(labels) * len(seeds), "img", progress),
    )
    for i, model in enumerate(models):
        load_weights(model, {name: rows[i] for name, rows in trained.items()})
    return [model.eval() for model in models]


def _train_baselines(models, images, labels, order_seeds, workers, progress) -> dict[str, torch.Tensor]:
    """Train the models where they are; returns their weights, stacked (one row a model)."""
    inputs, color, palette = factor_colors(images)
    # A pixel that is black in every image gets no gradient: its weights stay as they are, and it need not be seen.
    inked = inputs.any(0).nonzero()[:, 0]
    inputs = torch.from_numpy(inputs.numpy().take(inked, axis=1))  # a third of the time of torch's index_select
    # Half the seeds on each of two cores: products of many seeds are large enough, and each thread keeps to itself.
    parts = [slice(i, None, workers) for i in range(workers)]
    with tqdm(
        total=EPOCHS * len(labels) * len(models), unit="img", unit_scale=True, disable=not progress, leave=False
    ) as bar:
        # Around the pool too, or a thread that ends last would leave the setting at one.
        with one_thread(), ThreadPoolExecutor(workers) as pool:
            jobs = [
                pool.submit(
                    _train_stack, models[part], inked, inputs, color, palette, labels, order_seeds[part], bar.update
                )
                for part in parts
            ]
            for job in jobs:
                job.result()
    return {name: torch.stack([weights(model)[name] for model in models]) for name in weights(models[0])}


def factor_colors(images: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Write images that are each black and one colour as ink × colour, which cuts the first layer's work to a third.

    Parameters
    ----------
    images : uint8 array (n, 28, 28, 3)

    Returns
    -------
    inputs : uint8 (n, 784), 1 where there is ink; or, where an image has more than one colour, (n, 2352) as they are
    color : int64 (n,), each image's row in the palette
    palette : float32 (colours, 3) in [0, 1]; or [[1 / 255]], by which the images as they are become numbers in [0, 1]
    """
    n = len(images)
    flat = images.reshape(n, -1, 3)
    ink, peak, one_color = np.empty((n, flat.shape[1]), np.uint8), np.empty((n, 3), np.uint8), True
    for part in (slice(i, i + CHUNK) for i in range(0, n, CHUNK)):  # a piece at a time, so that it stays in the cache
        channels = np.ascontiguousarray(flat[part].transpose(2, 0, 1))
        peak[part] = channels.max(2).T  # an image of one colour: that colour
        np.not_equal(channels[0] | channels[1] | channels[2], 0, out=ink[part].view(bool))
        one_color = one_color and np.array_equal(channels, ink[part] * peak[part].T[:, :, None])
    codes, color = np.unique(peak @ np.array([1 << 16, 1 << 8, 1]), return_inverse=True)
    if one_color and len(codes) <= MAX_COLORS:
        palette = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], 1).astype(np.float32) / 255
        return torch.from_numpy(ink), torch.from_numpy(color), torch.from_numpy(palette)
    planes = np.ascontiguousarray(flat.transpose(0, 2, 1)).reshape(n, -1)
    return torch.from_numpy(planes), torch.zeros(n, dtype=torch.int64), torch.tensor([[1 / 255]])


@torch.no_grad()
def _train_stack(models, inked, inputs, color, palette, labels, order_seeds, on_images):
    """Train a stack of baselines (all sizes below: seeds S, batch B, hidden units H, colours C, channels K, pixels P).

    The gradient of this small network is written out, since autograd's bookkeeping would cost more than the arithmetic.
    """
    S, H, C, K = len(models), HIDDEN, *palette.shape
    start = [torch.stack(ps) for ps in zip(*(m.parameters() for m in models), strict=True)]
    all_pixels = start[0].view(S, H, K, -1)
    w1, b1, w2, b2, w3, b3 = params = [all_pixels[..., inked].contiguous(), *start[1:]]
    g_w1, g_b1, g_w2, g_b2, g_w3, g_b3 = grads = [torch.empty_like(p) for p in params]
    # Adam as a function: making the first optimizer object of a process loads torch's compiler, which takes a second.
    means, squares = [torch.zeros_like(p) for p in params], [torch.zeros_like(p) for p in params]
    steps = [torch.tensor(0.0) for _ in params]
    settings = {"lr": LEARNING_RATE, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0, "fused": True}
    settings |= {"amsgrad": False, "maximize": False}
    # Where a pixel rarely has ink, Adam's mean decays to denormal numbers, which processors handle slowly. As zeros
    # they change no weight. The setting is this thread's own, and the thread ends with the training.
    torch.set_flush_denormal(True)
    color_of, label_of = torch.eye(C)[color], torch.eye(CLASSES)[labels]  # one-hot
    # One generator a seed, apart from that of the start values: the order does not depend on the network's size.
    generators = [torch.Generator().manual_seed(s) for s in order_seeds]

    with one_thread():
        for _ in range(EPOCHS):
            order = torch.stack([torch.randperm(len(labels), generator=g) for g in generators])
            for rows in order.split(BATCH_SIZE, dim=1):
                B = rows.shape[1]
                rows = rows.flatten()
                x = inputs.index_select(0, rows).view(S, B, -1).float()
                hue = color_of.index_select(0, rows).view(S, B, 1, C)

                # (ink × colour) · weight = ink · (weight folded with the colour): the products see P pixels, not K · P.
                folded = torch.matmul(palette, w1).view(S, H * C, -1)
                h1 = (torch.bmm(x, folded.transpose(1, 2)).view(S, B, H, C) * hue).sum(3).add_(b1[:, None]).relu_()
                h2 = torch.baddbmm(b2[:, None], h1, w2.transpose(1, 2)).relu_()
                logits = torch.baddbmm(b3[:, None], h2, w3.transpose(1, 2))

                # Cross-entropy, the mean over the batch; its gradient is (probability − one-hot label) / B.
                d = torch.softmax(logits, 2).sub_(label_of.index_select(0, rows).view(S, B, -1)).div_(B)
                torch.bmm(d.transpose(1, 2), h2, out=g_w3)
                torch.sum(d, 1, out=g_b3)
                d = torch.bmm(d, w3).mul_(h2 > 0)
                torch.bmm(d.transpose(1, 2), h1, out=g_w2)
                torch.sum(d, 1, out=g_b2)
                d = torch.bmm(d, w2).mul_(h1 > 0)
                torch.sum(d, 1, out=g_b1)
                d = (d.unsqueeze(3) * hue).view(S, B, H * C)
                torch.matmul(palette.T, torch.bmm(d.transpose(1, 2), x).view(S, H, C, -1), out=g_w1)
                adam(params, grads, means, squares, [], steps, **settings)
                on_images(B * S)

    all_pixels[..., inked] = w1
    for ps, trained in zip(zip(*(m.parameters() for m in models), strict=True), start, strict=True):
        for p, values in zip(ps, trained, strict=True):
            p.copy_(values)
