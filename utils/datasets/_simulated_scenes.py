"""Simulated scenes: drawings of figures at work and play, with biases that we put in and therefore know.

They stand in for Open Images where there is no network: `load_scenes` gives the table that the labs work with, and
`_scene_mirror.py` writes them in Open Images' own files and folders. What is biased, and how much, says a
`Specification` (`_scene_specification.py`); `_scene_plan.py` decides what is in each scene, `_scene_drawing.py` draws
it, `_scene_table.py` writes it down. See `datasets/simulated_scenes/DATASHEET.md` for why drawings, and for what does
not follow from them.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from utils import kept
from utils.datasets._scene_drawing import draw
from utils.datasets._scene_plan import plan_scenes, with_cues
from utils.datasets._scene_specification import (
    SPLITS,
    Specification,
    checked_count,
    checked_counts,
    checked_side,
    named,
)
from utils.datasets._scene_table import ORDER, assemble, pixels_inside, scene_table

# The code that has a part in a scene. What else is edited leaves scenes valid that were drawn before.
CODE = (
    "datasets/_scene_canvas.py",
    "datasets/_scene_drawing.py",
    "datasets/_scene_plan.py",
    "datasets/_scene_specification.py",
    "datasets/_scene_table.py",
    "datasets/_simulated_scenes.py",
)


def simulate(
    specification: str | Specification = "default",
    n: int = 1000,
    seed: int | np.random.Generator = 0,
    side: int = 32,
    split: str = "train",
) -> pd.DataFrame:
    """Draw n scenes.

    Parameters
    ----------
    specification : Specification, or the name of one in `PRESETS`
    n : int, at least 2
    seed : int or Generator. The same int, split and specification give the same scenes at every side length
    side : pixels, 16 to 1024. 32 is for training, 96 for looking at
    split : "train", "validation" or "test"; each draws other scenes

    Returns
    -------
    DataFrame, one row a scene with one labelled main figure:

    - `image_id` (16 hexadecimal digits), `split`, `img` (side × side × 3 uint8; views into one array)
    - `label` (int, the number of `activity` in the specification) and `activity`, as recorded
    - `gender`, perceived, as recorded: "feminine", "masculine", "unknown"; `age`, perceived: "young", "middle",
      "older", "unknown"
    - `box_area` (share of the image that the main figure's box covers) and the box: `x_min`, `x_max`, `y_min`, `y_max`,
      0 to 1
    - `occluded` (0 or 1), `people` (number of figures), `author`, `licence`, `landing_page`, `title`, `place`
    - known only because it was simulated: `true_gender_cue` and `true_age_cue` (what was drawn, never unknown),
      `true_activity` (what was drawn), `label_noise` (bool: `activity` is not what was drawn), `quality` (0 to 1),
      `boxes` (float (4, 4): x_min, x_max, y_min, y_max of each figure, the main one first, NaN where there is none)

    Raises
    ------
    ValueError : a value is out of range, or so few scenes cannot have the Cramér's V asked for

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.datasets import cramers_v, simulate
    >>> table = simulate(n=100, side=16)
    >>> table.groupby("true_gender_cue").size().to_dict()
    {'feminine': 37, 'masculine': 63}
    >>> round(float(cramers_v(pd.crosstab(table["true_gender_cue"], table["true_activity"]))), 2)
    0.84
    """
    spec, n, side = named(specification), checked_count(n, "n"), checked_side(side)
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; it must be one of {', '.join(SPLITS)}.")
    recorded, scenes = plan_scenes(spec, n, seed, split)
    return scene_table(spec, recorded, scenes, draw(scenes, side, recorded.noise_seed))


def counterfactual_pairs(
    specification: str | Specification = "default",
    n: int = 1000,
    seed: int | np.random.Generator = 0,
    side: int = 32,
    split: str = "test",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same scenes twice, with the cues of the one group and of the other; nothing else differs, the noise neither.

    Parameters as in `simulate`, whose table is the first of the two.

    Returns
    -------
    as_drawn, changed : DataFrames with the same rows. In the second, every figure wears the other cues; `gender`
        (unless unknown) and `true_gender_cue` say so, and `image_id` ends in "f". Pixels differ only inside the
        figures' boxes

    Examples
    --------
    >>> from utils.datasets import counterfactual_pairs
    >>> as_drawn, changed = counterfactual_pairs(n=4, side=16)
    >>> as_drawn["true_gender_cue"].tolist()
    ['masculine', 'masculine', 'feminine', 'masculine']
    >>> changed["true_gender_cue"].tolist()
    ['feminine', 'feminine', 'masculine', 'feminine']
    >>> as_drawn["activity"].equals(changed["activity"])
    True
    """
    spec, n, side = named(specification), checked_count(n, "n"), checked_side(side)
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; it must be one of {', '.join(SPLITS)}.")
    recorded, scenes = plan_scenes(spec, n, seed, split)
    images = draw(scenes, side, recorded.noise_seed)
    as_drawn = scene_table(spec, recorded, scenes, images)
    other = 1 - recorded.cue
    scenes = scenes | {"figures": with_cues(other, scenes["figures"])}
    recorded = replace(recorded, cue=other, gender=np.where(recorded.gender == 2, 2, other))
    # The blur carries a grey level or two over the edge of a box: there, the scene stays as it was.
    inside = pixels_inside(np.stack(as_drawn["boxes"].to_numpy()), side, side)[..., None]
    images = np.where(inside, draw(scenes, side, recorded.noise_seed), images)
    changed = scene_table(spec, recorded, scenes, images)
    changed["image_id"] += "f"
    return as_drawn, changed


def load_scenes(
    preset: str | Specification = "default", n: Mapping[str, int] | None = None, seed: int = 0, side: int = 32
) -> pd.DataFrame:
    """Scenes for a lab, drawn once and then kept (`utils.kept`).

    Parameters
    ----------
    preset : the name of one of `PRESETS`, or a Specification
    n : scenes in each split, default {"train": 6000, "validation": 2000, "test": 4000}
    seed : int, 0 or more
    side : pixels; 32 is for training, 96 for looking at

    Returns
    -------
    DataFrame with the rows of all splits, see `simulate`; every split has the biases of the specification

    Raises
    ------
    ValueError : a value is out of range

    Examples
    --------
    >>> from utils.datasets import load_scenes
    >>> table = load_scenes(n={"train": 20, "test": 10}, side=16)
    >>> table.groupby("split").size().to_dict()
    {'test': 10, 'train': 20}
    """
    spec, side, n = named(preset), checked_side(side), checked_counts(SPLITS if n is None else n)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed is {seed!r}; give a whole number, 0 or more.")

    def drawn() -> dict:
        parts = [simulate(spec, count, seed, side, split) for split, count in n.items()]
        table = pd.concat(parts, ignore_index=True)
        columns = {k: table[k].to_numpy() for k in ORDER if k not in ("img", "boxes")}
        return {k: v.astype("U") if v.dtype.kind in "OT" else v for k, v in columns.items()} | {
            "img": np.concatenate([part["img"].iloc[0].base for part in parts]).reshape(-1, side, side, 3),
            "boxes": np.stack(table["boxes"].to_numpy()),
        }

    columns = kept.recall("load_scenes", [spec, n, int(seed), side], drawn, code=CODE)
    images, boxes = columns.pop("img"), columns.pop("boxes")
    return assemble(columns, boxes, images)
