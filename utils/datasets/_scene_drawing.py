"""Drawing simulated scenes: plain figures, things and places, a whole batch at once and without a loop over scenes.

Positions and sizes are in units of the image's side, see `_scene_canvas.py`. What a scene holds is decided in
`_scene_plan.py`; nothing is drawn by lot here, except for the noise of the camera.

Figures are pawns: a head in a colour that no skin has, a body, stick limbs. The perceived attribute
shows in three abstract cues and nowhere else: the garment's hue, its pattern, and the outline of the body.
"""

from collections.abc import Callable

import numpy as np

from utils.datasets._scene_canvas import INK, Canvas, capsule, column, ellipse, hsv, rectangle

PLACES = ("street", "field", "stage", "kitchen", "office")
THINGS = ("ball", "frying pan", "guitar", "laptop", "dog", "box", "houseplant")
# The cues, by group (feminine, masculine). Teal and gold differ for readers with any common kind of colour vision, and
# neither is the colour of a digit of Lab 1.
CUE_HUE = (0.48, 0.12)  # of 1; teal, gold
CUE_PATTERN = ("stripes", "dots")
CUE_OUTLINE = ("round", "angular")

BATCH_PIXELS = 1 << 20  # pixels drawn together: more would not stay in the processor's cache
HIDDEN = 127  # grey level of a hidden figure
# Where a figure's parts are, in units of its height, from its feet upwards.
HIP, WAIST, SHOULDER, HEAD = 0.34, 0.52, 0.66, 0.85
BODY_WIDTH, BODY_HEIGHT, HEAD_RADIUS, LIMB = 0.155, 0.21, 0.115, 0.036


def _over(images, mask, colour):
    """Lay a colour over pictures; the mask (n or 1, side or 1, side or 1) is the share of it, 0 to 1."""
    mask = np.asarray(mask, np.float32)[..., None]
    images += mask * (np.asarray(colour, np.float32) - images)


def _stripes(t, width, side):
    """1 on a stripe of that width (0 to 1) at the start of each whole number of t, 0 elsewhere, with soft edges."""
    t = t % 1
    return np.clip((width / 2 - np.abs(t - width / 2)) * side / 4 + 0.5, 0, 1)


