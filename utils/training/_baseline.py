"""The workshop's baseline, for one seed or many at once: its gradient is written out, since that is far faster."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.optim.adam import adam
from tqdm.auto import tqdm

from utils import kept
from utils.datasets._handwritten_numbers import image_array
from utils.training._models import CLASSES, HIDDEN, baseline_mlp, load_weights, weights
from utils.training._tensors import label_array
from utils.training._threads import one_thread, thread_pool, workers

EPOCHS = 3
BATCH_SIZE = 64
LEARNING_RATE = 0.01
MAX_COLORS = 4
CHUNK = 1024  # images looked at together


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
    together = workers(len(seeds))
    settings = [EPOCHS, BATCH_SIZE, LEARNING_RATE, MAX_COLORS, order_seeds, together]
    trained = kept.recall(
        "train_baseline_models",
        [images, labels, models, settings],
        lambda: _train_baselines(models, images, torch.tensor(labels), order_seeds, together, progress),
        shown=(EPOCHS * len(labels) * len(seeds), "img", progress),
    )
    for i, model in enumerate(models):
        load_weights(model, {name: rows[i] for name, rows in trained.items()})
    return [model.eval() for model in models]


def _train_baselines(models, images, labels, order_seeds, together, progress) -> dict[str, torch.Tensor]:
    """Train the models where they are; returns their weights, stacked (one row a model)."""
    inputs, color, palette = factor_colors(images)
    # A pixel that is black in every image gets no gradient: its weights stay as they are, and it need not be seen.
    inked = inputs.any(0).nonzero()[:, 0]
    inputs = torch.from_numpy(inputs.numpy().take(inked, axis=1))  # a third of the time of torch's index_select
    # Half the seeds on each of two cores: products of many seeds are large enough, and each thread keeps to itself.
    parts = [slice(i, None, together) for i in range(together)]
    with tqdm(
        total=EPOCHS * len(labels) * len(models), unit="img", unit_scale=True, disable=not progress, leave=False
    ) as bar:
        with thread_pool(together) as pool:
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
