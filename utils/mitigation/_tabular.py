"""Mitigation of a model of a table, with fairlearn: every method on the same rows, measured alike."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.preprocessing import CorrelationRemover
from fairlearn.reductions import DemographicParity, EqualizedOdds, ExponentiatedGradient, GridSearch
from tqdm.auto import tqdm

from utils import kept
from utils.evaluation._metrics import accuracy
from utils.evaluation._pareto import non_dominated
from utils.evaluation.criteria import demographic_parity_difference, equalized_odds_difference
from utils.mitigation._reweighing import reweighing_weights
from utils.training._tabular import Counted, column_transformer, crossed, small_tree

CONSTRAINTS = {"demographic parity": DemographicParity, "equalized odds": EqualizedOdds}


def without_correlation(
    x: np.ndarray, attribute, *others: tuple[np.ndarray, object], alpha: float = 1.0
) -> list[np.ndarray]:
    """Features from which the linear trace of an attribute was subtracted (fairlearn's `CorrelationRemover`).

    Fitted on the first pair. What is left is uncorrelated with the attribute, column by column, on those rows; it is
    not independent of it, and a model that combines columns can find it again.

    Parameters
    ----------
    x, attribute : float array (n, d) and n words, of the training rows
    others : further pairs, such as those of the test rows
    alpha : 1 removes all of the correlation, 0 nothing

    Returns
    -------
    list of float arrays, one a pair, in order

    Examples
    --------
    Two hours more in the one group are taken out, what is within the groups stays.

    >>> import numpy as np
    >>> from utils.mitigation import without_correlation
    >>> hours = np.array([[1.0], [2.0], [3.0], [4.0]])
    >>> [x.round(1).tolist() for x in without_correlation(hours, ["f", "f", "m", "m"])]
    [[[2.0], [3.0], [2.0], [3.0]]]
    """
    names = sorted(set(map(str, attribute)))[1:]  # one is implied by the others
    pairs = [(x, attribute), *others]
    coded = [np.column_stack([*((np.asarray(a, str) == n).astype(float) for n in names), m]) for m, a in pairs]
    remover = CorrelationRemover(sensitive_feature_ids=list(range(len(names))), alpha=alpha).fit(coded[0])
    return [remover.transform(c) for c in coded]


def fit_tabular(
    method: str,
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    features: Sequence[str],
    groups: str | Sequence[str],
    seed: int = 0,
    grid_size: int = 20,
    bar=None,
) -> Callable[[pd.DataFrame], np.ndarray]:
    """Fit a method on the training rows, and settle what it has to choose on the validation rows.

    Parameters
    ----------
    method : one of `TABULAR_METHODS`
    train, validation : DataFrames with the features, the columns in `groups`, and `label`
    features : columns that the models see
    groups : column, or columns to be crossed; the constraints are about these groups
    seed : of the trees, and of decisions that a method draws by lot
    grid_size : models of a grid search; with k groups they fill k − 1 dimensions
    bar : a tqdm bar that moves on with every fitted tree; None: no bar

    Returns
    -------
    function from a table with the features and group columns to decisions (int array of 0 and 1, one a row). The
    correlation remover and the threshold optimizers need the group of whoever they decide about, the others do not

    Raises
    ------
    KeyError : a column is missing
    ValueError : a method that is not in `TABULAR_METHODS`

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.mitigation import fit_tabular
    >>> people = pd.DataFrame({"hours": [10, 50] * 20, "label": [0, 1] * 20, "sex": ["f", "f", "m", "m"] * 10})
    >>> decide = fit_tabular("unmitigated", people, people, features=["hours"], groups="sex")
    >>> decide(pd.DataFrame({"hours": [50, 10], "sex": ["f", "m"]})).tolist()
    [1, 0]
    """
    if method not in TABULAR_METHODS:
        raise ValueError(f"There is no method {method!r}; there are {', '.join(TABULAR_METHODS)}.")
    encoder = column_transformer(train, features).fit(train)
    parts = [(encoder.transform(t), t["label"].to_numpy(), crossed(t, groups).to_numpy()) for t in (train, validation)]
    decide = TABULAR_METHODS[method](*parts, seed, grid_size, tqdm(disable=True) if bar is None else bar)
    return lambda table: np.asarray(decide(encoder.transform(table), crossed(table, groups).to_numpy())).astype(int)


def measure_decisions(
    decide: Callable[[pd.DataFrame], np.ndarray], table: pd.DataFrame, groups: str | Sequence[str]
) -> dict:
    """How good the decisions of a fitted method are on a table, and how far the groups are apart.

    Parameters
    ----------
    decide : see `fit_tabular`
    table : DataFrame with the features, the columns in `groups`, and `label`
    groups : column, or columns to be crossed

    Returns
    -------
    dict with `accuracy`, `demographic_parity_difference`, `equalized_odds_difference`, `worst_true_positive_rate` and
    `worst_group` (that has it)

    Examples
    --------
    Decisions that go by the sex alone.

    >>> import pandas as pd
    >>> from utils.mitigation import measure_decisions
    >>> people = pd.DataFrame({"label": [0, 1, 0, 1], "sex": ["f", "f", "m", "m"]})
    >>> found = measure_decisions(lambda table: (table["sex"] == "m").astype(int), people, "sex")
    >>> float(found["accuracy"]), float(found["demographic_parity_difference"]), found["worst_group"]
    (0.5, 1.0, 'f')
    """
    done = table[["label"]].assign(pred1=decide(table), group=crossed(table, groups))
    found = done[done["label"] == 1].groupby("group")["pred1"].mean()
    return {
        "accuracy": accuracy(done["label"], done["pred1"]),
        "demographic_parity_difference": demographic_parity_difference(done, "group"),
        "equalized_odds_difference": equalized_odds_difference(done, "group"),
        "worst_true_positive_rate": found.min(),
        "worst_group": found.idxmin(),
    }


def compare_tabular(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    test: pd.DataFrame,
    *,
    groups: str | Sequence[str],
    methods: Iterable[str] | None = None,
    progress: bool = True,
    **settings,
) -> pd.DataFrame:
    """Fit each method and measure it on the test rows. The rows are kept, see `utils.kept`.

    Parameters
    ----------
    train, validation, groups, settings : see `fit_tabular`
    test : DataFrame with the same columns
    methods : some of `TABULAR_METHODS`; default all

    Returns
    -------
    DataFrame, one row a method: `method`, what `measure_decisions` gives, `seconds` (CPU, to fit and choose)

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.mitigation import compare_tabular
    >>> people = pd.DataFrame({"hours": [10, 50] * 20, "label": [0, 1] * 20, "sex": ["f", "f", "m", "m"] * 10})
    >>> about = {"groups": "sex", "features": ["hours"], "methods": ["unmitigated", "reweighing"], "progress": False}
    >>> compare_tabular(people, people, people, **about)[["method", "accuracy"]].to_numpy().tolist()
    [['unmitigated', 1.0], ['reweighing', 1.0]]
    """
    rows = []
    # The bar counts fitted trees; how many a reduction needs is not known before.
    with tqdm(unit=" trees", disable=not progress, leave=False) as bar:

        def compute(method):
            bar.set_description(method)
            start = kept.cpu_seconds()
            decide = fit_tabular(method, train, validation, groups=groups, bar=bar, **settings)
            seconds = kept.cpu_seconds() - start
            measured = measure_decisions(decide, test, groups)
            return {"method": method} | {k: _plain_value(v) for k, v in measured.items()} | {"seconds": seconds}

        for method in TABULAR_METHODS if methods is None else methods:
            inputs = [method, train, validation, test, groups, settings]
            rows.append(kept.recall("compare_tabular", inputs, lambda method=method: compute(method)))
    return pd.DataFrame(rows)


def _plain_value(value):
    """A number of numpy as Python's own, which comes back from a file as it was."""
    return value.item() if isinstance(value, np.generic) else value


# Each method: (train, validation, seed, grid size, progress bar) → a function of features and groups. `train` and
# `validation` are (features, labels, groups) as arrays.


def _plain(train, validation, seed, grid_size, bar, **options):
    x, y, _ = train
    model = small_tree(seed).set_params(**options.pop("params", {})).fit(x, y, **options)
    bar.update()
    return lambda x, group: model.predict(x)


def _class_weights(*arguments):
    return _plain(*arguments, params={"class_weight": "balanced"})


def _reweighing(train, *arguments):
    return _plain(train, *arguments, sample_weight=reweighing_weights(train[1], train[2]))


def _correlation_remover(train, validation, seed, grid_size, bar):
    (x, y, group) = train
    model = small_tree(seed).fit(without_correlation(x, group)[0], y)
    bar.update()
    return lambda new, new_group: model.predict(without_correlation(x, group, (new, new_group))[1])


def _grid_search(train, validation, seed, grid_size, bar):
    x, y, group = train
    search = GridSearch(Counted(small_tree(seed), bar), DemographicParity(), grid_size=grid_size)
    search.fit(x, y, sensitive_features=group)
    held_out, label, groups = validation
    decisions = [pd.DataFrame({"pred1": m.predict(held_out), "group": groups}) for m in search.predictors_]
    table = pd.DataFrame(
        {
            "accuracy": [accuracy(label, d["pred1"]) for d in decisions],
            "gap": [demographic_parity_difference(d, "group") for d in decisions],
        }
    )
    front = table[non_dominated(table, maximise="accuracy", minimise="gap")]
    chosen = search.predictors_[front["gap"].idxmin()]
    return lambda x, group: chosen.predict(x)


def _exponentiated_gradient(constraint):
    def method(train, validation, seed, grid_size, bar):
        x, y, group = train
        model = ExponentiatedGradient(Counted(small_tree(seed), bar), CONSTRAINTS[constraint](), max_iter=50)
        model.fit(x, y, sensitive_features=group)
        return lambda x, group: model.predict(x, random_state=seed)

    return method


def _threshold_optimizer(constraint):
    def method(train, validation, seed, grid_size, bar):
        x, y, _ = train
        base = small_tree(seed).fit(x, y)
        bar.update()
        name = constraint.replace(" ", "_")
        model = ThresholdOptimizer(estimator=base, constraints=name, prefit=True, predict_method="predict_proba")
        held_out, label, groups = validation
        model.fit(held_out, label, sensitive_features=groups)
        return lambda x, group: np.asarray(model.predict(x, sensitive_features=group, random_state=seed))

    return method


TABULAR_METHODS = {
    "unmitigated": _plain,
    "class weights": _class_weights,
    "reweighing": _reweighing,
    "correlation remover": _correlation_remover,
    "grid search, demographic parity": _grid_search,
    "exponentiated gradient, demographic parity": _exponentiated_gradient("demographic parity"),
    "exponentiated gradient, equalized odds": _exponentiated_gradient("equalized odds"),
    "threshold optimizer, demographic parity": _threshold_optimizer("demographic parity"),
    "threshold optimizer, equalized odds": _threshold_optimizer("equalized odds"),
}
