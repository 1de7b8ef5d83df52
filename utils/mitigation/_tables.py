"""From a table to what the methods train on: images, labels, attribute values and cells as tensors."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from utils.datasets._images import stack_images
from utils.tables import columns_of, crossed, require_columns


@dataclass(frozen=True)
class Data:
    """What a method sees of a table of n rows.

    Attributes
    ----------
    images : uint8 tensor (n, side, side, 3), only to be read: mostly it is the table's own memory
    label : int64 tensor (n,), 0 or 1
    attribute : int64 tensor (n,), the number of the row's attribute value
    cell : int64 tensor (n,), 2 · attribute + label: the groups that worst-group accuracy is about
    names : the attribute values, in the order of their numbers
    """

    images: torch.Tensor
    label: torch.Tensor
    attribute: torch.Tensor
    names: tuple[str, ...]

    @property
    def cell(self) -> torch.Tensor:
        return 2 * self.attribute + self.label

    @property
    def cell_rows(self) -> torch.Tensor:
        """int64 tensor (2 · attribute values,): rows in each cell."""
        return torch.bincount(self.cell, minlength=2 * len(self.names))

    def __len__(self):
        return len(self.label)


def attribute_values(table: pd.DataFrame, groups: str | list[str]) -> pd.Series:
    """Each row's attribute value as text; of several columns, their values crossed ("feminine × young")."""
    columns = columns_of(groups)
    values = crossed(table, columns)
    empty = [c for c in columns if table[c].isna().any()]
    if empty:
        raise ValueError(f"{empty[0]!r} has missing values; give them a name, such as 'unknown', or drop these rows.")
    return values


def attribute_numbers(values: pd.Series, names: tuple[str, ...]) -> np.ndarray:
    """The place of each attribute value in `names`: int array (n,)."""
    numbers = pd.Index(names).get_indexer(values)
    if (numbers < 0).any():
        raise ValueError(
            f"The attribute value {values[numbers < 0].iloc[0]!r} does not occur in the training data; there are "
            f"{', '.join(names)}."
        )
    return numbers


def as_tensors(table: pd.DataFrame, groups: str | list[str], names: tuple[str, ...] | None = None) -> Data:
    """Check a table and turn it into tensors.

    Parameters
    ----------
    table : DataFrame with `img`, `label` (0 or 1) and the group columns
    groups : column of the attribute, or several, which are crossed
    names : the attribute values that there may be, in order; default those of the table, sorted

    Raises
    ------
    KeyError, ValueError : a column is missing, the labels are not 0 and 1, an attribute value is not among `names`

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import as_tensors
    >>> dot = np.zeros((1, 1, 3), np.uint8)
    >>> data = as_tensors(pd.DataFrame({"img": [dot] * 4, "label": [0, 1, 1, 1], "sex": ["f", "f", "m", "m"]}), "sex")
    >>> data.names, data.cell.tolist(), data.cell_rows.tolist()
    (('f', 'm'), [0, 1, 3, 3], [1, 1, 0, 2])
    """
    images = stack_images(table)
    require_columns(table, "label")
    labels = set(table["label"].dropna().unique().tolist())
    if table["label"].isna().any() or labels != {0, 1}:
        raise ValueError(
            f"The labels must be 0 and 1, both of them and none missing; there are {sorted(labels)[:5]} and "
            f"{int(table['label'].isna().sum())} missing."
        )
    values = attribute_values(table, groups)
    names = names or tuple(sorted(values.unique()))
    return Data(
        torch.from_numpy(images),
        torch.from_numpy(np.array(table["label"], np.int64)),
        torch.tensor(attribute_numbers(values, names), dtype=torch.int64),
        names,
    )


def both_as_tensors(train: pd.DataFrame, validation: pd.DataFrame, groups: str | list[str]) -> tuple[Data, Data]:
    """Training and validation data with the same attribute values. See `as_tensors`.

    Examples
    --------
    In the validation data there is one value only, and it has the number that it has in training.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.mitigation import both_as_tensors
    >>> dot = np.zeros((1, 1, 3), np.uint8)
    >>> train = pd.DataFrame({"img": [dot] * 4, "label": [0, 1, 0, 1], "sex": ["f", "f", "m", "m"]})
    >>> data, held_out = both_as_tensors(train, train[2:], "sex")
    >>> held_out.names, held_out.attribute.tolist()
    (('f', 'm'), [1, 1])
    """
    data = as_tensors(train, groups)
    return data, as_tensors(validation, groups, data.names)
