"""The audit: metrics by group and crossed group with intervals, in one call."""

import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from utils.evaluation._coding import (
    OF_AUDIT,
    Coded,
    Groups,
    check_table,
    code,
    cross,
    group_codes,
    listed,
    reference_groups,
    splits_of,
)
from utils.evaluation._count_metrics import count_cells, count_columns, draw_cells, draws_needed
from utils.evaluation._intervals import METHODS
from utils.evaluation._metrics import METRICS
from utils.evaluation._score_metrics import score_columns
from utils.tables import group_name

SMALL = 30  # a group with fewer rows is marked: its values say little
MANY = 10  # more groups than these want a correction


class AuditWarning(UserWarning):
    """Something in an audit that is easily misread: few rows, a group that is the label, an undefined rate."""


class AuditError(ValueError):
    """What would be an `AuditWarning`, where the audit was told to stop at such things."""


def audit(
    table: pd.DataFrame,
    label: str | None = "label",
    prediction: str | None = "pred1",
    score: str | None = None,
    groups: str | Sequence[str | Sequence[str]] = (),
    metrics: str | Sequence[str] = ("accuracy",),
    *,
    positive: Hashable = None,
    interval: str | None = "wilson",
    level: float = 0.95,
    simultaneous: bool = False,
    reference: Hashable | Mapping = None,
    draws: int = 1000,
    rng: int | np.random.Generator = 0,
    problems: str = "warn",
) -> pd.DataFrame:
    """Metrics overall, by group and by crossed group, each with an interval, as a tidy table.

    The rows are counted once; intervals and bootstrap draws come from the counts. Only metrics of scores go back to the
    rows. The bootstrap draws rows of the whole table anew, so that the sizes of the groups vary as well (as in
    fairlearn; drawing within each group would hold them fixed, which is another question).

    Parameters
    ----------
    table : DataFrame, one row an example
    label, prediction : columns. Two classes: 0 and 1, or any values with `positive`. More classes: every metric except
        accuracy and error rate is computed for each class against the rest, and as their mean ("macro"). None where no
        metric needs the column
    score : column with the probability of the positive class, in [0, 1]; for auc, calibration_error, mean_score
    groups : columns; a tuple of columns stands for their crossed groups: ["sex", "race", ("sex", "race")]. Rows without
        a value form the group "(missing)"
    metrics : names of metrics, as in the glossary
    positive : the positive class; the rest is negative
    interval : of rates "wilson", "wald", "clopper-pearson", "jeffreys" (see `rate_interval`), "bootstrap" (percentile)
        or "bca". All other metrics have no closed form: they get the percentile bootstrap, or BCa where that is asked
        for. A rate with n·p·(1 − p) under 10 gets Wilson's interval instead of a bootstrap, which covers too little
        there; `note` says so. None: no intervals
    level : nominal coverage of each interval
    simultaneous : make the intervals of one metric hold for all groups of a split together with probability `level`
        (Šidák 1967: each by itself at level^(1/groups))
    reference : the group that `disparities` compares with: a value of a column, or a dict column → value for several
    draws : bootstrap draws
    rng : numpy Generator, or a seed
    problems : "warn" (`AuditWarning`), "raise" (`AuditError`) or "ignore": what to do with what is easily misread:
        groups under 30 rows, a group column that is a function of the label, a model that predicts one class, rows
        without a group, undefined metrics, more than ten groups without a correction

    Returns
    -------
    DataFrame, one row a group and metric, overall first; a column for each attribute (missing where a row is not split
    by it), then `metric`, with more than two classes `class`, then `value`, `low`, `high`, `n` (rows), `positives`
    (rows with a positive label), `small` (fewer than 30 rows), `count` and `of` (what a rate counts, out of how many),
    `se` (the standard error from the bootstrap, of metrics that are no rates), `note` (why a value is missing; which
    interval was taken instead). `attrs` holds `level` and `reference`.

    Raises
    ------
    KeyError, ValueError : unknown columns, metrics or settings; missing labels or predictions; labels that are not
        binary where they must be; scores outside [0, 1]; a group column without any value, or called like one of the
        result's own columns
    AuditError : see `problems`

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import audit
    >>> people = pd.DataFrame({"group": list("aabbcc"), "label": [1, 1, 1, 1, 0, 0], "pred1": [1, 1, 1, 0, 1, 1]})
    >>> rates = audit(people, groups=["group"], metrics=["true_positive_rate"], problems="ignore")
    >>> rates[["group", "value", "low", "high", "n", "note"]].round(2)
      group  value   low  high  n                         note
    0   NaN   0.75  0.30  0.95  6
    1     a   1.00  0.34  1.00  2
    2     b   0.50  0.09  0.91  2
    3     c    NaN   NaN   NaN  2  no row has a positive label
    """
    metrics = [metrics] if isinstance(metrics, str) else list(metrics)
    asked = _Asked(metrics, interval, level, simultaneous, draws, problems)
    splits, attributes = splits_of(groups)
    if taken := [a for a in attributes if a in OF_AUDIT]:
        raise ValueError(
            f"A group column is called {taken[0]!r}, as a column of the audit is: give it another name, as in "
            f"table.rename(columns={{{taken[0]!r}: '{taken[0]}_'}})."
        )
    label, prediction, score = _needed(metrics, label, prediction, score)
    check_table(table, *(c for c in (label, prediction, score) if c is not None), *attributes)

    rng = np.random.default_rng(rng)
    keys = {column: group_codes(table[column], column) for column in attributes}
    coded = code(table, label, prediction, score, metrics, positive, attributes)
    sentences = [problem for *_, found in keys.values() for problem in found] + list(coded.problems)
    parts = []
    for split in splits:
        by = Groups(split, *cross(len(table), [keys[column][:2] for column in split]))
        part = _one_split(coded, by, asked, rng)
        if split and problems != "ignore":
            sentences += _problems(part, by, coded, simultaneous)
        of_group = part.pop("group")  # a column of the table may be called so
        for column in attributes:
            part[column] = by.column(column, of_group)
        parts.append(part)
    out = pd.concat(parts, ignore_index=True)
    order = ["metric", *(["class"] if coded.classes else []), "value", "low", "high", "n", "positives", "small"]
    out = out[[*attributes, *order, "count", "of", "se", "note"]]
    out.attrs = {"level": level, "reference": dict(reference) if isinstance(reference, dict) else reference}
    if reference is not None:
        reference_groups(out, attributes, reference)
    _tell(sentences, problems)
    return out


