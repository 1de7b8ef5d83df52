"""Simulated scenes as a mirror of Open Images: the same files and folders, so that all that reads those has something.

`_open_images.py` and its neighbours read them. The activities have made-up labels.
"""

import base64
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from utils.datasets import _scene_drawing as scene_drawing
from utils.datasets._registry import DataError
from utils.datasets._scene_drawing import THINGS, draw, figure_boxes, thing_boxes
from utils.datasets._scene_plan import Recorded, plan_scenes
from utils.datasets._scene_specification import (
    ACTIVITIES,
    SPLITS,
    Specification,
    checked_counts,
    checked_side,
    named,
)
from utils.datasets._scene_table import NOWHERE, scene_table

ROOT, PERSON = "/m/0bl9f", "/m/01g317"
MIRROR_SPLITS = {"train": 300, "validation": 100, "test": 100}
CLASSES = {  # LabelName → DisplayName, as in Open Images
    PERSON: "Person",
    "/m/04yx4": "Man",
    "/m/03bt1vf": "Woman",
    "/m/01bl7v": "Boy",
    "/m/05r655": "Girl",
    "/m/018xm": "Ball",
    "/m/04v6l4": "Frying pan",
    "/m/0342h": "Guitar",
    "/m/01c648": "Laptop",
    "/m/0bt9lr": "Dog",
    "/m/025dyy": "Box",
    "/m/03fp41": "Houseplant",
    "/m/0jyfg": "Glasses",
    "/m/05y5lj": "Sports equipment",
    "/m/03_wxk": "Kitchenware",
    "/m/04szw": "Musical instrument",
    "/m/0jbk": "Animal",
    "/m/05s2s": "Plant",
    "/m/02rdsp": "Office supplies",
    "/m/0463sg": "Fashion accessory",
}
LABEL_OF = {name.lower(): label for label, name in CLASSES.items()}
# Open Images has no boxes for activities. These labels are made up.
ACTIVITY_LABELS = {activity: f"/m/0sim0{i}" for i, activity in enumerate(ACTIVITIES, start=1)}
PARTS = ["/m/04yx4", "/m/03bt1vf", "/m/01bl7v", "/m/05r655"]
KINDS = {
    "/m/05y5lj": ["/m/018xm"],
    "/m/03_wxk": ["/m/04v6l4"],
    "/m/04szw": ["/m/0342h"],
    "/m/0jbk": ["/m/0bt9lr"],
    "/m/05s2s": ["/m/03fp41"],
    "/m/02rdsp": ["/m/025dyy"],
    "/m/0463sg": ["/m/0jyfg"],
    "/m/01c648": [],
}
BOX_COLUMNS = [
    *("ImageID", "Source", "LabelName", "Confidence", "XMin", "XMax", "YMin", "YMax"),
    *("IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside"),
]
CLICK_COLUMNS = [f"XClick{i}{axis}" for axis in "XY" for i in (1, 2, 3, 4)]
MIAP_COLUMNS = [
    *("ImageID", "LabelName", "Confidence", "XMin", "XMax", "YMin", "YMax", "IsOccluded", "IsTruncated", "IsGroupOf"),
    *("IsDepictionOf", "IsInsideOf", "GenderPresentation", "AgePresentation"),
]
IMAGE_COLUMNS = [
    *("ImageID", "Subset", "OriginalURL", "OriginalLandingURL", "License", "AuthorProfileURL", "Author", "Title"),
    *("OriginalSize", "OriginalMD5", "Thumbnail300KURL", "Rotation"),
]
GENDER_PRESENTATION = ["Predominantly Feminine", "Predominantly Masculine", "Unknown"]
FILES = {  # below the folder `annotations`: split → boxes, image labels, images, MIAP
    "train": (
        "v6/oidv6-train-annotations-bbox.csv",
        "v6/oidv6-train-annotations-human-imagelabels.csv",
        "2018_04/train/train-images-boxable-with-rotation.csv",
        "open_images_extended_miap/open_images_extended_miap_boxes_train.csv",
    ),
    "validation": (
        "v5/validation-annotations-bbox.csv",
        "v5/validation-annotations-human-imagelabels.csv",
        "2018_04/validation/validation-images-with-rotation.csv",
        "open_images_extended_miap/open_images_extended_miap_boxes_val.csv",
    ),
    "test": (
        "v5/test-annotations-bbox.csv",
        "v5/test-annotations-human-imagelabels.csv",
        "2018_04/test/test-images-with-rotation.csv",
        "open_images_extended_miap/open_images_extended_miap_boxes_test.csv",
    ),
}
CLASS_FILE = "v7/oidv7-class-descriptions-boxable.csv"
HIERARCHY_FILE = "2018_04/bbox_labels_600_hierarchy.json"