def _background(place: str, n: int, side: int, chance: np.ndarray) -> np.ndarray:
    """Pictures of an empty place: float32 (n, side, side, 3). `chance` (n, 6) in 0 to 1 varies colours and lines."""
    c = chance.astype(np.float32)[:, :, None, None]
    x = ((np.arange(side, dtype=np.float32) + 0.5) / side)[None, None, :]
    y = ((np.arange(side, dtype=np.float32) + 0.5) / side)[None, :, None]
    images = np.empty((n, side, side, 3), np.float32)
    ground = 0.56 + 0.1 * c[:, 0]  # where the ground meets the wall or the sky
    below = np.clip((y - ground) * side + 0.5, 0, 1)  # (n, side, 1)

    def paint(hue, saturation, value):
        return hsv(hue, saturation, value).reshape(-1, 1, 1, 3)

    def box(left, right, top, bottom):
        across = np.clip((x - left) * side + 0.5, 0, 1) * np.clip((right - x) * side + 0.5, 0, 1)
        return across * np.clip((y - top) * side + 0.5, 0, 1) * np.clip((bottom - y) * side + 0.5, 0, 1)

    h = chance  # hues and values, one a picture
    if place == "street":
        images[:] = paint(0.58, 0.12 + 0.2 * h[:, 1], 0.82 + 0.12 * h[:, 2])
        width = 0.24 + 0.14 * c[:, 3]
        for k, (tone, high) in enumerate([(0.62, 0.1), (0.5, 0.22), (0.7, 0.04), (0.56, 0.16)]):
            left = k * width - 0.1 * c[:, 4]
            _over(
                images, box(left, left + width, high + 0.15 * c[:, 5], ground), paint(0.05, 0.12, tone + 0.1 * h[:, 1])
            )
            for row in (0.08, 0.2):
                top = high + 0.15 * c[:, 5] + row
                _over(images, box(left + 0.3 * width, left + 0.7 * width, top, top + 0.06), (0.32, 0.36, 0.42))
        _over(images, below, paint(0.6, 0.04, 0.42 + 0.14 * h[:, 2]))
        _over(images, box(-1, 2, ground, ground + 0.035), (0.72, 0.71, 0.68))
        lane = box(-1, 2, 0.86, 0.88) * _stripes(x * 4 + c[:, 3], 0.55, side)
        _over(images, lane, (0.86, 0.85, 0.78))
    elif place == "field":
        images[:] = paint(0.56, 0.28 + 0.2 * h[:, 1], 0.9 + 0.08 * h[:, 2])
        hill = np.clip((y - ground + 0.1 * np.cos(5 * (x - c[:, 3]))) * side + 0.5, 0, 1)
        _over(images, hill, paint(0.3 + 0.05 * h[:, 1], 0.32, 0.58))
        _over(images, below, paint(0.25 + 0.06 * h[:, 4], 0.42, 0.56 + 0.16 * h[:, 5]))
        _over(images, below * _stripes((y - ground) * 14 / (0.4 + y) + c[:, 3], 0.5, side / 8), paint(0.27, 0.4, 0.62))
    elif place == "stage":
        images[:] = paint(0.72 + 0.08 * h[:, 1], 0.3, 0.2 + 0.12 * h[:, 2])
        centre = 0.35 + 0.3 * c[:, 3]
        beam = np.clip(1 - np.abs(x - centre) / (0.05 + 0.45 * y), 0, 1)
        _over(images, 0.55 * beam, (0.95, 0.9, 0.75))
        _over(images, below, paint(0.07, 0.4, 0.42 + 0.12 * h[:, 5]))
        _over(images, below * _stripes(x * 8 + c[:, 4], 0.12, side / 8), (0.25, 0.17, 0.13))
        fold = 0.75 + 0.25 * np.cos(x * 70)
        curtain = np.clip((np.abs(x - 0.5) - 0.36 - 0.06 * c[:, 4]) * side + 0.5, 0, 1) * (y < 0.92)
        _over(images, curtain, fold[..., None] * paint(0.97, 0.6, 0.45 + 0.1 * h[:, 1]))
    elif place == "kitchen":
        images[:] = paint(0.13, 0.08 + 0.1 * h[:, 1], 0.86 + 0.08 * h[:, 2])
        lines = np.maximum(_stripes(x * 7 + c[:, 3], 0.1, side / 7), _stripes(y * 7 + c[:, 4], 0.1, side / 7))
        _over(images, 0.8 * lines, (0.7, 0.68, 0.64))
        _over(images, box(-1, 2, -1, 0.16 + 0.05 * c[:, 5]), paint(0.08, 0.35, 0.55 + 0.15 * h[:, 5]))
        _over(images, below, paint(0.06, 0.3, 0.62 + 0.14 * h[:, 5]))
        _over(images, box(-1, 2, ground, ground + 0.04), (0.36, 0.33, 0.33))
        doors = _stripes(x * 4 + c[:, 3], 0.06, side / 4) * (y < 0.86)
        _over(images, below * doors, (0.4, 0.32, 0.27))
        _over(images, box(-1, 2, 0.86, 2), paint(0.1, 0.1, 0.7 + 0.1 * h[:, 4]))
    else:  # office
        images[:] = paint(0.6, 0.05 + 0.08 * h[:, 1], 0.78 + 0.12 * h[:, 2])
        left = 0.08 + 0.4 * c[:, 3]
        _over(images, box(left - 0.02, left + 0.42, 0.06, 0.4), (0.5, 0.52, 0.56))
        _over(images, box(left, left + 0.4, 0.08, 0.38), paint(0.55, 0.18, 0.95))
        _over(images, box(left, left + 0.4, 0.08, 0.38) * _stripes(y * 22, 0.4, side / 22), (0.84, 0.86, 0.88))
        _over(images, below, paint(0.63, 0.14, 0.5 + 0.14 * h[:, 5]))
        desk = ground + 0.05
        _over(images, box(-1, 2, ground, desk), paint(0.09, 0.3, 0.66))
        _over(images, below * _stripes(x * 3 + c[:, 4], 0.04, side / 3) * (y < 0.9), (0.36, 0.38, 0.44))
    return images


