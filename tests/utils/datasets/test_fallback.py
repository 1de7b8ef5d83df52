"""Where there is no download, the drawings stand in for it, and the reader is told."""

import pytest

from utils.datasets import load_pictures, load_pictures_or_drawings, stack_images, write_mirror
from utils.datasets._open_images import download


def test_without_a_download_the_drawings_stand_in_and_the_reason_is_told(tmp_path, capsys):
    pictures, source = load_pictures_or_drawings("open_images", 16, "validation", tmp_path)
    drawn = load_pictures("simulated", 16, "validation")
    assert source == "simulated" and pictures["image_id"].equals(drawn["image_id"])
    assert (stack_images(pictures) == stack_images(drawn)).all()
    sentence = " ".join(capsys.readouterr().out.split())
    assert sentence.startswith("There is no download to work on (") and "datalab data open-images" in sentence
    assert sentence.endswith(") We go on with the drawings.")


def test_what_was_asked_for_comes_without_a_word_where_it_is_there(tmp_path, capsys):
    mirror = write_mirror(tmp_path / "mirror", n={"train": 2, "validation": 30, "test": 30}, seed=5, side=48)
    download(
        tmp_path / "mine",
        ["Ball", "Frying pan"],
        ["validation", "test"],
        limit=20,
        side=48,
        annotations_url=str(mirror / "annotations"),
        images_url=str(mirror / "images"),
        progress=False,
    )
    capsys.readouterr()
    pictures, source = load_pictures_or_drawings("open_images", 16, folder=tmp_path / "mine")
    assert source == "open_images" and len(pictures) and not capsys.readouterr().out


def test_a_source_that_there_is_not_is_a_mistake_and_no_missing_download():
    with pytest.raises(ValueError, match="must be 'simulated' or 'open_images'"):
        load_pictures_or_drawings("photographs")
