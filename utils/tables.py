"""What every room asks of a table before it works with it."""

import pandas as pd


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
