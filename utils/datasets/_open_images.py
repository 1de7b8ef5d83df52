"""Open Images: choose pictures by class and perceived attribute, download them, and load them as a table.

    datalab data open-images --classes Guitar,Ball --split validation --limit 500

fetches the annotations and the chosen pictures; `load_open_images` then gives the table that the labs work with. How
the published files are read is in `_open_images_files.py`, how files are fetched in `_downloads.py`, and where they lie
in the section `[open_images]` of `datasets/registry.toml`. What the data are says `datasets/open_images/DATASHEET.md`.

Perceived gender and age presentation come from MIAP: annotators wrote down what they thought they saw. The people in
the pictures were not asked.
"""

import base64
import difflib
import os
from collections import deque
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
import pandas as pd

from utils import kept
from utils.datasets import _downloads as downloads
from utils.datasets import _registry as registry
from utils.datasets._downloads import Damaged, DeadLink
from utils.datasets._open_images_files import (
    CORNERS,
    IMAGE_ID,
    PERSON,
    PERSON_KINDS,
    SPLITS,
    check_kind,
    read_boxes,
    read_classes,
    read_hierarchy,
    read_image_labels,
    read_images,
    read_list,
    read_miap,
    write_list,
)
from utils.datasets._registry import DataError

__all__ = [
    *("read_boxes", "read_classes", "read_hierarchy", "read_image_labels", "read_images", "read_list", "read_miap"),
    *("write_list", "rank", "choose", "quotas", "download", "load_open_images", "credits"),
]

GREY = 127  # of the bars beside a picture that is no square
POSITION = ["x_min", "x_max", "y_min", "y_max"]
TEXT = [
    *("image_id", "split", "activity", "gender", "age", "author", "licence", "landing_page", "title", "stratum"),
    *("address",),
]
ORDER = [
    *("image_id", "split", "img", "label", "activity", "gender", "age", "box_area", *POSITION, "occluded", "people"),
    *("author", "licence", "landing_page", "title"),
]
TOO_MANY_DEAD = 20  # with no picture among them it is the address that is wrong


def _settings() -> dict:
    return registry.registry()["open_images"]


def _bases(annotations_url=None, images_url=None) -> tuple[str, str]:
    """The two base addresses (or folders): argument, else environment, else registry."""
    given = {"annotations_url": annotations_url, "images_url": images_url}
    return tuple(
        str(value or os.environ.get(f"DATALAB_OPEN_IMAGES_{name.removesuffix('_url').upper()}") or _settings()[name])
        for name, value in given.items()
    )


def default_folder() -> Path:
    """Where a download goes that names no folder: in the environment's DATALAB_CACHE, else in `datasets/.cache`."""
    return kept.cache_folder() / "open_images"


def _file(annotations, kind: str, split: str | None = None) -> Path:
    name = _settings()["annotations"][kind]
    return Path(annotations) / (name[split] if split else name)


# ---- choosing


def _labels_of(classes: Iterable[str], annotations) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """For each class, by its display name: the label names of it and of all its kinds; and of all it is a kind of."""
    names = read_classes(_file(annotations, "classes"))
    kinds = read_hierarchy(_file(annotations, "hierarchy"))
    by_name = {name.lower(): label for label, name in names.items()}
    above = {}
    for label, below in kinds.items():
        for kind in below:
            above.setdefault(kind, []).append(label)

    def reach(label, graph):
        seen, to_do = set(), [label]
        while to_do:
            if (at := to_do.pop()) not in seen:
                seen.add(at)
                to_do += graph.get(at, [])
        return seen

    inside, around = {}, {}
    for name in classes:
        label = name if name in names else by_name.get(name.lower())
        if label is None:
            close = difflib.get_close_matches(name.lower(), by_name, 3, 0.5)
            near = f" Near to it: {', '.join(names[by_name[c]] for c in close)}." if close else ""
            raise DataError(f"There is no class {name!r} among the {len(names)} that have boxes.{near}")
        inside[names[label]] = reach(label, kinds)
        around[names[label]] = reach(label, above)
    if not inside:
        raise DataError("No class was named. Name one or more, such as: --classes Guitar,Ball")
    return inside, around