def _boxes(boxes: np.ndarray, which: np.ndarray, **more) -> pd.DataFrame:
    """Rows of boxes: `which` (bool, the shape of boxes without its last axis) says which are there."""
    present = boxes[which]
    cut = np.clip(present, 0, 1)
    flat = pd.DataFrame({"row": np.nonzero(which)[0]} | dict(zip(["XMin", "XMax", "YMin", "YMax"], cut.T, strict=True)))
    flat["IsTruncated"] = (cut != present).any(1).astype(int)
    for name, value in more.items():
        flat[name] = np.broadcast_to(value, which.shape)[which]
    return flat[(flat["XMax"] > flat["XMin"]) & (flat["YMax"] > flat["YMin"])]


def _annotations(spec: Specification, recorded: Recorded, scenes: dict, ids: np.ndarray) -> tuple[pd.DataFrame, ...]:
    """The boxes, image labels and MIAP boxes of a split, with the published columns."""
    figures, n = scenes["figures"], len(ids)
    of_figures, present = figure_boxes(figures), figures["present"]
    age = figures["cap"].copy()
    age[:, 0] = recorded.age
    gender = np.broadcast_to(recorded.gender[:, None], present.shape)
    # A figure behind the main one is partly hidden where their boxes meet.
    main = of_figures[:, :1]
    meets = (of_figures[..., 0] < main[..., 1]) & (main[..., 0] < of_figures[..., 1])
    meets &= of_figures[..., 2] < main[..., 3]
    meets[:, 0] = recorded.occluded
    names = np.array([["Woman", "Man", "Person"], ["Girl", "Boy", "Person"]], object)[(age == 0).astype(int), gender]
    people = _boxes(
        of_figures,
        present,
        IsOccluded=meets.astype(int),
        name=names,
        GenderPresentation=np.array(GENDER_PRESENTATION, object)[gender],
        AgePresentation=np.array(["Young", "Middle", "Older", "Unknown"], object)[age],
    )
    people["LabelName"] = people["name"].str.lower().map(LABEL_OF)

    x, y, h = figures["x"], figures["y"], figures["height"]
    radius = scene_drawing.HEAD_RADIUS * h
    eyes = y - scene_drawing.HEAD * h
    glasses = np.stack([x - 0.72 * radius, x + 0.72 * radius, eyes - 0.3 * radius, eyes + 0.3 * radius], axis=-1)
    labels = np.array([LABEL_OF[kind] for kind in THINGS], object)
    things, occluder = scenes["things"], {k: v[:, None] for k, v in scenes["occluder"].items()}
    used = thing_boxes(things)[:, 0]
    whole = np.stack([f(main[:, 0, i], used[:, i]) for i, f in enumerate([np.minimum, np.maximum] * 2)], axis=-1)
    names = np.array([ACTIVITY_LABELS[a] for a in spec.activities], object)[recorded.label]
    others = pd.concat(
        [
            _boxes(thing_boxes(things), things["present"], LabelName=labels[things["kind"]], IsOccluded=0),
            _boxes(thing_boxes(occluder), occluder["present"], LabelName=labels[occluder["kind"]], IsOccluded=0),
            _boxes(glasses, figures["glasses"] & present, LabelName=LABEL_OF["glasses"], IsOccluded=0),
            _boxes(whole[:, None], np.ones((n, 1), bool), LabelName=names[:, None], IsOccluded=0),
        ]
    )
    boxes = pd.concat([people, others]).sort_values("row", kind="stable", ignore_index=True)
    # As in Open Images, some boxes come from a machine's proposal that people accepted: they have no flags.
    machine = boxes["LabelName"].isin([LABEL_OF["box"], LABEL_OF["houseplant"]])
    boxes["Source"] = np.where(machine, "activemil", "xclick")
    boxes["ImageID"], boxes["Confidence"] = ids[boxes["row"]], 1
    for flag in ("IsGroupOf", "IsDepiction", "IsInside"):
        boxes[flag] = 0
    flags = ["IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside"]
    boxes.loc[machine, flags] = -1
    middle_x, middle_y = (boxes["XMin"] + boxes["XMax"]) / 2, (boxes["YMin"] + boxes["YMax"]) / 2
    clicks = [middle_x, boxes["XMin"], middle_x, boxes["XMax"], boxes["YMin"], middle_y, boxes["YMax"], middle_y]
    for name, at in zip(CLICK_COLUMNS, clicks, strict=True):
        boxes[name] = at.where(~machine, -1.0)

    miap = people.assign(ImageID=ids[people["row"]], LabelName=PERSON, Confidence=1)
    miap = miap.assign(IsGroupOf=0, IsDepictionOf=0, IsInsideOf=0)

    # Every activity of the task is verified in every picture, as there or as not there; what has a box is there.
    shown = boxes.loc[~boxes["LabelName"].isin(ACTIVITY_LABELS.values()), ["ImageID", "LabelName"]].drop_duplicates()
    task = pd.DataFrame(
        {
            "ImageID": ids.repeat(len(spec.activities)),
            "LabelName": [ACTIVITY_LABELS[a] for a in spec.activities] * n,
            "Confidence": (recorded.label[:, None] == np.arange(len(spec.activities))).astype(int).ravel(),
        }
    )
    image_labels = pd.concat([task, shown.assign(Confidence=1)]).assign(Source="verification")
    image_labels = image_labels.sort_values(["ImageID", "LabelName"], kind="stable")
    return boxes, image_labels[["ImageID", "Source", "LabelName", "Confidence"]], miap[MIAP_COLUMNS]


