"""The networks of the course: small enough to train in seconds on a laptop."""

import math
import threading
from contextlib import contextmanager

import torch
from torch import nn
from torch.random import fork_rng

CLASSES = 10
HIDDEN = 10
INPUTS = 3 * 28 * 28


def baseline_mlp(generator: torch.Generator | None = None) -> nn.Sequential:
    """The baseline: 2352 inputs, two hidden layers of 10 with ReLU, 10 outputs (logits of the digits 0 to 9).

    Its input is float (n, 3, 28, 28) in [0, 1]. The start values are PyTorch's own for linear layers: uniform within
    ± 1 / √(number of inputs).

    Parameters
    ----------
    generator : torch.Generator the start values are drawn from; None gives a new one with seed 0. Never the global one.

    Examples
    --------
    >>> import torch
    >>> from utils.training import baseline_mlp
    >>> model = baseline_mlp()
    >>> tuple(model(torch.zeros(5, 3, 28, 28)).shape), sum(p.numel() for p in model.parameters())
    ((5, 10), 23750)
    """
    with new_layers():
        layers = [nn.Linear(n, m) for n, m in [(INPUTS, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, CLASSES)]]
    _draw_start(layers, generator)
    return nn.Sequential(nn.Flatten(), layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])


def small_convnet(generator: torch.Generator | None = None) -> nn.Sequential:
    """A small convolutional network: two strided convolutions (8 and 16 channels) with ReLU, then one linear layer.

    Input, outputs and `generator` as in `baseline_mlp`. It sees neighbourhoods and not single pixels, and makes well
    under half of the baseline's errors on the starting data.

    Examples
    --------
    >>> import torch
    >>> from utils.training import small_convnet
    >>> model = small_convnet()
    >>> tuple(model(torch.zeros(5, 3, 28, 28)).shape), sum(p.numel() for p in model.parameters())
    ((5, 10), 9626)
    """
    with new_layers():
        first = nn.Conv2d(3, 8, kernel_size=5, stride=2, padding=2)
        second = nn.Conv2d(8, 16, kernel_size=3, stride=2, padding=1)
        last = nn.Linear(16 * 7 * 7, CLASSES)
    _draw_start([first, second, last], generator)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Flatten(), last)


def scene_convnet(generator: torch.Generator | None = None, classes: int = 2) -> nn.Sequential:
    """A small convolutional network for pictures of 32 × 32: three strided convolutions (16, 32 and 32 channels).

    Its input is float (n, 3, 32, 32) in [0, 1], its outputs are logits (n, classes). The start values are those of He
    et al. (2015), uniform within ± √(6 / number of inputs): from PyTorch's smaller ones some seeds would hardly learn.
    `generator` as in `baseline_mlp`.

    Examples
    --------
    >>> import torch
    >>> from utils.training import scene_convnet
    >>> tuple(scene_convnet(classes=3)(torch.zeros(5, 3, 32, 32)).shape)
    (5, 3)
    """
    strided = {"kernel_size": 3, "stride": 2, "padding": 1}
    with new_layers():
        convolutions = [nn.Conv2d(n, m, **strided) for n, m in [(3, 16), (16, 32), (32, 32)]]
        last = nn.Linear(32 * 4 * 4, classes)
    _draw_start([*convolutions, last], generator, gain=math.sqrt(6))
    first, second, third = convolutions
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third, nn.ReLU(), nn.Flatten(), last)


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


_one_at_a_time = threading.Lock()


@contextmanager
def new_layers():
    """Make layers here: they draw start values from torch's global generator, which is then put back as it was.

    One thread at a time, or one would put back what another has drawn.

    Examples
    --------
    >>> import torch
    >>> from utils.training import new_layers
    >>> before = torch.get_rng_state()
    >>> with new_layers():
    ...     layer = torch.nn.Linear(4, 2)
    >>> torch.equal(torch.get_rng_state(), before)
    True
    """
    with _one_at_a_time, fork_rng(devices=[]):
        yield


@torch.no_grad()
def _draw_start(layers, generator, gain=1.0):
    generator = generator or torch.Generator().manual_seed(0)
    for layer in layers:
        bound = 1 / math.sqrt(layer.weight[0].numel())
        layer.weight.uniform_(-gain * bound, gain * bound, generator=generator)
        layer.bias.uniform_(-bound, bound, generator=generator)
