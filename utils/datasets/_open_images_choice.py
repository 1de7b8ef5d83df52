"""Choosing pictures of Open Images by class and perceived attribute, in strata and by lot.

Perceived gender and age presentation come from MIAP: annotators wrote down what they thought they saw. The people in
the pictures were not asked.
"""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from utils.datasets._open_images_files import (
    CORNERS,
    IMAGE_ID,
    PERSON,
    PERSON_KINDS,
    POSITION,
    SPLITS,
    published,
    read_boxes,
    read_classes,
    read_hierarchy,
    read_image_labels,
    read_images,
    read_miap,
)
from utils.datasets._open_images_request import Choice, check_quota, check_strata
from utils.datasets._registry import DataError
from utils.tables import crossed


def _labels_of(classes: Iterable[str], annotations: Path) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """For each class, by its display name: the label names of it and of all its kinds; and of all it is a kind of."""
    names = read_classes(published(annotations, "classes"))
    kinds = read_hierarchy(published(annotations, "hierarchy"))
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


def _with_class(
    inside: Mapping[str, set[str]], around: Mapping[str, set[str]], annotations: Path, split: str
) -> pd.DataFrame:
    """The images that have one of the classes and no other: `ImageID`, `label`, `activity`."""
    names = list(inside)
    of_label = [(label, i) for i, name in enumerate(names) for label in inside[name]]
    of_label = pd.DataFrame(of_label, columns=["LabelName", "class"])
    boxes = read_boxes(
        published(annotations, "boxes", split), of_label["LabelName"], columns=["ImageID", "LabelName", "IsDepiction"]
    )
    real = boxes.loc[boxes["IsDepiction"] != 1].merge(of_label, on="LabelName")[["ImageID", "class"]].drop_duplicates()
    if len(names) > 1:
        real = real[~real["ImageID"].duplicated(keep=False)].rename(columns={"class": "label"})
        return real.assign(activity=np.array(names, object)[real["label"].to_numpy(int)])
    # One class: with it against without it. That a class has no box does not say that it is absent, unless it was
    # looked for. Where there is no musical instrument, there is no guitar.
    labels = read_image_labels(published(annotations, "labels", split), around[names[0]])
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
    annotations: str | Path,
    classes: Iterable[str],
    split: str,
    people: bool = True,
    by: Iterable[str] = ("gender",),
    seed: int = 0,
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
    check_strata(by)
    inside, around = _labels_of(classes, annotations)
    images = _with_class(inside, around, annotations, split)
    if people:
        persons = _main_person(read_miap(published(annotations, "miap", split), images["ImageID"]), "IsDepictionOf")
    else:
        persons = read_boxes(published(annotations, "boxes", split), [PERSON, *PERSON_KINDS], images["ImageID"])
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
    table["stratum"] = crossed(table, ["activity", *by])
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
    check_quota(limit, allocation)
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


def candidates_of(choice: Choice, annotations: Path, split: str) -> tuple[pd.DataFrame, pd.Series]:
    """The images of a split that could be chosen, and how many to take of each stratum.

    Returns
    -------
    candidates : DataFrame, as `rank` gives it: of each stratum the first are to be taken, and the next where one of
        them cannot be had. Where images are listed these alone, which may be none
    take : Series, stratum → how many

    Raises
    ------
    DataError : see `rank`; a listed image is none that could be chosen
    """
    candidates = rank(annotations, choice.classes, split, choice.people, choice.by, choice.seed)
    if choice.listed is None:
        return candidates, quotas(candidates.groupby("stratum").size(), choice.limit, choice.allocation)
    wanted = choice.listed.loc[choice.listed["split"] == split, "image_id"]
    strangers = wanted[~wanted.isin(candidates["image_id"])]
    if len(strangers):
        raise DataError(
            f"{len(strangers):,} of the {len(wanted):,} images of {split} in {choice.image_list} cannot be used, such "
            f"as {strangers.iloc[0]}: they have no box of {', '.join(choice.classes)}, or of more than one, or no "
            "person's box in MIAP. Name the classes that the list was made with, or take these lines out."
        )
    candidates = candidates[candidates["image_id"].isin(wanted)].reset_index(drop=True)
    return candidates, candidates.groupby("stratum").size()


def with_sources(candidates: pd.DataFrame, annotations: Path, split: str) -> pd.DataFrame:
    """Candidates with the columns of the table of images: authors, licences, addresses, sizes, rotations.

    Raises
    ------
    DataError : an image has no row there
    """
    path = published(annotations, "images", split)
    images = read_images(path, candidates["image_id"])
    candidates = candidates.merge(images, left_on="image_id", right_on="ImageID", how="left", validate="one_to_one")
    unknown = candidates.loc[candidates["ImageID"].isna(), "image_id"]
    if len(unknown):
        raise DataError(
            f"{path} has no row for {len(unknown):,} images, such as {unknown.iloc[0]}; without one there is no author "
            "to name. Delete the file and fetch it anew."
        )
    return candidates
