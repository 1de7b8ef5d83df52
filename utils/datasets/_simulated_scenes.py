"""Simulated scenes: drawings of figures at work and play, with biases that we put in and therefore know.

They stand in for Open Images where there is no network: `write_mirror` writes them in Open Images' own files and
folders, `load_scenes` gives the table that the labs work with. What is biased, and how much, says a `Specification`.
`_scene_drawing.py` draws what is decided here. See `datasets/simulated_scenes/DATASHEET.md` for why drawings, and for
what does not follow from them.

Every lot is drawn from a stream of its own (one for the places, one for the sizes …), all made from one seed. So a
specification with one switch changed gives the same scenes with one thing changed.
"""

import base64
import hashlib
import io
import json
import os
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from utils import kept
from utils.datasets import _registry as registry
from utils.datasets import _scene_drawing as scene_drawing
from utils.datasets._scene_drawing import CUE_HUE, HIDDEN, PLACES, THINGS, draw, figure_boxes, thing_boxes

GROUPS = ("feminine", "masculine")  # perceived gender presentation; the cues are numbered in this order
AGES = ("young", "middle", "older")
# The thing that an activity is done with, where it is (from the figure's feet, in figure heights, on the side to which
# the figure turns), and where the hand is.
ACTIVITIES = {
    "playing ball": ("ball", (0.47, -0.74), (0.27, -0.78)),
    "cooking": ("frying pan", (0.52, -0.42), (0.27, -0.46)),
    "playing the guitar": ("guitar", (0.42, -0.36), (0.26, -0.5)),
    "working on a laptop": ("laptop", (0.46, -0.44), (0.26, -0.42)),
    "walking a dog": ("dog", (0.55, -0.12), (0.26, -0.36)),
}
# Places that go with each group where the place is a proxy; so chosen, see the datasheet.
PLACES_OF = {"feminine": ("kitchen", "office"), "masculine": ("street", "field", "stage")}
SPLITS = {"train": 6000, "validation": 2000, "test": 4000}
TOLERANCE = 0.02  # by how much a realised Cramér's V may miss the one asked for (2 / n where n is below 100)
MAX_FIGURES, EXTRA_THINGS = 4, 3
THING_SIZE = 0.125  # of the figure's height
AGE_SHARES = (0.2, 0.65, 0.15)  # an assumption
LICENCE = "https://creativecommons.org/publicdomain/zero/1.0/"
NOWHERE = "https://simulated.invalid"  # a name that never leads anywhere (RFC 2606)

# name of a switch → the fields that it turns off, with the values that mean off
SWITCHES = {
    "representation": {"feminine_share": 0.5},
    "co_occurrence": {"co_occurrence": 0.0},
    "proxy": {"proxy": 0.0},
    "quality": {"quality_gap": 0.0},
    "size": {"size_gap": 0.0},
    "occlusion": {"occlusion_gap": 0.0},
    "label_noise": {"label_noise": 0.0, "label_noise_gap": 0.0},
    "unknown": {"unknown": 0.0, "unknown_gap": 0.0},
}


