"""The table that a lab on tables works with: Adult, or the reader's own file."""

import pandas as pd

from utils.datasets._adult import FEATURES, SENSITIVE, load_adult
from utils.datasets._registry import DataError
from utils.datasets._tabular import read_table


def load_people(source: str | dict = "adult") -> tuple[pd.DataFrame, list[str], list[str]]:
    """A table of people, with the names of its features and of its sensitive columns.

    Parameters
    ----------
    source : "adult", or what `read_table` takes as a dict: {"file": "my.csv", "target": "granted", "positive": "yes",
        "sensitive": ["sex", "age_group"]}

    Returns
    -------
    table : DataFrame with the features, the sensitive columns and `label` (0 or 1)
    features, sensitive : lists of columns

    Raises
    ------
    DataError : a part of the dict is missing or unknown, or see `read_table`

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from utils.datasets import load_people
    >>> people = pd.DataFrame({"sex": ["f", "m", "f"], "hours": [10, 20, 30], "granted": ["yes", "no", "no"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     people.to_csv(f"{folder}/my.csv", index=False)
    ...     source = {"file": f"{folder}/my.csv", "target": "granted", "positive": "yes", "sensitive": "sex"}
    ...     table, features, sensitive = load_people(source)
    >>> features, sensitive, table["label"].tolist()
    (['hours'], ['sex'], [1, 0, 0])
    """
    if isinstance(source, str):
        if source != "adult":
            raise DataError(
                f"There is no table {source!r}: write 'adult', or a dict such as {{'file': 'my.csv', 'target': "
                "'granted', 'positive': 'yes', 'sensitive': ['sex']}."
            )
        return load_adult(), list(FEATURES), list(SENSITIVE)
    wanted, known = ["file", "target", "positive", "sensitive"], ["features", "missing", "separator"]
    missing, unknown = [k for k in wanted if k not in source], [k for k in source if k not in wanted + known]
    if missing or unknown:
        what = f"{missing[0]!r} is missing" if missing else f"{unknown[0]!r} is unknown"
        raise DataError(f"In the description of your table, {what}: it takes {', '.join(wanted + known)}.")
    table = read_table(source["file"], **{k: v for k, v in source.items() if k != "file"})
    sensitive = [source["sensitive"]] if isinstance(source["sensitive"], str) else list(source["sensitive"])
    features = source.get("features") or [c for c in table.columns if c not in (*sensitive, "label")]
    return table, list(features), sensitive
