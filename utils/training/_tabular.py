"""Models of tables: split the rows, one pipeline from the table to the model, scores and decisions."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from tqdm.auto import tqdm

from utils.tables import columns_of, crossed, require_columns

RARE_STRATUM = 8  # rows; smaller ones cannot be shared out among three parts, and join others with their label
RARE_CATEGORY = 20  # rows; rarer words of a column share one column of the one-hot code


def split_rows(
    table: pd.DataFrame, groups: str | Sequence[str], shares: Sequence[float] = (0.5, 0.25, 0.25), seed: int = 0
) -> list[pd.DataFrame]:
    """Split a table at random into parts that are alike in label and group.

    Every stratum (label × groups) goes into the parts in the same proportions, up to a row. To stratify on the label
    alone is not enough: a small group can then land nearly whole in one part.

    Parameters
    ----------
    table : DataFrame with `label` and the columns in `groups`
    groups : column, or columns to be crossed
    shares : of the rows, one a part; they add up to 1
    seed : of the random split

    Returns
    -------
    list of DataFrames with the table's columns and index, one a share

    Raises
    ------
    KeyError, ValueError : a column is missing; the shares do not add up to 1

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.training import split_rows
    >>> table = pd.DataFrame({"sex": ["Female", "Male"] * 16, "label": [0] * 16 + [1] * 16})
    >>> train, validation, test = split_rows(table, "sex")
    >>> len(train), len(validation), len(test)
    (16, 8, 8)
    >>> test.groupby(["sex", "label"]).size().tolist()
    [2, 2, 2, 2]
    """
    groups = columns_of(groups)
    require_columns(table, "label")
    if len(shares) < 2 or min(shares) <= 0 or not np.isclose(sum(shares), 1):
        raise ValueError(f"The shares are {tuple(shares)}: give two or more above 0 that add up to 1.")
    strata = crossed(table, groups) + " " + table["label"].astype(str)
    rare = strata.groupby(strata).transform("size") < RARE_STRATUM
    strata = strata.mask(rare, table["label"].astype(str))
    rare = strata.groupby(strata).transform("size") < RARE_STRATUM
    strata = strata.mask(rare, strata.mode()[0])
    strata = pd.Series(pd.factorize(strata, sort=True)[0], table.index)  # numbers are shared out faster than words
    parts, rest = [], table
    for i, share in enumerate(shares[:-1]):
        part, rest = train_test_split(
            rest, train_size=share / sum(shares[i:]), stratify=strata[rest.index], random_state=seed
        )
        parts.append(part)
    return [*parts, rest]


def column_transformer(table: pd.DataFrame, features: Sequence[str]) -> ColumnTransformer:
    """From a table to numbers: one-hot code for nominal columns, mean 0 and standard deviation 1 for numbers.

    Which columns are numbers is read from the table's types. Rare words share a column, and so do words that come up
    only later; a missing word is a word of its own, a missing number becomes the median and is marked. Nothing is
    learnt here yet: `fit` does that, with training rows.

    Parameters
    ----------
    table : DataFrame, for the types of its columns
    features : columns that the model may see

    Returns
    -------
    ColumnTransformer, to be fitted

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.training import column_transformer
    >>> table = pd.DataFrame({"hours": [10, 30] * 20, "job": ["clerk", "cook"] * 20})
    >>> column_transformer(table, ["hours", "job"]).fit_transform(table)[:2].tolist()
    [[1.0, 0.0, -1.0], [0.0, 1.0, 1.0]]
    """
    require_columns(table, *features)
    numeric = [c for c in features if pd.api.types.is_numeric_dtype(table[c].dtype)]
    nominal = [c for c in features if c not in numeric]
    one_hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=RARE_CATEGORY, sparse_output=False)
    scaled = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    return ColumnTransformer([("one-hot", one_hot, nominal), ("scaled", scaled, numeric)])


def tabular_pipeline(model: BaseEstimator, table: pd.DataFrame, features: Sequence[str]) -> Pipeline:
    """One scikit-learn Pipeline from the table to the model: `column_transformer`, then `model`.

    What is fitted with it is fitted on the rows that `fit` gets, and on no others. A fairlearn reduction is a model
    too: `pipeline.fit(train, train["label"], model__sensitive_features=train["sex"])`.

    Parameters
    ----------
    model : scikit-learn classifier or fairlearn reduction, not fitted
    table, features : see `column_transformer`

    Returns
    -------
    Pipeline with the steps `prepare` and `model`, to be fitted with a table and its labels

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.training import small_tree, tabular_pipeline
    >>> table = pd.DataFrame({"hours": [10, 30] * 20, "job": ["clerk", "cook"] * 20, "label": [0, 1] * 20})
    >>> pipeline = tabular_pipeline(small_tree(), table, ["hours", "job"])
    >>> pipeline.fit(table, table["label"]).predict(table)[:4].tolist()
    [0, 1, 0, 1]
    """
    return Pipeline([("prepare", column_transformer(table, features)), ("model", model)])


def small_tree(seed: int = 0) -> DecisionTreeClassifier:
    """The decision tree of Lab 4: depth 11, at least 10 rows a leaf; fitted in a tenth of a second.

    Examples
    --------
    Groups of fewer than 10 rows are not told apart:

    >>> from utils.training import small_tree
    >>> int(small_tree().fit([[0]] * 10 + [[1]] * 10, [0] * 10 + [1] * 10).get_n_leaves())
    2
    >>> int(small_tree().fit([[0]] * 9 + [[1]] * 9, [0] * 9 + [1] * 9).get_n_leaves())
    1
    """
    return DecisionTreeClassifier(max_depth=11, min_samples_leaf=10, random_state=seed)


def run_tabular_model(model: BaseEstimator, table: pd.DataFrame, threshold: float = 0.5) -> pd.DataFrame:
    """The table with the model's score and decision.

    Parameters
    ----------
    model : fitted pipeline with `predict_proba`
    table : DataFrame with the features
    threshold : from which score on the decision is 1; one number

    Returns
    -------
    DataFrame : a copy with `score` (float, what the model takes for the probability of label 1) and `pred1` (0 or 1)

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.training import run_tabular_model, small_tree, tabular_pipeline
    >>> table = pd.DataFrame({"hours": [10, 10, 10, 10, 30, 30, 30, 30] * 10, "label": [0, 0, 0, 1, 0, 1, 1, 1] * 10})
    >>> model = tabular_pipeline(small_tree(), table, ["hours"]).fit(table, table["label"])
    >>> run_tabular_model(model, table, threshold=0.7)[["hours", "score", "pred1"]].iloc[[0, 4]].values.tolist()
    [[10.0, 0.25, 0.0], [30.0, 0.75, 1.0]]
    """
    score = model.predict_proba(table)[:, 1]
    return table.assign(score=score, pred1=(score >= threshold).astype(int))


class Counted:
    """A model that moves a progress bar on each time it is fitted: for a search that fits hundreds and says nothing.

    `Counted(model, bar)` takes the model's place in a fairlearn reduction. Copies share the bar.

    Examples
    --------
    >>> import io
    >>> from sklearn.base import clone
    >>> from tqdm import tqdm
    >>> from utils.training import Counted, small_tree
    >>> bar = tqdm(total=2, file=io.StringIO())
    >>> model = Counted(small_tree(), bar).fit([[0], [1]], [0, 1])
    >>> again = clone(model).fit([[0], [1]], [0, 1])
    >>> bar.n
    2
    """

    def __init__(self, model: BaseEstimator, bar: tqdm):
        self.model, self.bar = model, bar

    def __deepcopy__(self, memo):
        return Counted(copy.deepcopy(self.model, memo), self.bar)

    def __sklearn_clone__(self):
        return Counted(clone(self.model), self.bar)

    def fit(self, x: np.ndarray, y: np.ndarray, **options: Any) -> "Counted":
        self.model.fit(x, y, **options)
        self.bar.update()
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.model.predict(x)