@dataclass(frozen=True)
class Specification:
    """What is biased in a set of scenes, and how much.

    A *gap* is the value for figures with feminine cues minus that for figures with masculine cues; half of it is added
    to the level of the first and taken from that of the second.

    Attributes
    ----------
    activities : two or more of `ACTIVITIES`; their numbers from 0 are the labels. The first half (of three: two) goes
        with masculine cues, the others with feminine cues, as far as `co_occurrence` says
    feminine_share : of the scenes, in (0, 1). The default is an assumption, see the datasheet
    co_occurrence : Cramér's V of perceived gender and activity, 0 (independent) to 1 (one follows from the other)
    proxy : Cramér's V of perceived gender and place, within each activity, 0 to 1
    quality, quality_gap : mean image quality, 0 (dim, blurred, grainy) to 1 (clear)
    size, size_gap : mean height of the main figure, as a multiple of the usual (57 % of the image)
    occlusion, occlusion_gap : share of main figures partly hidden behind a thing
    label_noise, label_noise_gap : share of scenes recorded with another activity than the one drawn
    unknown, unknown_gap : share of scenes in which perceived gender is recorded as unknown, and by a lot of its own
        perceived age

    Examples
    --------
    >>> from utils.datasets import Specification
    >>> spec = Specification(size_gap=-0.2)
    >>> spec.by_group("size").tolist()
    [0.9, 1.1]
    >>> spec.without("size").by_group("size").tolist()
    [1.0, 1.0]
    """

    activities: tuple[str, ...] = ("playing ball", "cooking")
    feminine_share: float = 0.37
    co_occurrence: float = 0.84
    proxy: float = 0.84
    quality: float = 0.85
    quality_gap: float = 0.0
    size: float = 1.0
    size_gap: float = -0.05
    occlusion: float = 0.15
    occlusion_gap: float = 0.0
    label_noise: float = 0.0
    label_noise_gap: float = 0.0
    unknown: float = 0.08
    unknown_gap: float = 0.0

    def __post_init__(self):
        object.__setattr__(self, "activities", tuple(self.activities))
        wrong = [a for a in self.activities if a not in ACTIVITIES]
        if wrong or not 2 <= len(set(self.activities)) == len(self.activities):
            raise ValueError(
                f"activities is {self.activities}; give two or more different ones of {', '.join(ACTIVITIES)}."
            )
        for field in fields(self)[1:]:
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
                raise ValueError(f"{field.name} is {value!r}; it must be a number.")
        if not 0 < self.feminine_share < 1:
            raise ValueError(f"feminine_share is {self.feminine_share}; it must lie above 0 and below 1.")
        for name in ("co_occurrence", "proxy"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it is a Cramér's V and lies between 0 and 1.")
        for name, low, high in [
            ("quality", 0, 1),
            ("size", 0.5, 1.3),
            ("occlusion", 0, 1),
            ("label_noise", 0, 1),
            ("unknown", 0, 1),
        ]:
            of_groups = self.by_group(name)
            if of_groups.min() < low - 1e-9 or of_groups.max() > high + 1e-9:
                raise ValueError(
                    f"{name} is {getattr(self, name)} with a gap of {getattr(self, name + '_gap')}, which gives "
                    f"{of_groups[0]:.3g} (feminine) and {of_groups[1]:.3g} (masculine); both must lie between {low} "
                    f"and {high}."
                )

    def by_group(self, name: str) -> np.ndarray:
        """The level of `name` ("quality", "size", "occlusion" …) for feminine and for masculine cues: float (2,)."""
        return getattr(self, name) + np.array([0.5, -0.5]) * getattr(self, name + "_gap")

    def without(self, *switches: str) -> "Specification":
        """The same, with some biases switched off: names from `SWITCHES`."""
        wrong = [s for s in switches if s not in SWITCHES]
        if wrong:
            raise ValueError(f"There is no switch {wrong[0]!r}; the switches are {', '.join(SWITCHES)}.")
        return replace(self, **{k: v for s in switches for k, v in SWITCHES[s].items()})


PRESETS = {
    "default": Specification(),
    "no_bias": Specification().without(*SWITCHES),
    # Here nothing tells the attribute once the figures are hidden: the size of a hidden figure would, too.
    "no_proxy": Specification().without("proxy", "size", "quality", "occlusion"),
    "strong": Specification(
        co_occurrence=0.9,
        proxy=0.9,
        quality=0.8,
        quality_gap=-0.15,
        size_gap=-0.2,
        occlusion=0.2,
        occlusion_gap=0.15,
        label_noise=0.03,
        label_noise_gap=0.04,
        unknown=0.15,
        unknown_gap=0.1,
    ),
}


def cramers_v(table: np.ndarray) -> float | np.ndarray:
    """Cramér's V of a table of counts (…, r, c): √(χ² / n / (min(r, c) − 1)), from 0 (independent) to 1.

    Empty rows and columns add nothing to χ², and count among r and c all the same. Source: Cramér, H. (1946).
    Mathematical Methods of Statistics, §21.9.

    Examples
    --------
    >>> import numpy as np
    >>> from utils.datasets import cramers_v
    >>> cramers_v(np.array([[[4, 0], [0, 4]], [[3, 1], [1, 3]], [[2, 2], [2, 2]]])).tolist()
    [1.0, 0.5, 0.0]
    """
    table = np.asarray(table, float)
    n = table.sum((-2, -1), keepdims=True)
    expected = table.sum(-1, keepdims=True) * table.sum(-2, keepdims=True) / n
    chi2 = np.divide((table - expected) ** 2, expected, out=np.zeros_like(table), where=expected > 0).sum((-2, -1))
    return np.sqrt(chi2 / n[..., 0, 0] / (min(table.shape[-2:]) - 1))


def _whole(shares: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Counts (…, k) that add up to `total` (…,) and lie closest to shares · total, by largest remainders."""
    ideal = shares * total[..., None]
    counts = np.floor(ideal + 1e-9).astype(int)
    rank = np.argsort(np.argsort(counts - ideal, axis=-1, kind="stable"), axis=-1)
    return counts + (rank < (total - counts.sum(-1))[..., None])


def _linked(of_group: np.ndarray, own: np.ndarray, v: float, what: str) -> np.ndarray:
    """Counts (2, k) of two groups over k values with Cramér's V as asked.

    A share t of each group is spread over its own values only and the rest over all; V grows with t from 0 to 1. The
    whole counts are taken that come closest.
    """
    t = np.linspace(0, 1, 401)[:, None, None]
    shares = (1 - t) / own.shape[1] + t * own / own.sum(1, keepdims=True)  # (401, 2, k)
    counts = _whole(shares, np.broadcast_to(of_group, (len(t), 2)))
    # The two groups may differ a little in t, which makes up for the rounding.
    first, second = (np.arange(len(t))[:, None] + np.arange(-20, 21)).clip(0, 400), np.arange(len(t))[:, None]
    pairs = np.stack([counts[first, 0], counts[np.broadcast_to(second, first.shape), 1]], axis=-2)  # (401, 41, 2, k)
    realised = cramers_v(pairs)
    apart = 1e-4 * np.abs(first - second)  # of tables as close, the one that treats the groups most alike
    best = np.unravel_index((np.abs(realised - v) + apart).argmin(), realised.shape)
    if abs(realised[best] - v) > max(TOLERANCE, 2 / of_group.sum()):
        raise ValueError(
            f"With {of_group.sum()} scenes ({of_group[0]} feminine, {of_group[1]} masculine) no table of perceived "
            f"gender and {what} has a Cramér's V within {TOLERANCE} of {v}: the closest has {realised[best]:.3f}. "
            "Ask for more scenes."
        )
    return pairs[best]


def _own_activities(k: int) -> np.ndarray:
    """bool (2, k): which activities go with which group; the first half with masculine cues."""
    of_masculine = np.arange(k) < (k + 1) // 2
    return np.stack([~of_masculine, of_masculine])


OWN_PLACES = np.array([[place in PLACES_OF[group] for place in PLACES] for group in GROUPS])


def _streams(seed, *more: int):
    """A function from a name to a generator; the same seed and name give the same one."""
    root = int(np.random.default_rng(seed).integers(2**63))
    return lambda name: np.random.default_rng([root, zlib.crc32(name.encode()), *more])


def _plan(spec: Specification, n: int, seed, split: str) -> tuple[dict, dict]:
    """Decide what is in n scenes: the arrays that are recorded, and the arrays that `draw` wants."""
    stream = _streams(seed, list(SPLITS).index(split))
    k = len(spec.activities)

    # Which group does what: exact counts in a random order, so that the association is the one asked for.
    feminine = int(np.clip(round(spec.feminine_share * n), 1, n - 1))
    of_group = np.array([feminine, n - feminine])
    counts = _linked(of_group, _own_activities(k), spec.co_occurrence, "activity")
    cells = stream("cells").permutation(np.repeat(np.arange(2 * k), counts.ravel()))
    cue, activity = np.divmod(cells, k)

    # Where: exact counts within each cell, so that within a group the place says nothing about the activity.
    t = _strength(spec.proxy, OWN_PLACES, of_group / n)
    shares = (1 - t) / len(PLACES) + t * OWN_PLACES / OWN_PLACES.sum(1, keepdims=True)
    place = np.empty(n, int)
    order = stream("places")
    for cell, of_cell in enumerate(_whole(shares.repeat(k, axis=0), counts.ravel())):
        place[cells == cell] = order.permutation(np.repeat(np.arange(len(PLACES)), of_cell))

    age = np.searchsorted(np.cumsum(AGE_SHARES)[:-1], stream("ages").random(n), side="right")
    noisy = stream("label noise").random(n) < spec.by_group("label_noise")[cue]
    other = (activity + stream("wrong labels").integers(1, k, n)) % k
    quality = spec.by_group("quality")[cue]  # the mean; single scenes lie around it, as far as 0 and 1 allow
    quality = quality + np.minimum(0.15, np.minimum(quality, 1 - quality)) * stream("quality").uniform(-1, 1, n)
    occluded = stream("occlusion").random(n) < spec.by_group("occlusion")[cue]

    figures = _figures(stream, n, cue, age, activity, spec)
    things = _things(stream, figures, activity, spec)
    scenes = {
        "place": place,
        "chance": stream("backgrounds").random((n, 6)),
        "light": np.array([0.9, 0, 0]) + stream("light").uniform([-0.15, -1, -1], [0.12, 1, 1], (n, 3)),
        "quality": quality,
        "figures": figures,
        "things": things,
        "occluder": _occluder(stream("occluders"), occluded, figures),
    }
    unknown = stream("unknown").random((n, 2)) < spec.by_group("unknown")[cue][:, None]
    recorded = {
        "split": split,
        "label": np.where(noisy, other, activity),
        "activity": activity,
        "cue": cue,
        "gender": np.where(unknown[:, 0], 2, cue),
        "age": np.where(unknown[:, 1], 3, age),
        "drawn_age": age,
        "occluded": occluded,
        "label_noise": noisy,
        "id": stream("ids").integers(0, 2**64, n, dtype=np.uint64),
        "noise_seed": int(stream("camera").integers(2**63)),
    }
    return recorded, scenes


def _strength(v: float, own: np.ndarray, share: np.ndarray) -> float:
    """How strongly two groups of these shares must keep to their own values so that Cramér's V is v."""
    t = np.linspace(0, 1, 2001)
    spread = (1 - t[:, None, None]) / own.shape[1] + t[:, None, None] * own / own.sum(1, keepdims=True)
    return float(t[np.abs(cramers_v(spread * share[:, None]) - v).argmin()])


def _cues(cue: np.ndarray, figures: dict) -> dict:
    """The figures with the cues of a group, 0 feminine or 1 masculine, an int array (n,): hue, pattern and outline."""
    shape = figures["x"].shape
    cue = np.broadcast_to(cue[:, None], shape)
    return figures | {"hue": np.array(CUE_HUE)[cue] + figures["hue_shift"], "pattern": cue, "outline": cue}


def _figures(stream, n, cue, age, activity, spec) -> dict:
    """One to four figures a scene; the first is the main one, the others stand behind it. All wear the same cues."""
    shape = (n, MAX_FIGURES)
    lot = stream("figures")
    people = 1 + lot.choice(MAX_FIGURES, n, p=[0.45, 0.3, 0.15, 0.1])
    turn = lot.choice([-1.0, 1.0], shape)
    x = lot.uniform(0.08, 0.92, shape)
    x[:, 0] = 0.5 - turn[:, 0] * lot.uniform(0.05, 0.22, n)  # room for the thing on the side to which it turns
    y = lot.uniform(0.64, 0.8, shape)
    y[:, 0] = lot.uniform(0.84, 0.97, n)
    height = lot.uniform(0.22, 0.34, shape)  # lower than any main figure, whose box is to be the largest
    height[:, 0] = lot.uniform(0.5, 0.64, n)
    height[:, 0] *= spec.by_group("size")[cue] * np.where(age == 0, 0.85, 1.0)

    targets = np.array([ACTIVITIES[a][2] for a in spec.activities])  # (k, 2)
    doing = lot.integers(len(targets), size=shape)  # the others hold their arms as if they did something
    doing[:, 0] = activity
    reach = targets[doing] + lot.normal(0, 0.035, (*shape, 2))
    rest = np.array([-0.24, -0.42]) + lot.normal(0, 0.04, (*shape, 2))
    cap = lot.choice(3, shape, p=AGE_SHARES)
    cap[:, 0] = age
    figures = {
        "present": np.arange(MAX_FIGURES) < people[:, None],
        "x": x,
        "y": y,
        "height": height,
        "turn": turn,
        "hue_shift": lot.normal(0, 0.02, shape),
        "value": lot.uniform(0.45, 0.75, shape),
        "head_hue": lot.uniform(0.25, 0.85, shape),
        "head_value": lot.uniform(0.72, 0.95, shape),
        "trouser_hue": lot.random(shape),
        "cap": cap,
        "glasses": lot.random(shape) < 0.15,
        "hand": np.stack([x + turn * reach[..., 0] * height, y + reach[..., 1] * height]),
        "other_hand": np.stack([x + turn * rest[..., 0] * height, y + rest[..., 1] * height]),
    }
    return _cues(cue, figures)


def _things(stream, figures, activity, spec) -> dict:
    """The thing that the main figure uses, and up to three that lie about: one of another activity, or any."""
    lot = stream("things")
    n = len(activity)
    shape = (n, 1 + EXTRA_THINGS)
    kinds = np.array([THINGS.index(ACTIVITIES[a][0]) for a in spec.activities])
    where = np.array([ACTIVITIES[a][1] for a in spec.activities])
    main_x, main_y, height, turn = (figures[k][:, 0] for k in ("x", "y", "height", "turn"))

    kind = lot.integers(len(THINGS), size=shape)
    kind[:, 0] = kinds[activity]
    kind[:, 1] = kinds[(activity + lot.integers(1, len(kinds), n)) % len(kinds)]
    present = lot.random(shape) < np.array([1.0, 0.3, 0.4, 0.3])
    size = THING_SIZE * height[:, None] * lot.uniform(0.85, 1.25, shape)
    offset = where[activity] + lot.normal(0, 0.03, (n, 2))
    # What lies about is on the other side of the main figure, or so far off that its hand does not reach it.
    away = lot.uniform(0.3, 0.55, shape) * np.where(lot.random(shape) < 0.6, -1, 1.6)
    x = np.clip(main_x[:, None] + turn[:, None] * away * 1.1 * height[:, None], 0.05, 0.95)
    y = lot.uniform(0.3, 0.95, shape)
    x[:, 0] = main_x + turn * offset[:, 0] * height
    y[:, 0] = main_y + offset[:, 1] * height
    directions = lot.choice([-1.0, 1.0], shape)
    directions[:, 0] = turn
    return {
        "present": present,
        "kind": kind,
        "x": x,
        "y": y,
        "size": size,
        "hue": lot.random(shape),
        "turn": directions,
    }


def _occluder(lot, occluded, figures) -> dict:
    """A box or a plant in front of the main figure's legs and part of its body, where the scene is to have one."""
    n = len(occluded)
    height = figures["height"][:, 0]
    size = lot.uniform(0.2, 0.26, n) * height
    return {
        "present": occluded,
        "kind": np.array([THINGS.index("box"), THINGS.index("houseplant")])[lot.integers(2, size=n)],
        "x": figures["x"][:, 0] + lot.uniform(-0.12, 0.12, n) * height,
        "y": figures["y"][:, 0] - lot.uniform(0.1, 0.34, n) * height,
        "size": size,
        "hue": lot.random(n),
        "turn": np.ones(n),
    }


def _table(spec: Specification, recorded: dict, scenes: dict, images: np.ndarray) -> pd.DataFrame:
    """The table of scenes that `simulate` describes."""
    n = len(images)
    boxes = np.clip(figure_boxes(scenes["figures"]), 0, 1)
    boxes[~scenes["figures"]["present"]] = np.nan
    main = boxes[:, 0]
    activities, groups = np.array(spec.activities, object), np.array([*GROUPS, "unknown"], object)
    places, people = np.array(PLACES, object)[scenes["place"]], scenes["figures"]["present"].sum(1)
    activity = activities[recorded["label"]]
    ids = [f"{i:016x}" for i in recorded["id"].tolist()]
    text = {
        "image_id": ids,
        "split": np.full(n, recorded["split"], object),
        "activity": activity,
        "gender": groups[recorded["gender"]],
        "age": np.array([*AGES, "unknown"], object)[recorded["age"]],
        "author": np.full(n, "simulated", object),
        "licence": np.full(n, LICENCE, object),
        "landing_page": [f"{NOWHERE}/{i}" for i in ids],
        "title": [f"Drawing: {a}, {p}" for a, p in zip(activity, places, strict=True)],
        "place": places,
        "true_gender_cue": groups[recorded["cue"]],
        "true_activity": activities[recorded["activity"]],
        "true_age_cue": np.array(AGES, object)[recorded["drawn_age"]],
    }
    columns = {
        "label": recorded["label"],
        "box_area": (main[:, 1] - main[:, 0]) * (main[:, 3] - main[:, 2]),
        **dict(zip(["x_min", "x_max", "y_min", "y_max"], main.T, strict=True)),
        "occluded": recorded["occluded"].astype(int),
        "people": people,
        "label_noise": recorded["label_noise"],
        "quality": scenes["quality"],
    }
    return _assemble({k: np.array(v, dtype="str") for k, v in text.items()} | columns, boxes, images)


ORDER = [
    *("image_id", "split", "img", "label", "activity", "gender", "age", "box_area", "x_min", "x_max", "y_min", "y_max"),
    *("occluded", "people", "author", "licence", "landing_page", "title", "place", "true_gender_cue", "true_activity"),
    *("true_age_cue", "label_noise", "quality", "boxes"),
]


def _assemble(columns: Mapping[str, np.ndarray], boxes: np.ndarray, images: np.ndarray) -> pd.DataFrame:
    columns = {k: pd.Series(v, dtype="str") if v.dtype.kind == "U" else pd.Series(v) for k, v in columns.items()}
    columns["boxes"] = pd.Series(list(boxes), dtype=object)
    columns["img"] = pd.Series(list(images), dtype=object)
    return pd.DataFrame({name: columns[name] for name in ORDER})


def _count(n, name: str) -> int:
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 2:
        raise ValueError(f"{name} is {n!r}; give a whole number of scenes, at least 2.")
    return int(n)


def _side(side) -> int:
    if isinstance(side, bool) or not isinstance(side, int | np.integer) or not 16 <= side <= 1024:
        raise ValueError(f"side is {side!r}; give a whole number of pixels from 16 to 1024.")
    return int(side)


def _specification(specification) -> Specification:
    if isinstance(specification, Specification):
        return specification
    if specification in PRESETS:
        return PRESETS[specification]
    raise ValueError(f"{specification!r} is no specification; give a Specification or one of {', '.join(PRESETS)}.")


def simulate(specification="default", n: int = 1000, seed=0, side: int = 32, split: str = "train") -> pd.DataFrame:
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
    spec, n, side = _specification(specification), _count(n, "n"), _side(side)
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; it must be one of {', '.join(SPLITS)}.")
    recorded, scenes = _plan(spec, n, seed, split)
    return _table(spec, recorded, scenes, draw(scenes, side, recorded["noise_seed"]))


def counterfactual_pairs(
    specification="default", n: int = 1000, seed=0, side: int = 32, split: str = "test"
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
    spec, n, side = _specification(specification), _count(n, "n"), _side(side)
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; it must be one of {', '.join(SPLITS)}.")
    recorded, scenes = _plan(spec, n, seed, split)
    images = draw(scenes, side, recorded["noise_seed"])
    as_drawn = _table(spec, recorded, scenes, images)
    other = 1 - recorded["cue"]
    scenes = scenes | {"figures": _cues(other, scenes["figures"])}
    recorded = recorded | {"cue": other, "gender": np.where(recorded["gender"] == 2, 2, other)}
    # The blur carries a grey level or two over the edge of a box: there, the scene stays as it was.
    inside = _inside(np.stack(as_drawn["boxes"].to_numpy()), side, side)[..., None]
    images = np.where(inside, draw(scenes, side, recorded["noise_seed"]), images)
    changed = _table(spec, recorded, scenes, images)
    changed["image_id"] += "f"
    return as_drawn, changed


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
    images[_inside(boxes, images.shape[2], images.shape[1], margin=1)] = HIDDEN
    new = table.copy()
    new["img"] = pd.Series(list(images), index=table.index, dtype=object)
    return new


def _inside(boxes: np.ndarray, width: int, height: int, margin: int = 0) -> np.ndarray:
    """bool (n, height, width): the pixels that a box (n, boxes, 4) touches, and so many pixels around it."""
    x, y = np.arange(width), np.arange(height)
    x_min, x_max, y_min, y_max = np.moveaxis(boxes, -1, 0)[..., None]
    across = (x >= np.floor(x_min * width) - margin) & (x < np.ceil(x_max * width) + margin)  # False where NaN
    down = (y >= np.floor(y_min * height) - margin) & (y < np.ceil(y_max * height) + margin)
    return (down[..., :, None] & across[..., None, :]).any(1)


def load_scenes(preset="default", n: Mapping[str, int] | None = None, seed: int = 0, side: int = 32) -> pd.DataFrame:
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
    spec, side, n = _specification(preset), _side(side), SPLITS if n is None else n
    if not isinstance(n, Mapping) or not n or set(n) - set(SPLITS):
        raise ValueError(f"n is {n!r}; give the number of scenes for some of {', '.join(SPLITS)}, as a dict.")
    n = {split: _count(n[split], f"n[{split!r}]") for split in SPLITS if split in n}
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

    found = kept.recall("load_scenes", [spec, n, int(seed), side], drawn)
    images, boxes = found.pop("img"), found.pop("boxes")
    return _assemble(found, boxes, images)


# A mirror: the same files and folders as those of Open Images.

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
    found = boxes[which]
    cut = np.clip(found, 0, 1)
    flat = pd.DataFrame({"row": np.nonzero(which)[0]} | dict(zip(["XMin", "XMax", "YMin", "YMax"], cut.T, strict=True)))
    flat["IsTruncated"] = (cut != found).any(1).astype(int)
    for name, value in more.items():
        flat[name] = np.broadcast_to(value, which.shape)[which]
    return flat[(flat["XMax"] > flat["XMin"]) & (flat["YMax"] > flat["YMin"])]


def _annotations(spec: Specification, recorded: dict, scenes: dict, ids: np.ndarray) -> tuple[pd.DataFrame, ...]:
    """The boxes, image labels and MIAP boxes of a split, with the published columns."""
    figures, n = scenes["figures"], len(ids)
    of_figures, present = figure_boxes(figures), figures["present"]
    age = figures["cap"].copy()
    age[:, 0] = recorded["age"]
    gender = np.broadcast_to(recorded["gender"][:, None], present.shape)
    # A figure behind the main one is partly hidden where their boxes meet.
    main = of_figures[:, :1]
    meets = (of_figures[..., 0] < main[..., 1]) & (main[..., 0] < of_figures[..., 1])
    meets &= of_figures[..., 2] < main[..., 3]
    meets[:, 0] = recorded["occluded"]
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
    names = np.array([ACTIVITY_LABELS[a] for a in spec.activities], object)[recorded["label"]]
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
            "Confidence": (recorded["label"][:, None] == np.arange(len(spec.activities))).astype(int).ravel(),
        }
    )
    image_labels = pd.concat([task, shown.assign(Confidence=1)]).assign(Source="verification")
    image_labels = image_labels.sort_values(["ImageID", "LabelName"], kind="stable")
    return boxes, image_labels[["ImageID", "Source", "LabelName", "Confidence"]], miap[MIAP_COLUMNS]


def write_mirror(
    folder, specification="default", n: Mapping[str, int] | None = None, seed=0, side: int = 96, quality: int = 90
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
    spec, side, folder = _specification(specification), _side(side), Path(folder)
    n = MIRROR_SPLITS | dict(n or {})
    if set(n) - set(SPLITS):
        raise ValueError(f"n is {n!r}; give the number of scenes for some of {', '.join(SPLITS)}, as a dict.")
    n = {split: _count(n[split], f"n[{split!r}]") for split in SPLITS}
    if not 1 <= quality <= 95:
        raise ValueError(f"quality is {quality!r}; JPEGs have one from 1 to 95.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise registry.DataError(f"{folder} holds files already. Name a new folder, or empty this one first.")
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


def _write_split(folder: Path, split: str, spec: Specification, n: int, seed, side: int, quality: int):
    recorded, scenes = _plan(spec, n, seed, split)
    table = _table(spec, recorded, scenes, draw(scenes, side, recorded["noise_seed"]))
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


def _write_images(folder: Path, ids, images, quality: int) -> tuple[list[int], list[str]]:
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


def _write_classes(annotations: Path):
    names = CLASSES | {label: activity.capitalize() for activity, label in ACTIVITY_LABELS.items()}
    classes = pd.DataFrame(sorted(names.items()), columns=["LabelName", "DisplayName"])
    (annotations / CLASS_FILE).parent.mkdir(parents=True)
    classes.to_csv(annotations / CLASS_FILE, index=False, lineterminator="\n")

    def node(label, **below):
        return {"LabelName": label} | {kind: [node(one) for one in labels] for kind, labels in below.items() if labels}

    kinds = [node(label, Subcategory=below) for label, below in KINDS.items()]
    activities = [node(label) for label in ACTIVITY_LABELS.values()]
    tree = {"LabelName": ROOT, "Subcategory": [node(PERSON, Part=PARTS), *kinds, *activities]}
    (annotations / HIERARCHY_FILE).parent.mkdir(parents=True)
    (annotations / HIERARCHY_FILE).write_text(json.dumps(tree, indent=2), encoding="utf-8")
