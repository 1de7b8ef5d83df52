"""From a table to numbers: the checks of its columns, the groups of its rows, labels and predictions as codes."""

import numpy as np
import pandas as pd

from utils.evaluation._counting import SCORE_METRICS, as_binary, check_scores, is_binary, plain

MISSING = "(missing)"
NOT_BY_CLASS = {"accuracy", "error_rate"}  # with more than two classes, these are of all classes together


def check_table(table: pd.DataFrame, *columns: str) -> None:
    """Raise a clear error unless the table has rows and these columns."""
    missing = [c for c in columns if c not in table]
    if missing:
        raise KeyError(
            f"The table has no column {', '.join(map(repr, missing))}; it has {', '.join(map(str, table.columns))}."
        )
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


def group_codes(values, column):
    """Each row's group as a number, the groups' names in order, and what is to be said: a list, mostly empty.

    Rows without a value are a group of their own, of which the list speaks.
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
    missing, said = codes < 0, []
    if missing.all():
        raise ValueError(f"Column {column!r} holds no value at all: no group can be made of it.")
    if missing.any():
        said.append(
            f"{int(missing.sum())} of {len(values)} rows have no value in {column!r}; they form the group {MISSING}. "
            "Ask why they have none before you leave them out."
        )
        codes = np.where(missing, 0, codes + 1)
        names = [MISSING, *names]
    return codes, names, said


def sortable(names):
    return len({isinstance(n, str) for n in names}) == 1


def cross(rows, keys):
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


def code(table, label, prediction, score, metrics, positive, attributes):
    """Labels, predictions and scores as numbers: `y` and `p` (0 or 1, or a class's number), `s`, `classes`.

    `said` lists what is to be said of them.
    """
    for column in (label, prediction, score):
        if column is not None:
            _no_gaps(table, column, attributes)
    coded = {"classes": None, "y": None, "p": None, "s": None, "right_only": False, "said": []}
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
    if not two and set(metrics) <= NOT_BY_CLASS:
        # Right or wrong is all that is asked: right rows are true positives, wrong ones false negatives.
        right = (table[label] == table[prediction]).to_numpy()
        coded |= {"y": np.ones(len(table), np.int64), "p": right.astype(np.int64), "right_only": True}
        coded["labels"] = pd.factorize(table[label])[0]
        constant = bool((table[prediction] == table[prediction].iloc[0]).all())
    elif not two and not set(metrics) & set(SCORE_METRICS):
        classes = pd.unique(pd.concat([table[c] for c in columns], ignore_index=True)).tolist()
        if len(classes) <= 2:
            as_binary(
                table[next(c for c in columns if not is_binary(table[c]))], columns[0]
            )  # raises: which is positive?
        coded["classes"] = sorted(classes) if sortable(classes) else sorted(classes, key=str)
        index = pd.Index(coded["classes"])
        for name, column in (("y", label), ("p", prediction)):
            coded[name] = None if column is None else index.get_indexer(table[column]).astype(np.int64)
        constant = prediction is not None and bool((coded["p"] == coded["p"][0]).all())
    else:
        for name, column in (("y", label), ("p", prediction)):
            coded[name] = None if column is None else as_binary(table[column], column, positive).astype(np.int64)
        constant = prediction is not None and bool((coded["p"] == coded["p"][0]).all())
    if score is not None:
        coded["s"] = check_scores(table[score], score)
    if constant:
        coded["said"].append(
            f"The model predicts {first[-1]!r} for all {len(table)} rows: a difference of 0 between "
            "groups then shows nothing."
        )
    return coded


def group_name(values) -> str:
    """One name for a group: its values joined, as in "Female × Black"."""
    return " × ".join(map(str, values))


def listed(names, most: int = 5) -> str:
    """Names in a sentence, cut off after some."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def reference_groups(audit, attributes, reference):
    """Split → the reference group's name in it, for every split of an audit in which the reference names a group."""
    found = {}
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
            found[split] = name
    if not found:
        names = [str(v) for a in attributes for v in audit[a].dropna().unique()]
        raise ValueError(f"There is no group {reference!r}; there are {listed(names, 20)}.")
    return found
