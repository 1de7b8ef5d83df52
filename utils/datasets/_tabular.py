"""Read a table of people from a CSV file, with the checks that an audit needs before it starts."""

import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from utils.datasets._registry import DataError
from utils.tables import MISSING, require_columns

NEARLY_NUMBERS = 0.9  # a column with at least this share of numbers is taken for numbers with mistakes in it
MOST_GROUPS = 20  # more values than this make no groups but single persons: age in years, a postcode
MOST_CATEGORIES = 1000


def read_table(
    file: str | Path,
    *,
    target: str,
    positive: str,
    sensitive: str | Sequence[str],
    features: Sequence[str] | None = None,
    missing: Sequence[str] = ("", "?"),
    separator: str = ",",
) -> pd.DataFrame:
    """A CSV file as a table for the labs: typed features, sensitive columns, and `label`.

    Parameters
    ----------
    file : path of a CSV file with the columns' names in its first line, UTF-8, packed (.gz) or not
    target : column that is to be predicted
    positive : its value that is the positive class (`label` 1), written as in the file
    sensitive : column or columns with the groups. They are no features, unless `features` names them too
    features : columns that a model may see; default all that are neither target nor sensitive
    missing : how the file writes that a value is not known; spaces around a value do not count
    separator : character between two values

    Returns
    -------
    DataFrame, one row a row of the file: the features (float or int where every known value is a number, else str; NaN
    where missing), the sensitive columns (str; "(missing)" where nothing is written), and `label` (int, 0 or 1)

    Raises
    ------
    DataError : the file cannot be read, or what is in it cannot be audited as asked; the message says where and what
    to do

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from utils.datasets import read_table
    >>> people = pd.DataFrame({"sex": ["f", "m", None], "hours": ["10", "?", "30"], "granted": ["yes", "no", "no"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     people.to_csv(f"{folder}/people.csv", index=False)
    ...     table = read_table(f"{folder}/people.csv", target="granted", positive="yes", sensitive="sex")
    >>> table.to_dict("list")
    {'hours': [10.0, nan, 30.0], 'sex': ['f', 'm', '(missing)'], 'label': [1, 0, 0]}
    """
    return typed(raw_table(file, separator), target, positive, sensitive, features, missing)


def raw_table(
    file: str | Path | bytes, separator: str = ",", names: Sequence[str] | None = None, skip: int = 0
) -> pd.DataFrame:
    """A CSV file as text, every value stripped of spaces around it; no value is interpreted.

    Parameters
    ----------
    file : path, or bytes of the file
    names : columns' names, for a file without a line of names
    skip : lines at the beginning that are no data
    """
    text, name = _text(file)
    if "\0" in text:
        raise DataError(f"{name} holds bytes of no text: save the table as CSV (UTF-8), not as a spreadsheet.")
    lines = io.StringIO(text, newline="")
    for _ in range(skip):
        next(lines, None)
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    try:
        numbered = [(reader.line_num + skip, row) for row in reader if any(map(str.strip, row))]
    except csv.Error as problem:
        raise DataError(f"{name} is no CSV file from line {reader.line_num + skip} on ({problem}): mend it.") from None
    if not numbered:
        raise DataError(f"{name} is empty: there is nothing to read.")
    if names is None:
        names = [n.strip() for n in numbered.pop(0)[1]]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise DataError(f"{name} has more than one column {twice[0]!r}: give each a name of its own.")
        other = next((s for s in ";\t|," if s != separator and s in names[0]), None)
        if len(names) == 1 and other:
            raise DataError(f"{name} has one column, {names[0]!r}: pass separator={other!r}.")
    uneven = next(((line, row) for line, row in numbered if len(row) != len(names)), None)
    if uneven:
        raise DataError(
            f"{name}: line {uneven[0]} has {len(uneven[1])} values and there are {len(names)} columns. Mend that line; "
            f"a value that holds the separator {separator!r} belongs between double quotes."
        )
    if not numbered:
        raise DataError(f"{name} has the columns' names and no rows: there is nothing to read.")
    return pd.DataFrame([[value.strip() for value in row] for _, row in numbered], columns=list(names), dtype="str")


