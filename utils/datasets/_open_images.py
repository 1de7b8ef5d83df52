"""Open Images: choose pictures by class and perceived attribute, download them, and load them as a table.

    datalab data open-images --classes Guitar,Ball --split validation --limit 500

fetches the annotations and the chosen pictures; `load_open_images` then gives the table that the labs work with. A
download is a request (`_open_images_request.py`), for which pictures are chosen (`_open_images_choice.py`), fetched
(`_open_images_fetch.py`) and stored (`_open_images_store.py`). How the published files are read is in
`_open_images_files.py`, how files come over HTTP in `_downloads.py`, and where they lie in the section `[open_images]`
of `datasets/registry.toml`. What the data are says `datasets/open_images/DATASHEET.md`.
"""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import requests

from utils.datasets import _downloads as downloads
from utils.datasets._open_images_choice import candidates_of, with_sources
from utils.datasets._open_images_fetch import fetch_annotations, fetch_pictures
from utils.datasets._open_images_request import Choice, Request, Source, Transfer, default_folder
from utils.datasets._open_images_store import hide_from_git, store


def download(
    to: str | Path | None = None,
    classes: Iterable[str] = (),
    splits: Iterable[str] = ("validation",),
    limit: int = 1000,
    people: bool = True,
    seed: int = 0,
    side: int = 96,
    by: Iterable[str] = ("gender",),
    allocation: str = "proportional",
    image_list: str | Path | None = None,
    annotations_url: str | Path | None = None,
    images_url: str | Path | None = None,
    originals: bool | None = None,
    threads: int = 8,
    progress: bool = True,
    http: requests.Session | None = None,
    timeout: tuple[float, float] = downloads.TIMEOUT,
) -> pd.DataFrame:
    """Choose images, fetch them and their annotations, and keep them as one uint8 array and one table a split.

    The folder then has `annotations/` and `images/` as a mirror has them, and for each split `{split}.csv` (the table),
    `{split}.npy` (uint8, (n, side, side, 3), the same order), `{split}.lst` (the choice as a list of images, to hand on
    to a class) and `{split}_dead.csv` (what could not be had, and why). Whatever ends a download, the same call goes on
    from there. The train split needs its annotations first: about 2.3 GB of boxes and 0.6 GB for the table of images,
    and with one class 2.8 GB of image labels; the other splits a small part of that.

    A picture that is gone or arrives damaged each time is recorded, and replaced by the next of its stratum. Whether a
    picture is whole is checked by its size, by the MD5 that the storage sends along, and by decoding it. The hashes of
    the table of images are those of the originals, which the public bucket does not have: see
    `_checked_against_table`.

    Parameters
    ----------
    to : folder, default `default_folder()`
    classes, people, seed, by : see `rank`
    splits : any of "train", "validation", "test"
    limit : pictures in each split
    side : pixels of the stored squares, see `decode`
    allocation : see `quotas`
    image_list : path of a list of images (`split/ImageID` a line): these are chosen, none else, and none is replaced;
        `limit` and `allocation` have no effect
    annotations_url, images_url : another mirror, an address or a folder; default the environment's
        DATALAB_OPEN_IMAGES_ANNOTATIONS and DATALAB_OPEN_IMAGES_IMAGES, else the registry's
    originals : whether `images_url` has the originals, so that size and MD5 must be those of the table of images;
        default False, or what the registry says
    threads : pictures that are fetched at once
    progress : whether to show a bar
    http, timeout : see `_downloads.py`

    Returns
    -------
    DataFrame, one row a stratum of a split: `split`, `stratum`, `there` (images that could be chosen), `wanted`,
    `pictures` (how many there are now), `dead`

    Raises
    ------
    DataError : one sentence that says what is wrong and what to do

    Examples
    --------
    From a small mirror of drawn scenes, which needs no network:

    >>> import tempfile
    >>> from utils.datasets import download, write_mirror
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     mirror = write_mirror(f"{folder}/mirror", n={"train": 2, "validation": 2, "test": 20}, side=32)
    ...     addresses = {"annotations_url": mirror / "annotations", "images_url": mirror / "images"}
    ...     counts = download(f"{folder}/mine", ["Ball", "Frying pan"], ["test"], limit=6, progress=False, **addresses)
    >>> int(counts["pictures"].sum()), int(counts["dead"].sum())
    (6, 0)
    """
    request = Request(
        to=Path(to) if to is not None else default_folder(),
        splits=tuple(splits),
        side=side,
        choice=Choice(classes, people, by, seed, limit, allocation, image_list),
        source=Source(annotations_url, images_url, originals),
        transfer=Transfer(threads, progress, http, timeout),
    )
    hide_from_git(request.to)
    annotations = fetch_annotations(request)
    counts = (_split_of(request, annotations, split) for split in request.splits)
    return pd.concat([of_split for of_split in counts if of_split is not None], ignore_index=True)


def _split_of(request: Request, annotations: Path, split: str) -> pd.DataFrame | None:
    """Choose, fetch and store the pictures of one split; one row a stratum, or None where a list names none of them."""
    candidates, take = candidates_of(request.choice, annotations, split)
    if candidates.empty:
        return None
    there = candidates.groupby("stratum").size()
    candidates = with_sources(candidates, annotations, split)
    pictures = fetch_pictures(candidates, take, request)
    store(request.to, split, candidates, pictures)
    had = candidates.iloc[pictures.rows].groupby("stratum").size()
    counts = {"there": there, "wanted": take, "pictures": had, "dead": pictures.dead.groupby("stratum").size()}
    counts = pd.DataFrame(counts).fillna(0).astype(int).rename_axis("stratum").reset_index()
    return counts.assign(split=split)[["split", *counts]]
