"""UCI Adult: 48,842 people in the United States of 1994, and whether each earned more than 50,000 dollars a year.

See `datasets/adult/DATASHEET.md` for what the columns are and what the data cannot say.
"""

import gzip
from collections.abc import Sequence

import pandas as pd

from utils.datasets._registry import verified
from utils.datasets._tabular import raw_table, typed

COLUMNS = [
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education_num",
    "marital_status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital_gain",
    "capital_loss",
    "hours_per_week",
    "native_country",
    "income",
]
TARGET, POSITIVE = "income", ">50K"
SENSITIVE = ["sex", "race"]
# Not among them: `fnlwgt` says how many people of 1994 a row stands for, which is nothing about the person;
# `education` says in words what `education_num` says as a number.
FEATURES = [c for c in COLUMNS if c not in (TARGET, *SENSITIVE, "fnlwgt", "education")]
RACES = ["Amer-Indian-Eskimo", "Asian-Pac-Islander", "Black", "Other", "White"]


def load_adult(races: Sequence[str] | None = None) -> pd.DataFrame:
    """All rows of Adult: first those of the original training file, then those of the test file.

    Parameters
    ----------
    races : keep only rows with these words in `race`; default all. Published tutorials keep "White" and "Black", and
        so never see how the others fare

    Returns
    -------
    DataFrame (48,842 rows without `races`) with `age`, `fnlwgt`, `education_num`, `capital_gain`, `capital_loss`
    (dollars), `hours_per_week` (int), the nominal columns (str, NaN where the file has "?"), `sex` and `race` (str),
    `split` ("train", 32,561 rows, or "test", 16,281: the file a row is from) and `label` (1: more than 50,000 dollars).
    `FEATURES` names the ten columns that models of the labs see

    Raises
    ------
    DataError : an embedded file is missing or damaged
    ValueError : a race that is not in the data

    Examples
    --------
    >>> from utils.datasets import load_adult
    >>> table = load_adult()
    >>> table.shape
    (48842, 16)
    >>> table.groupby("race").size().to_dict()
    {'Amer-Indian-Eskimo': 470, 'Asian-Pac-Islander': 1519, 'Black': 4685, 'Other': 406, 'White': 41762}
    """
    races = [races] if isinstance(races, str) else races
    if races is not None and (unknown := [r for r in races if r not in RACES]):
        raise ValueError(f"There is no race {unknown[0]!r} in Adult; there are {', '.join(RACES)}.")
    parts = []
    for split, skip in (("train", 0), ("test", 1)):  # the test file begins with the line "|1x3 Cross validator"
        name = "adult.data" if split == "train" else "adult.test"
        packed = verified(f"adult/{name}.gz").read_bytes()
        raw = raw_table(gzip.decompress(packed), names=COLUMNS, skip=skip)
        raw["income"] = raw["income"].str.removesuffix(".")  # only the test file has a full stop there
        parts.append(raw.assign(split=split))
    raw = pd.concat(parts, ignore_index=True)
    features = [c for c in COLUMNS if c not in (TARGET, *SENSITIVE)]
    table = typed(raw, TARGET, POSITIVE, SENSITIVE, features)
    table = table[[c for c in COLUMNS if c != TARGET] + ["label"]].assign(split=raw["split"])
    return table if races is None else table[table["race"].isin(list(races))].reset_index(drop=True)


def load_tutorial() -> tuple[pd.DataFrame, list[str]]:
    """Adult as a published Fairlearn tutorial prepares it, for the lab that repairs it: not for use.

    Only the races "White" and "Black"; first the rows of the test file, then those of the training file; words as
    numbers in alphabetical order (-1: missing), although they have no order; `fnlwgt` among the features.

    Returns
    -------
    table : DataFrame (46,447 rows) as of `load_adult`, with the words of nominal columns replaced by numbers
    features : its twelve columns that the tutorial's model sees

    Examples
    --------
    >>> from utils.datasets import load_tutorial
    >>> table, features = load_tutorial()
    >>> len(table), len(features)
    (46447, 12)
    >>> "fnlwgt" in features, int(table["workclass"].min())
    (True, -1)
    """
    table = load_adult(["White", "Black"])
    table = pd.concat([table[table["split"] == "test"], table[table["split"] == "train"]], ignore_index=True)
    features = [c for c in COLUMNS if c not in (TARGET, *SENSITIVE)]
    nominal = [c for c in features if not pd.api.types.is_numeric_dtype(table[c].dtype)]
    codes = {c: table[c].astype("category").cat.codes.astype(int) for c in nominal}
    return table.assign(**codes), [c for c in features if c not in nominal] + nominal
