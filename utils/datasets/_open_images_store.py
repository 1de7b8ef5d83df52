"""A download of Open Images on the disk: written as an array and a table a split, and read as one table."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from utils.datasets import _downloads as downloads
from utils.datasets._open_images_fetch import Pictures
from utils.datasets._open_images_files import POSITION, SPLITS, write_list
from utils.datasets._open_images_pictures import move_boxes
from utils.datasets._open_images_request import default_folder
from utils.datasets._registry import DataError

TEXT = [
    *("image_id", "split", "activity", "gender", "age", "author", "licence", "landing_page", "title", "stratum"),
    *("address",),
]
ORDER = [
    *("image_id", "split", "img", "label", "activity", "gender", "age", "box_area", *POSITION, "occluded", "people"),
    *("author", "licence", "landing_page", "title"),
]


def hide_from_git(to: Path) -> None:
    """Downloads belong in nobody's repository: a folder that is made here keeps itself out."""
    if not to.exists():
        with downloads.written_whole(to / ".gitignore") as partial:
            partial.write_text("*\n")


def store(to: Path, split: str, candidates: pd.DataFrame, pictures: Pictures) -> None:
    """Write the array, the table and the lists of a split, in the order of the image ids.

    Parameters
    ----------
    to : folder of the download
    candidates, pictures : see `fetch_pictures`
    """
    chosen = candidates.iloc[pictures.rows]
    order = np.argsort(chosen["image_id"].to_numpy(object), kind="stable")
    chosen, places = chosen.iloc[order].reset_index(drop=True), pictures.places[order]
    boxes = move_boxes(chosen[POSITION].to_numpy(float), chosen["Rotation"].to_numpy(), places)
    names = {"Author": "author", "License": "licence", "OriginalLandingURL": "landing_page", "Title": "title"}
    table = chosen.rename(columns=names | {"OriginalURL": "address"})
    table[POSITION] = boxes
    table = table[[c for c in ORDER if c != "img"] + ["stratum", "address"]]
    with downloads.written_whole(to / f"{split}.csv") as of_table:
        table.to_csv(of_table, index=False, float_format="%.6f")
        with downloads.written_whole(to / f"{split}.npy") as of_array:
            with open(of_array, "wb") as file:
                np.save(file, pictures.pixels[order])
            # From here the array goes before the table: never an old table with a new array.
            (to / f"{split}.csv").unlink(missing_ok=True)
    with downloads.written_whole(to / f"{split}_dead.csv") as partial:
        pictures.dead.sort_values("image_id").to_csv(partial, index=False)
    write_list(table, to / f"{split}.lst")


def load_open_images(folder: str | Path | None = None, splits: Iterable[str] | None = None) -> pd.DataFrame:
    """A download as the table that the labs work with: one row an image.

    Parameters
    ----------
    folder : where `download` put it, default `default_folder()`
    splits : which, default all that are there

    Returns
    -------
    DataFrame: `image_id`, `split` (str), `img` (uint8, (side, side, 3); views into one array), `label` (int),
    `activity` (str), `gender` (perceived: "feminine", "masculine", "unknown"), `age` (perceived: "young", "middle",
    "older", "unknown"), `box_area` (share of the published picture that the main person's box covers), `x_min`,
    `x_max`, `y_min`, `y_max` (that box in `img`, 0 to 1), `occluded` (1, 0, -1 unknown), `people` (boxes of single
    people), `author`, `licence`, `landing_page`, `title`, `stratum`, `address` (of the original). See `rank` for more

    Raises
    ------
    DataError : there is no download, it is damaged, or its splits have pictures of different sizes

    Examples
    --------
    Where nothing was downloaded yet:

    >>> import tempfile
    >>> from utils.datasets import load_open_images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load_open_images(folder)
    Traceback (most recent call last):
    utils.datasets._registry.DataError: There are no pictures in ... Fetch some first: datalab data open-images --help
    """
    folder = Path(folder) if folder is not None else default_folder()
    there = [s for s in SPLITS if (folder / f"{s}.csv").is_file()]
    wanted = there if splits is None else list(splits)
    missing = [s for s in wanted if s not in there]
    if missing or not there:
        which = f" of the split {', '.join(missing)}" if missing else ""
        raise DataError(f"There are no pictures{which} in {folder}. Fetch some first: datalab data open-images --help")
    tables, arrays = [], []
    for split in wanted:
        path = folder / f"{split}.npy"
        try:
            table = pd.read_csv(
                folder / f"{split}.csv",
                dtype=dict.fromkeys(TEXT, "str"),
                keep_default_na=False,
                na_values=dict.fromkeys(["box_area", *POSITION], [""]),
            )
            array = np.load(path, mmap_mode="r")
            fits = array.ndim == 4 and array.dtype == np.uint8 and len(array) == len(table)
            missing = set(ORDER) - {"img"} - set(table)
        except (OSError, ValueError, EOFError) as problem:
            raise DataError(
                f"The pictures in {folder} are damaged ({problem}). Run the same `datalab data open-images` again: the "
                "files that came are kept, so that it is quick."
            ) from problem
        if not fits or missing:
            raise DataError(
                f"{path} and the table {split}.csv do not belong together: {len(array):,} pictures and {len(table):,} "
                "rows. Run the same `datalab data open-images` again: the files that came are kept, so it is quick."
            )
        tables.append(table)
        arrays.append(array)
    sizes = {array.shape[1:] for array in arrays}
    if len(sizes) > 1:
        raise DataError(
            f"The splits in {folder} have pictures of different sizes: "
            f"{', '.join(f'{s} {a.shape[1]} pixels' for s, a in zip(wanted, arrays, strict=True))}. Run `datalab data "
            "open-images` for all of them with one --side."
        )
    pixels = np.empty((sum(map(len, arrays)), *sizes.pop()), np.uint8)
    np.concatenate(arrays, out=pixels)
    table = pd.concat(tables, ignore_index=True)
    table["img"] = pd.Series(list(pixels), dtype=object)
    return table[[*ORDER, *(c for c in table if c not in ORDER)]]


def credits(table: pd.DataFrame) -> pd.Series:
    """For each image the line to print beside it: title, author, licence and where it is from (str, like the index).

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.datasets import credits
    >>> table = pd.DataFrame({"title": ["Ferry", ""], "author": ["A. Lee", ""], "licence": ["CC BY 2.0", "CC0"]})
    >>> credits(table.assign(landing_page=["https://a.invalid", "https://b.invalid"])).tolist()
    ['“Ferry” by A. Lee, CC BY 2.0, https://a.invalid', 'Untitled by unknown author, CC0, https://b.invalid']
    """
    quoted = ("“" + table["title"] + "”").where(table["title"] != "", "Untitled")
    author = table["author"].where(table["author"] != "", "unknown author")
    return (quoted + " by " + author + ", " + table["licence"] + ", " + table["landing_page"]).astype("str")
