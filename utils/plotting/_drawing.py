"""What the figures of audits share: rows with names, words for values, legends below, names beside points."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence, Sized
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation
from numpy.typing import ArrayLike

from utils.evaluation._audit import SMALL
from utils.evaluation._coding import check_table, listed
from utils.evaluation._disparity import composites
from utils.plotting._style import new_axes
from utils.tables import group_name

ROW = 0.27  # inches


def metric_rows(audit: pd.DataFrame, metric: str) -> pd.DataFrame:
    """One metric of an audit, overall first and split by split: `name`, `split`, and the columns of the figure."""
    check_table(audit, "metric", "value", "low", "high", "n", "small")
    cut = audit[audit["metric"] == metric]
    if cut.empty:
        there = listed([str(m) for m in audit["metric"].unique()], 20)
        raise ValueError(f"There is no metric {metric!r} in the audit; there are {there}.")
    if "class" in cut and cut["class"].nunique(dropna=False) > 1:
        classes = listed([repr(c) for c in cut["class"].unique()])
        raise ValueError(
            f"{metric!r} is there for the classes {classes}: keep the rows of one, as in "
            f'audit[audit["class"] == {cut["class"].iloc[-1]!r}].'
        )
    attributes = list(audit.columns[: audit.columns.get_loc("metric")])
    given = cut[attributes].notna().to_numpy()
    values = cut[attributes].to_numpy(object)
    rows = cut[["value", "low", "high", "n", "small"]].reset_index(drop=True)
    rows[["value", "low", "high"]] = rows[["value", "low", "high"]].astype(float).replace([np.inf, -np.inf], np.nan)
    rows["note"] = cut["note"].fillna("").to_numpy() if "note" in cut else ""
    rows["split"] = [group_name(a for a, there in zip(attributes, g, strict=True) if there) for g in given]
    rows["name"] = [group_name(v[g]) if g.any() else "overall" for v, g in zip(values, given, strict=True)]
    return by_split(rows)


def by_split(rows: pd.DataFrame, sort: str | None = None) -> pd.DataFrame:
    """Lines of one split together, overall first; within a split in their order, or sorted by a column."""
    order = {split: i for i, split in enumerate(sorted(rows["split"].unique(), key=bool))}  # "" first: overall
    rows = rows if sort is None else rows.sort_values(sort, kind="stable")
    return rows.sort_values("split", key=lambda s: s.map(order), kind="stable", ignore_index=True)


def comparison_words(row: Mapping, mark: str, with_metric: bool) -> str:
    """How a line of `disparities` is called: the metric, and which group is compared with which."""
    words = in_words(row["metric"]) + (f" ({row['class']})" if pd.notna(row.get("class")) else "")
    if pd.isna(row["group"]) or pd.isna(row["reference"]):
        return words
    pair = f"{row['group']} {mark} {row['reference']}"
    pair = f"|{pair}|" if row["metric"] in composites() and mark != "/" else pair
    return f"{words}: {pair}" if with_metric or pd.notna(row.get("class")) else pair


def in_words(metric: str) -> str:
    return {"auc": "AUC", "f1_score": "F1 score"}.get(metric, str(metric).replace("_", " "))


def capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def of_class(audit: pd.DataFrame, metric: str) -> str:
    classes = audit.loc[audit["metric"] == metric, "class"].dropna().unique() if "class" in audit else []
    return f" (class {classes[0]})" if len(classes) and classes[0] != "macro" else " (macro)" if len(classes) else ""


def noun_for(rows: Sized) -> str:
    return "group" if len(rows) == 1 else "groups"


def full_name(row: pd.Series, rows: pd.DataFrame) -> str:
    """A line's name, with its split where there are several."""
    return f"{row['name']} ({row['split']})" if row["split"] and rows["split"].nunique() > 1 else row["name"]


def wrapped_text(text: str, width: int) -> str:
    return "\n".join(textwrap.wrap(text, width))


def line_count(text: str) -> int:
    return text.count("\n") + 1


def row_label(row: NamedTuple, width: int) -> str:
    return wrapped_text(f"{row.name} (under {SMALL} rows)" if row.small else row.name, width)


def row_places(splits: Iterable[str], lines: Iterable[int]) -> tuple[np.ndarray, list[tuple[float, str]], float]:
    """Where each line stands, in heights of a line from the top; the headings (place, text); and the height of all."""
    places, headings, at, previous = [], [], 0.0, ""
    for split, n in zip(splits, lines, strict=True):
        if split != previous:
            headings.append((at + 0.75, split))
            at += 1.2
            previous = split
        height = max(1.0, 0.6 * n + 0.2)
        places.append(at + height / 2)
        at += height
    return np.array(places), headings, at