def typed(
    raw: pd.DataFrame,
    target: str,
    positive: str,
    sensitive: str | Sequence[str],
    features: Sequence[str] | None = None,
    missing: Sequence[str] = ("", "?"),
) -> pd.DataFrame:
    """A table of text with types: what `read_table` returns. Parameters as there; `raw` as `raw_table` gives it."""
    sensitive = [sensitive] if isinstance(sensitive, str) else list(sensitive)
    if features is None:
        features = [c for c in raw.columns if c != target and c not in sensitive]
    features = [features] if isinstance(features, str) else list(features)
    _check_names(raw, target, sensitive, features)
    known = raw.mask(raw.isin(list(missing)))
    out = {column: _feature(known[column]) for column in features}
    for column in sensitive:
        values = known[column].fillna(MISSING)
        if values.nunique() > MOST_GROUPS:
            raise DataError(
                f"The sensitive column {column!r} has {values.nunique()} values: groups that small tell nothing. Put "
                f"them into at most {MOST_GROUPS} groups first (pandas.cut for numbers)."
            )
        if values.nunique() < 2:
            raise DataError(f"All rows have {values.iloc[0]!r} in {column!r}: there are no groups to compare.")
        out[column] = values  # also where it is a feature: a model then sees these same words
    out["label"] = _label(known[target], str(positive))
    return pd.DataFrame(out, index=raw.index)


def _text(file: str | Path | bytes) -> tuple[str, str]:
    content, name = (file, "The file") if isinstance(file, bytes) else (None, str(file))
    if content is None:
        try:
            content = Path(file).read_bytes()
        except FileNotFoundError:
            raise DataError(f"There is no file {file} (looked for in {Path.cwd()}).") from None
        except OSError as problem:
            raise DataError(f"{file} cannot be read: {problem.strerror or problem}.") from None
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, gzip.zlib.error):
            raise DataError(f"{name} looks packed, but cannot be unpacked: it is damaged, fetch it again.") from None
    try:
        return content.decode("utf-8-sig"), name
    except UnicodeDecodeError as problem:
        line = content[: problem.start].count(b"\n") + 1
        raise DataError(f"{name} is not UTF-8 (line {line}): save it as UTF-8 and try again.") from None


def _check_names(raw: pd.DataFrame, target: str, sensitive: Sequence[str], features: Sequence[str]) -> None:
    if not sensitive:
        raise DataError("No sensitive column is named: without groups there is nothing to compare.")
    try:
        require_columns(raw, *dict.fromkeys([target, *sensitive, *features]))
    except KeyError as problem:
        raise DataError(problem.args[0]) from None
    if target in features:
        raise DataError(f"{target!r} is the target and among the features: a model would only copy it.")
    if target in sensitive:
        raise DataError(f"{target!r} is the target and cannot be a sensitive column too.")
    if not features:
        raise DataError("There are no features: every column is the target or sensitive.")
    if target != "label" and "label" in [*sensitive, *features]:
        raise DataError("A column is called 'label', as the table's own column of 0 and 1 will be: rename it.")


def _feature(values: pd.Series) -> pd.Series:
    present = values.dropna()
    if present.empty:
        raise DataError(f"The feature {values.name!r} has no value in any row: leave it out of the features.")
    words = present.drop_duplicates()  # tried as numbers once each: a column of words has few, in many rows
    finite = np.isfinite(pd.to_numeric(words, errors="coerce").to_numpy(float))
    is_number = present.isin(words[finite])
    if is_number.all():
        return pd.to_numeric(values)
    if is_number.mean() >= NEARLY_NUMBERS:
        row = is_number.idxmin()
        place = values.index.get_loc(row) + 1
        raise DataError(
            f"In {values.name!r}, {int((~is_number).sum())} of {len(present)} values are no numbers, the first is "
            f"{present[row]!r} in row {place} of the data. Mend them, or name that word in `missing`."
        )
    if present.nunique() > MOST_CATEGORIES:
        raise DataError(
            f"The feature {values.name!r} has {present.nunique():,} different words: it names rows rather than "
            "describing them. Leave it out of the features, or sort it into kinds."
        )
    return values


def _label(values: pd.Series, positive: str) -> pd.Series:
    if values.isna().any():
        row = values.index.get_loc(values.isna().idxmax()) + 1
        raise DataError(
            f"The target {values.name!r} is missing in {int(values.isna().sum())} of {len(values)} rows, the first is "
            f"row {row} of the data. Nothing can be learnt or checked there: leave these rows out and say so."
        )
    present = values.value_counts().index.tolist()
    if positive not in present:
        shown = ", ".join(map(repr, present[:6])) + (" …" if len(present) > 6 else "")
        raise DataError(f"The positive value {positive!r} is not in {values.name!r}, which holds {shown}.")
    if len(present) < 2:
        raise DataError(f"Every row has {positive!r} in {values.name!r}: there is nothing to tell apart.")
    return values.eq(positive).astype(int)