def write_mirror(
    folder: str | Path,
    specification: str | Specification = "default",
    n: Mapping[str, int] | None = None,
    seed: int | np.random.Generator = 0,
    side: int = 96,
    quality: int = 90,
) -> Path:
    """Write scenes as a mirror of Open Images: the same folders, files, columns and headers.

    `IsDepiction` is 0 although everything is drawn, so that programs which leave depictions out find something. The
    activities have made-up labels (/m/0sim01 …): an image label, and a box around the main figure and its thing. Boxes
    of boxes and houseplants have the source "activemil" and the flag -1 (unknown), as some have in Open Images.

    Parameters
    ----------
    folder : where to; it must be new or empty. `annotations` and `images` are made in it
    specification : Specification, or the name of one in `PRESETS`
    n : scenes in each split, default {"train": 300, "validation": 100, "test": 100}
    seed : int
    side : pixels
    quality : of the JPEGs, 1 to 95

    Returns
    -------
    Path : the folder

    Raises
    ------
    ValueError : a value is out of range
    DataError : the folder holds files already

    Examples
    --------
    >>> import tempfile
    >>> from utils.datasets import write_mirror
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     mirror = write_mirror(f"{folder}/mirror", n={"train": 2, "validation": 2, "test": 3}, side=16)
    ...     sorted(path.name for path in mirror.iterdir()), len(list(mirror.glob("images/test/*.jpg")))
    (['annotations', 'images'], 3)
    """
    spec, side, folder = named(specification), checked_side(side), Path(folder)
    n = checked_counts(MIRROR_SPLITS | dict(n or {}))
    if not 1 <= quality <= 95:
        raise ValueError(f"quality is {quality!r}; JPEGs have one from 1 to 95.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder} holds files already. Name a new folder, or empty this one first.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}", dir=folder.parent) as partial:  # all of it or nothing
        whole = Path(partial) / "mirror"
        _write_classes(whole / "annotations")
        for split in SPLITS:
            _write_split(whole, split, spec, n[split], seed, side, quality)
        if folder.exists():
            folder.rmdir()
        os.replace(whole, folder)
    return folder


