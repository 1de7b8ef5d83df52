"""Pictures with people: a contact sheet with boxes and whose pictures they are."""

import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from utils.evaluation._coding import check_table
from utils.plotting._digits import plot_images
from utils.plotting._drawing import wrapped_text

BOX = ["x_min", "x_max", "y_min", "y_max"]


def plot_contact_sheet(
    table: pd.DataFrame, columns: int = 5, boxes: bool = True, title: str | None = "activity"
) -> np.ndarray:
    """Pictures with the box of the main person, what was recorded, and below each its author and licence.

    Parameters
    ----------
    table : DataFrame with `img`, `activity`, `gender`, `author`, `licence`, and for boxes `x_min`, `x_max`, `y_min`,
        `y_max` (0 to 1); every row is drawn, so choose few
    columns : pictures in a line
    boxes : whether to draw the boxes (a white line between black ones, which shows on any ground)
    title : column that is printed first above each picture; None for no titles. Perceived gender follows it

    Returns
    -------
    array of Axes

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from utils.plotting import plot_contact_sheet
    >>> scene = {"img": np.zeros((32, 32, 3), np.uint8), "activity": "cooking", "gender": "feminine", "author": "Ada"}
    >>> scene["licence"] = "https://creativecommons.org/licenses/by/2.0/"
    >>> axes = plot_contact_sheet(pd.DataFrame([scene]), columns=1, boxes=False)
    >>> axes[0, 0].get_title().splitlines(), axes[0, 0].texts[0].get_text()
    (['cooking', 'perceived: feminine'], 'Ada, CC BY 2.0')
    """
    check_table(table, "img", "author", "licence", *([title, "gender"] if title else []), *(BOX if boxes else []))
    lines = -(-len(table) // columns)
    axes = plot_images(table, columns=columns, figsize=(2.2 * columns, 3.0 * lines))
    for ax, row in zip(axes.flat, table.itertuples(index=False), strict=False):
        if title:
            ax.set_title(f"{getattr(row, title)}\nperceived: {row.gender}", fontsize=9)
        if boxes:
            height, width = row.img.shape[:2]
            for color, line in (("black", 4), ("white", 1.5)):
                ax.add_patch(
                    Rectangle(
                        (row.x_min * width - 0.5, row.y_min * height - 0.5),
                        (row.x_max - row.x_min) * width,
                        (row.y_max - row.y_min) * height,
                        fill=False,
                        edgecolor=color,
                        linewidth=line,
                    )
                )
        author = row.author or "unknown author"
        ax.text(
            0.5, -0.04, wrapped_text(f"{author}, {short_licence(row.licence)}", 28), transform=ax.transAxes,
            ha="center", va="top", fontsize=7,
        )  # fmt: skip
    return axes


def short_licence(address: str) -> str:
    """A Creative Commons licence by its usual short name ("CC BY 2.0"); any other text as it is."""
    parts = address.split("creativecommons.org/")[-1].strip("/").split("/")
    if len(parts) >= 3 and parts[0] == "publicdomain":
        return f"CC0 {parts[2]}" if parts[1] == "zero" else address
    return f"CC {parts[1].upper()} {parts[2]}" if len(parts) >= 3 and parts[0] == "licenses" else address


def describe_contact_sheet(table: pd.DataFrame, title: str = "activity") -> str:
    """An alt text for `plot_contact_sheet`: what is recorded for each picture.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.plotting import describe_contact_sheet
    >>> scenes = pd.DataFrame({"activity": ["cooking", "ball"], "gender": ["feminine", "unknown"], "author": "Ada"})
    >>> describe_contact_sheet(scenes)
    "2 pictures with the main person's box, all by Ada: cooking, perceived feminine; ball, perceived unknown."
    """
    check_table(table, title, "gender", "author")
    rows = [f"{row[title]}, perceived {row['gender']}" for _, row in table.iterrows()]
    authors = table["author"].unique()
    of = f"all by {authors[0]}" if len(authors) == 1 else f"by {len(authors)} authors"
    return f"{len(table)} pictures with the main person's box, {of}: {'; '.join(rows)}."