def _thing(canvas: Canvas, kind: str, rows, x, y, size, hue, turn):
    """Paint one thing a picture, about 2 · size wide; `turn` (+1, -1) mirrors it. All arrays have the shape of rows."""
    line = 0.1 * size
    soft, dark, light = hsv(hue, 0.5, 0.8), hsv(hue, 0.25, 0.35), hsv(hue, 0.15, 0.92)
    if kind == "ball":
        canvas.paint(rows, ellipse(x, y, size, size), soft, line)
        canvas.paint(rows, capsule(x - 0.6 * size, y - 0.3 * size, x + 0.6 * size, y + 0.3 * size, 0.13 * size), light)
    elif kind == "frying pan":
        canvas.paint(rows, capsule(x - turn * 0.8 * size, y, x - turn * 1.9 * size, y - 0.25 * size, 0.17 * size), INK)
        canvas.paint(rows, ellipse(x, y, 1.1 * size, 0.72 * size), dark, line)
        canvas.paint(rows, ellipse(x, y - 0.06 * size, 0.7 * size, 0.36 * size), soft)
    elif kind == "guitar":
        tip = x + turn * 0.9 * size, y - 1.7 * size
        canvas.paint(rows, capsule(x, y, *tip, 0.15 * size), dark, line / 2)
        canvas.paint(rows, ellipse(x, y + 0.35 * size, 0.75 * size, 0.62 * size), soft, line)
        canvas.paint(rows, ellipse(x + turn * 0.25 * size, y - 0.3 * size, 0.5 * size, 0.42 * size), soft)
        canvas.paint(rows, ellipse(x, y, 0.22 * size, 0.22 * size), INK)
    elif kind == "laptop":
        canvas.paint(rows, rectangle(x, y - 0.25 * size, size, 0.62 * size, 0.1 * size), dark, line)
        canvas.paint(rows, rectangle(x, y - 0.25 * size, 0.8 * size, 0.44 * size), light)
        canvas.paint(rows, rectangle(x, y + 0.52 * size, 1.25 * size, 0.12 * size, 0.1 * size), soft, line)
    elif kind == "dog":
        for leg in (-0.7, -0.35, 0.35, 0.7):
            canvas.paint(rows, capsule(x + leg * size, y, x + leg * size, y + 0.85 * size, 0.14 * size), dark)
        tail = x - turn * 1.35 * size, y - 0.7 * size
        canvas.paint(rows, capsule(x - turn * 0.9 * size, y - 0.1 * size, *tail, 0.12 * size), dark)
        canvas.paint(rows, ellipse(x, y, size, 0.45 * size), dark, line)
        canvas.paint(rows, ellipse(x + turn * size, y - 0.5 * size, 0.45 * size, 0.4 * size), dark, line)
    elif kind == "box":
        canvas.paint(rows, rectangle(x, y, size, 0.75 * size), soft, line)
        canvas.paint(rows, rectangle(x, y, 0.16 * size, 0.75 * size), light)
    else:  # houseplant
        for lean in (-0.7, 0.0, 0.7):
            canvas.paint(
                rows, capsule(x, y + 0.3 * size, x + lean * size, y - 0.8 * size, 0.22 * size), hsv(0.36, 0.4, 0.5)
            )
        canvas.paint(rows, rectangle(x, y + 0.7 * size, 0.5 * size, 0.4 * size, 0.1 * size), soft, line)


# How far a thing of size 1 reaches from its middle: left, right, up, down (for `turn` = +1).
REACH = {
    "ball": (1.1, 1.1, 1.1, 1.1),
    "frying pan": (2.1, 1.2, 0.85, 0.85),
    "guitar": (0.9, 1.1, 1.9, 1.1),
    "laptop": (1.4, 1.4, 1.0, 0.75),
    "dog": (1.5, 1.6, 1.0, 1.0),
    "box": (1.1, 1.1, 0.85, 0.85),
    "houseplant": (1.0, 1.0, 1.05, 1.2),
}


def _garment(cx, cy, height, pattern, first, second) -> Callable:
    """The colour of a patterned garment, a function for `Canvas.paint`: stripes or dots in a second colour."""
    a, b, h = column(cx, cy, height)
    stripes = pattern.reshape(-1, 1, 1) == 0
    first, second = first[:, None, None, :], second[:, None, None, :]

    def colour(x, y):
        u, v = (x - a) / h, (y - b) / h
        lines = np.clip(np.sin((v + 0 * u) * 68) * 3 + 0.5, 0, 1)
        dots = np.clip((np.cos(u * 60) + np.cos(v * 60) - 0.75) * 3 + 0.5, 0, 1)
        return first + np.where(stripes, lines, dots)[..., None] * (second - first)

    return colour


