"""What methods for tables share: rows as numbers, a small tree that is counted, and the fitted model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from tqdm.auto import tqdm

from utils.tables import columns_of, crossed, require_columns
from utils.training._tabular import Counted, column_transformer, small_tree

Names = Sequence[str]  # of columns
Groups = str | Names  # a column, or several that are crossed
Bar = tqdm | None


@dataclass(frozen=True)
class Rows:
    """What a method sees of n rows of a table.

    Attributes
    ----------
    x : float array (n, d), the features as numbers
    label : int array (n,), 0 or 1
    group : n words, of several columns crossed
    """

    x: np.ndarray
    label: np.ndarray
    group: np.ndarray


def encode_both(
    train: pd.DataFrame, validation: pd.DataFrame, features: Names, groups: Groups
) -> tuple[ColumnTransformer, Rows, Rows]:
    """The encoder of the features, fitted on the training rows, and training and validation rows as it encodes them."""
    for table in (train, validation):
        require_columns(table, *features, "label")
    encoder = column_transformer(train, features).fit(train)
    parts = [
        Rows(encoder.transform(table), table["label"].to_numpy(), crossed(table, groups).to_numpy())
        for table in (train, validation)
    ]
    return encoder, *parts


def counted_tree(seed: int, bar: Bar = None, **parameters: Any) -> Counted:
    """`small_tree`, which moves the bar on when it is fitted; `parameters` as scikit-learn calls them."""
    return Counted(small_tree(seed).set_params(**parameters), tqdm(disable=True) if bar is None else bar)


@dataclass(frozen=True)
class FittedTable:
    """A fitted model of tables, as every method for tables returns it.

    Attributes
    ----------
    encoder : fitted, see `encode_both`
    groups : the group columns
    decide : (features as numbers, groups as words, or None where they are not used) → decisions
    uses_attribute : whether `decide` looks at the groups
    """

    encoder: ColumnTransformer
    groups: Groups
    decide: Callable[[np.ndarray, np.ndarray | None], np.ndarray]
    uses_attribute: bool = False

    def __post_init__(self):
        object.__setattr__(self, "groups", columns_of(self.groups))  # a list of its own

    def predict(self, table: pd.DataFrame) -> np.ndarray:
        """Decisions 0 or 1: int array (n,). The table needs the groups only where `uses_attribute` is True."""
        group = crossed(table, self.groups).to_numpy() if self.uses_attribute else None
        return np.asarray(self.decide(self.encoder.transform(table), group)).astype(int)
