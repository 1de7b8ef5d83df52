"""The look that all figures share, and the way they are shown with a text for those who do not see them."""

import base64
import html
import io

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes

PALETTE = sns.color_palette("colorblind")
# Series of a figure in green, pink, grey, brown: blue and orange are left to the groups that are called so.
SERIES = [PALETTE[i] for i in (2, 4, 7, 5)]
MARKERS = ["o", "^", "s", "D", "v", "P"]


def new_axes(ax: Axes | None = None, figsize: tuple[float, float] = (8, 4.5)) -> Axes:
    """The given Axes, or those of a new figure in the course's style.

    Examples
    --------
    >>> from utils.plotting import new_axes
    >>> ax = new_axes(figsize=(4, 3))
    >>> new_axes(ax) is ax
    True
    """
    if ax is not None:
        return ax
    with sns.axes_style("whitegrid"):
        return plt.subplots(figsize=figsize, layout="constrained")[1]


def show(ax: Axes | np.ndarray, alt: str) -> None:
    """Show a figure in a notebook with an alt text, and close it.

    Parameters
    ----------
    ax : Axes, or an array of them, of the figure
    alt : what a person who does not see the figure needs to know, in a sentence or two: what is drawn, what it shows

    Examples
    --------
    A figure without an alt text is not shown.

    >>> from utils.plotting import new_axes, show
    >>> show(new_axes(), alt="")
    Traceback (most recent call last):
    ValueError: alt is empty: say in a sentence what is drawn and what it shows.
    """
    from IPython.display import display

    if not alt or not alt.strip():
        raise ValueError("alt is empty: say in a sentence what is drawn and what it shows.")
    figure = getattr(ax, "flat", [ax])[0].figure
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=90, bbox_inches="tight")
    plt.close(figure)
    # As HTML, since neither JupyterLab nor nbconvert passes on an alt text that stands beside a bare picture.
    source = f"data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}"
    picture = f'<img alt="{html.escape(alt)}" src="{source}" style="max-width: 100%">'
    display({"text/html": picture, "text/plain": alt}, raw=True)