def _figure(canvas: Canvas, rows, f: dict):
    """Paint one figure a picture. `f`: arrays of the shape of rows, see `draw`."""
    x, y, h = f["x"], f["y"], f["height"]
    line = 0.016 * h
    limb, dark = LIMB * h, hsv(f["trouser_hue"], 0.15, 0.3)
    for leg in (-1, 1):
        canvas.paint(rows, capsule(x + leg * 0.07 * h, y - HIP * h, x + leg * 0.09 * h, y - limb, limb), dark)
    sleeve = hsv(f["trouser_hue"], 0.1, 0.5)
    for arm, (hand_x, hand_y) in ((f["turn"], f["hand"]), (-f["turn"], f["other_hand"])):
        canvas.paint(rows, capsule(x + arm * 0.1 * h, y - SHOULDER * h, hand_x, hand_y, limb), sleeve, line / 2)
    middle, rx, ry = y - WAIST * h, BODY_WIDTH * h, BODY_HEIGHT * h
    first = hsv(f["hue"], 0.62, f["value"])
    second = hsv(f["hue"], 0.3, np.minimum(f["value"] + 0.28, 1))
    colour = _garment(x, middle, h, f["pattern"], first, second)
    (window, round_body), (_, angular_body) = ellipse(x, middle, rx, ry), rectangle(x, middle, 0.86 * rx, 0.92 * ry)
    is_round = f["outline"].reshape(-1, 1, 1) == 0
    body = window, lambda u, v: np.where(is_round, round_body(u, v), angular_body(u, v))
    canvas.paint(rows, body, colour, line)
    radius = HEAD_RADIUS * h
    canvas.paint(rows, ellipse(x, y - HEAD * h, radius, radius), hsv(f["head_hue"], 0.16, f["head_value"]), line)
    for cap, width in ((1, 0.7), (2, 1.25)):  # perceived age: none young, narrow middle, wide older
        worn = np.flatnonzero(f["cap"] == cap)
        a, b, r = x[worn], (y - HEAD * h - 0.62 * radius)[worn], radius[worn]
        canvas.paint(rows[worn], capsule(a - width * r, b, a + width * r, b, 0.2 * r), dark[worn])
    worn = np.flatnonzero(f["glasses"])
    a, b, r = x[worn], (y - HEAD * h)[worn], radius[worn]
    for eye in (-0.42, 0.42):
        canvas.paint(rows[worn], ellipse(a + eye * r, b, 0.3 * r, 0.3 * r), INK)
        canvas.paint(rows[worn], ellipse(a + eye * r, b, 0.16 * r, 0.16 * r), np.array([0.9, 0.92, 0.95]))


def figure_boxes(f: dict) -> np.ndarray:
    """The boxes of figures: float array (…, 4) of x_min, x_max, y_min, y_max; they may reach outside of the image."""
    x, y, h = f["x"], f["y"], f["height"]
    reach = (LIMB + 0.01) * h
    hands_x = np.stack([f["hand"][0], f["other_hand"][0]])
    hands_y = np.stack([f["hand"][1], f["other_hand"][1]])
    body = (BODY_WIDTH + 0.03) * h
    top = y - (HEAD + HEAD_RADIUS + 0.02) * h
    return np.stack(
        [
            np.minimum(x - body, hands_x.min(0) - reach),
            np.maximum(x + body, hands_x.max(0) + reach),
            np.minimum(top, hands_y.min(0) - reach),
            np.maximum(y, hands_y.max(0) + reach),
        ],
        axis=-1,
    )


def thing_boxes(things: dict) -> np.ndarray:
    """The boxes of things, as `figure_boxes`."""
    reach = np.array([REACH[kind] for kind in THINGS])[things["kind"]]  # (…, 4)
    left = np.where(things["turn"] > 0, reach[..., 0], reach[..., 1])
    right = np.where(things["turn"] > 0, reach[..., 1], reach[..., 0])
    x, y, s = things["x"], things["y"], things["size"]
    return np.stack([x - left * s, x + right * s, y - reach[..., 2] * s, y + reach[..., 3] * s], axis=-1)


