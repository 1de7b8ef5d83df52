"""The simulated scenes: how fast they are drawn, and what the small network of the labs makes of their biases.

Speed: `simulate` against drawing the same kind of scene with Pillow's ImageDraw, one scene at a time, in this process
and in turn; images a CPU second. ImageDraw has no smooth edges: it draws two or four times as large, then shrinks.
Biases: ten seeds of `train_picture_model` a row, each on scenes of its own; a group is what was drawn, the cue of
perceived gender and the activity crossed.

    python benchmarks/simulated_scenes.py [--quick]
"""

import argparse
import math

import numpy as np
from common import cpu_and_wall, medians, print_table
from PIL import Image, ImageDraw, ImageFilter

from utils.datasets._scene_specification import PRESETS
from utils.datasets._scene_table import hide_figures
from utils.datasets._simulated_scenes import simulate
from utils.training._pictures import run_picture_model, train_picture_model

DEFAULT = PRESETS["default"]
# row of the table → specification, whether all figures are hidden, what is asked for
TASKS = {
    "default": (DEFAULT, False, "gap at least 15, its SD under 8"),
    "balanced: no co-occurrence, no proxy": (DEFAULT.without("co_occurrence", "proxy"), False, "no gap beyond noise"),
    "no_bias": (PRESETS["no_bias"], False, "no gap beyond noise"),
    "default, figures hidden": (DEFAULT, True, ""),
    "no_proxy, figures hidden": (PRESETS["no_proxy"], True, "smaller gap than with the proxy"),
    "strong": (PRESETS["strong"], False, ""),
}


def colour(rng, low=60, high=230):
    return tuple(int(c) for c in rng.integers(low, high, 3))


