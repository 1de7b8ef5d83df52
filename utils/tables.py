"""What every room does with a table: ask for its columns, and name its groups."""

from collections.abc import Iterable, Sequence

import pandas as pd

CROSSED = " × "  # between the values of a crossed group, everywhere
MISSING = "(missing)"  # the group of the rows without a value


def require_columns(table: pd.DataFrame, *columns: str) -> None:
    """Raise a KeyError that names the columns which the table has not, and those which it has.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.tables import require_columns
    >>> require_columns(pd.DataFrame({"label": [1], "split": ["test"]}), "label", "group")
    Traceback (most recent call last):
    KeyError: "The table has no column 'group'; it has label, split."
    """
    missing = [column for column in columns if column not in table]
    if missing:
        raise KeyError(
            f"The table has no column {', '.join(map(repr, missing))}; it has {', '.join(map(str, table.columns))}."
        )


def columns_of(groups: str | Sequence[str]) -> list[str]:
    """The names of the group columns: one, or several that are to be crossed."""
    return [groups] if isinstance(groups, str) else list(groups)


def crossed(table: pd.DataFrame, groups: str | Sequence[str]) -> pd.Series:
    """Each row's group as one text; several columns are crossed: "Female × Black".

    A row without a value is of the group "(missing)", as in `audit`: nobody is dropped without a word.

    Parameters
    ----------
    table : DataFrame, one row an example
    groups : column, or columns that are crossed

    Returns
    -------
    Series of str with the table's index

    Raises
    ------
    KeyError : a column is missing, or none is named

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.training import crossed
    >>> people = pd.DataFrame({"sex": ["Female", "Male"], "race": ["Black", "White"]})
    >>> crossed(people, ["sex", "race"]).tolist()
    ['Female × Black', 'Male × White']
    """
    columns = columns_of(groups)
    if not columns:
        raise KeyError("groups names no column: give one, or several to be crossed.")
    require_columns(table, *columns)
    first, *others = (table[column].astype(str).where(table[column].notna(), MISSING) for column in columns)
    return first.str.cat(others, sep=CROSSED)


def group_name(values: Iterable) -> str:
    """One name for a group, from its values or its columns: "Female × Black".

    Examples
    --------
    >>> from utils.tables import group_name
    >>> group_name(["8", "orange"])
    '8 × orange'
    """
    return CROSSED.join(map(str, values))
