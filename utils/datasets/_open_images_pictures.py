"""Pictures of Open Images as squares of pixels, and their boxes with them."""

from pathlib import Path

import numpy as np

from utils.datasets._downloads import Damaged

GREY = 127  # of the bars beside a picture that is no square


def decode(path: str | Path, side: int, rotation: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A picture, turned upright and fitted into a square, whole.

    It is scaled so that its longer side fills the square, and stands in the middle between bars of one grey: a crop
    would cut people off, and boxes with them. Turning is by the table's `Rotation` alone; boxes were drawn on the
    pixels as they are stored, so that an orientation in the file's EXIF is not applied.

    Parameters
    ----------
    path : the JPEG
    side : pixels of the square
    rotation : degrees counterclockwise: 0, 90, 180 or 270

    Returns
    -------
    pixels : uint8 array (side, side, 3)
    place : float array (4,), where in the square the picture is: left, top, width, height as shares of the side

    Raises
    ------
    Damaged : the file is no picture, or not all of one
    """
    from PIL import Image

    try:
        with Image.open(path) as file:
            width, height = file.size
            file.draft("RGB", (2 * side, 2 * side))  # a JPEG can be read at a half, a quarter, an eighth of its size
            image = file.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        raise Damaged(f"{path} is no whole picture ({problem}).") from problem
    if rotation:
        image = image.transpose(getattr(Image.Transpose, f"ROTATE_{rotation}"))
        width, height = (height, width) if rotation != 180 else (width, height)
    scale = side / max(width, height)
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (side - w) // 2, (side - h) // 2
    pixels = np.full((side, side, 3), GREY, np.uint8)
    pixels[top : top + h, left : left + w] = np.asarray(image.resize((w, h), Image.Resampling.LANCZOS))
    return pixels, np.array([left, top, w, h]) / side


def move_boxes(boxes: np.ndarray, rotation: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Boxes follow their pictures: turned, then scaled and moved with them into the square.

    Parameters
    ----------
    boxes : float array (n, 4): x_min, x_max, y_min, y_max as shares of the published picture
    rotation : int array (n,), degrees counterclockwise
    place : float array (n, 4), see `decode`

    Returns
    -------
    float array (n, 4): the same corners as shares of the square
    """
    x0, x1, y0, y1 = boxes.T
    turned = {
        0: boxes.T,
        90: (y0, y1, 1 - x1, 1 - x0),
        180: (1 - x1, 1 - x0, 1 - y1, 1 - y0),
        270: (1 - y1, 1 - y0, x0, x1),
    }
    upright = np.select([rotation == angle for angle in turned], [np.stack(t) for t in turned.values()])
    left, top, width, height = place.T
    return np.stack([left + upright[:2] * width, top + upright[2:] * height]).reshape(4, -1).T
