"""What to download of Open Images: which pictures, from where, and how. All of it is checked when it is made."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import requests

from utils import kept
from utils.datasets import _downloads as downloads
from utils.datasets._open_images_files import SPLITS, read_list, settings
from utils.datasets._registry import DataError

ALLOCATIONS = ("proportional", "equal")
STRATA = {"gender", "age"}  # what makes a stratum besides the class


@dataclass(frozen=True)
class Choice:
    """Which pictures of a split.

    Attributes
    ----------
    classes, people, by, seed : see `rank`
    limit, allocation : see `quotas`; of no effect where images are listed
    listed : DataFrame of `split` and `image_id`: these are chosen, none else, and none is replaced
    image_list : the file that they are from
    """

    classes: tuple[str, ...] = ()
    people: bool = True
    by: tuple[str, ...] = ("gender",)
    seed: int = 0
    limit: int = 1000
    allocation: str = "proportional"
    image_list: str | Path | None = None
    listed: pd.DataFrame | None = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "classes", tuple(self.classes))
        object.__setattr__(self, "by", tuple(self.by))
        object.__setattr__(self, "listed", read_list(self.image_list) if self.image_list else None)
        check_strata(self.by)
        if self.listed is None:
            check_quota(self.limit, self.allocation)


@dataclass(frozen=True)
class Source:
    """Where the files are: addresses or folders.

    Attributes
    ----------
    annotations_url, images_url : None for the environment's DATALAB_OPEN_IMAGES_ANNOTATIONS and
        DATALAB_OPEN_IMAGES_IMAGES, else the registry's
    originals : whether `images_url` has the originals; None for what the registry says
    """

    annotations_url: str | Path | None = None
    images_url: str | Path | None = None
    originals: bool | None = None

    def __post_init__(self):
        for name in ("annotations_url", "images_url"):
            variable = f"DATALAB_OPEN_IMAGES_{name.removesuffix('_url').upper()}"
            address = getattr(self, name) or os.environ.get(variable) or settings()[name]
            object.__setattr__(self, name, str(address))
        if self.originals is None:
            object.__setattr__(self, "originals", settings()["originals"])


@dataclass(frozen=True)
class Transfer:
    """How files are fetched.

    Attributes
    ----------
    threads : pictures that are fetched at once
    progress : whether to show a bar
    http, timeout : see `_downloads.py`; None for a new session
    """

    threads: int = 8
    progress: bool = True
    http: requests.Session | None = None
    timeout: tuple[float, float] = downloads.TIMEOUT

    def __post_init__(self):
        if self.http is None:
            object.__setattr__(self, "http", downloads.session(connections=self.threads))


@dataclass(frozen=True)
class Request:
    """A download: which pictures of which splits, at which size, from where, how and where to."""

    to: Path
    splits: tuple[str, ...]
    side: int
    choice: Choice
    source: Source
    transfer: Transfer

    def __post_init__(self):
        wrong = [split for split in self.splits if split not in SPLITS]
        if wrong or not self.splits:
            raise DataError(f"split is {', '.join(wrong) or 'not given'}; it must be one of {', '.join(SPLITS)}.")
        if self.side < 8 or self.transfer.threads < 1:
            raise DataError(
                f"side is {self.side} and threads is {self.transfer.threads}; they must be at least 8 and 1."
            )
        listed = self.choice.listed
        if listed is not None and not listed["split"].isin(self.splits).any():
            raise DataError(
                f"{self.choice.image_list} has no image of {', '.join(self.splits)}; it has "
                f"{', '.join(set(listed['split']))}."
            )


def check_strata(by: Iterable[str]) -> None:
    """Raise a DataError unless `by` names what can make strata."""
    if not set(by) <= STRATA:
        raise DataError(f"by is {', '.join(by)}; strata are made by gender, age, or both.")


def check_quota(limit: int, allocation: str) -> None:
    """Raise a DataError unless so many can be wanted, and shared out in this way."""
    if limit < 1:
        raise DataError(f"limit is {limit}; it must be at least 1.")
    if allocation not in ALLOCATIONS:
        raise DataError(f"allocation is {allocation!r}; it must be 'proportional' or 'equal'.")


def default_folder() -> Path:
    """Where a download goes that names no folder: in the environment's DATALAB_CACHE, else in `datasets/.cache`."""
    return kept.cache_folder() / "open_images"
