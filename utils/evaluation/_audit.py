"""The audit: metrics by group and crossed group with intervals, in one call."""

import warnings

import numpy as np
import pandas as pd

from utils.evaluation._coding import (
    NOT_BY_CLASS,
    check_table,
    code,
    cross,
    group_codes,
    group_name,
    listed,
    reference_groups,
)
from utils.evaluation._counting import COUNT_METRICS, RATES, SCORE_METRICS, WITHOUT, divide, rate_counts
from utils.evaluation._intervals import METHODS, bootstrap_interval, rate_interval

SMALL = 30  # a group with fewer rows is marked: its values say little
MANY = 10  # more groups than these want a correction
ENOUGH = 10  # n·p·(1 − p) from which the bootstrap of a rate holds its coverage


class AuditWarning(UserWarning):
    """Something in an audit that is easily misread: few rows, a group that is the label, an undefined rate."""


class AuditError(ValueError):
    """What would be an `AuditWarning`, where the audit was told to stop at such things."""


def audit(
    table: pd.DataFrame,
    label: str | None = "label",
    prediction: str | None = "pred1",
    score: str | None = None,
    groups=(),
    metrics=("accuracy",),
    *,
    positive=None,
    interval: str | None = "wilson",
    level: float = 0.95,
    simultaneous: bool = False,
    reference=None,
    draws: int = 1000,
    rng=0,
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
        binary where they must be; scores outside [0, 1]; a group column without any value
    AuditError : see `problems`

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.evaluation import audit
    >>> people = pd.DataFrame({"group": list("aabbcc"), "label": [1, 1, 1, 1, 0, 0], "pred1": [1, 1, 1, 0, 1, 1]})
    >>> found = audit(people, groups=["group"], metrics=["true_positive_rate"], problems="ignore")
    >>> found[["group", "value", "low", "high", "n", "note"]].round(2)
      group  value   low  high  n                         note
    0   NaN   0.75  0.30  0.95  6
    1     a   1.00  0.34  1.00  2
    2     b   0.50  0.09  0.91  2
    3     c    NaN   NaN   NaN  2  no row has a positive label
    """
    metrics = [metrics] if isinstance(metrics, str) else list(metrics)
    splits = [()] + [
        (g,) if isinstance(g, str) else tuple(g) for g in ([groups] if isinstance(groups, str) else groups)
    ]
    attributes = list(dict.fromkeys(column for split in splits for column in split))
    splits = [tuple(a for a in attributes if a in split) for split in splits]  # one order of the columns everywhere
    _check_settings(metrics, interval, level, draws, problems)
    label, prediction, score = _needed(metrics, label, prediction, score)
    check_table(table, *(c for c in (label, prediction, score) if c is not None), *attributes)

    rng = np.random.default_rng(rng)
    keys, said = {}, []
    for column in attributes:
        *keys[column], notes = group_codes(table[column], column)
        said += notes
    coded = code(table, label, prediction, score, metrics, positive, attributes)
    said += coded["said"]
    parts = []
    for split in splits:
        codes, names = cross(len(table), [keys[c] for c in split])
        part = _one_split(coded, codes, len(names), metrics, interval, level, simultaneous, draws, rng)
        for column in attributes:
            where = split.index(column) if column in split else None
            values = [np.nan if where is None else names[g][where] for g in part["group"]]
            part[column] = pd.Series(values, dtype=object)  # True stays True, and 3 stays 3, beside missing values
        if split and problems != "ignore":
            _say_problems(said, part, split, names, coded, codes, simultaneous)
        parts.append(part)
    out = pd.concat(parts, ignore_index=True)
    order = ["metric", *(["class"] if coded["classes"] else []), "value", "low", "high", "n", "positives", "small"]
    out = out[[*attributes, *order, "count", "of", "se", "note"]]
    out.attrs = {"level": level, "reference": dict(reference) if isinstance(reference, dict) else reference}
    if reference is not None:
        reference_groups(out, attributes, reference)
    _tell(said, problems)
    return out


# --- counting ---


def _check_settings(metrics, interval, level, draws, problems):
    known = [*COUNT_METRICS, *SCORE_METRICS]
    wrong = [m for m in metrics if m not in known]
    if wrong or not metrics:
        raise ValueError(
            f"Unknown metrics: {', '.join(map(str, wrong)) or 'none given'}; there are {', '.join(known)}."
        )
    intervals = [*METHODS, "bootstrap", "bca"]
    if interval is not None and interval not in intervals:
        raise ValueError(f"interval is {interval!r}; it must be one of {', '.join(intervals)}, or None.")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it must lie between 0 and 1, as 0.95 does.")
    if draws < 100:
        raise ValueError(f"draws is {draws}; the ends of an interval need at least 100.")
    if problems not in ("warn", "raise", "ignore"):
        raise ValueError(f"problems is {problems!r}; it must be warn, raise or ignore.")


def _needed(metrics, label, prediction, score):
    """The columns that the metrics need; None for the others."""
    if label is None and (needing := [m for m in metrics if m not in ("selection_rate", "mean_score")]):
        raise ValueError(f"{needing[0]} needs the label: name its column with label=....")
    counted = [m for m in metrics if m in COUNT_METRICS and m != "base_rate"]
    if counted and prediction is None:
        raise ValueError(f"{counted[0]} needs a prediction: name its column with prediction=....")
    scored = [m for m in metrics if m in SCORE_METRICS]
    if scored and score is None:
        raise ValueError(f"{scored[0]} needs a score: name its column with score=....")
    return label, prediction if counted else None, score if scored else None


def _one_split(coded, codes, n_groups, metrics, interval, level, simultaneous, draws, rng):
    """The rows of the result for one way of grouping: every metric (and class) for every group."""
    n = np.bincount(codes, minlength=n_groups)
    with_draws = _draws_needed(metrics, interval, coded["classes"])
    if simultaneous:
        level = level ** (1 / n_groups)
        drawn_ends = with_draws or (interval is not None and set(metrics) & set(SCORE_METRICS))
        if drawn_ends and draws * (1 - level) / 2 < 2:
            raise ValueError(
                f"draws is {draws}: too few for the ends of simultaneous intervals of {n_groups} groups; give at least "
                f"{int(np.ceil(4 / (1 - level)))}."
            )
    k = len(coded["classes"]) if coded["classes"] else 2
    cells = np.zeros((n_groups, k, k))
    if coded["y"] is not None or coded["p"] is not None:
        y = np.zeros_like(codes) if coded["y"] is None else coded["y"]
        p = np.zeros_like(codes) if coded["p"] is None else coded["p"]
        cells = np.bincount((codes * k + y) * k + p, minlength=n_groups * k * k).reshape(n_groups, k, k).astype(float)
    drawn, drawn_by_class = _draw(cells, len(codes), draws, rng, coded["classes"]) if with_draws else (None, None)
    of_scores = [m for m in metrics if m in SCORE_METRICS]
    scored = _scored(of_scores, coded, codes, n, interval, level, draws, rng) if of_scores else {}

    columns = []
    for metric in metrics:
        if metric in SCORE_METRICS:
            columns.append(scored[metric])
        elif coded["classes"] and metric not in NOT_BY_CLASS:
            columns.append(_by_class(metric, coded["classes"], cells, drawn_by_class, interval, level))
        else:
            columns.append(_counted(metric, _binary_cells(cells), drawn, interval, level))
        rows = len(columns[-1]["group"])
        columns[-1]["metric"] = np.full(rows, metric, dtype=object)
        if coded["classes"]:
            columns[-1].setdefault("class", np.full(rows, np.nan, dtype=object))
    part = pd.DataFrame({name: np.concatenate([c[name] for c in columns]) for name in columns[0]})
    part["n"] = n[part["group"]]
    part["small"] = part["n"] < SMALL
    part["positives"] = _positives(part, coded, cells, codes, n_groups)
    empty = part["n"] == 0
    part.loc[empty, "note"] = "no rows"
    return part


def _draws_needed(metrics, interval, classes):
    def needs(metric):
        mean_of_classes = classes and metric not in NOT_BY_CLASS  # the macro value has no closed form
        return metric not in RATES or mean_of_classes or interval in ("bootstrap", "bca")

    return interval is not None and any(m in COUNT_METRICS and needs(m) for m in metrics)


def _draw(cells, rows, draws, rng, by_class, at_once=20_000_000):
    """tp, fp, fn, tn in resamples of the whole table: (draws, groups), and by class (draws, groups, classes)."""
    step = max(1, at_once // cells.size)  # the cells of many classes are many
    parts = []
    for start in range(0, draws, step):
        some = rng.multinomial(rows, cells.ravel() / rows, size=min(step, draws - start)).reshape(-1, *cells.shape)
        parts.append((_binary_cells(some), _class_cells(some) if by_class else ()))
    return [tuple(np.concatenate(c) for c in zip(*kind, strict=True)) for kind in zip(*parts, strict=True)]


def _binary_cells(cells):
    """tp, fp, fn, tn of (…, groups, classes, classes); with more than two classes right is tp and wrong is fn."""
    if cells.shape[-1] == 2:
        return cells[..., 1, 1], cells[..., 0, 1], cells[..., 1, 0], cells[..., 0, 0]
    right = np.trace(cells, axis1=-2, axis2=-1)
    none = np.zeros_like(right)
    return right, none, cells.sum((-2, -1)) - right, none


def _class_cells(cells):
    """tp, fp, fn, tn of each class against the rest: (…, groups, classes)."""
    tp = np.diagonal(cells, axis1=-2, axis2=-1)
    fn, fp = cells.sum(-1) - tp, cells.sum(-2) - tp
    return tp, fp, fn, cells.sum((-2, -1))[..., None] - tp - fp - fn


def _counted(metric, cells, drawn, interval, level):
    """One count metric of arrays of cells of any shape, flattened, with the group in front."""
    shape = cells[0].shape
    value = COUNT_METRICS[metric](*cells)
    low, high, se = (np.full(shape, np.nan) for _ in range(3))
    note = np.full(shape, "", dtype=object)
    count, of = rate_counts(metric, *cells) if metric in RATES else (np.full(shape, np.nan),) * 2
    note[np.isnan(value)] = WITHOUT[RATES[metric][1] if metric in RATES else metric]
    if interval in METHODS and metric in RATES:
        low, high = rate_interval(count, of, interval, level)
    elif interval is not None:
        samples = np.moveaxis(COUNT_METRICS[metric](*drawn), 0, -1)
        low, high = _from_draws(metric, cells, value, samples, interval, level)
        if metric in RATES:
            few = divide(count * (of - count), of) < ENOUGH
            if few.any():
                low[few], high[few] = rate_interval(count[few], of[few], "wilson", level)
                note[few] = f"Wilson interval: n·p·(1 − p) is under {ENOUGH}, too few for the bootstrap"
        else:
            se = _standard_error(samples)
    unknown = np.isnan(value)
    low, high = np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)
    group = np.broadcast_to(np.arange(shape[0]).reshape(-1, *(1,) * (len(shape) - 1)), shape)
    found = {"group": group, "value": value, "low": low, "high": high, "count": count, "of": of, "se": se, "note": note}
    return {name: np.ravel(column) for name, column in found.items()}


def _from_draws(metric, cells, value, samples, interval, level):
    if interval != "bca":
        return bootstrap_interval(samples, level)
    # One row left out: there are four kinds of rows, so four values to compute, each standing for the rows of its cell.
    stacked = np.stack(cells, -1)
    left_out = np.stack(
        [COUNT_METRICS[metric](*np.moveaxis(np.maximum(stacked - kind, 0), -1, 0)) for kind in np.eye(4)], -1
    )
    return bootstrap_interval(samples, level, "bca", value, left_out, stacked)


def _standard_error(samples):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # no draw is defined: the standard error is not, either
        return np.nanstd(samples, axis=-1, ddof=1)


def _by_class(metric, classes, cells, drawn, interval, level):
    """A metric for each class against the rest, and their mean over the classes for which it is defined."""
    each = _class_cells(cells)
    groups, k = each[0].shape
    if metric == "balanced_accuracy":
        each_metric, part = "true_positive_rate", None
    else:
        each_metric, part = metric, _counted(metric, each, drawn, interval, level)
        part["class"] = np.tile(np.array(classes, dtype=object), groups)
        if metric in ("base_rate", "selection_rate"):  # their mean over k classes is 1/k, whatever the model does
            return part
    values = COUNT_METRICS[each_metric](*each)
    defined = ~np.isnan(values)
    macro = divide(np.where(defined, values, 0).sum(-1), defined.sum(-1))
    note = np.array(
        ["" if d == k else f"over the {d} of {k} classes for which it is defined" for d in defined.sum(-1)],
        dtype=object,
    )
    low, high, se = (np.full(groups, np.nan) for _ in range(3))
    if interval is not None:
        samples = COUNT_METRICS[each_metric](*drawn)
        known = ~np.isnan(samples)
        samples = np.moveaxis(divide(np.where(known, samples, 0).sum(-1), known.sum(-1)), 0, -1)
        (low, high), se = bootstrap_interval(samples, level), _standard_error(samples)
    nothing = np.full(groups, np.nan)
    whole = {"group": np.arange(groups), "value": macro, "low": low, "high": high, "count": nothing, "of": nothing}
    whole |= {"se": se, "note": note, "class": np.full(groups, "macro", dtype=object)}
    return whole if part is None else {name: np.concatenate([part[name], whole[name]]) for name in part}


def _positives(part, coded, cells, codes, n_groups):
    """Rows with a positive label; with more classes, with the row's class as label; missing where there is none."""
    if coded["y"] is None or coded["right_only"]:
        return pd.array([pd.NA] * len(part), dtype="Int64")
    by_label = cells.sum(-1)
    if not coded["classes"]:
        return pd.array(by_label[part["group"], 1].astype(np.int64), dtype="Int64")
    place = {c: i for i, c in enumerate(coded["classes"])}
    which = [None if "class" not in part else place.get(c) for c in part.get("class", [None] * len(part))]
    return pd.array(
        [pd.NA if w is None else int(by_label[g, w]) for g, w in zip(part["group"], which, strict=True)], dtype="Int64"
    )


# --- metrics of scores ---


def _sort_rows(coded, codes, n):
    """Labels and scores of each group, sorted by score; equal rows are put together with how many they stand for."""
    y = np.zeros(len(codes)) if coded["y"] is None else coded["y"].astype(float)
    order = np.lexsort((y, coded["s"], codes))
    ends = np.cumsum(n)
    groups = []
    for start, end in zip(ends - n, ends, strict=True):
        label, score = y[order[start:end]], coded["s"][order[start:end]]
        first = (
            np.flatnonzero(np.r_[True, (score[1:] != score[:-1]) | (label[1:] != label[:-1])]) if end > start else []
        )
        groups.append(
            (label[first], score[first], np.diff(np.r_[first, end - start]))
        ) if end > start else groups.append(None)
    return groups


def _scored(metrics, coded, codes, n, interval, level, draws, rng):
    """Metrics of scores for each group; their intervals from rows (or counts of equal rows) drawn anew."""
    nothing = {name: np.full(len(n), np.nan) for name in ("value", "low", "high", "count", "of", "se")}
    found = {m: {name: column.copy() for name, column in nothing.items()} for m in metrics}
    for m in metrics:
        found[m] |= {"group": np.arange(len(n)), "note": np.full(len(n), "", dtype=object)}
    for g, (label, score, count) in enumerate(_sort_rows(coded, codes, n)):
        if len(count) == 0:
            continue
        samples = {m: [] for m in metrics}
        if interval is not None:  # one draw of rows serves all metrics
            for weights in _weights(count, len(codes), draws, rng):
                for m in metrics:
                    samples[m].append(SCORE_METRICS[m](weights, label, score))
        for m in metrics:
            value = SCORE_METRICS[m](count[None].astype(float), label, score)[0]
            found[m]["value"][g] = value
            if np.isnan(value):
                found[m]["note"][g] = WITHOUT[m]
            elif interval is not None:
                drawn = np.concatenate(samples[m])
                ends = _ends(SCORE_METRICS[m], drawn, value, label, score, count, interval, level)
                (found[m]["low"][g], found[m]["high"][g]), found[m]["se"][g] = ends, _standard_error(drawn)
    return found


def _ends(function, samples, value, label, score, count, interval, level):
    if interval != "bca":
        return bootstrap_interval(samples, level)
    left_out, weights = _left_out(function, label, score, count)
    return bootstrap_interval(samples, level, "bca", value, left_out, weights)


def _weights(count, rows, draws, rng, at_once=4_000_000):
    """How often each kind of row of a group is in each resample of the whole table: (draws, kinds), in parts."""
    size, kinds = int(count.sum()), len(count)
    for start in range(0, draws, step := max(1, at_once // max(size, kinds))):
        sizes = rng.binomial(rows, size / rows, min(step, draws - start))
        if kinds * 4 < size:
            yield rng.multinomial(sizes, count / size).astype(float)
        else:
            which = np.repeat(np.arange(kinds), count)[rng.integers(0, size, sizes.sum())]
            which += np.repeat(np.arange(len(sizes)) * kinds, sizes)
            yield np.bincount(which, minlength=len(sizes) * kinds).reshape(len(sizes), kinds).astype(float)


def _left_out(function, label, score, count, parts: int = 200):
    """The metric with one kind of row, or one of at most 200 parts of the kinds, left out; and the parts' rows."""
    kinds = len(count)
    part = np.arange(kinds) % min(kinds, parts)
    if kinds <= parts:  # one row of each kind
        weights = np.maximum(count - np.eye(kinds), 0)
        return function(weights, label, score), count.astype(float)
    weights = count * (part != np.arange(parts)[:, None])
    return function(weights.astype(float), label, score), np.ones(parts)


# --- what is easily misread ---


def _say_problems(said, part, split, names, coded, codes, simultaneous):
    by = " × ".join(split)
    called = [group_name(name) for name in names]
    n = part.drop_duplicates("group").set_index("group")["n"]
    small = [called[g] for g in n.index if n[g] < SMALL]
    if small:
        said.append(
            f"Few rows: {listed(small)} of {by} {'has' if len(small) == 1 else 'have'} fewer than {SMALL}; what is "
            "measured there says little."
        )
    labels = coded.get("labels", coded["y"])
    if labels is not None and len(names) > 1 and (several := labels.max() + 1) > 1:
        pairs = np.flatnonzero(np.bincount(codes * several + labels))
        groups, kinds = len(np.unique(pairs // several)), len(np.unique(pairs % several))
        if len(pairs) == kinds and groups > 1:
            said.append(
                f"{by} is a function of the label: each label occurs in one of its groups only. What is called "
                "accuracy or true positive rate by group is class recall here: it shows which classes are hard."
            )
        elif len(pairs) == groups and kinds > 1:
            said.append(
                f"Every group of {by} holds one label only: what is called its accuracy is the recall of that label, "
                "and mixes how hard the label is with how the group is served."
            )
    undefined = part[part["value"].isna() & (part["n"] > 0)]
    for (metric, note), rows in undefined.groupby(["metric", "note"], sort=False):
        where = list(dict.fromkeys(called[g] for g in rows["group"]))
        said.append(f"{metric} is undefined in {listed(where)} of {by}: {note}.")
    if (n > 0).sum() > MANY and not simultaneous:
        said.append(
            f"{(n > 0).sum()} groups of {by} are compared, each with an interval by itself: some lie apart by chance. "
            "Read `corrected_low` and `corrected_high` of disparities(...), or pass simultaneous=True."
        )


def _tell(said, problems):
    if problems == "raise" and said:
        raise AuditError(" ".join(said))
    if problems == "warn":
        for sentence in said:
            warnings.warn(sentence, AuditWarning, stacklevel=3)
