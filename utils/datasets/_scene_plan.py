"""What is in each simulated scene, decided by lot: who does what and where, and how it is recorded.

Every lot is drawn from a stream of its own (one for the places, one for the sizes …), all made from one seed. So a
specification with one switch changed gives the same scenes with one thing changed.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from utils.datasets._scene_drawing import CUE_HUE, PLACES, THINGS
from utils.datasets._scene_specification import ACTIVITIES, GROUPS, SPLITS, Specification

# Places that go with each group where the place is a proxy; so chosen, see the datasheet.
PLACES_OF = {"feminine": ("kitchen", "office"), "masculine": ("street", "field", "stage")}
TOLERANCE = 0.02  # by how much a realised Cramér's V may miss the one asked for (2 / n where n is below 100)
MAX_FIGURES, EXTRA_THINGS = 4, 3
THING_SIZE = 0.125  # of the figure's height
AGE_SHARES = (0.2, 0.65, 0.15)  # an assumption


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


def _streams(seed: int | np.random.Generator, *more: int) -> Callable[[str], np.random.Generator]:
    """A function from a name to a generator; the same seed and name give the same one."""
    root = int(np.random.default_rng(seed).integers(2**63))
    return lambda name: np.random.default_rng([root, zlib.crc32(name.encode()), *more])


@dataclass(frozen=True)
class Recorded:
    """What is known of scenes besides what is drawn of them: arrays with one element a scene.

    Attributes
    ----------
    split : its name, of all scenes
    label, activity : numbers of the activities in the specification, as recorded and as drawn
    cue : 0 for feminine cues, 1 for masculine ones, as drawn
    gender : 0, 1, or 2 for unknown, as recorded
    age, drawn_age : 0 young, 1 middle, 2 older; as recorded also 3, unknown
    occluded : bool, whether something stands in front of the main figure
    label_noise : bool, whether another activity is recorded than is drawn
    id : uint64
    noise_seed : of the camera's noise in all scenes
    """

    split: str
    label: np.ndarray
    activity: np.ndarray
    cue: np.ndarray
    gender: np.ndarray
    age: np.ndarray
    drawn_age: np.ndarray
    occluded: np.ndarray
    label_noise: np.ndarray
    id: np.ndarray
    noise_seed: int


def plan_scenes(spec: Specification, n: int, seed: int | np.random.Generator, split: str) -> tuple[Recorded, dict]:
    """Decide what is in n scenes: what is recorded of them, and the arrays that `draw` wants.

    Raises
    ------
    ValueError : so few scenes cannot have the Cramér's V asked for
    """
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
    recorded = Recorded(
        split=split,
        label=np.where(noisy, other, activity),
        activity=activity,
        cue=cue,
        gender=np.where(unknown[:, 0], 2, cue),
        age=np.where(unknown[:, 1], 3, age),
        drawn_age=age,
        occluded=occluded,
        label_noise=noisy,
        id=stream("ids").integers(0, 2**64, n, dtype=np.uint64),
        noise_seed=int(stream("camera").integers(2**63)),
    )
    return recorded, scenes


def _strength(v: float, own: np.ndarray, share: np.ndarray) -> float:
    """How strongly two groups of these shares must keep to their own values so that Cramér's V is v."""
    t = np.linspace(0, 1, 2001)
    spread = (1 - t[:, None, None]) / own.shape[1] + t[:, None, None] * own / own.sum(1, keepdims=True)
    return float(t[np.abs(cramers_v(spread * share[:, None]) - v).argmin()])


def with_cues(cue: np.ndarray, figures: dict) -> dict:
    """The figures with the cues of a group, 0 feminine or 1 masculine, an int array (n,): hue, pattern and outline.

    All else of them is not copied.
    """
    shape = figures["x"].shape
    cue = np.broadcast_to(cue[:, None], shape)
    return figures | {"hue": np.array(CUE_HUE)[cue] + figures["hue_shift"], "pattern": cue, "outline": cue}


def _figures(
    stream: Callable, n: int, cue: np.ndarray, age: np.ndarray, activity: np.ndarray, spec: Specification
) -> dict:
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
    return with_cues(cue, figures)


def _things(stream: Callable, figures: dict, activity: np.ndarray, spec: Specification) -> dict:
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


def _occluder(lot: np.random.Generator, occluded: np.ndarray, figures: dict) -> dict:
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
