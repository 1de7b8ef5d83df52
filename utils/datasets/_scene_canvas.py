"""A canvas for a batch of pictures, and shapes that are painted on it: all pictures at once, without a loop over them.

Positions are in units of the image's side: x from 0 (left) to 1, y from 0 (top) to 1. Shapes are signed distances
(negative inside), so that edges are smooth at every side length. A shape is painted for all pictures of a batch at
once, in a window just large enough for it.
"""

from collections.abc import Callable

import numpy as np

INK = np.array([0.13, 0.12, 0.16], np.float32)  # of outlines

Numbers = float | np.ndarray  # one for all pictures, or one a picture: (n,)
Shape = tuple[tuple[np.ndarray, ...], Callable]  # (window: middle x, y and half sides), signed distance


def hsv(hue: Numbers, saturation: Numbers, value: Numbers) -> np.ndarray:
    """Colours (…, 3) in 0 to 1 from hue, saturation and value, each in 0 to 1 (the hue goes round)."""
    hue, saturation, value = np.broadcast_arrays(hue, saturation, value)
    k = (np.array([5, 3, 1]) + 6 * hue[..., None]) % 6
    spread = (value * saturation)[..., None]
    return (value[..., None] - spread * np.clip(np.minimum(k, 4 - k), 0, 1)).astype(np.float32)


# Signed distances, in units of the side. Parameters are arrays (n,); x is (n, 1, w) and y is (n, h, 1).


def column(*values: Numbers) -> list[np.ndarray]:
    return [np.asarray(v, np.float32).reshape(-1, 1, 1) for v in values]


def ellipse(cx: Numbers, cy: Numbers, rx: Numbers, ry: Numbers) -> Shape:
    """An ellipse as (window, signed distance); the distance is exact for circles and close near the edge otherwise."""
    a, b, p, q = column(cx, cy, rx, ry)

    def distance(x, y):
        u, v = (x - a) / p, (y - b) / q
        r = np.sqrt(u * u + v * v)
        return (r - 1) * np.minimum(p, q)

    return (cx, cy, rx, ry), distance


def rectangle(cx: Numbers, cy: Numbers, rx: Numbers, ry: Numbers, corner: Numbers = 0.0) -> Shape:
    """An upright rectangle with half sides rx, ry and rounded corners, as (window, signed distance)."""
    a, b, p, q, c = column(cx, cy, rx, ry, corner)

    def distance(x, y):
        u, v = np.abs(x - a) - (p - c), np.abs(y - b) - (q - c)
        return np.hypot(np.maximum(u, 0), np.maximum(v, 0)) + np.minimum(np.maximum(u, v), 0) - c

    return (cx, cy, rx, ry), distance


def capsule(x0: Numbers, y0: Numbers, x1: Numbers, y1: Numbers, radius: Numbers) -> Shape:
    """A line with round ends from (x0, y0) to (x1, y1), as (window, signed distance)."""
    a, b, c, d, r = column(x0, y0, x1, y1, radius)
    length = np.maximum((c - a) ** 2 + (d - b) ** 2, 1e-9)

    def distance(x, y):
        t = np.clip(((x - a) * (c - a) + (y - b) * (d - b)) / length, 0, 1)
        u, v = x - a - t * (c - a), y - b - t * (d - b)
        return np.sqrt(u * u + v * v) - r

    return ((x0 + x1) / 2, (y0 + y1) / 2, np.abs(x1 - x0) / 2 + radius, np.abs(y1 - y0) / 2 + radius), distance


class Canvas:
    """The pictures of a batch while they are painted.

    Attributes
    ----------
    pixels : float32 (n · side · side + 1, 3), 0 to 1; the last row takes what falls outside of a picture
    side : int
    """

    def __init__(self, n: int, side: int):
        self.n, self.side = n, side
        self.pixels = np.empty((n * side * side + 1, 3), np.float32)
        self.pixels[-1] = 0

    @property
    def images(self) -> np.ndarray:
        """float32 (n, side, side, 3), a view."""
        return self.pixels[:-1].reshape(self.n, self.side, self.side, 3)

    def paint(self, rows: np.ndarray, shape: Shape, colour: np.ndarray | Callable, stroke: Numbers = 0.0) -> None:
        """Paint one shape into several pictures, each picture at most once.

        Parameters
        ----------
        rows : int array (m,), the pictures
        shape : (window, distance), see `ellipse`
        colour : float array (3,) or (m, 3), or a function of x (m, 1, w) and y (m, h, 1) to (m, h, w, 3)
        stroke : width of the line of ink around the shape, in units of the side; one number or (m,)
        """
        if len(rows) == 0:
            return
        (cx, cy, rx, ry), distance = shape
        side = self.side
        stroke = np.broadcast_to(np.asarray(stroke, np.float32), len(rows))
        left = np.floor((cx - rx - stroke) * side - 0.5).astype(np.int64)
        top = np.floor((cy - ry - stroke) * side - 0.5).astype(np.int64)
        across = left[:, None] + np.arange(int(np.ceil(2 * (rx + stroke).max() * side)) + 2)
        down = top[:, None] + np.arange(int(np.ceil(2 * (ry + stroke).max() * side)) + 2)
        x = ((across + 0.5) / side).astype(np.float32)[:, None, :]
        y = ((down + 0.5) / side).astype(np.float32)[:, :, None]
        inner = 0.5 - distance(x, y) * side
        within = ((across >= 0) & (across < side))[:, None, :] & ((down >= 0) & (down < side))[:, :, None]
        # Only the pixels that the shape touches are read and written.
        touched = np.flatnonzero((inner > -stroke[:, None, None] * side) & within)
        which, rest = np.divmod(touched, inner.shape[1] * inner.shape[2])
        i, j = np.divmod(rest, inner.shape[2])
        inner = inner.reshape(-1)[touched]
        outer = np.clip(inner + stroke[which] * side, 0, 1)[:, None]
        inner = np.clip(inner, 0, 1)[:, None]
        place = (rows[which] * side + down[which, i]) * side + across[which, j]
        if callable(colour):
            new = colour(x, y).reshape(-1, 3)[touched]
        else:
            colour = np.asarray(colour, np.float32)
            new = colour if colour.ndim == 1 else colour[which]
        if stroke.any():
            new = INK + inner * (new - INK)
        old = self.pixels[place]
        self.pixels[place] = old + outer * (new - old)
