"""What is biased in simulated scenes, and how much: a `Specification`, some of them by name, and their words."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

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
SPLITS = {"train": 6000, "validation": 2000, "test": 4000}

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
        unknown = [a for a in self.activities if a not in ACTIVITIES]
        if unknown or not 2 <= len(set(self.activities)) == len(self.activities):
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
        unknown = [s for s in switches if s not in SWITCHES]
        if unknown:
            raise ValueError(f"There is no switch {unknown[0]!r}; the switches are {', '.join(SWITCHES)}.")
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


def named(specification: str | Specification) -> Specification:
    """The specification itself, or the one in `PRESETS` of this name.

    Raises
    ------
    ValueError : there is no such name
    """
    if isinstance(specification, Specification):
        return specification
    if specification in PRESETS:
        return PRESETS[specification]
    raise ValueError(f"{specification!r} is no specification; give a Specification or one of {', '.join(PRESETS)}.")


def checked_count(n: int, name: str) -> int:
    """A number of scenes, or a ValueError that says what `name` is and must be."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 2:
        raise ValueError(f"{name} is {n!r}; give a whole number of scenes, at least 2.")
    return int(n)


def checked_counts(n: Mapping[str, int]) -> dict[str, int]:
    """The numbers of scenes of some splits, in the splits' order; or a ValueError."""
    if not isinstance(n, Mapping) or not n or set(n) - set(SPLITS):
        raise ValueError(f"n is {n!r}; give the number of scenes for some of {', '.join(SPLITS)}, as a dict.")
    return {split: checked_count(n[split], f"n[{split!r}]") for split in SPLITS if split in n}


def checked_side(side: int) -> int:
    """The side length of the pictures, or a ValueError."""
    if isinstance(side, bool) or not isinstance(side, int | np.integer) or not 16 <= side <= 1024:
        raise ValueError(f"side is {side!r}; give a whole number of pixels from 16 to 1024.")
    return int(side)
