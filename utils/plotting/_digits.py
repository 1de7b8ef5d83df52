"""Pictures of the digits themselves."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from utils.evaluation._coding import check_table


def plot_images(
    table: pd.DataFrame,
    titles: Sequence[str] | None = None,
    columns: int = 5,
    figsize: tuple[float, float] | None = None,
) -> np.ndarray:
    """The images of a table, row by row, with titles.

    Parameters
    ----------
    table : DataFrame with `img`; every row is drawn, so choose few
    titles : a text for each image; None for no titles
    columns : images in a line

    Returns
    -------
    array of Axes

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.plotting import plot_images
    >>> black = np.zeros((28, 28, 3), np.uint8)
    >>> axes = plot_images(pd.DataFrame({"img": [black] * 3}), titles=["a", "b", "c"], columns=2)
    >>> axes.shape, axes[1, 0].get_title()
    ((2, 2), 'c')
    """
    check_table(table, "img")
    lines = -(-len(table) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=figsize or (1.6 * columns, 1.9 * lines), squeeze=False, layout="constrained"
    )
    for ax in axes.flat:
        ax.axis("off")
    for i, (ax, image) in enumerate(zip(axes.flat, table["img"], strict=False)):
        ax.imshow(image)
        if titles is not None:
            ax.set_title(titles[i], fontsize=11)
    return axes


def plot_one_each(df: pd.DataFrame, label_col: str = "digit") -> np.ndarray:
    """One image of each value of a column (the first in the table), in sorted order. Returns the Axes.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.plotting import plot_one_each
    >>> black = np.zeros((28, 28, 3), np.uint8)
    >>> axes = plot_one_each(pd.DataFrame({"img": [black] * 3, "digit": ["7", "3", "7"]}))
    >>> [ax.get_title() for ax in axes.flat if ax.images]
    ['digit 3', 'digit 7']
    """
    check_table(df, label_col)
    first = df.drop_duplicates(label_col).sort_values(label_col)
    return plot_images(first, [f"{label_col} {value}" for value in first[label_col]])


def plot_five(df: pd.DataFrame, label_col: str = "digit") -> np.ndarray:
    """The first five images of a table, with their digit and, where a model has read them, as what. Returns the Axes.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.plotting import plot_five
    >>> black = np.zeros((28, 28, 3), np.uint8)
    >>> axes = plot_five(pd.DataFrame({"img": [black] * 6, "digit": list("314159")}))
    >>> [ax.get_title() for ax in axes.flat]
    ['digit 3', 'digit 1', 'digit 4', 'digit 1', 'digit 5']
    """
    check_table(df)
    head = df.head(5)
    titles = [f"{label_col} {value}" for value in head[label_col]] if label_col in head else [""] * len(head)
    if "pred1" in head:
        titles = [f"{title}\nread as {read}".strip() for title, read in zip(titles, head["pred1"], strict=True)]
    return plot_images(head, titles)


def describe_images(table: pd.DataFrame, column: str = "digit") -> str:
    """An alt text for `plot_images`.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.plotting import describe_images
    >>> describe_images(pd.DataFrame({"digit": ["3", "7"], "color": ["blue", "orange"]}))
    '2 images of handwritten digits on black: 3 in blue, 7 in orange.'
    """
    values = ", ".join(
        f"{row[column]} in {row['color']}" if "color" in table else str(row[column]) for _, row in table.iterrows()
    )
    return f"{len(table)} images of handwritten digits on black: {values}."
