"""The table of simulated scenes: what was recorded of each, and what only we know; and figures hidden in it."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from utils.datasets._scene_drawing import HIDDEN, PLACES, figure_boxes
from utils.datasets._scene_plan import Recorded
from utils.datasets._scene_specification import AGES, GROUPS, Specification

LICENCE = "https://creativecommons.org/publicdomain/zero/1.0/"
NOWHERE = "https://simulated.invalid"  # a name that never leads anywhere (RFC 2606)
ORDER = [
    *("image_id", "split", "img", "label", "activity", "gender", "age", "box_area", "x_min", "x_max", "y_min", "y_max"),
    *("occluded", "people", "author", "licence", "landing_page", "title", "place", "true_gender_cue", "true_activity"),
    *("true_age_cue", "label_noise", "quality", "boxes"),
]


def scene_table(spec: Specification, recorded: Recorded, scenes: dict, images: np.ndarray) -> pd.DataFrame:
    """The table of scenes that `simulate` describes; its `img` are views of the pictures."""
    n = len(images)
    boxes = np.clip(figure_boxes(scenes["figures"]), 0, 1)
    boxes[~scenes["figures"]["present"]] = np.nan
    main = boxes[:, 0]
    activities, groups = np.array(spec.activities, object), np.array([*GROUPS, "unknown"], object)
    places, people = np.array(PLACES, object)[scenes["place"]], scenes["figures"]["present"].sum(1)
    activity = activities[recorded.label]
    ids = [f"{i:016x}" for i in recorded.id.tolist()]
    text = {
        "image_id": ids,
        "split": np.full(n, recorded.split, object),
        "activity": activity,
        "gender": groups[recorded.gender],
        "age": np.array([*AGES, "unknown"], object)[recorded.age],
        "author": np.full(n, "simulated", object),
        "licence": np.full(n, LICENCE, object),
        "landing_page": [f"{NOWHERE}/{i}" for i in ids],
        "title": [f"Drawing: {a}, {p}" for a, p in zip(activity, places, strict=True)],
        "place": places,
        "true_gender_cue": groups[recorded.cue],
        "true_activity": activities[recorded.activity],
        "true_age_cue": np.array(AGES, object)[recorded.drawn_age],
    }
    columns = {
        "label": recorded.label,
        "box_area": (main[:, 1] - main[:, 0]) * (main[:, 3] - main[:, 2]),
        **dict(zip(["x_min", "x_max", "y_min", "y_max"], main.T, strict=True)),
        "occluded": recorded.occluded.astype(int),
        "people": people,
        "label_noise": recorded.label_noise,
        "quality": scenes["quality"],
    }
    return assemble({k: np.array(v, dtype="str") for k, v in text.items()} | columns, boxes, images)


def assemble(columns: Mapping[str, np.ndarray], boxes: np.ndarray, images: np.ndarray) -> pd.DataFrame:
    """The table of its columns, as arrays by name: text becomes str; `img` and `boxes` are views of what is given."""
    columns = {k: pd.Series(v, dtype="str") if v.dtype.kind == "U" else pd.Series(v) for k, v in columns.items()}
    columns["boxes"] = pd.Series(list(boxes), dtype=object)
    columns["img"] = pd.Series(list(images), dtype=object)
    return pd.DataFrame({name: columns[name] for name in ORDER})


def hide_figures(table: pd.DataFrame) -> pd.DataFrame:
    """The scenes with every figure's box painted grey, and a pixel around it, as far as blur carries.

    Parameters
    ----------
    table : DataFrame with `img` (all of one size) and `boxes`, or `x_min`, `x_max`, `y_min`, `y_max` where there is no
        `boxes` (then the main figure alone is hidden)

    Returns
    -------
    DataFrame : a copy with new images

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.datasets import hide_figures
    >>> white = np.full((4, 4, 3), 255, np.uint8)
    >>> table = pd.DataFrame({"img": [white], "x_min": 0.0, "x_max": 0.25, "y_min": 0.0, "y_max": 0.25})
    >>> hide_figures(table)["img"][0][:, :, 0].tolist()
    [[127, 127, 255, 255], [127, 127, 255, 255], [255, 255, 255, 255], [255, 255, 255, 255]]
    """
    images = np.stack(table["img"].to_numpy())
    if "boxes" in table:
        boxes = np.stack(table["boxes"].to_numpy())
    else:
        boxes = table[["x_min", "x_max", "y_min", "y_max"]].to_numpy(float)[:, None]
    images[pixels_inside(boxes, images.shape[2], images.shape[1], margin=1)] = HIDDEN
    new = table.copy()
    new["img"] = pd.Series(list(images), index=table.index, dtype=object)
    return new


def pixels_inside(boxes: np.ndarray, width: int, height: int, margin: int = 0) -> np.ndarray:
    """bool (n, height, width): the pixels that a box (n, boxes, 4) touches, and so many pixels around it."""
    x, y = np.arange(width), np.arange(height)
    x_min, x_max, y_min, y_max = np.moveaxis(boxes, -1, 0)[..., None]
    across = (x >= np.floor(x_min * width) - margin) & (x < np.ceil(x_max * width) + margin)  # False where NaN
    down = (y >= np.floor(y_min * height) - margin) & (y < np.ceil(y_max * height) + margin)
    return (down[..., :, None] & across[..., None, :]).any(1)
