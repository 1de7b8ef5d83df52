"""The loop that trains every network, except the baseline (`_baseline.py`), whose gradient is written out."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import nn


def shuffled(rows: int, batch_size: int) -> Callable[[torch.Generator], Sequence[torch.Tensor]]:
    """Batches that see every row once an epoch, in random order."""
    return lambda generator: torch.randperm(rows, generator=generator).split(batch_size)


def train_epochs(
    network: nn.Module,
    batches: Callable[[torch.Generator], Sequence[torch.Tensor]],
    loss: Callable[[torch.Tensor, torch.Generator], torch.Tensor],
    *,
    epochs: int,
    learning_rate: float,
    seed: int,
    one_cycle: bool = True,
    weight_decay: float = 0.0,
    more: Iterable[nn.Parameter] = (),
    on_rows: Callable[[int], object] = lambda count: None,
) -> Iterator[float]:
    """Train a network where it is, with Adam; whoever looks at it after an epoch sees it as it is then.

    Parameters
    ----------
    network : Module; in each epoch it is in training mode
    batches : function of a generator to the epoch's batches of row numbers, as many in each epoch
    loss : function (rows, generator) → scalar tensor
    learning_rate : of Adam; with `one_cycle` the highest that is reached
    seed : of the generator, from which `batches` and `loss` draw
    weight_decay : factor of Adam's penalty on the squares of the weights
    more : parameters that are trained along
    on_rows : is told after each batch how many rows it had

    Yields
    ------
    float : after each epoch, the mean loss of its rows
    """
    generator = torch.Generator().manual_seed(seed)
    trained = [*network.parameters(), *more]
    optimizer = torch.optim.Adam(trained, lr=learning_rate, weight_decay=weight_decay, fused=True)
    steps = epochs * len(batches(torch.Generator().manual_seed(seed)))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps) if one_cycle else None
    for _ in range(epochs):
        network.train()
        total, seen = 0.0, 0
        for rows in batches(generator):
            optimizer.zero_grad()
            value = loss(rows, generator)
            value.backward()
            optimizer.step()
            if schedule:
                schedule.step()
            total, seen = total + float(value.detach()) * len(rows), seen + len(rows)
            on_rows(len(rows))
        yield total / seen
