"""Fetching what a request asks for: the published annotations, and the chosen pictures of a split."""

import base64
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from utils.datasets import _downloads as downloads
from utils.datasets._downloads import Damaged, DeadLink
from utils.datasets._open_images_files import check_kind, settings
from utils.datasets._open_images_pictures import decode
from utils.datasets._open_images_request import Request
from utils.datasets._registry import DataError

TOO_MANY_DEAD = 20  # with no picture among them it is the address that is wrong


def fetch_annotations(request: Request) -> Path:
    """The published files that are not there yet, with one progress bar; returns the folder that holds them."""
    from tqdm.auto import tqdm

    folder, base, transfer = request.to / "annotations", request.source.annotations_url, request.transfer
    missing = {name: kind for name, kind in _names(request).items() if not (folder / name).is_file()}
    started = sum(part.stat().st_size for name in missing if (part := folder / f"{name}.part").exists())
    with tqdm(
        total=0,
        initial=started,
        unit="B",
        unit_scale=True,
        desc="annotations",
        disable=not transfer.progress or not missing,
    ) as bar:
        for name, kind in missing.items():
            place = downloads.place(base, name)
            try:
                downloads.fetch(
                    place, folder / name, transfer.http, _of_kind(kind, place), _shown_on(bar), transfer.timeout
                )
            except DeadLink as problem:
                raise DataError(
                    f"{problem} Check the address {base} (annotations_url in datasets/registry.toml, or "
                    "DATALAB_OPEN_IMAGES_ANNOTATIONS)."
                ) from problem
    return folder


def _names(request: Request) -> dict[str, str]:
    """Name → kind, of the published files that a request needs."""
    kinds = ["classes", "hierarchy", "images", "boxes"]
    kinds += ["miap"] * request.choice.people + ["labels"] * (len(set(request.choice.classes)) == 1)
    names = {}
    for kind in kinds:
        entry = settings()["annotations"][kind]
        names |= dict.fromkeys([entry] if isinstance(entry, str) else [entry[s] for s in request.splits], kind)
    return names


def _of_kind(kind: str, place: str | Path) -> Callable[[Path], None]:
    """A check for `downloads.fetch`: is this a file of that kind?"""

    def check(part: Path) -> None:
        try:
            check_kind(part, kind)
        except DataError as problem:
            raise Damaged(f"{place} is not what it should be. {problem}") from problem

    return check


def _shown_on(bar: Any) -> Callable[[int, int | None], None]:
    """What tells a bar of the bytes of one file, whose size is added to the bar's total once it is known."""
    is_known = False

    def on_bytes(new: int, total: int | None) -> None:
        nonlocal is_known
        if total and not is_known:
            is_known, bar.total = True, (bar.total or 0) + total
        bar.update(new)

    return on_bytes


def _checked_against_table(size: int, md5: str, originals: bool) -> Callable[[Path], None]:
    """A check for `fetch`: is this the original that the table of images describes?

    `OriginalSize` and `OriginalMD5` (base64) describe the file at `OriginalURL`, as its author uploaded it. The public
    bucket has other files under the same ImageID: copies "rescaled to have at most 1024 pixels on their longest side"
    (github.com/cvdfoundation/open-images-dataset), for which no hashes are published. So they are demanded only of a
    mirror that says it has originals, and of a file of exactly the original's size, which must then be the original.
    """

    def check(path: Path) -> None:
        same_size = path.stat().st_size == size
        if originals and size >= 0 and not same_size:
            raise Damaged(f"{path.name[:-5]} has {path.stat().st_size:,} bytes; its original has {size:,}.")
        if md5 and (same_size or (originals and size < 0)) and downloads.md5_of(path) != base64.b64decode(md5):
            raise Damaged(f"{path.name[:-5]} has another MD5 than its original.")

    return check


