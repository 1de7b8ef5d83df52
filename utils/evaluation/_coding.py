"""From a table to numbers: the checks of its columns, the groups of its rows, labels and predictions as codes."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from utils.evaluation._counting import as_binary, check_scores, is_binary, plain
from utils.evaluation._metrics import METRICS
from utils.tables import MISSING, group_name, require_columns


def check_table(table: pd.DataFrame, *columns: str) -> None:
    """Raise a clear error unless the table has rows and these columns."""
    require_columns(table, *columns)
    if len(table) == 0:
        raise ValueError("The table is empty: no rate can be computed from no rows.")


def _no_gaps(table, column, attributes):
    gaps = table[column].isna()
    if not gaps.any():
        return
    empty = next(
        (
            f" (among them every row of {a} {value})"
            for a in attributes
            for value, none in gaps.groupby(table[a]).all().items()
            if none
        ),
        "",
    )
    raise ValueError(
        f"{int(gaps.sum())} of {len(table)} values in {column!r} are missing{empty}; drop or fill these rows first."
    )


def correct(table: pd.DataFrame, label: str = "label", prediction: str = "pred1") -> pd.Series:
    """Whether each row was predicted correctly: Series of bool with the table's index.

    Raises
    ------
    KeyError : a column is missing
    ValueError : the table is empty, or a label or prediction is missing

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import correct
    >>> correct(pd.DataFrame({"label": [8, 3, 8], "pred1": [8, 8, 8]})).tolist()
    [True, False, True]
    """
    check_table(table, label, prediction)
    for column in (label, prediction):
        gaps = int(table[column].isna().sum())
        if gaps:
            raise ValueError(
                f"{gaps} of {len(table)} values in {column!r} are missing; drop or label these rows first."
            )
    return table[label] == table[prediction]


# The columns of an audit beside those of the groups.
OF_AUDIT = ("metric", "class", "value", "low", "high", "n", "positives", "small", "count", "of", "se", "note")


def splits_of(groups: str | Sequence[str | Sequence[str]]) -> tuple[list[tuple[str, ...]], list[str]]:
    """The ways of grouping that were asked for, all rows together first, and the columns that they need, each once.

    The columns of every split stand in one order, so that ("sex", "race") and ("race", "sex") are the same groups.
    """
    groups = [groups] if isinstance(groups, str) else groups
    asked = [(), *((group,) if isinstance(group, str) else tuple(group) for group in groups)]
    attributes = list(dict.fromkeys(column for split in asked for column in split))
    return [tuple(a for a in attributes if a in split) for split in asked], attributes


@dataclass(frozen=True)
class Groups:
    """One way of grouping the rows.

    Attributes
    ----------
    columns : the columns whose values are crossed; none: all rows are one group
    codes : int array (rows,), each row's group
    names : tuples of the columns' values, one a group
    """

    columns: tuple[str, ...]
    codes: np.ndarray
    names: list[tuple]

    def column(self, attribute: str, groups: Sequence[int]) -> pd.Series:
        """The value of an attribute in each of these groups, as objects: True stays True, and 3 stays 3."""
        where = self.columns.index(attribute) if attribute in self.columns else None
        values = [np.nan if where is None else self.names[group][where] for group in groups]
        return pd.Series(values, dtype=object)


def group_codes(values: pd.Series, column: str) -> tuple[np.ndarray, list, list[str]]:
    """Each row's group as a number, the groups' names in order, and the problems: a list, mostly empty.

    Rows without a value are a group of their own, which is a problem to be told.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes, names = values.cat.codes.to_numpy().astype(np.int64), list(values.cat.categories)
    else:
        codes, names = pd.factorize(values)
        names = list(names)
        order = sorted(range(len(names)), key=lambda i: names[i]) if sortable(names) else np.argsort([*map(str, names)])
        place = np.empty(len(names) + 1, np.int64)
        place[list(order)] = np.arange(len(names))
        place[-1] = -1  # factorize's mark of a missing value
        codes, names = place[codes], [names[i] for i in order]
    missing, problems = codes < 0, []
    if missing.all():
        raise ValueError(f"Column {column!r} holds no value at all: no group can be made of it.")
    if missing.any():
        problems.append(
            f"{int(missing.sum())} of {len(values)} rows have no value in {column!r}; they form the group {MISSING}. "
            "Ask why they have none before you leave them out."
        )
        codes = np.where(missing, 0, codes + 1)
        names = [MISSING, *names]
    return codes, names, problems


def sortable(names: Sequence) -> bool:
    """Whether the names are of one kind, text or not, so that they have an order."""
    return len({isinstance(n, str) for n in names}) == 1