@dataclass(frozen=True)
class _Asked:
    """What an audit was asked for, checked."""

    metrics: list[str]
    interval: str | None
    level: float
    simultaneous: bool
    draws: int
    problems: str

    def __post_init__(self):
        wrong = [m for m in self.metrics if m not in METRICS]
        if wrong or not self.metrics:
            raise ValueError(
                f"Unknown metrics: {', '.join(map(str, wrong)) or 'none given'}; there are {', '.join(METRICS)}."
            )
        intervals = [*METHODS, "bootstrap", "bca"]
        if self.interval is not None and self.interval not in intervals:
            raise ValueError(f"interval is {self.interval!r}; it must be one of {', '.join(intervals)}, or None.")
        if not 0 < self.level < 1:
            raise ValueError(f"level is {self.level}; it must lie between 0 and 1, as 0.95 does.")
        if self.draws < 100:
            raise ValueError(f"draws is {self.draws}; the ends of an interval need at least 100.")
        if self.problems not in ("warn", "raise", "ignore"):
            raise ValueError(f"problems is {self.problems!r}; it must be warn, raise or ignore.")

    @property
    def counted(self) -> list[str]:
        return [m for m in self.metrics if METRICS[m].of_counts]

    @property
    def scored(self) -> list[str]:
        return [m for m in self.metrics if METRICS[m].of_rows]


def _needed(metrics, label, prediction, score):
    """The columns that the metrics need; None for the others."""
    for needed, column in (("label", label), ("prediction", prediction), ("score", score)):
        needing = [m for m in metrics if needed in METRICS[m].needs]
        if needing and column is None:
            article = "the" if needed == "label" else "a"
            raise ValueError(f"{needing[0]} needs {article} {needed}: name its column with {needed}=....")
    needs = {need for m in metrics for need in METRICS[m].needs}
    return label, prediction if "prediction" in needs else None, score if "score" in needs else None


