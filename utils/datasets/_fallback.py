"""A notebook that wants a download goes on with the drawings where there is none."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from utils.datasets._pictures import load_pictures
from utils.datasets._registry import DataError
from utils.sentences import tell


def load_pictures_or_drawings(
    source: str = "simulated",
    side: int = 32,
    splits: str | Iterable[str] | None = None,
    folder: str | Path | None = None,
) -> tuple[pd.DataFrame, str]:
    """The pictures of a source; where there is no download to work on, that is told, and the drawings stand in for it.

    Parameters
    ----------
    source, side, splits, folder : as in `load_pictures`

    Returns
    -------
    pictures : DataFrame, see `load_pictures`
    source : where they are from: the one asked for, or "simulated"

    Raises
    ------
    ValueError : there is no such source or split

    Examples
    --------
    >>> import tempfile
    >>> from utils.datasets import load_pictures_or_drawings
    >>> with tempfile.TemporaryDirectory() as empty:
    ...     pictures, source = load_pictures_or_drawings("open_images", 16, "validation", empty)
    There is no download to work on (...) We go on with the drawings.
    >>> len(pictures), source
    (2000, 'simulated')
    """
    try:
        return load_pictures(source, side, splits, folder), source
    except DataError as problem:
        tell(f"There is no download to work on ({problem}) We go on with the drawings.")
        return load_pictures("simulated", side, splits), "simulated"
