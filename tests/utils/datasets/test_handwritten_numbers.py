"""The embedded digits are MNIST's own, and the tables made of them are what the labs say they are."""

import hashlib
import random

import numpy as np
import pandas as pd
import pytest
import torch
from torchvision.datasets import MNIST

from utils.datasets import _handwritten_numbers as hn

ORIGINAL_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


@pytest.fixture(scope="module")
def starting():
    return hn.create_starting_data()


def test_torchvision_reads_the_folder_and_the_files_are_the_originals():
    root = hn.unpack()
    for name, md5 in ORIGINAL_MD5.items():
        assert hashlib.md5((root / "MNIST" / "raw" / name).read_bytes()).hexdigest() == md5
    for split, train in [("train", True), ("test", False)]:
        theirs = MNIST(root, train=train)
        pixels, labels = hn.load_mnist(split)
        assert np.array_equal(theirs.data.numpy(), pixels)
        assert np.array_equal(theirs.targets.numpy(), labels)


def test_starting_data_has_the_stated_make_up(starting):
    train, evaluation = starting
    assert list(train.columns) == ["img", "label", "digit", "parity", "magnitude", "curviness", "color"]
    counts = train["digit"].value_counts()
    assert set(counts.drop(["3", "6"])) == {5421}  # the rarest digit, 5, has 5,421
    assert counts["3"] == counts["6"] == round(0.3 * 5421)
    assert abs((train["color"] == "blue").mean() - 0.8) < 0.01
    assert len(evaluation) == 10_000
    by_color = pd.crosstab(evaluation["digit"], evaluation["color"])
    assert (by_color["blue"] - by_color["orange"]).abs().max() <= 1


def test_images_are_thresholded_and_of_one_color(starting):
    _, evaluation = starting
    pixels, labels = hn.load_mnist("test")
    images = hn.image_array(evaluation)
    assert images.dtype == np.uint8 and images.shape == (10_000, 28, 28, 3)
    colors = np.array([hn.COLORS[c] for c in evaluation["color"]], np.uint8)
    assert np.array_equal(images, (pixels >= 128)[..., None] * colors[:, None, None, :])
    assert np.array_equal(evaluation["label"], labels)


def test_groups_are_functions_of_the_digit(starting):
    train, _ = starting
    names = train.groupby("label")[["digit", "parity", "magnitude", "curviness"]].agg(lambda s: "/".join(s.unique()))
    assert names["digit"].tolist() == [str(d) for d in range(10)]
    assert names["parity"].tolist() == ["even", "odd"] * 5
    assert names["magnitude"].tolist() == ["small"] * 4 + ["medium"] * 3 + ["large"] * 3
    assert "".join(n[0] for n in names["curviness"]) == "clnclnnlcn"  # curvy 0 3 8, linear 1 4 7, the others neutral


def global_states():
    """The three global generators' states, in a form that can be compared."""
    of_numpy = np.random.get_state()[1].tolist()  # noqa: NPY002 (looked at, not drawn from)
    return random.getstate(), of_numpy, torch.get_rng_state().tolist()


def test_one_seed_one_table_and_the_global_state_is_left_alone(starting):
    train, evaluation = starting
    states = global_states()
    again, again_evaluation = hn.create_starting_data()
    other, _ = hn.create_starting_data(seed=1)
    noisy = hn.get_val2(evaluation)
    assert global_states() == states
    drop = {"columns": "img"}
    pd.testing.assert_frame_equal(train.drop(**drop), again.drop(**drop))
    assert np.array_equal(hn.image_array(train), hn.image_array(again))
    assert np.array_equal(hn.image_array(noisy), hn.image_array(hn.get_val2(again_evaluation)))
    assert not train.drop(**drop).equals(other.drop(**drop))


def test_a_generator_may_be_passed_and_moves_on():
    rng = np.random.default_rng(5)
    first, second = hn.evaluation_data(rng), hn.evaluation_data(rng)
    assert not first["color"].equals(second["color"])
    assert first["color"].equals(hn.evaluation_data(5)["color"])


def test_augmented_data_restores_the_threes_and_holds_the_starting_data(starting):
    augmented = hn.create_augmented_data_2()
    counts = augmented["digit"].value_counts()
    assert counts["3"] == 5421 and counts["6"] == 1626
    rows = {t.tobytes() for t in hn.image_array(augmented)}
    assert all(t.tobytes() in rows for t in hn.image_array(starting[0])[::50])


def test_customer_data_has_noise_on_every_4_and_nowhere_else(starting):
    _, evaluation = starting
    before = hn.image_array(evaluation).copy()
    customer = hn.get_val2(evaluation)
    images = hn.image_array(customer)
    is_four = (evaluation["label"] == 4).to_numpy()
    assert np.array_equal(images[~is_four], before[~is_four])
    assert np.array_equal(hn.image_array(evaluation), before)  # the table that was passed is as it was
    fours, clean = images[is_four], before[is_four]
    assert (fours != clean).any(axis=(1, 2, 3)).all()
    black = ~clean.any(axis=3)
    assert abs((fours == 255).all(3)[black].mean() - 0.02) < 0.001
    ink = clean.any(axis=3)
    assert abs((~fours.any(3))[ink].mean() - 0.02) < 0.003


def test_a_table_behaves_like_a_table(starting):
    _, evaluation = starting
    five = evaluation.loc[evaluation["color"] == "orange"][:5]
    assert len(five) == 5 and five["img"].iloc[0].shape == (28, 28, 3)
    assert evaluation["digit"].value_counts()["1"] == 1135
    both = pd.concat([five, evaluation.copy()[:3]])
    assert np.array_equal(hn.image_array(both), np.stack(both["img"]))


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.sample(frac=1, random_state=0),
        lambda t: t[::-1],
        lambda t: t[t["label"] == 7],
        lambda t: t.iloc[[3]],
    ],
)
def test_image_array_follows_the_rows_of_the_table(starting, change):
    table = change(starting[1])
    assert np.array_equal(hn.image_array(table), np.stack(table["img"]))


def test_image_array_sees_views_that_are_not_whole_images(starting):
    flipped = starting[1][:4].copy()
    flipped["img"] = pd.Series([x[::-1] for x in flipped["img"]], index=flipped.index, dtype=object)
    assert np.array_equal(hn.image_array(flipped), np.stack(flipped["img"]))


@pytest.mark.parametrize(
    "image, words",
    [
        (np.zeros((28, 28), np.uint8), r"shape \(28, 28\)"),
        (np.zeros((28, 28, 3), float), "dtype float64"),
        (None, "NoneType"),
    ],
)
def test_wrong_images_are_named(image, words):
    table = pd.DataFrame({"img": pd.Series([image], dtype=object), "label": [0]})
    with pytest.raises(ValueError, match=words):
        hn.image_array(table)


def test_wrong_arguments_are_named(starting):
    with pytest.raises(KeyError, match="'img'.*label"):
        hn.image_array(starting[1][["label"]])
    with pytest.raises(ValueError, match="empty"):
        hn.image_array(starting[1][:0])
    with pytest.raises(ValueError, match="'validation'"):
        hn.load_mnist("validation")
    with pytest.raises(ValueError, match="11"):
        hn.training_data(thin={11: 0.5})
    with pytest.raises(ValueError, match="blue is 2"):
        hn.training_data(blue=2)
