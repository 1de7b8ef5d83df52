"""The lines of a figure of groups: value and interval, hollow where rows are few, and the same in words."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from utils.evaluation._audit import SMALL
from utils.evaluation._coding import listed
from utils.plotting._drawing import full_name, reach_to, wrapped_text, write_at, write_beside
from utils.plotting._style import MARKERS, SERIES


def number_words(value: float) -> str:
    """A value to three digits, or that it is undefined."""
    return f"{value:.3f}" if np.isfinite(value) else "undefined"


def missing_words(rows: pd.DataFrame) -> list[str]:
    """For each line what stands in place of a value that is undefined, and why; "" where there is a value."""
    undefined = [f"undefined: {note}" if note else "undefined" for note in rows["note"]]
    return ["" if np.isfinite(v) else wrapped_text(text, 60) for v, text in zip(rows["value"], undefined, strict=True)]


def value_words(row: pd.Series, with_n: bool = True) -> str:
    """A value with its interval and its rows, in words."""
    if not np.isfinite(row["value"]):
        return f"undefined ({row['note']})" if row["note"] else "undefined"
    inside = [f"interval {row['low']:.3f} to {row['high']:.3f}"] if np.isfinite([row["low"], row["high"]]).all() else []
    inside += [f"n = {row['n']:,}"] if with_n else []
    inside += [f"under {SMALL} rows"] if row["small"] else []
    return f"{row['value']:.3f}" + (f" ({', '.join(inside)})" if inside else "")


def extremes_in_words(rows: pd.DataFrame, brief: bool = False, with_n: bool = True) -> str:
    """ "; lowest …, highest …; undefined: …"."""
    known, lost = rows[np.isfinite(rows["value"])], rows[~np.isfinite(rows["value"])]

    def say(row):
        few = f", under {SMALL} rows" if row["small"] else ""
        return f"{full_name(row, rows)} at {number_words(row['value']) + few if brief else value_words(row, with_n)}"

    text = ""
    if len(known) == 1:
        text += f"; {say(known.iloc[0])}"
    elif len(known):
        text += f"; lowest {say(known.loc[known['value'].idxmin()])}, highest {say(known.loc[known['value'].idxmax()])}"
    if len(lost):
        text += "; undefined: " + listed(
            [full_name(r, rows) + (f" ({r['note']})" if r["note"] else "") for _, r in lost.iterrows()]
        )
    return text


def draw_rows(
    ax: Axes,
    y: np.ndarray,
    rows: pd.DataFrame,
    words: Sequence[str],
    line: tuple[str, float] | None,
    markers: np.ndarray | None = None,
) -> None:
    """Each line's value and interval, hollow where there are few rows; words where there is no value."""
    value, low, high = (rows[c].to_numpy() for c in ("value", "low", "high"))
    small, color = rows["small"].to_numpy(bool), SERIES[0]
    reach_to(ax, value, low, high, [np.nan if line is None else line[1]])
    if line is not None:
        ax.axvline(line[1], color="0.35", linestyle="--", linewidth=1, zorder=1)
    ranged = np.isfinite(low) & np.isfinite(high)
    ax.hlines(y[ranged], low[ranged], high[ranged], color=color, linewidth=2)
    markers = np.full(len(rows), MARKERS[0]) if markers is None else markers
    for marker in dict.fromkeys(markers):
        for which, face in ((~small, color), (small, "white")):
            which = which & (markers == marker) & np.isfinite(value)
            if which.any():
                ax.plot(value[which], y[which], marker, color=color, mfc=face, markersize=8, zorder=3)
    for at, x, alone in zip(y, value, np.isfinite(value) & ~ranged & ranged.any(), strict=True):
        if alone:
            left = x > np.mean(ax.get_xlim())
            ax.annotate(
                "no interval",
                (x, at),
                xytext=(-8 if left else 8, 0),
                textcoords="offset points",
                ha="right" if left else "left",
                va="center",
                fontsize=8.5,
                fontstyle="italic",
                color="0.3",
            )
    for at, word in zip(y, words, strict=True):
        if word:
            write_at(ax, at, word)


def print_n(ax: Axes, y: np.ndarray, rows: pd.DataFrame) -> None:
    """The rows behind each line, at the right of the figure."""
    for at, n in zip(y, rows["n"], strict=True):
        write_beside(ax, at, f"n = {int(n):,}")


def row_handles(rows: pd.DataFrame, line: tuple[str, float] | None, level: str | None) -> list[Line2D]:
    """Legend entries; `level` None leaves out the one of the plain marker."""
    style = {"color": SERIES[0], "linewidth": 2, "marker": MARKERS[0], "markersize": 8}
    ranged = np.isfinite(rows[["low", "high"]].to_numpy(float)).all(axis=1).any()
    out = [] if level is None else [Line2D([], [], **style, label=f"value with {level}" if ranged else "value")]
    if rows["small"].any():
        out.append(Line2D([], [], **style | {"mfc": "white"}, label=f"hollow: under {SMALL} rows"))
    if line is not None:
        out.append(Line2D([], [], color="0.35", linestyle="--", linewidth=1, label=line[0]))
    return out
