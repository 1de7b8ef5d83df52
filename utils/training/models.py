"""The networks of the course: small enough to train in seconds on a laptop."""

import math

import torch
from torch import nn
from torch.nn.utils import skip_init

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
    """
    layers = [skip_init(nn.Linear, n, m) for n, m in [(INPUTS, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, CLASSES)]]
    _draw_start(layers, generator)
    return nn.Sequential(nn.Flatten(), layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])


def small_convnet(generator: torch.Generator | None = None) -> nn.Sequential:
    """A small convolutional network: two strided convolutions (8 and 16 channels) with ReLU, then one linear layer.

    Input, outputs and `generator` as in `baseline_mlp`. It sees neighbourhoods and not single pixels, and makes well
    under half of the baseline's errors on the starting data.
    """
    first = skip_init(nn.Conv2d, 3, 8, kernel_size=5, stride=2, padding=2)
    second = skip_init(nn.Conv2d, 8, 16, kernel_size=3, stride=2, padding=1)
    last = skip_init(nn.Linear, 16 * 7 * 7, CLASSES)
    _draw_start([first, second, last], generator)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Flatten(), last)


def scene_convnet(generator: torch.Generator | None = None, classes: int = 2) -> nn.Sequential:
    """A small convolutional network for pictures of 32 × 32: three strided convolutions (16, 32 and 32 channels).

    Its input is float (n, 3, 32, 32) in [0, 1], its outputs are logits (n, classes). The start values are those of He
    et al. (2015), uniform within ± √(6 / number of inputs): from PyTorch's smaller ones some seeds would hardly learn.
    `generator` as in `baseline_mlp`.
    """
    strided = {"kernel_size": 3, "stride": 2, "padding": 1}
    convolutions = [skip_init(nn.Conv2d, n, m, **strided) for n, m in [(3, 16), (16, 32), (32, 32)]]
    last = skip_init(nn.Linear, 32 * 4 * 4, classes)
    _draw_start([*convolutions, last], generator, gain=math.sqrt(6))
    first, second, third = convolutions
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third, nn.ReLU(), nn.Flatten(), last)


@torch.no_grad()
def _draw_start(layers, generator, gain=1.0):
    # A layer that is made draws start values from the global generator, which is to stay as it is, and which cannot be
    # put back where several threads make layers. So the layers here are made without any (`skip_init`).
    generator = generator or torch.Generator().manual_seed(0)
    for layer in layers:
        bound = 1 / math.sqrt(layer.weight[0].numel())
        layer.weight.uniform_(-gain * bound, gain * bound, generator=generator)
        layer.bias.uniform_(-bound, bound, generator=generator)