def _one_split(coded: Coded, groups: Groups, asked: _Asked, rng) -> pd.DataFrame:
    """The rows of the result for one way of grouping: every metric (and class) for every group."""
    n_groups, level, interval, classes = len(groups.names), asked.level, asked.interval, coded.classes
    with_draws = draws_needed(asked.counted, interval, classes)
    if asked.simultaneous:
        level = level ** (1 / n_groups)
        if (with_draws or (interval is not None and asked.scored)) and asked.draws * (1 - level) / 2 < 2:
            raise ValueError(
                f"draws is {asked.draws}: too few for the ends of simultaneous intervals of {n_groups} groups; give at "
                f"least {int(np.ceil(4 / (1 - level)))}."
            )
    cells = count_cells(coded, groups)
    drawn = draw_cells(cells, coded.rows, asked.draws, rng, bool(classes)) if with_draws else None
    scored = score_columns(asked.scored, coded, groups, interval, level, asked.draws, rng) if asked.scored else {}
    columns = scored | count_columns(asked.counted, cells, drawn, classes, interval, level)
    parts = []
    for metric in asked.metrics:
        rows = len(columns[metric]["group"])
        part = {"metric": np.full(rows, metric, dtype=object)} | columns[metric]
        parts.append(({"class": np.full(rows, np.nan, dtype=object)} if classes else {}) | part)
    out = pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    out["n"] = np.bincount(groups.codes, minlength=n_groups)[out["group"]]
    out["small"] = out["n"] < SMALL
    out["positives"] = _positives(out, coded, cells)
    out.loc[out["n"] == 0, "note"] = "no rows"
    return out


def _positives(part, coded, cells):
    """Rows with a positive label; with more classes, with the row's class as label; missing where there is none."""
    if coded.label is None or coded.right_only:
        return pd.array([pd.NA] * len(part), dtype="Int64")
    by_label = cells.sum(-1)
    if not coded.classes:
        return pd.array(by_label[part["group"], 1].astype(np.int64), dtype="Int64")
    place = {c: i for i, c in enumerate(coded.classes)}
    which = [place.get(c) for c in part["class"]]
    return pd.array(
        [pd.NA if w is None else int(by_label[g, w]) for g, w in zip(part["group"], which, strict=True)], dtype="Int64"
    )


# --- what is easily misread ---


def _problems(part, groups, coded, simultaneous):
    """Sentences on what is easily misread in one way of grouping."""
    problems = []
    by = group_name(groups.columns)
    called = [group_name(name) for name in groups.names]
    n = part.drop_duplicates("group").set_index("group")["n"]
    small = [called[g] for g in n.index if n[g] < SMALL]
    if small:
        problems.append(
            f"Few rows: {listed(small)} of {by} {'has' if len(small) == 1 else 'have'} fewer than {SMALL}; what is "
            "measured there says little."
        )
    problems += _groups_and_labels(groups, coded, by)
    undefined = part[part["value"].isna() & (part["n"] > 0)]
    for (metric, note), rows in undefined.groupby(["metric", "note"], sort=False):
        where = list(dict.fromkeys(called[g] for g in rows["group"]))
        problems.append(f"{metric} is undefined in {listed(where)} of {by}: {note}.")
    if (n > 0).sum() > MANY and not simultaneous:
        problems.append(
            f"{(n > 0).sum()} groups of {by} are compared, each with an interval by itself: some lie apart by chance. "
            "Read `corrected_low` and `corrected_high` of disparities(...), or pass simultaneous=True."
        )
    return problems


def _groups_and_labels(groups, coded, by):
    if coded.kinds is None or len(groups.names) < 2 or (kinds := coded.kinds.max() + 1) < 2:
        return []
    pairs = np.flatnonzero(np.bincount(groups.codes * kinds + coded.kinds))  # of group and label, that occur
    n_groups, n_labels = len(np.unique(pairs // kinds)), len(np.unique(pairs % kinds))
    if len(pairs) == n_labels and n_groups > 1:
        return [
            f"{by} is a function of the label: each label occurs in one of its groups only. What is called "
            "accuracy or true positive rate by group is class recall here: it shows which classes are hard."
        ]
    if len(pairs) == n_groups and n_labels > 1:
        return [
            f"Every group of {by} holds one label only: what is called its accuracy is the recall of that label, "
            "and mixes how hard the label is with how the group is served."
        ]
    return []


def _tell(sentences, problems):
    if problems == "raise" and sentences:
        raise AuditError(" ".join(sentences))
    if problems == "warn":
        for sentence in sentences:
            warnings.warn(sentence, AuditWarning, stacklevel=3)