def _write_split(
    folder: Path, split: str, spec: Specification, n: int, seed: int | np.random.Generator, side: int, quality: int
) -> None:
    recorded, scenes = plan_scenes(spec, n, seed, split)
    table = scene_table(spec, recorded, scenes, draw(scenes, side, recorded.noise_seed))
    ids = table["image_id"].to_numpy(object)
    sizes, sums = _write_images(folder / "images" / split, ids, table["img"], quality)
    images = pd.DataFrame(
        {
            "ImageID": ids,
            "Subset": split,
            "OriginalURL": [f"{NOWHERE}/{split}/{i}.jpg" for i in ids],
            "OriginalLandingURL": table["landing_page"],
            "License": table["licence"],
            "AuthorProfileURL": NOWHERE,
            "Author": table["author"],
            "Title": table["title"],
            "OriginalSize": sizes,
            "OriginalMD5": sums,
            "Thumbnail300KURL": "",
            "Rotation": 0.0,
        }
    )
    boxes, image_labels, miap = _annotations(spec, recorded, scenes, ids)
    boxes = boxes[BOX_COLUMNS + CLICK_COLUMNS * (split == "train")]
    for name, content in zip(FILES[split], (boxes, image_labels, images, miap), strict=True):
        path = folder / "annotations" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content.to_csv(path, index=False, float_format="%.6f" if content is not images else "%.1f", lineterminator="\n")


def _write_images(
    folder: Path, ids: Iterable[str], images: Iterable[np.ndarray], quality: int
) -> tuple[list[int], list[str]]:
    """Write JPEGs; returns their sizes in bytes and MD5 sums (base64, as in Open Images)."""
    folder.mkdir(parents=True)
    sizes, sums = [], []
    for name, image in zip(ids, images, strict=True):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "JPEG", quality=quality)
        content = buffer.getvalue()
        (folder / f"{name}.jpg").write_bytes(content)
        sizes.append(len(content))
        sums.append(base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode())
    return sizes, sums


def _write_classes(annotations: Path) -> None:
    names = CLASSES | {label: activity.capitalize() for activity, label in ACTIVITY_LABELS.items()}
    classes = pd.DataFrame(sorted(names.items()), columns=["LabelName", "DisplayName"])
    (annotations / CLASS_FILE).parent.mkdir(parents=True)
    classes.to_csv(annotations / CLASS_FILE, index=False, lineterminator="\n")

    def node(label: str, **below: list[str]) -> dict:
        return {"LabelName": label} | {
            kind: [node(child) for child in labels] for kind, labels in below.items() if labels
        }

    kinds = [node(label, Subcategory=below) for label, below in KINDS.items()]
    activities = [node(label) for label in ACTIVITY_LABELS.values()]
    tree = {"LabelName": ROOT, "Subcategory": [node(PERSON, Part=PARTS), *kinds, *activities]}
    (annotations / HIERARCHY_FILE).parent.mkdir(parents=True)
    (annotations / HIERARCHY_FILE).write_text(json.dumps(tree, indent=2), encoding="utf-8")
