"""The pictures of Labs 2 and 3: both sources, other sizes, the model and its scores, the contact sheet."""

import numpy as np
import pandas as pd
import pytest
import torch

from utils.datasets._fallback import load_pictures_or_drawings
from utils.datasets._images import resize_images, stack_images
from utils.datasets._open_images import download
from utils.datasets._pictures import load_pictures
from utils.datasets._registry import DataError
from utils.datasets._scene_mirror import write_mirror
from utils.datasets._scene_specification import Specification
from utils.datasets._simulated_scenes import simulate
from utils.plotting._pictures import describe_contact_sheet, plot_contact_sheet, short_licence
from utils.training._pictures import run_picture_model, train_picture_model, train_picture_models
from utils.training._predict import predict, predict_probabilities

COLUMNS = {"image_id", "split", "img", "label", "activity", "gender", "age", "box_area", "x_min", "x_max", "y_min"}
COLUMNS |= {"y_max", "occluded", "people", "author", "licence", "landing_page", "title"}


@pytest.fixture(scope="module")
def scenes():
    return simulate(n=600, seed=3)


@pytest.fixture(scope="module")
def downloaded(tmp_path_factory):
    """A download of two classes from a mirror in a folder, validation and test only."""
    base = tmp_path_factory.mktemp("pictures")
    mirror = write_mirror(base / "mirror", n={"train": 2, "validation": 60, "test": 60}, seed=5, side=48)
    download(
        base / "mine",
        ["Ball", "Frying pan"],
        ["validation", "test"],
        limit=40,
        side=48,
        annotations_url=str(mirror / "annotations"),
        images_url=str(mirror / "images"),
        progress=False,
    )
    return base / "mine"


def test_the_simulated_pictures_have_the_columns_of_both_sources(tmp_path, monkeypatch):
    monkeypatch.setenv("DATALAB_CACHE", str(tmp_path))
    table = load_pictures(side=16, splits="validation")
    assert set(table) >= COLUMNS and set(table["split"]) == {"validation"} and set(table["label"]) == {0, 1}


def test_a_download_without_all_splits_is_divided_by_author(downloaded):
    table = load_pictures("open_images", folder=downloaded)
    assert set(table) >= COLUMNS and set(table["label"]) == {0, 1} and stack_images(table).shape[1:] == (32, 32, 3)
    assert table["split"].nunique() == 1  # all drawings have one author, so they stay on one side
    names = pd.read_csv(downloaded / "test.csv", keep_default_na=False)
    names["author"] = [f"author {i % 17}" for i in range(len(names))]
    kept = (downloaded / "test.csv").read_bytes()
    try:
        names.to_csv(downloaded / "test.csv", index=False)
        table = load_pictures("open_images", folder=downloaded)
        sides = table[table["author"] != "simulated"].groupby("author")["split"].nunique()
        assert (sides == 1).all() and table["split"].nunique() == 3
        train = load_pictures("open_images", splits="train", folder=downloaded)
        assert train["image_id"].tolist() == table.loc[table["split"] == "train", "image_id"].tolist()
    finally:
        (downloaded / "test.csv").write_bytes(kept)


def test_wrong_sources_are_named(tmp_path):
    with pytest.raises(ValueError, match="source is 'photos'"):
        load_pictures("photos")
    with pytest.raises(ValueError, match="splits is \\['tset'\\]"):
        load_pictures(splits="tset")
    with pytest.raises(DataError, match="datalab data open-images"):
        load_pictures("open_images", folder=tmp_path)


def test_images_are_averaged_when_made_smaller(scenes):
    small = resize_images(scenes[:20], 16)
    exact = stack_images(scenes[:20]).astype(float).reshape(20, 16, 2, 16, 2, 3).mean((2, 4))
    assert np.abs(stack_images(small) - exact).max() <= 1
    assert stack_images(scenes).shape == (600, 32, 32, 3)  # the table itself is as it was
    with pytest.raises(ValueError, match=r"shape \(16, 16, 3\).*\(32, 32, 3\)"):
        stack_images(small, 32)