def rows_on_axes(ax: Axes | None, rows: pd.DataFrame, words: Iterable[str], width: int = 34) -> tuple[Axes, np.ndarray]:
    labels = [row_label(row, width) for row in rows.itertuples()]
    y, headings, total = row_places(
        rows["split"], [max(line_count(label), line_count(word)) for label, word in zip(labels, words, strict=True)]
    )
    ax = new_axes(ax, (8, total * ROW + 1.4))
    dress_rows(ax, y, labels, headings, total)
    return ax, y


def dress_rows(
    ax: Axes, y: Iterable[float], labels: Iterable[str], headings: Iterable[tuple[float, str]], total: float
) -> None:
    """The names of the lines at the left, headings in bold above each split."""
    ticks = sorted([(at, label, False) for at, label in zip(y, labels, strict=True)] + [(*h, True) for h in headings])
    ax.set_yticks([at for at, _, _ in ticks], [text for _, text, _ in ticks], parse_math=False)
    ax.set_ylim(total + 0.15, -0.15)
    ax.tick_params(axis="y", length=0)
    ax.grid(True, axis="both", color="0.9", linewidth=0.8)
    for (_, _, bold), tick in zip(ticks, ax.yaxis.get_major_ticks(), strict=True):
        tick.label1.set_fontweight("bold" if bold else "normal")
        tick.gridline.set_visible(not bold)
    ax.set_axisbelow(True)
    ax.tick_params(axis="x", labeltop=total > 20)


def reach_to(ax: Axes, *columns: ArrayLike) -> None:
    """Limits that hold every value: intervals are never cut off."""
    values = np.concatenate([np.asarray(c, float) for c in columns])
    values = values[np.isfinite(values)]
    low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
    pad = max(0.05 * (high - low), 0.01)
    ax.set_xlim(low - pad, high + pad)


def write_at(ax: Axes, at: float, word: str) -> None:
    ax.text(
        0.01,
        at,
        word,
        transform=ax.get_yaxis_transform(),
        va="center",
        fontsize=8.5,
        fontstyle="italic",
        color="0.3",
        parse_math=False,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )


def write_beside(ax: Axes, at: float, text: str) -> None:
    place = {"xycoords": ax.get_yaxis_transform(), "xytext": (8, 0), "textcoords": "offset points"}
    ax.annotate(text, (1, at), va="center", fontsize=9, **place)


def legend_below(ax: Axes, handles: Sequence[Artist], columns: int | None = None) -> None:
    """A legend under the label of the x axis, so that it covers nothing."""
    down = ScaledTranslation(0, -0.52, ax.figure.dpi_scale_trans)
    lengths = [len(h.get_label()) for h in handles]
    wide, longest = sum(lengths) + 6 * len(lengths), max(lengths)
    legend = ax.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=ax.transAxes + down,
        ncols=columns or (len(handles) if wide < 100 else 1 if longest > 40 else 2),
        frameon=False,
        borderaxespad=0,
        fontsize=9.5,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def legend_of_figure(axes: Sequence[Axes] | np.ndarray, handles: Sequence[Artist]) -> None:
    axes[0].figure.legend(handles=handles, loc="outside lower center", ncols=min(3, len(handles)), frameon=False)


def panel_grid(
    number: int, columns: int, figsize: tuple[float, float], sharey: bool | str
) -> tuple[np.ndarray, np.ndarray]:
    """Axes of a new figure in rows, and those to spare in the last row."""
    down = -(-number // columns)
    with sns.axes_style("whitegrid"):
        figure, axes = plt.subplots(down, columns, figsize=figsize, layout="constrained", squeeze=False, sharey=sharey)
    figure.get_layout_engine().set(h_pad=0.08)
    return axes.ravel()[:number], axes.ravel()[number:]


def name_points(ax: Axes, x: ArrayLike, y: ArrayLike, names: Iterable[str], bold: ArrayLike | None = None) -> None:
    """The points' names in a column at the right, in the order of their height, each joined to its point."""
    x, y, names = np.asarray(x, float), np.asarray(y, float), [wrapped_text(n, 26) for n in names]
    if not len(x):
        return
    bold = np.zeros(len(x), bool) if bold is None else np.asarray(bold)
    bottom, top = ax.get_ylim()
    at = (y - bottom) / (top - bottom)
    order = np.lexsort((x, at))
    gap = min(0.18 * max(map(line_count, names)) / (0.7 * ax.figure.get_figheight()), 1 / max(len(x) - 1, 1))
    steps = gap * np.arange(len(x))
    # Pushed apart upwards and downwards; the mean of the two keeps the gaps and stays near the points.
    up = np.maximum.accumulate(at[order] - steps) + steps
    down = np.minimum.accumulate((at[order] - steps)[::-1])[::-1] + steps
    spread = np.clip((up + down) / 2, steps, 1 - steps[::-1])
    for i, height in zip(order, spread, strict=True):
        ax.annotate(
            names[i],
            (x[i], y[i]),
            xytext=(1.03, height),
            textcoords="axes fraction",
            va="center",
            fontsize=8.5,
            fontweight="bold" if bold[i] else "normal",
            parse_math=False,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": "0.6", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 4},
        )