def cross(rows: int, keys: Sequence[tuple[np.ndarray, list]]) -> tuple[np.ndarray, list[tuple]]:
    """Each row's crossed group, and the groups' names as tuples; of crossed groups only those that occur.

    `keys` are pairs (codes, names), see `group_codes`. Where there is one, its codes are handed back, not a copy.
    """
    if not keys:
        return np.zeros(rows, np.int64), [()]
    codes, names = keys[0][0], [(name,) for name in keys[0][1]]
    for more, more_names in keys[1:]:
        codes = codes * len(more_names) + more
        occur = np.flatnonzero(np.bincount(codes, minlength=len(names) * len(more_names)))
        place = np.zeros(len(names) * len(more_names), np.int64)
        place[occur] = np.arange(len(occur))
        codes = place[codes]
        names = [(*names[i // len(more_names)], more_names[i % len(more_names)]) for i in occur]
    return codes, names


@dataclass(frozen=True)
class Coded:
    """A table's labels, predictions and scores as numbers.

    Attributes
    ----------
    rows : how many
    label, prediction : int arrays (rows,), 0 or 1, or a class's place in `classes`; None where no metric needs them
    score : float array (rows,) in [0, 1], or None
    classes : the classes, where there are more than two; else None
    right_only : whether only right or wrong was asked; then every label is 1, and 1 is predicted where it is right
    kinds : int array (rows,), the labels' own values as numbers, for what is said of groups and labels
    problems : sentences, mostly none
    """

    rows: int
    label: np.ndarray | None = None
    prediction: np.ndarray | None = None
    score: np.ndarray | None = None
    classes: list | None = None
    right_only: bool = False
    kinds: np.ndarray | None = None
    problems: tuple[str, ...] = ()


def code(
    table: pd.DataFrame,
    label: str | None,
    prediction: str | None,
    score: str | None,
    metrics: Sequence[str],
    positive: Hashable = None,
    attributes: Sequence[str] = (),
) -> Coded:
    """Labels, predictions and scores of a table as numbers.

    Raises
    ------
    ValueError : missing values; labels and predictions of different kinds; a positive class that does not occur; labels
        that are not binary where they must be; scores outside [0, 1]
    """
    for column in (label, prediction, score):
        if column is not None:
            _no_gaps(table, column, attributes)
    columns = [c for c in (label, prediction) if c is not None]
    table = table.assign(**{c: plain(table[c]) for c in columns})
    first = [table[c].head(1).tolist()[0] for c in columns]
    if len({isinstance(value, str) for value in first}) > 1:
        raise ValueError(
            f"{label!r} holds {first[0]!r} and {prediction!r} holds {first[1]!r}: the two must have the same values."
        )
    if positive is not None and not any((table[c] == positive).any() for c in columns):
        raise ValueError(
            f"No {' and no '.join(map(repr, columns))} is {positive!r}: positive names one of their values, "
            f"such as {first[0]!r}."
        )
    two = positive is not None or all(is_binary(table[c]) for c in columns)
    if not two and not any(METRICS[m].by_class for m in metrics):
        coded = _right_or_wrong(table, label, prediction)
    elif not two and not any(METRICS[m].of_rows for m in metrics):
        coded = _by_class(table, label, prediction)
    else:
        coded = _two_classes(table, label, prediction, positive)
    coded["score"] = None if score is None else check_scores(table[score], score)
    if prediction is not None and _constant(table[prediction] if coded.get("right_only") else coded["prediction"]):
        coded["problems"] = (
            f"The model predicts {first[-1]!r} for all {len(table)} rows: a difference of 0 between groups then shows "
            "nothing.",
        )
    return Coded(len(table), **coded)


def _right_or_wrong(table, label, prediction):
    """Right or wrong is all that is asked: right rows are true positives, wrong ones false negatives."""
    right = (table[label] == table[prediction]).to_numpy()
    coded = {"label": np.ones(len(table), np.int64), "prediction": right.astype(np.int64), "right_only": True}
    return coded | {"kinds": pd.factorize(table[label])[0]}


def _by_class(table, label, prediction):
    columns = [c for c in (label, prediction) if c is not None]
    classes = pd.unique(pd.concat([table[c] for c in columns], ignore_index=True)).tolist()
    if len(classes) <= 2:
        as_binary(table[next(c for c in columns if not is_binary(table[c]))], columns[0])  # raises: which is positive?
    classes = sorted(classes) if sortable(classes) else sorted(classes, key=str)
    index = pd.Index(classes)
    y, p = (None if c is None else index.get_indexer(table[c]).astype(np.int64) for c in (label, prediction))
    return {"label": y, "prediction": p, "classes": classes, "kinds": y}


def _two_classes(table, label, prediction, positive):
    y, p = (None if c is None else as_binary(table[c], c, positive).astype(np.int64) for c in (label, prediction))
    return {"label": y, "prediction": p, "kinds": y}


def _constant(values):
    values = np.asarray(values)
    return bool((values == values[0]).all())


def splits_in(audit: pd.DataFrame) -> list[tuple[tuple[str, ...], pd.DataFrame]]:
    """The ways of grouping in an audit, each with its rows; the overall rows are left out."""
    attributes = attributes_of(audit)
    split_of = audit[attributes].notna().to_numpy() @ (1 << np.arange(len(attributes)))
    return [
        (tuple(a for i, a in enumerate(attributes) if pattern >> i & 1), audit[split_of == pattern])
        for pattern in pd.unique(split_of[split_of > 0])
    ]


def attributes_of(audit: pd.DataFrame) -> list[str]:
    """The group columns of an audit: those before `metric`."""
    if "metric" not in audit:
        raise ValueError(
            f"This table is no result of audit(): it has no column 'metric', but {', '.join(map(str, audit.columns))}; "
            "give what audit(...) returned."
        )
    return list(audit.columns[: audit.columns.get_loc("metric")])


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names in a sentence, cut off after some."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def reference_groups(audit: pd.DataFrame, attributes: Sequence[str], reference: Hashable | Mapping) -> dict:
    """Split → the reference group's name in it, for every split of an audit in which the reference names a group."""
    named = {}
    asked = reference if isinstance(reference, dict) else None
    for pattern in audit[attributes].notna().drop_duplicates().itertuples(index=False):
        split = tuple(a for a, there in zip(attributes, pattern, strict=True) if there)
        rows = audit[list(split)].dropna().drop_duplicates()
        if asked is not None and split and set(split) <= set(asked):
            name = group_name(asked[a] for a in split)
        elif asked is None and len(split) == 1:
            name = str(reference)
        else:
            continue
        if name in [group_name(v) for v in rows.itertuples(index=False)]:
            named[split] = name
    if not named:
        names = [str(v) for a in attributes for v in audit[a].dropna().unique()]
        raise ValueError(f"There is no group {reference!r}; there are {listed(names, 20)}.")
    return named
