"""Labs 2 and 3 run on a learner's own download as they do on the stand-in: one switch is changed, and nothing else."""

import json
from pathlib import Path

import pytest

from tests.notebooks.together import executed, need_whole
from utils.datasets import download, write_mirror

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "course/source").glob("lab[23]_*/*.ipynb"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """A cache folder with a download of two classes from a small mirror, where the labs look for it."""
    base = tmp_path_factory.mktemp("own")
    mirror = write_mirror(base / "mirror", n={"train": 1500, "validation": 300, "test": 900}, seed=8, side=48)
    download(
        base / "open_images",
        ["Ball", "Frying pan"],
        ["train", "validation", "test"],
        limit=2000,
        side=48,
        annotations_url=str(mirror / "annotations"),
        images_url=str(mirror / "images"),
        progress=False,
    )
    return base


@pytest.fixture(scope="module")
def cells(cache, tmp_path_factory) -> dict[str, list]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATALAB_CACHE", str(cache))
        return executed(NOTEBOOKS, {'SOURCE = "simulated"': 'SOURCE = "open_images"'}, tmp_path_factory.mktemp("labs"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_works_on_a_download(path, cells):
    need_whole(path, cells[path.stem])
    assert "Frying pan" in json.dumps(cells[path.stem])  # the pictures are those of the download
