"""Several methods over several seeds, measured alike: one table."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from utils import kept
from utils.evaluation._leakage import leakage
from utils.mitigation._method import BASE, as_method
from utils.mitigation._methods import METHODS
from utils.mitigation._plain import plain
from utils.mitigation._tables import attribute_values
from utils.training._threads import thread_pool

ORACLE = "oracle: balanced data"
PROBE_ROWS = 1500  # that the leakage probe sees: more take long and change little


def compare(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    test: pd.DataFrame | Mapping[str, pd.DataFrame],
    *,
    groups: str | list[str],
    methods: Iterable[str] | Mapping[str, Callable] | None = None,
    seeds: Iterable[int] = range(5),
    counterfactual: pd.DataFrame | Mapping[str, pd.DataFrame] | None = None,
    probe: bool | np.ndarray = True,
    balanced: pd.DataFrame | None = None,
    settings: Mapping[str, dict] | None = None,
    model: Callable | None = None,
    progress: bool = True,
    **training: Any,
) -> pd.DataFrame:
    """Train each method with each seed and measure it on the test data.

    The rows of this project's methods are kept (`utils.kept`), those of your own functions are computed every time.

    Parameters
    ----------
    train, validation, test : see `plain`. Of several test tables, name → table, and each model is measured on all
    methods : names from `METHODS`, or name → function or `Method`; default all of `METHODS`. What works on a trained
        model (needs `base`) is given the plain one of its seed
    seeds : one training of each method a seed
    counterfactual : the rows of `test` in the same order with the other attribute, for the flip rate; with several test
        tables, name → table, for some of them or all
    probe : whether to measure leakage, or the rows (int array of positions) that the probe sees. Where rows of the test
        data show the same in two versions, give it one of each: a probe that learns from the one is misled about the
        other, and falls below chance
    balanced : training data without the bias, for a first row "oracle: balanced data": plain training on these, which
        shows what there is to reach. Best as many rows as `train` has
    settings : name → settings of that method alone, which go before those for all
    model, training : for every method, see `train_network`

    Returns
    -------
    DataFrame, one row a method and seed (and test table, in the column `measured_on`): `method`, `seed`, `accuracy` (as
    in training: the accuracies of the cells on the test data, weighted by how frequent each is in the training data),
    `worst_group_accuracy` (of the cells, attribute × label), `gap` (accuracy − worst), `worst_group` (its name),
    `worst_group_accuracy_last` (after the last epoch, without the choice of a checkpoint), `flip_rate`, `leakage`
    (balanced accuracy of a probe on what the last layer sees; 1 / number of values is chance), `accuracy of …` (a
    column for each cell of the test data), `seconds` (CPU, of the training when it was computed; methods after
    training: with that of their plain model)

    Examples
    --------
    Who says 0 to all is right about eight in ten, and wrong about all that have label 1.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import compare
    >>> black = np.zeros((32, 32, 3), np.uint8)
    >>> table = pd.DataFrame({"img": [black] * 10, "label": [1, 1] + [0] * 8, "sex": ["f", "m"] * 5})
    >>> settings = {"groups": "sex", "seeds": [0], "probe": False, "progress": False, "epochs": 20}
    >>> compared = compare(table, table, table, methods=["plain"], **settings)
    >>> compared[["accuracy", "worst_group_accuracy", "worst_group"]].to_numpy().tolist()
    [[0.8, 0.0, 'f, label 1']]
    """
    methods = METHODS if methods is None else methods
    if not isinstance(methods, Mapping):
        unknown = [name for name in methods if name not in METHODS]
        if unknown:
            raise ValueError(f"There is no method {unknown[0]!r}; there are {', '.join(METHODS)}.")
        methods = {name: METHODS[name] for name in methods}
    methods = {name: as_method(name, function) for name, function in methods.items()}
    seeds = list(seeds)
    if not methods or not seeds:
        raise ValueError("Name at least one method and one seed.")
    if balanced is not None:
        methods = {ORACLE: METHODS["plain"]} | methods
    settings = settings or {}
    if strangers := [name for name in settings if name not in methods]:
        raise ValueError(f"There are settings for {strangers[0]!r}, which is not among the methods.")
    several = isinstance(test, Mapping)
    tests = test if several else {None: test}
    counterfactuals = (counterfactual or {}) if several else {None: counterfactual}
    if strangers := [name for name in counterfactuals if name not in tests]:
        raise ValueError(f"There are counterfactual rows for {strangers[0]!r}, which is not among the test tables.")
    in_training = attribute_values(train, groups) + ", label " + train["label"].astype(str)
    shares = in_training.value_counts(normalize=True)

    def is_plain(name):
        return methods[name].function is plain and name != ORACLE

    def base_of(seed):
        start = kept.cpu_seconds()
        fitted = plain(train, validation, groups=groups, seed=seed, model=model, **training)
        return fitted, kept.cpu_seconds() - start

    def rows_of(job):
        seed, name = job
        method, own, start = methods[name], settings.get(name, {}), kept.cpu_seconds()
        if is_plain(name) and not own:
            fitted, seconds = bases[seed]
        elif BASE in method.needs:
            fitted = method(train, validation, groups=groups, seed=seed, base=bases[seed][0], **own)
            seconds = kept.cpu_seconds() - start + bases[seed][1]
        else:
            rows = balanced if name == ORACLE else train
            fitted = method(rows, validation, groups=groups, seed=seed, model=model, **training | own)
            seconds = kept.cpu_seconds() - start
        measured = [
            _measure(fitted, table, groups, shares, counterfactuals.get(where), probe, seed)
            for where, table in tests.items()
        ]
        return {"rows": [row | {"seconds": seconds} for row in measured]}

    try:
        data = kept.fingerprint([train, validation, tests, counterfactuals, balanced])
    except kept.NoKey:
        data = object()  # has no key either, so that nothing is kept

    def key_of(job):
        seed, name = job
        asked = [name, methods[name], seed, groups, model, training, settings.get(name, {}), several, probe]
        return ["compare", [data, asked]]

    jobs = [(seed, name) for seed in seeds for name in methods]
    with (
        tqdm(total=len(jobs), unit="model", disable=not progress) as bar,
        thread_pool(len(jobs)) as pool,
    ):
        results = dict(zip(jobs, pool.map(lambda job: kept.look(*key_of(job)), jobs), strict=True))
        missing = [job for job in jobs if results[job] is None]
        bar.update(len(jobs) - len(missing))
        if len(missing) < len(jobs):
            bar.set_description(f"{len(jobs) - len(missing)} {kept.KEPT}")
        wants_base = dict.fromkeys(seed for seed, name in missing if is_plain(name) or BASE in methods[name].needs)
        # Jobs are single methods and not seeds, so that no core waits for the last seed.
        bases = dict(zip(wants_base, pool.map(base_of, wants_base), strict=True))
        computed = pool.map(lambda job: kept.recall(*key_of(job), lambda: rows_of(job)), missing)
        for job, rows in zip(missing, computed, strict=True):
            results[job] = rows
            bar.update()
    rows = [
        {"method": name, "seed": seed} | ({"measured_on": where} if several else {}) | row
        for seed, name in jobs
        for where, row in zip(tests, results[seed, name]["rows"], strict=True)
    ]
    table = pd.DataFrame(rows)
    table["method"] = pd.Categorical(table["method"], list(methods))
    return table.sort_values(["method", "seed"], ignore_index=True, kind="stable").astype({"method": "str"})


def _measure(fitted, test, groups, shares, counterfactual, probe, seed) -> dict:
    values = attribute_values(test, groups)
    cells = values + ", label " + test["label"].astype(str)
    decision = fitted.predict(test)
    right = pd.Series(decision == test["label"].to_numpy(), index=test.index)
    by_cell = right.groupby(cells).mean()
    accuracy = (by_cell * shares.reindex(by_cell.index, fill_value=0)).sum() / shares.reindex(by_cell.index).sum()
    last = pd.Series(fitted.after_last_epoch().predict(test) == test["label"].to_numpy(), index=test.index)
    flips = np.nan
    if counterfactual is not None:
        flips = float(np.mean(decision != fitted.predict(counterfactual)))
    leak = np.nan
    if probe is not False:
        rows = np.random.default_rng(seed).permutation(len(test) if probe is True else probe)[:PROBE_ROWS]
        leak = leakage(fitted.features(test.iloc[rows]), values.iloc[rows], rng=seed)["value"]
    return {
        "accuracy": float(accuracy),
        "worst_group_accuracy": float(by_cell.min()),
        "gap": float(accuracy - by_cell.min()),
        "worst_group": by_cell.idxmin(),
        "worst_group_accuracy_last": float(last.groupby(cells).mean().min()),
        "flip_rate": float(flips),
        "leakage": float(leak),
    } | {f"accuracy of {cell}": float(value) for cell, value in by_cell.items()}


def summary(compared: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation over seeds: one row a method, columns such as `accuracy` and `accuracy_sd`.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.mitigation import summary
    >>> compared = pd.DataFrame({"method": ["plain", "plain"], "seed": [0, 1], "accuracy": [0.7, 0.9]})
    >>> summary(compared).round(3).to_dict("records")
    [{'method': 'plain', 'accuracy': 0.8, 'accuracy_sd': 0.141, 'seeds': 2}]
    """
    numbers = [c for c in compared.columns if c not in ("method", "seed", "measured_on", "worst_group")]
    grouped = compared.groupby("method", sort=False)[numbers]
    mean, spread = grouped.mean(), grouped.std(ddof=1).add_suffix("_sd")
    order = [c for name in numbers for c in (name, f"{name}_sd")]
    return pd.concat([mean, spread], axis=1)[order].assign(seeds=grouped.size()).reset_index()