def draw(scenes: dict, side: int, seed: int) -> np.ndarray:
    """Draw scenes.

    Parameters
    ----------
    scenes : dict of arrays with the scenes along the first axis:
        `place` int (n,), `chance` (n, 6) which varies the place, `light` (n, 3) (brightness, direction, warmth),
        `quality` (n,) in 0 to 1;
        `figures`: dict of arrays (n, 4), the first figure is the main one: `present` bool, `x`, `y` (of the feet),
        `height`, `turn`, `hue`, `value`, `pattern`, `outline`, `head_hue`, `head_value`, `trouser_hue`, `cap`,
        `glasses`, and `hand`, `other_hand`, each (2, n, 4);
        `things`: dict of arrays (n, k): `present`, `kind`, `x`, `y`, `size`, `hue`, `turn`;
        `occluder`: dict of arrays (n,): the same, in front of everything.
    side : pixels
    seed : int, of the camera's noise

    Returns
    -------
    uint8 array (n, side, side, 3)
    """
    n = len(scenes["place"])
    images = np.empty((n, side, side, 3), np.uint8)
    step = max(1, BATCH_PIXELS // side**2)
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        noise = np.random.default_rng([seed, start // step])
        images[rows] = _draw_batch(_part(scenes, rows), side, noise)
    return images


def _part(scenes: dict, rows: slice) -> dict:
    """The same scenes, fewer of them. Pairs (2, n, …) have their scenes along the second axis."""

    def cut(name, value):
        if isinstance(value, dict):
            return {k: cut(k, v) for k, v in value.items()}
        return value[:, rows] if name in ("hand", "other_hand") else value[rows]

    return {name: cut(name, value) for name, value in scenes.items()}


def _draw_batch(scenes: dict, side: int, noise: np.random.Generator) -> np.ndarray:
    n = len(scenes["place"])
    canvas = Canvas(n, side)
    for number, place in enumerate(PLACES):
        rows = np.flatnonzero(scenes["place"] == number)
        if len(rows):
            canvas.images[rows] = _background(place, len(rows), side, scenes["chance"][rows])

    def things(group, slot):
        for number, kind in enumerate(THINGS):
            rows = np.flatnonzero(group["present"][:, slot] & (group["kind"][:, slot] == number))
            if len(rows):
                _thing(canvas, kind, rows, *(group[k][rows, slot] for k in ("x", "y", "size", "hue", "turn")))

    figures = scenes["figures"]
    slots = scenes["things"]["kind"].shape[1]
    for slot in range(slots - 1, 0, -1):  # far things first; the thing in use comes last, with the main figure
        things(scenes["things"], slot)
    for slot in range(figures["x"].shape[1] - 1, -1, -1):
        rows = np.flatnonzero(figures["present"][:, slot])
        if len(rows):
            _figure(canvas, rows, {k: v[..., rows, slot] for k, v in figures.items()})
    things(scenes["things"], 0)
    things({k: v[:, None] for k, v in scenes["occluder"].items()}, 0)
    return _camera(canvas.images, scenes["light"], scenes["quality"], noise)


def _camera(images: np.ndarray, light: np.ndarray, quality: np.ndarray, noise: np.random.Generator) -> np.ndarray:
    """Light, blur, contrast and noise: float32 (n, side, side, 3) to uint8. The pictures are overwritten."""
    n, side = images.shape[:2]
    x = np.linspace(-1, 1, side, dtype=np.float32)
    bright, direction, warm = light.astype(np.float32).T[:, :, None]
    gain = bright + 0.15 * direction * x  # (n, side)
    tint = np.stack([1 + 0.08 * warm, np.ones_like(warm), 1 - 0.08 * warm], axis=-1)  # (n, 1, 3)
    images *= (gain[:, :, None] * tint)[:, None]
    lack = (1 - quality).astype(np.float32).reshape(-1, 1, 1, 1)
    part = 0.4 * lack  # of each neighbour, in both directions: a blur of one pixel's width at most
    for axis in (1, 2):
        # The last axis is kept, so that rows of pixels are shifted whole.
        before, after = (slice(None),) * axis + (slice(None, -1),), (slice(None),) * axis + (slice(1, None),)
        step = images[after] - images[before]
        step *= part * 0.5
        images[before] += step
        images[after] -= step
    images -= 0.45
    images *= 1 - 0.45 * lack
    images += 0.45
    grain = noise.standard_normal(images.shape[:3], dtype=np.float32)[..., None]  # grey, as in the dark
    grain *= 0.012 + 0.12 * lack
    images += grain
    images *= 255
    images += 0.5
    np.clip(images, 0, 255, out=images)
    return images.astype(np.uint8)
