"""The pictures of Labs 2 and 3: simulated scenes, or the learner's own download of Open Images, by one switch."""

import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from utils.datasets._images import resize_images
from utils.datasets._open_images_store import load_open_images
from utils.datasets._registry import DataError
from utils.datasets._scene_specification import SPLITS
from utils.datasets._simulated_scenes import load_scenes

SHARES = {"train": 0.5, "validation": 0.2, "test": 0.3}  # of a download that has not all three splits


def load_pictures(
    source: str = "simulated",
    side: int = 32,
    splits: str | Iterable[str] | None = None,
    folder: str | Path | None = None,
) -> pd.DataFrame:
    """Pictures with people, what they do, and how they were perceived: the same columns from both sources.

    Parameters
    ----------
    source : "simulated" for drawings whose biases are known (no network needed), "open_images" for the pictures that
        `datalab data open-images` fetched. The first two classes of a download are told apart, any others left out
    side : pixels; 32 is for training, 96 for looking at
    splits : which of "train", "validation", "test"; default all. A download that has not all three is divided anew,
        50, 20 and 30 in 100 of its authors each, so that no author's pictures are on both sides
    folder : of the download, default where `download` puts it

    Returns
    -------
    DataFrame, one row a picture: `image_id`, `split`, `img` (uint8 (side, side, 3)), `label` (0 or 1), `activity` (its
    name), `gender` and `age` (perceived, with the value "unknown"), `box_area`, `x_min`, `x_max`, `y_min`, `y_max` (of
    the main person's box), `occluded`, `people`, `author`, `licence`, `landing_page`, `title`, and more from
    `simulate` or `load_open_images`

    Raises
    ------
    ValueError : there is no such source or split
    DataError : there is no download, or only one class in it

    Examples
    --------
    >>> from utils.datasets import load_pictures
    >>> table = load_pictures("simulated", side=16, splits=["validation"])
    >>> len(table), table["img"][0].shape, sorted(table["activity"].unique())
    (2000, (16, 16, 3), ['cooking', 'playing ball'])
    """
    splits = list(SPLITS) if splits is None else [splits] if isinstance(splits, str) else list(splits)
    wrong = [s for s in splits if s not in SPLITS]
    if wrong or not splits:
        raise ValueError(f"splits is {splits!r}; name some of {', '.join(SPLITS)}.")
    if source == "simulated":
        return load_scenes(n={split: SPLITS[split] for split in splits}, side=side)
    if source != "open_images":
        raise ValueError(f"source is {source!r}; it must be 'simulated' or 'open_images'.")
    table = load_open_images(folder)
    table = table[table["label"] <= 1]
    if table["label"].nunique() < 2:
        raise DataError(
            f"All pictures of the download are of {', '.join(table['activity'].unique())}. Fetch two classes, or one "
            "with and without it: datalab data open-images --help"
        )
    if set(table["split"]) != set(SPLITS):
        table = table.assign(split=_by_author(table))
    return resize_images(table[table["split"].isin(splits)].reset_index(drop=True), side)


def _by_author(table: pd.DataFrame) -> np.ndarray:
    """A split for each row that depends on its author alone (pictures without an author: on the picture)."""
    whose = table["author"].where(table["author"] != "", table["image_id"])
    draw = whose.map(lambda name: zlib.crc32(name.encode()) / 2**32)
    ends = np.cumsum(list(SHARES.values()))
    return np.array(list(SHARES))[np.searchsorted(ends[:-1], draw.to_numpy(float), side="right")]