def _with_class(inside, around, annotations, split) -> pd.DataFrame:
    """The images that have one of the classes and no other: `ImageID`, `label`, `activity`."""
    names = list(inside)
    of_label = [(label, i) for i, name in enumerate(names) for label in inside[name]]
    of_label = pd.DataFrame(of_label, columns=["LabelName", "class"])
    boxes = read_boxes(
        _file(annotations, "boxes", split), of_label["LabelName"], columns=["ImageID", "LabelName", "IsDepiction"]
    )
    real = boxes.loc[boxes["IsDepiction"] != 1].merge(of_label, on="LabelName")[["ImageID", "class"]].drop_duplicates()
    if len(names) > 1:
        real = real[~real["ImageID"].duplicated(keep=False)].rename(columns={"class": "label"})
        return real.assign(activity=np.array(names, object)[real["label"].to_numpy(int)])
    # One class: with it against without it. That a class has no box does not say that it is absent, unless it was
    # looked for. Where there is no musical instrument, there is no guitar.
    labels = read_image_labels(_file(annotations, "labels", split), around[names[0]])
    absent = labels.loc[labels["Confidence"] == 0, "ImageID"].drop_duplicates()
    absent = absent[~absent.isin(boxes["ImageID"])]
    return pd.DataFrame(
        {
            "ImageID": pd.concat([real["ImageID"], absent], ignore_index=True),
            "label": np.repeat([1, 0], [len(real), len(absent)]),
            "activity": np.repeat([names[0], f"no {names[0]}"], [len(real), len(absent)]),
        }
    )


def _main_person(people: pd.DataFrame, depiction: str) -> pd.DataFrame:
    """Of each image the person with the largest box, and how many there are; groups and depictions are left out."""
    people = people[(people["IsGroupOf"] != 1) & (people[depiction] != 1)].copy()
    people["box_area"] = (people["XMax"] - people["XMin"]) * (people["YMax"] - people["YMin"])
    people["people"] = people.groupby("ImageID")["ImageID"].transform("size")
    # Of two of one size the one further to the left, so that the order of the file does not matter.
    people = people.sort_values(["ImageID", "box_area", "XMin", "YMin"], ascending=[True, False, True, True])
    return people.drop_duplicates("ImageID").rename(columns={"IsOccluded": "occluded"})


def rank(
    annotations, classes: Iterable[str], split: str, people: bool = True, by: Iterable[str] = ("gender",), seed: int = 0
) -> pd.DataFrame:
    """Every image that could be chosen, in strata, and in each stratum in the random order in which it is its turn.

    An image is of a class if it has a box of the class or of one of its kinds (a guitar is a musical instrument) that
    is not a depiction. With two or more classes, images with more than one of them are left out. With one class, the
    others are images for which people verified that the class, or one that it is a kind of, is absent.

    Parameters
    ----------
    annotations : folder with the published files, see `download`
    classes : display names ("Guitar", in any case) or label names ("/m/0342h")
    split : "train", "validation" or "test"
    people : True for images with a person's box in MIAP; the attributes are those of the person with the largest box
        (groups and depictions aside). False for all images; both attributes are then "unknown", and the box, if there
        is one, is the largest of the classes Person, Man, Woman, Boy and Girl
    by : what makes a stratum besides the class: any of "gender" and "age"
    seed : int; with one seed, the order does not depend on the order of the files

    Returns
    -------
    DataFrame, sorted by stratum and rank: `image_id`, `split`, `label` (with one class: 1 has it, 0 has not; else the
    class' place in `classes`), `activity` (its display name; "no …"), `gender`, `age`, `box_area`, `x_min`, `x_max`,
    `y_min`, `y_max` (shares of the image as published, before rotation), `occluded`, `people`, `stratum`, `rank`

    Raises
    ------
    DataError : a file is missing or damaged, there is no such class, or no image
    """
    if split not in SPLITS:
        raise DataError(f"split is {split!r}; it must be one of {', '.join(SPLITS)}.")
    by = list(by)
    if not set(by) <= {"gender", "age"}:
        raise DataError(f"by is {', '.join(by)}; strata are made by gender, age, or both.")
    inside, around = _labels_of(classes, annotations)
    images = _with_class(inside, around, annotations, split)
    if people:
        persons = _main_person(read_miap(_file(annotations, "miap", split), images["ImageID"]), "IsDepictionOf")
    else:
        persons = read_boxes(_file(annotations, "boxes", split), [PERSON, *PERSON_KINDS], images["ImageID"])
        persons = _main_person(persons, "IsDepiction").assign(gender="unknown", age="unknown")
    persons = persons[["ImageID", "gender", "age", "box_area", *CORNERS, "occluded", "people"]]
    table = images.merge(persons, on="ImageID", how="inner" if people else "left")
    if table.empty:
        whose = " with a person's box in MIAP" if people else ""
        raise DataError(
            f"No image of the split {split}{whose} has a box of {', '.join(inside)}. Choose other classes, another "
            f"split{', or images without people with --anyone' if people else ''}."
        )
    table = table.fillna({"gender": "unknown", "age": "unknown", "occluded": -1, "people": 0})
    table = table.astype({"label": int, "occluded": int, "people": int})
    table = table.rename(columns={"ImageID": "image_id"} | dict(zip(CORNERS, POSITION, strict=True)))
    wrong = table.loc[~table["image_id"].map(lambda i: bool(IMAGE_ID.fullmatch(i))), "image_id"]
    if len(wrong):
        raise DataError(f"{wrong.iloc[0]!r} is no ImageID: it has characters other than letters and digits.")
    table["stratum"] = table[["activity", *by]].agg(" | ".join, axis=1)
    table = table.sort_values("image_id", kind="stable", ignore_index=True)
    table["draw"] = np.random.default_rng(seed).random(len(table))
    table = table.sort_values(["stratum", "draw"], kind="stable", ignore_index=True)
    table["rank"] = table.groupby("stratum").cumcount()
    text = table[["image_id", "activity", "gender", "age", "stratum"]].astype("str")
    table = table.assign(**text, split=pd.Series([split] * len(table), dtype="str"))
    first = ["image_id", "split", "label", "activity", "gender", "age", "box_area", *POSITION]
    return table[[*first, "occluded", "people", "stratum", "rank"]]