def draw_place(pen, rng, side):
    """Sky or wall, a row of six things on it, the ground and its lines."""
    ground = side * rng.uniform(0.56, 0.66)
    pen.rectangle([0, 0, side, side], fill=colour(rng, 150, 250))
    for k in range(6):
        left, top = side * (k / 6 - 0.05), side * rng.uniform(0.05, 0.3)
        pen.rectangle([left, top, left + side * 0.15, ground], fill=colour(rng))
    pen.rectangle([0, ground, side, side], fill=colour(rng))
    for k in range(6):
        pen.line([side * k / 5, ground, side * (k / 5 + 0.1), side], fill=colour(rng), width=max(1, side // 60))


def draw_figure(pen, rng, side, x, y, height):
    """Legs, arms, a patterned body, a head, perhaps a cap and glasses."""
    limb, ink, dark = max(1, round(0.07 * height)), (33, 31, 41), colour(rng, 30, 90)
    for leg in (-1, 1):
        pen.line([x + leg * 0.07 * height, y - 0.34 * height, x + leg * 0.09 * height, y], fill=dark, width=limb)
    for arm in (-1, 1):
        hand = x + arm * rng.uniform(0.2, 0.3) * height, y - rng.uniform(0.36, 0.8) * height
        pen.line([x + arm * 0.1 * height, y - 0.66 * height, *hand], fill=colour(rng), width=limb)
    rx, ry, middle = 0.155 * height, 0.21 * height, y - 0.52 * height
    body = [x - rx, middle - ry, x + rx, middle + ry]
    if rng.random() < 0.5:
        pen.ellipse(body, fill=colour(rng), outline=ink)
        for k in range(-2, 3):
            half = rx * math.sqrt(1 - (k / 3) ** 2)
            pen.line([x - half, middle + k * ry / 3, x + half, middle + k * ry / 3], fill=colour(rng), width=limb // 2)
    else:
        pen.rectangle(body, fill=colour(rng), outline=ink)
        for k in range(12):
            a, b, r = x + (k % 3 - 1) * rx * 0.6, middle + (k // 3 - 1.5) * ry * 0.45, 0.02 * height
            pen.ellipse([a - r, b - r, a + r, b + r], fill=colour(rng))
    radius, head = 0.115 * height, y - 0.85 * height
    pen.ellipse([x - radius, head - radius, x + radius, head + radius], fill=colour(rng, 150, 240), outline=ink)
    if rng.random() < 0.8:
        pen.line([x - radius, head - 0.6 * radius, x + radius, head - 0.6 * radius], fill=dark, width=limb // 2)
    if rng.random() < 0.15:
        for eye in (-0.42, 0.42):
            a, r = x + eye * radius, 0.3 * radius
            pen.ellipse([a - r, head - r, a + r, head + r], outline=ink)


def draw_thing(pen, rng, x, y, size):
    """A thing of three shapes with an outline."""
    ink = (33, 31, 41)
    pen.line([x, y, x + 1.2 * size, y - 1.5 * size], fill=colour(rng), width=max(1, round(0.3 * size)))
    pen.ellipse([x - size, y - 0.6 * size, x + size, y + 0.6 * size], fill=colour(rng), outline=ink)
    pen.ellipse([x - 0.4 * size, y - 0.4 * size, x + 0.4 * size, y + 0.4 * size], fill=colour(rng))


def scene_with_pillow(rng, side, finer) -> np.ndarray:
    """One scene of the same kind: a place, one to four figures, one to four things, light, blur and grain."""
    large = finer * side
    image = Image.new("RGB", (large, large))
    pen = ImageDraw.Draw(image)
    draw_place(pen, rng, large)
    for _ in range(rng.binomial(3, 0.37)):
        draw_thing(pen, rng, large * rng.random(), large * rng.uniform(0.3, 0.95), 0.07 * large)
    for _ in range(rng.choice(4, p=[0.45, 0.3, 0.15, 0.1])):
        draw_figure(pen, rng, large, large * rng.uniform(0.08, 0.92), large * 0.72, large * rng.uniform(0.22, 0.34))
    x = large * rng.uniform(0.28, 0.72)
    draw_figure(pen, rng, large, x, large * 0.9, large * rng.uniform(0.5, 0.64))
    draw_thing(pen, rng, x + 0.25 * large, 0.6 * large, 0.07 * large)
    image = image.resize((side, side), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.6)))
    light = rng.uniform(0.75, 1) + 0.15 * rng.uniform(-1, 1) * np.linspace(-1, 1, side)[:, None]
    pixels = np.asarray(image) * light + 255 * rng.uniform(0.01, 0.05) * rng.standard_normal((side, side, 1))
    return pixels.clip(0, 255).astype(np.uint8)


def speed(n: int, repeats: int) -> list[list[str]]:
    """The rows of the table of speeds."""
    rows = []
    for side, asked in ((96, "300 a second"), (32, "")):
        rng = np.random.default_rng(0)
        simulate(n=10, side=side)  # what only the first call pays is not measured
        runs = []
        for seed in range(repeats):
            _, cpu, _ = cpu_and_wall(simulate, n=n, seed=seed, side=side)
            rates = {"ours": n / cpu}
            for finer in (2, 4):
                _, cpu, _ = cpu_and_wall(lambda: [scene_with_pillow(rng, side, finer) for _ in range(n)])  # noqa: B023
                rates[finer] = n / cpu
            runs.append(rates)
        rate = medians(runs)
        numbers = [f"{rate[k]:.0f}" for k in (2, 4, "ours")]
        rows.append([f"{side} px", *numbers, *(f"{rate['ours'] / rate[k]:.2f}" for k in (2, 4)), asked])
    return rows


def accuracies(specification, hidden: bool, seed: int, n: int, n_test: int) -> dict:
    """One training: average and worst-group accuracy on fresh scenes of the same specification, and its seconds."""
    train = simulate(specification, n, seed, 32, "train")
    test = simulate(specification, n_test, seed, 32, "test")
    if hidden:
        train, test = hide_figures(train), hide_figures(test)
    model, cpu, wall = cpu_and_wall(train_picture_model, train, seed, progress=False)
    decided = np.array(specification.activities, object)[run_picture_model(model, test)["pred1"]]
    right = decided == test["true_activity"]
    worst = right.groupby([test["true_gender_cue"], test["true_activity"]]).mean().min()
    return {"average": right.mean(), "worst": worst, "gap": right.mean() - worst, "cpu": cpu, "wall": wall}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few scenes and two seeds: a try, no result")
    parser.add_argument("--seeds", type=int, default=10, help="trainings a row (10)")
    parser.add_argument("--repeats", type=int, default=5, help="times that the scenes are drawn (5)")
    args = parser.parse_args()
    scenes, repeats, seeds, n, n_test = (
        (60, 1, 2, 300, 200) if args.quick else (1000, args.repeats, args.seeds, 6000, 4000)
    )

    print_table(
        f"{scenes:,} scenes, images a CPU second; median of {repeats}",
        ["", "Pillow, 2 times", "Pillow, 4 times", "ours", "ratio to 2", "ratio to 4", "asked"],
        speed(scenes, repeats),
    )
    rows = []
    for name, (specification, hidden, asked) in TASKS.items():
        runs = [accuracies(specification, hidden, seed, n, n_test) for seed in range(seeds)]
        percent = {k: 100 * np.array([run[k] for run in runs]) for k in ("average", "worst", "gap")}
        cells = [f"{x.mean():.1f} ± {x.std(ddof=1):.1f}" for x in percent.values()]
        reached = f"{percent['gap'].min():.1f} to {percent['gap'].max():.1f}"
        rows.append([name, *cells, reached, f"{max(run['cpu'] for run in runs):.1f}", asked])
        print(f"{name}: {cells[0]}", flush=True)
    print_table(
        f"{seeds} seeds, {n:,} training scenes of 32 px, {n_test:,} for testing; per cent, mean ± SD",
        ["", "average", "worst group", "gap", "gap, range", "CPU s, at most", "asked"],
        rows,
    )
    if args.quick:
        print("\nA try on a few scenes: these numbers mean nothing.")


if __name__ == "__main__":
    main()