def test_images_of_several_sizes_are_refused(scenes):
    mixed = pd.concat([scenes[:2], resize_images(scenes[2:4], 16)])
    with pytest.raises(ValueError, match="each must be"):
        stack_images(mixed)


def test_the_model_learns_and_gives_scores(scenes):
    plain = Specification().without("co_occurrence", "proxy")
    train, test = simulate(plain, 2400, 0), simulate(plain, 600, 1, split="test")
    model = train_picture_model(train, seed=1, progress=False)
    results = run_picture_model(model, test)
    assert list(results.columns) == [*test.columns, "score", "pred1"] and "score" not in test
    assert results["score"].between(0, 1).all()
    assert (results["pred1"] == (results["score"] >= 0.5)).all()
    assert (results["pred1"] == results["label"]).mean() > 0.75
    assert np.allclose(predict_probabilities(model, test).sum(1), 1)
    assert np.array_equal(predict(model, test), results["pred1"])
    assert run_picture_model(model, test, threshold=0.9)["pred1"].sum() < results["pred1"].sum()


def test_each_seed_gives_the_same_model_alone_and_among_others(scenes):
    several = train_picture_models(scenes, [4, 0], progress=False)
    alone = train_picture_model(scenes, 4, progress=False)
    for mine, theirs in zip(several[0].parameters(), alone.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    assert not torch.equal(several[0][0].weight, several[1][0].weight)


def test_wrong_training_data_are_named(scenes):
    with pytest.raises(ValueError, match=r"shape \(16, 16, 3\)"):
        train_picture_model(resize_images(scenes[:10], 16))
    with pytest.raises(ValueError, match="nothing to tell apart"):
        train_picture_model(scenes[scenes["label"] == 1])
    with pytest.raises(ValueError, match="empty"):
        train_picture_models(scenes, [])
    model = train_picture_model(scenes[:64], progress=False)
    with pytest.raises(ValueError, match="size that it was trained on"):
        run_picture_model(model, resize_images(scenes[:10], 48))


def test_the_contact_sheet_names_author_and_licence(scenes):
    ten = scenes[:7].assign(author=[*"ABCDEF", ""], licence="https://creativecommons.org/licenses/by/2.0/")
    axes = plot_contact_sheet(ten, columns=4)
    assert axes.shape == (2, 4)
    below = [ax.texts[0].get_text() for ax in axes.flat[:7]]
    assert below[0] == "A, CC BY 2.0" and below[6].replace("\n", " ") == "unknown author, CC BY 2.0"
    assert axes.flat[0].get_title() == f"{ten['activity'].iloc[0]}\nperceived: {ten['gender'].iloc[0]}"
    box = axes.flat[0].patches[0]
    assert box.get_width() == pytest.approx((ten["x_max"] - ten["x_min"]).iloc[0] * 32)
    assert describe_contact_sheet(ten).startswith("7 pictures") and "by 7 authors" in describe_contact_sheet(ten)
    assert short_licence("https://creativecommons.org/publicdomain/zero/1.0/") == "CC0 1.0"
    assert short_licence("all rights reserved") == "all rights reserved"


def test_without_a_download_the_drawings_stand_in_and_the_reason_is_told(tmp_path, capsys):
    pictures, source = load_pictures_or_drawings("open_images", 16, "validation", tmp_path)
    drawn = load_pictures("simulated", 16, "validation")
    assert source == "simulated" and pictures["image_id"].equals(drawn["image_id"])
    assert (stack_images(pictures) == stack_images(drawn)).all()
    sentence = " ".join(capsys.readouterr().out.split())
    assert sentence.startswith("There is no download to work on (") and "datalab data open-images" in sentence
    assert sentence.endswith(") We go on with the drawings.")


def test_a_download_that_is_there_comes_without_a_word(downloaded, capsys):
    pictures, source = load_pictures_or_drawings("open_images", 16, folder=downloaded)
    assert source == "open_images" and not capsys.readouterr().out
    assert pictures["image_id"].equals(load_pictures("open_images", 16, folder=downloaded)["image_id"])


def test_a_source_that_there_is_not_is_a_mistake_and_no_missing_download():
    with pytest.raises(ValueError, match="must be 'simulated' or 'open_images'"):
        load_pictures_or_drawings("photographs")