def quotas(counts: pd.Series, limit: int, allocation: str = "proportional") -> pd.Series:
    """How many to take of each stratum, `limit` in all, or all there are.

    Parameters
    ----------
    counts : stratum → how many there are
    limit : how many are wanted in all
    allocation : "proportional" keeps the shares (largest remainders), so that the choice still tells who is pictured
        how often; "equal" takes the same number of each, and where a stratum has too few, more of the others
    """
    if limit < 1:
        raise DataError(f"limit is {limit}; it must be at least 1.")
    if allocation not in ("proportional", "equal"):
        raise DataError(f"allocation is {allocation!r}; it must be 'proportional' or 'equal'.")
    available = counts.to_numpy(int)
    if limit >= available.sum():
        return counts.astype(int)
    if allocation == "proportional":
        exact = limit * available / available.sum()
        take = np.floor(exact).astype(int)
        take[np.argsort(take - exact, kind="stable")[: limit - take.sum()]] += 1
    else:
        take = np.zeros(len(available), int)
        while (left := limit - take.sum()) > 0:
            open_ = np.flatnonzero(take < available)
            more = np.full(len(open_), left // len(open_))
            more[: left % len(open_)] += 1
            take[open_] += np.minimum(more, (available - take)[open_])
    return pd.Series(take, index=counts.index)


def choose(
    annotations,
    classes: Iterable[str],
    split: str,
    limit: int,
    people: bool = True,
    seed: int = 0,
    by: Iterable[str] = ("gender",),
    allocation: str = "proportional",
) -> pd.DataFrame:
    """The chosen images: the first of each stratum of `rank`, as many as `quotas` says. See both for all else."""
    ranked = rank(annotations, classes, split, people, by, seed)
    take = quotas(ranked.groupby("stratum").size(), limit, allocation)
    return ranked[ranked["rank"] < ranked["stratum"].map(take)].reset_index(drop=True)


# ---- pictures


def decode(path, side: int, rotation: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A picture, turned upright and fitted into a square, whole.

    It is scaled so that its longer side fills the square, and stands in the middle between bars of one grey: a crop
    would cut people off, and boxes with them. Turning is by the table's `Rotation` alone; boxes were drawn on the
    pixels as they are stored, so that an orientation in the file's EXIF is not applied.

    Parameters
    ----------
    path : the JPEG
    side : pixels of the square
    rotation : degrees counterclockwise: 0, 90, 180 or 270

    Returns
    -------
    pixels : uint8 array (side, side, 3)
    place : float array (4,), where in the square the picture is: left, top, width, height as shares of the side

    Raises
    ------
    Damaged : the file is no picture, or not all of one
    """
    from PIL import Image

    try:
        with Image.open(path) as file:
            width, height = file.size
            file.draft("RGB", (2 * side, 2 * side))  # a JPEG can be read at a half, a quarter, an eighth of its size
            image = file.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        raise Damaged(f"{path} is no whole picture ({problem}).") from problem
    if rotation:
        image = image.transpose(getattr(Image.Transpose, f"ROTATE_{rotation}"))
        width, height = (height, width) if rotation != 180 else (width, height)
    scale = side / max(width, height)
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (side - w) // 2, (side - h) // 2
    pixels = np.full((side, side, 3), GREY, np.uint8)
    pixels[top : top + h, left : left + w] = np.asarray(image.resize((w, h), Image.Resampling.LANCZOS))
    return pixels, np.array([left, top, w, h]) / side


def move_boxes(boxes: np.ndarray, rotation: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Boxes follow their pictures: turned, then scaled and moved with them into the square.

    Parameters
    ----------
    boxes : float array (n, 4): x_min, x_max, y_min, y_max as shares of the published picture
    rotation : int array (n,), degrees counterclockwise
    place : float array (n, 4), see `decode`

    Returns
    -------
    float array (n, 4): the same corners as shares of the square
    """
    x0, x1, y0, y1 = boxes.T
    turned = {
        0: boxes.T,
        90: (y0, y1, 1 - x1, 1 - x0),
        180: (1 - x1, 1 - x0, 1 - y1, 1 - y0),
        270: (1 - y1, 1 - y0, x0, x1),
    }
    upright = np.select([rotation == angle for angle in turned], [np.stack(t) for t in turned.values()])
    left, top, width, height = place.T
    return np.stack([left + upright[:2] * width, top + upright[2:] * height]).reshape(4, -1).T


# ---- downloading


def fetch_annotations(to, splits, kinds, base, http, progress=True, timeout=downloads.TIMEOUT) -> Path:
    """The published files that are not there yet, into `to`/annotations, with one progress bar; returns that folder."""
    from tqdm.auto import tqdm

    folder, names = Path(to) / "annotations", {}
    for kind in kinds:
        entry = _settings()["annotations"][kind]
        names |= dict.fromkeys([entry] if isinstance(entry, str) else [entry[s] for s in splits], kind)
    missing = {name: kind for name, kind in names.items() if not (folder / name).is_file()}
    started = sum(p.stat().st_size for n in missing if (p := folder / f"{n}.part").exists())
    with tqdm(
        total=0, initial=started, unit="B", unit_scale=True, desc="annotations", disable=not progress or not missing
    ) as bar:
        for name, kind in missing.items():
            totals = {}

            def on_bytes(new, total, totals=totals):
                if total and not totals:
                    totals["known"] = bar.total = (bar.total or 0) + total
                bar.update(new)

            def check(part, kind=kind, name=name):
                try:
                    check_kind(part, kind)
                except DataError as problem:
                    raise Damaged(f"{downloads.place(base, name)} is not what it should be. {problem}") from problem

            try:
                downloads.fetch(downloads.place(base, name), folder / name, http, check, on_bytes, timeout)
            except DeadLink as problem:
                raise DataError(
                    f"{problem} Check the address {base} (annotations_url in datasets/registry.toml, or "
                    "DATALAB_OPEN_IMAGES_ANNOTATIONS)."
                ) from problem
    return folder


def _checked_against_table(size: int, md5: str, originals: bool):
    """A check for `fetch`: is this the original that the table of images describes?

    `OriginalSize` and `OriginalMD5` (base64) describe the file at `OriginalURL`, as its author uploaded it. The public
    bucket has other files under the same ImageID: copies "rescaled to have at most 1024 pixels on their longest side"
    (github.com/cvdfoundation/open-images-dataset), for which no hashes are published. So they are demanded only of a
    mirror that says it has originals, and of a file of exactly the original's size, which must then be the original.
    """

    def check(path: Path):
        same_size = path.stat().st_size == size
        if originals and size >= 0 and not same_size:
            raise Damaged(f"{path.name[:-5]} has {path.stat().st_size:,} bytes; its original has {size:,}.")
        if md5 and (same_size or (originals and size < 0)) and downloads.md5_of(path) != base64.b64decode(md5):
            raise Damaged(f"{path.name[:-5]} has another MD5 than its original.")

    return check


def _pictures(candidates, take, folder, base, http, side, originals, threads, progress, timeout):
    """Fetch and decode the first `take[stratum]` of each stratum that there are.

    Returns
    -------
    kept : int array (n,), rows of `candidates`, ascending
    pixels : uint8 array (n, side, side, 3)
    places : float array (n, 4), see `decode`
    dead : DataFrame, one row a picture that could not be had: `split`, `image_id`, `stratum`, `reason`
    """
    from tqdm.auto import tqdm

    columns = ["split", "image_id", "stratum", "Rotation", "OriginalSize", "OriginalMD5"]
    rows = list(candidates[columns].itertuples(index=False))
    waiting = {stratum: deque(at) for stratum, at in candidates.groupby("stratum").indices.items()}
    pixels, places, got, dead = np.empty((int(take.sum()), side, side, 3), np.uint8), {}, {}, []

    def work(at: int):
        row = rows[at]
        path = folder / row.split / f"{row.image_id}.jpg"
        source = downloads.place(base, f"{row.split}/{row.image_id}.jpg")
        check = _checked_against_table(row.OriginalSize, row.OriginalMD5, originals)

        def whole(part):
            check(part)
            decode(part, 8)

        if not path.is_file():
            downloads.fetch(source, path, http, whole, None, timeout)
        try:
            return decode(path, side, row.Rotation)
        except Damaged:  # it was damaged here since it came
            downloads.fetch(source, path, http, whole, None, timeout)
            return decode(path, side, row.Rotation)

    # Only what is worked on soon is handed to the threads. In each stratum pictures are taken in order, whichever comes
    # first, so that the choice does not depend on the network's speed.
    turns = deque(stratum for stratum, n in take.items() for _ in range(n))
    with (
        tqdm(total=len(turns), unit="picture", desc=rows[0].split, disable=not progress) as bar,
        ThreadPoolExecutor(threads) as pool,
    ):
        running = {}
        try:
            while turns or running:
                while turns and len(running) < 4 * threads:
                    stratum = turns.popleft()
                    if waiting[stratum]:
                        at = waiting[stratum].popleft()
                        running[pool.submit(work, at)] = at
                    else:  # nothing is left to replace a dead link with
                        bar.total -= 1
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    at = running.pop(done)
                    try:
                        slot = got[at] = len(got)
                        pixels[slot], places[at] = done.result()
                        bar.update()
                    except (DeadLink, Damaged) as problem:
                        del got[at]
                        dead.append([rows[at].split, rows[at].image_id, rows[at].stratum, str(problem)])
                        turns.appendleft(rows[at].stratum)
                        bar.set_postfix(dead=len(dead))
                if len(dead) >= TOO_MANY_DEAD and not got:
                    raise DataError(
                        f"None of the first {len(dead)} pictures could be had ({dead[0][-1]}) Check the address {base} "
                        "(images_url in datasets/registry.toml, or DATALAB_OPEN_IMAGES_IMAGES), and whether a proxy "
                        "stands in between."
                    )
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    kept = np.array(sorted(got), int)
    dead = pd.DataFrame(dead, columns=["split", "image_id", "stratum", "reason"], dtype="str")
    return kept, pixels[[got[at] for at in kept]], np.array([places[at] for at in kept]).reshape(-1, 4), dead


def download(
    to=None,
    classes: Iterable[str] = (),
    splits: Iterable[str] = ("validation",),
    limit: int = 1000,
    people: bool = True,
    seed: int = 0,
    side: int = 96,
    by: Iterable[str] = ("gender",),
    allocation: str = "proportional",
    image_list=None,
    annotations_url: str | None = None,
    images_url: str | None = None,
    originals: bool | None = None,
    threads: int = 8,
    progress: bool = True,
    http=None,
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
    ...     done = download(f"{folder}/mine", ["Ball", "Frying pan"], ["test"], limit=6, progress=False, **addresses)
    >>> int(done["pictures"].sum()), int(done["dead"].sum())
    (6, 0)
    """
    to = Path(to) if to is not None else default_folder()
    splits, classes = list(splits), list(classes)
    wrong = [s for s in splits if s not in SPLITS]
    if wrong or not splits:
        raise DataError(f"split is {', '.join(wrong) or 'not given'}; it must be one of {', '.join(SPLITS)}.")
    if side < 8 or threads < 1:
        raise DataError(f"side is {side} and threads is {threads}; they must be at least 8 and 1.")
    listed = read_list(image_list) if image_list else None
    if listed is not None and not listed["split"].isin(splits).any():
        raise DataError(f"{image_list} has no image of {', '.join(splits)}; it has {', '.join(set(listed['split']))}.")
    annotations_base, images_base = _bases(annotations_url, images_url)
    originals = _settings()["originals"] if originals is None else originals
    http = http or downloads.session(connections=threads)
    kinds = ["classes", "hierarchy", "images", "boxes"]
    kinds += ["miap"] * people + ["labels"] * (len(set(classes)) == 1)
    _hide_from_git(to)
    annotations = fetch_annotations(to, splits, kinds, annotations_base, http, progress, timeout)
    done = []
    for split in splits:
        candidates = rank(annotations, classes, split, people, by, seed)
        if listed is None:
            take = quotas(candidates.groupby("stratum").size(), limit, allocation)
        else:
            wanted = listed.loc[listed["split"] == split, "image_id"]
            strangers = wanted[~wanted.isin(candidates["image_id"])]
            if len(strangers):
                raise DataError(
                    f"{len(strangers):,} of the {len(wanted):,} images of {split} in {image_list} cannot be used, such "
                    f"as {strangers.iloc[0]}: they have no box of {', '.join(classes)}, or of more than one, or no "
                    "person's box in MIAP. Name the classes that the list was made with, or take these lines out."
                )
            candidates = candidates[candidates["image_id"].isin(wanted)].reset_index(drop=True)
            if candidates.empty:
                continue
            take = candidates.groupby("stratum").size()
        there = candidates.groupby("stratum").size()
        table = read_images(_file(annotations, "images", split), candidates["image_id"])
        candidates = candidates.merge(table, left_on="image_id", right_on="ImageID", how="left", validate="one_to_one")
        unknown = candidates.loc[candidates["ImageID"].isna(), "image_id"]
        if len(unknown):
            raise DataError(
                f"{_file(annotations, 'images', split)} has no row for {len(unknown):,} images, such as "
                f"{unknown.iloc[0]}; without one there is no author to name. Delete the file and fetch it anew."
            )
        kept, pixels, places, dead = _pictures(
            candidates, take, to / "images", images_base, http, side, originals, threads, progress, timeout
        )
        chosen = candidates.iloc[kept].reset_index(drop=True)
        _store(to, split, chosen, pixels, places, dead)
        counts = {"there": there, "wanted": take, "pictures": chosen.groupby("stratum").size()}
        counts["dead"] = dead.groupby("stratum").size()
        counts = pd.DataFrame(counts).fillna(0).astype(int).rename_axis("stratum").reset_index()
        done.append(counts.assign(split=split)[["split", *counts]])
    return pd.concat(done, ignore_index=True)


def _hide_from_git(to: Path):
    """Downloads belong in nobody's repository: a folder that is made here keeps itself out."""
    if not to.exists():
        with downloads.written_whole(to / ".gitignore") as partial:
            partial.write_text("*\n")


def _store(to: Path, split: str, chosen: pd.DataFrame, pixels, places, dead: pd.DataFrame):
    """Write the array, the table and the lists of a split, in the order of the image ids."""
    order = np.argsort(chosen["image_id"].to_numpy(object), kind="stable")
    chosen, pixels, places = chosen.iloc[order].reset_index(drop=True), pixels[order], places[order]
    boxes = move_boxes(chosen[POSITION].to_numpy(float), chosen["Rotation"].to_numpy(), places)
    names = {"Author": "author", "License": "licence", "OriginalLandingURL": "landing_page", "Title": "title"}
    table = chosen.rename(columns=names | {"OriginalURL": "address"})
    table[POSITION] = boxes
    table = table[[c for c in ORDER if c != "img"] + ["stratum", "address"]]
    with downloads.written_whole(to / f"{split}.csv") as of_table:
        table.to_csv(of_table, index=False, float_format="%.6f")
        with downloads.written_whole(to / f"{split}.npy") as of_array:
            with open(of_array, "wb") as file:
                np.save(file, pixels)
            # From here the array goes before the table: never an old table with a new array.
            (to / f"{split}.csv").unlink(missing_ok=True)
    with downloads.written_whole(to / f"{split}_dead.csv") as partial:
        dead.sort_values("image_id").to_csv(partial, index=False)
    write_list(table, to / f"{split}.lst")


# ---- loading


def load_open_images(folder=None, splits: Iterable[str] | None = None) -> pd.DataFrame:
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
