"""The table of methods for tables; every method on the same rows, measured alike."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from utils import kept
from utils.evaluation._metrics import accuracy
from utils.evaluation.criteria import demographic_parity_difference, equalized_odds_difference
from utils.mitigation._correlation_remover import correlation_remover
from utils.mitigation._exponentiated_gradient import exponentiated_gradient
from utils.mitigation._grid_search import grid_search
from utils.mitigation._method import GRID_SIZE, PREDICTION, TRAINING, VALIDATION, Method, by_name
from utils.mitigation._tabular_class_weights import class_weights
from utils.mitigation._tabular_reweighing import tabular_reweighing
from utils.mitigation._tabular_thresholds import tabular_thresholds
from utils.mitigation._tabular_unmitigated import unmitigated
from utils.tables import crossed

TABULAR_METHODS = by_name(
    Method("unmitigated", unmitigated, "none", (), "Breiman et al. 1984"),
    Method("class weights", class_weights, "before training", (), "–"),
    Method("reweighing", tabular_reweighing, "before training", (TRAINING,), "Kamiran and Calders 2012"),
    Method("correlation remover", correlation_remover, "before training", (TRAINING, PREDICTION), "–"),
    Method(
        "grid search, demographic parity",
        grid_search,
        "in training",
        (TRAINING, VALIDATION, GRID_SIZE),
        "Agarwal et al. 2018",
    ),
    Method(
        "exponentiated gradient, demographic parity",
        partial(exponentiated_gradient, constraint="demographic parity"),
        "in training",
        (TRAINING,),
        "Agarwal et al. 2018",
    ),
    Method(
        "exponentiated gradient, equalized odds",
        partial(exponentiated_gradient, constraint="equalized odds"),
        "in training",
        (TRAINING,),
        "Agarwal et al. 2018",
    ),
    Method(
        "threshold optimizer, demographic parity",
        partial(tabular_thresholds, constraint="demographic parity"),
        "after training",
        (VALIDATION, PREDICTION),
        "Hardt et al. 2016",
    ),
    Method(
        "threshold optimizer, equalized odds",
        partial(tabular_thresholds, constraint="equalized odds"),
        "after training",
        (VALIDATION, PREDICTION),
        "Hardt et al. 2016",
    ),
)


def fit_tabular(
    method: str,
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    features: Sequence[str],
    groups: str | Sequence[str],
    seed: int = 0,
    grid_size: int = 20,
    bar: tqdm | None = None,
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
    function from a table with the features to decisions (int array of 0 and 1, one a row). The correlation remover and
    the threshold optimizers need the group columns of whoever they decide about, the others do not

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
    settings = {"grid_size": grid_size} if GRID_SIZE in TABULAR_METHODS[method].needs else {}
    return TABULAR_METHODS[method](
        train, validation, groups=groups, features=features, seed=seed, bar=bar, **settings
    ).predict


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
    >>> measured = measure_decisions(lambda table: (table["sex"] == "m").astype(int), people, "sex")
    >>> float(measured["accuracy"]), float(measured["demographic_parity_difference"]), measured["worst_group"]
    (0.5, 1.0, 'f')
    """
    decided = table[["label"]].assign(pred1=decide(table), group=crossed(table, groups))
    true_positive_rate = decided[decided["label"] == 1].groupby("group")["pred1"].mean()
    return {
        "accuracy": accuracy(decided["label"], decided["pred1"]),
        "demographic_parity_difference": demographic_parity_difference(decided, "group"),
        "equalized_odds_difference": equalized_odds_difference(decided, "group"),
        "worst_true_positive_rate": true_positive_rate.min(),
        "worst_group": true_positive_rate.idxmin(),
    }


def compare_tabular(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    test: pd.DataFrame,
    *,
    groups: str | Sequence[str],
    methods: Iterable[str] | None = None,
    progress: bool = True,
    **settings: Any,
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
    >>> settings = {"groups": "sex", "features": ["hours"], "methods": ["unmitigated", "reweighing"], "progress": False}
    >>> compare_tabular(people, people, people, **settings)[["method", "accuracy"]].to_numpy().tolist()
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
