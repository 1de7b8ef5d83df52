"""The column `img` of a table: all of it as one array, and at another size."""

import numpy as np
import pandas as pd
from PIL import Image

from utils.tables import require_columns


def stack_images(table: pd.DataFrame, side: int | None = None) -> np.ndarray:
    """The column `img` as one array.

    Parameters
    ----------
    table : DataFrame with `img`, each uint8 (side, side, 3)
    side : pixels that each must have; None for any, as long as it is the same for all

    Returns
    -------
    uint8 array (n, side, side, 3); a view of the table's own array when its rows are all there and in order

    Raises
    ------
    KeyError : the table has no column `img`
    ValueError : the table is empty, or an image has another shape or dtype

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.datasets import stack_images
    >>> table = pd.DataFrame({"img": [np.zeros((4, 4, 3), np.uint8), np.ones((4, 4, 3), np.uint8)]})
    >>> stack_images(table).shape
    (2, 4, 4, 3)
    >>> stack_images(table, side=28)
    Traceback (most recent call last):
    ValueError: An image has shape (4, 4, 3) and dtype uint8; each must be (28, 28, 3) and uint8.
    """
    require_columns(table, "img")
    column = table["img"].to_numpy()
    if len(column) == 0:
        raise ValueError("The table is empty: there is no image in it.")
    kinds = {(getattr(x, "shape", ()), getattr(x, "dtype", type(x).__name__)) for x in column}
    kinds = sorted((shape, str(dtype)) for shape, dtype in kinds)  # few: a word for each row would take half the time
    side = side or (kinds[0][0] or [None])[0]
    for shape, dtype in kinds:
        if shape != (side, side, 3) or dtype != "uint8":
            wanted = f"({side}, {side}, 3)" if side else "(side, side, 3)"
            raise ValueError(f"An image has shape {shape} and dtype {dtype}; each must be {wanted} and uint8.")
    base, pixels = column[0].base, side * side * 3
    one_block = isinstance(base, np.ndarray) and base.flags.c_contiguous and base.size % pixels == 0
    if one_block and all(x.base is base and x.strides == (3 * side, 3, 1) for x in column):
        # All rows are views into one array: one whole-array step instead of a copy per row.
        start = np.fromiter((x.__array_interface__["data"][0] for x in column), np.int64, len(column))
        place, rest = np.divmod(start - base.__array_interface__["data"][0], pixels)
        if not rest.any():
            block = base.reshape(-1, side, side, 3)
            return block if np.array_equal(place, np.arange(len(block))) else block[place]
    return np.stack(column)


def resize_images(table: pd.DataFrame, side: int) -> pd.DataFrame:
    """A copy of a table with all images at another side length (averaged when made smaller).

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.datasets import resize_images
    >>> picture = np.zeros((4, 4, 3), np.uint8)
    >>> picture[0] = 200
    >>> resize_images(pd.DataFrame({"img": [picture]}), 2)["img"][0][:, :, 0].tolist()
    [[100, 100], [0, 0]]
    """
    images = stack_images(table)
    table = table.copy()
    if images.shape[1] != side:
        small = np.empty((len(images), side, side, 3), np.uint8)
        for i, image in enumerate(images):  # Pillow takes one picture at a time
            small[i] = Image.fromarray(image).resize((side, side), Image.Resampling.BOX)
        table["img"] = pd.Series(list(small), index=table.index, dtype=object)
    return table