@dataclass(frozen=True)
class Pictures:
    """What could be had of the candidates, and what could not.

    Attributes
    ----------
    rows : int array (n,), rows of the candidates, ascending
    pixels : uint8 array (n, side, side, 3)
    places : float array (n, 4), see `decode`
    dead : DataFrame, one row a picture that could not be had: `split`, `image_id`, `stratum`, `reason`
    """

    rows: np.ndarray
    pixels: np.ndarray
    places: np.ndarray
    dead: pd.DataFrame


def fetch_pictures(candidates: pd.DataFrame, take: pd.Series, request: Request) -> Pictures:
    """Fetch and decode the first `take[stratum]` of each stratum that there are.

    Parameters
    ----------
    candidates : DataFrame of one split, see `with_sources`
    take : stratum → how many
    request : from where and how

    Raises
    ------
    DataError : none of many could be had: it is the address that is wrong
    """
    from tqdm.auto import tqdm

    threads, side = request.transfer.threads, request.side
    columns = ["split", "image_id", "stratum", "Rotation", "OriginalSize", "OriginalMD5"]
    images = list(candidates[columns].itertuples(index=False))
    waiting = {stratum: deque(rows) for stratum, rows in candidates.groupby("stratum").indices.items()}
    pixels, places, slots, dead = np.empty((int(take.sum()), side, side, 3), np.uint8), {}, {}, []

    # Only what is worked on soon is handed to the threads. In each stratum pictures are taken in order, whichever comes
    # first, so that the choice does not depend on the network's speed.
    turns = deque(stratum for stratum, n in take.items() for _ in range(n))
    with (
        tqdm(total=len(turns), unit="picture", desc=images[0].split, disable=not request.transfer.progress) as bar,
        ThreadPoolExecutor(threads) as pool,
    ):
        running = {}
        try:
            while turns or running:
                while turns and len(running) < 4 * threads:
                    stratum = turns.popleft()
                    if waiting[stratum]:
                        row = waiting[stratum].popleft()
                        running[pool.submit(_one_picture, images[row], request)] = row
                    else:  # nothing is left to replace a dead link with
                        bar.total -= 1
                for finished in wait(running, return_when=FIRST_COMPLETED).done:
                    row = running.pop(finished)
                    try:
                        slot = slots[row] = len(slots)
                        pixels[slot], places[row] = finished.result()
                        bar.update()
                    except (DeadLink, Damaged) as problem:
                        del slots[row]
                        dead.append([images[row].split, images[row].image_id, images[row].stratum, str(problem)])
                        turns.appendleft(images[row].stratum)
                        bar.set_postfix(dead=len(dead))
                if len(dead) >= TOO_MANY_DEAD and not slots:
                    raise DataError(
                        f"None of the first {len(dead)} pictures could be had ({dead[0][-1]}) Check the address "
                        f"{request.source.images_url} (images_url in datasets/registry.toml, or "
                        "DATALAB_OPEN_IMAGES_IMAGES), and whether a proxy stands in between."
                    )
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    rows = np.array(sorted(slots), int)
    return Pictures(
        rows,
        pixels[[slots[row] for row in rows]],
        np.array([places[row] for row in rows]).reshape(-1, 4),
        pd.DataFrame(dead, columns=["split", "image_id", "stratum", "reason"], dtype="str"),
    )


def _one_picture(image: Any, request: Request) -> tuple[np.ndarray, np.ndarray]:
    """One picture, decoded; it is fetched where it is not there yet, or was damaged since it came.

    Parameters
    ----------
    image : row of the candidates, as a named tuple
    """
    path = request.to / "images" / image.split / f"{image.image_id}.jpg"
    address = downloads.place(request.source.images_url, f"{image.split}/{image.image_id}.jpg")
    check = _checked_against_table(image.OriginalSize, image.OriginalMD5, request.source.originals)

    def whole(part: Path) -> None:
        check(part)
        decode(part, 8)

    def fetch() -> None:
        downloads.fetch(address, path, request.transfer.http, whole, None, request.transfer.timeout)

    if not path.is_file():
        fetch()
    try:
        return decode(path, request.side, image.Rotation)
    except Damaged:
        fetch()
        return decode(path, request.side, image.Rotation)
