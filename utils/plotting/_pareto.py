"""Models between two aims: a disparity against accuracy, with those that no other model dominates."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from utils.evaluation._coding import check_table, listed
from utils.evaluation._metrics import METRICS
from utils.evaluation._pareto import non_dominated
from utils.plotting._drawing import capitalised, in_words, legend_below, name_points, reach_to
from utils.plotting._style import SERIES, new_axes


def plot_pareto(
    table: pd.DataFrame,
    x: str = "accuracy",
    y: str = "difference",
    name: str = "model",
    *,
    no_disparity: float = 0.0,
    ax: Axes | None = None,
) -> Axes:
    """Models by how well they do and how far the groups are apart; those that no other beats in both are ringed.

    The ringed ones are joined by steps, not by a straight line: between two models there is no model. Both axes are
    estimates, and the front is picked from them: of models that lie close together another sample may ring others.

    Parameters
    ----------
    table : DataFrame, one row a model
    x : column of which more is better (less, if it is called like an error, such as error_rate)
    y : column of a disparity; drawn is its distance from `no_disparity`, so that a sign does not count
    name : column with the models' names
    no_disparity : the value of `y` that means no disparity: 0 for differences, 1 for ratios

    Returns
    -------
    Axes

    Raises
    ------
    KeyError : a column is missing
    ValueError : the table is empty, or a column holds no numbers

    Examples
    --------
    Model c is beaten in both, and its name is not bold.

    >>> import pandas as pd
    >>> from utils.plotting import plot_pareto
    >>> models = pd.DataFrame({"model": ["a", "b", "c"], "accuracy": [0.9, 0.8, 0.7], "difference": [0.2, -0.1, 0.3]})
    >>> ax = plot_pareto(models)
    >>> sorted(text.get_text() for text in ax.texts if text.get_fontweight() == "bold")
    ['a', 'b']
    """
    rows = _models(table, x, y, name, no_disparity)
    shown = rows[rows["known"]]
    ax = new_axes(ax, (8, max(5.0, 0.21 * len(shown) + 1.6)))
    reach_to(ax, shown["x"])
    gaps = shown["y"].to_numpy()
    ax.set_ylim(-0.04 * (gaps.max(initial=0) or 1), (gaps.max(initial=0) or 1) * 1.06)
    front = shown[shown["front"]].sort_values(["x", "y"])
    steps = "steps-post" if _less_is_better(x) else "steps-pre"
    ax.plot(front["x"], front["y"], color="0.35", linewidth=1.2, linestyle="-", drawstyle=steps, zorder=2)
    ax.plot(front["x"], front["y"], "o", mfc="none", mec="black", mew=1.5, markersize=14, zorder=4)
    for part, marker, color in ((shown[shown["front"]], "D", SERIES[0]), (shown[~shown["front"]], "o", SERIES[2])):
        ax.plot(part["x"], part["y"], marker, color=color, markersize=7, zorder=3)
    name_points(ax, shown["x"], shown["y"], shown["name"], bold=shown["front"])
    ax.set_xlabel(in_words(x) + (" (less is better)" if _less_is_better(x) else " (more is better)"))
    ax.set_ylabel(f"{_distance(y, no_disparity)} (less is better)")
    text = "ringed: no other model is at least as good in both and better in one"
    ring = {"color": "0.35", "marker": "o", "mfc": "none", "mec": "black", "mew": 1.5, "markersize": 11}
    handles = [Line2D([], [], linewidth=1.2, **ring, label=text)]
    if (~shown["front"]).any():
        handles.append(Line2D([], [], color=SERIES[2], marker="o", linestyle="", label="another model is"))
    lost = rows.loc[~rows["known"], "name"].tolist()
    if lost:
        handles.append(Line2D([], [], linestyle="", label=f"not drawn, a value is missing: {listed(lost)}"))
    legend_below(ax, handles, columns=1)
    return ax


def describe_pareto(
    table: pd.DataFrame, x: str = "accuracy", y: str = "difference", name: str = "model", *, no_disparity: float = 0.0
) -> str:
    """An alt text for `plot_pareto`: the models that no other beats in both, with their values.

    Examples
    --------
    >>> import pandas as pd
    >>> from utils.plotting import describe_pareto
    >>> models = pd.DataFrame({"model": ["a", "b", "c"], "accuracy": [0.9, 0.8, 0.7], "difference": [0.2, -0.1, 0.3]})
    >>> describe_pareto(models)
    '... of 3 models. Not beaten in both by any other: b (0.800 and 0.100); a (0.900 and 0.200).'
    """
    rows = _models(table, x, y, name, no_disparity)
    front = rows[rows["front"]].sort_values("x")
    at = [f"{r.name} ({r.x:.3f} and {r.y:.3f})" for r in front.itertuples(index=False)]
    models = "1 model" if rows["known"].sum() == 1 else f"{rows['known'].sum()} models"
    sentence = f"{capitalised(in_words(x))} and {_distance(y, no_disparity)} of {models}. "
    sentence += f"Not beaten in both by any other: {'; '.join(at)}" if at else "No model has both values"
    lost = rows.loc[~rows["known"], "name"].tolist()
    return sentence + (f". Not drawn, a value is missing: {listed(lost)}" if lost else "") + "."


def _models(table: pd.DataFrame, x: str, y: str, name: str, no_disparity: float) -> pd.DataFrame:
    check_table(table, x, y, name)
    goal = {"minimise": [x, "gap"]} if _less_is_better(x) else {"maximise": [x], "minimise": ["gap"]}
    for column in (x, y):
        if not pd.api.types.is_numeric_dtype(table[column].dtype):
            raise ValueError(f"{column!r} holds {table[column].iloc[0]!r}: numbers are needed.")
    values = table[[x, y]].astype(float).replace([np.inf, -np.inf], np.nan).assign(name=table[name].astype(str))
    values["gap"] = (values[y] - no_disparity).abs()
    models = pd.DataFrame({"name": values["name"], "x": values[x], "y": values["gap"]}).reset_index(drop=True)
    models["known"] = models[["x", "y"]].notna().all(axis=1)
    models["front"] = non_dominated(values, **goal)
    return models


def _distance(y: str, no_disparity: float) -> str:
    return f"{in_words(y)}, {'without its sign' if no_disparity == 0 else f'distance from {no_disparity:g}'}"


def _less_is_better(x):
    return x in METRICS and METRICS[x].better == "lower"
