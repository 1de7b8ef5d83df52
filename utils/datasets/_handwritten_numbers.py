"""The world of orange and blue numbers: real MNIST digits, thresholded and coloured, in groups we chose.

Every function that draws takes `seed`, an int or a `numpy.random.Generator`; the same int gives the same table, and the
global random state is neither read nor changed. See `datasets/handwritten_numbers/DATASHEET.md` for what the data are.
"""

import gzip
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from utils.datasets._images import stack_images
from utils.datasets._registry import FOLDER, verified
from utils.files import write_whole

RAW = "handwritten_numbers/MNIST/raw"
STEMS = {"train": "train", "test": "t10k"}  # the beginnings of the files' names
COLORS = {"orange": (255, 128, 0), "blue": (0, 0, 255)}
CURVINESS = {"curvy": [0, 3, 8], "linear": [1, 4, 7], "neutral": [2, 5, 6, 9]}
MAGNITUDE = {"small": [0, 1, 2, 3], "medium": [4, 5, 6], "large": [7, 8, 9]}
PARITY = {"even": [0, 2, 4, 6, 8], "odd": [1, 3, 5, 7, 9]}
GROUPS = ["digit", "parity", "magnitude", "curviness", "color"]

SIDE = 28
THIN = 0.3  # share that is left of an under-represented digit
BLUE_IN_TRAINING = 0.8
SALT = PEPPER = 0.02


@cache
def load_mnist(split: str) -> tuple[np.ndarray, np.ndarray]:
    """MNIST as it was published.

    Parameters
    ----------
    split : "train" (60,000 digits) or "test" (10,000)

    Returns
    -------
    pixels : uint8 array (n, 28, 28), 0 black to 255 white, read-only
    labels : uint8 array (n,), 0 to 9, read-only

    Raises
    ------
    DataError : an embedded file is missing or damaged

    Examples
    --------
    >>> from utils.datasets import load_mnist
    >>> pixels, labels = load_mnist("test")
    >>> pixels.shape, labels[:5].tolist()
    ((10000, 28, 28), [7, 2, 1, 0, 4])
    """
    if split not in STEMS:
        raise ValueError(f"split is {split!r}; it must be 'train' or 'test'.")
    images = gzip.decompress(verified(f"{RAW}/{STEMS[split]}-images-idx3-ubyte.gz").read_bytes())
    # IDX: a header of four (images) or two (labels) 32-bit integers, then the bytes.
    return np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28), _labels(split)


@cache
def _labels(split: str) -> np.ndarray:
    labels = gzip.decompress(verified(f"{RAW}/{STEMS[split]}-labels-idx1-ubyte.gz").read_bytes())
    return np.frombuffer(labels, np.uint8, offset=8)


@cache
def _ink(split: str) -> np.ndarray:
    """Ink or no ink, cut at half intensity: uint8 array (n, 98), eight pixels a byte.

    The file is unpacked a thousand digits at a time, which takes 100 MB less than `load_mnist` and is a fifth faster.
    """
    with gzip.open(verified(f"{RAW}/{STEMS[split]}-images-idx3-ubyte.gz")) as file:
        file.read(16)
        pieces = (np.frombuffer(piece, np.uint8) for piece in iter(lambda: file.read(1000 * 28 * 28), b""))
        return np.concatenate([np.packbits(piece.reshape(-1, 28 * 28) > 127, axis=1) for piece in pieces])


def unpack() -> Path:
    """Write the four files unpacked beside the packed ones, where torchvision's own `MNIST` class looks for them.

    Returns
    -------
    Path : the `root` to give to `torchvision.datasets.MNIST(root)`
    """
    for stem in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        packed = verified(f"{RAW}/{stem}-ubyte.gz")
        write_whole(packed.with_suffix(""), gzip.decompress(packed.read_bytes()))
    return FOLDER / "handwritten_numbers"


def _rank_within(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each row's place, from 0, in a random order of the rows with the same label."""
    order = rng.permutation(len(labels))
    rank = np.empty(len(labels), int)
    rank[order] = pd.Series(labels[order]).groupby(labels[order]).cumcount()
    return rank


def _by_digit(names: dict[str, list[int]]) -> np.ndarray:
    """Group names as an array indexed by digit."""
    return np.array([next(name for name, digits in names.items() if d in digits) for d in range(10)], dtype=object)


def color_table(ink: np.ndarray, labels: np.ndarray, is_blue: np.ndarray) -> pd.DataFrame:
    """The table of coloured digits: one row a digit.

    Parameters
    ----------
    ink : uint8 array (n, 98), the digits' 28 * 28 pixels, eight a byte (`numpy.packbits`)
    labels : int array (n,), 0 to 9
    is_blue : bool array (n,)

    Returns
    -------
    DataFrame with `img` (28 × 28 × 3 uint8; views into one array), `label` (int), and `digit`, `parity`, `magnitude`,
    `curviness`, `color` (str)

    Examples
    --------
    >>> import numpy as np
    >>> from utils.datasets import color_table
    >>> ink = np.array([[255] + [0] * 97] * 2, np.uint8)
    >>> table = color_table(ink, labels=np.array([3, 4]), is_blue=np.array([False, True]))
    >>> table[["label", "parity", "curviness", "color"]].values.tolist()
    [[3, 'odd', 'curvy', 'orange'], [4, 'even', 'linear', 'blue']]
    >>> table["img"][0][0, 7:9].tolist()
    [[255, 128, 0], [0, 0, 0]]
    """
    # Eight pixels at a time are looked up in colour, which takes half the time of a product over all pixels.
    eight = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)  # (256, 8): each byte's pixels
    colors = np.array([COLORS["orange"], COLORS["blue"]], np.uint8)
    colored = (eight[:, :, None] * colors[:, None, None]).reshape(2 * 256, 8 * 3)
    images = colored.take(ink + 256 * is_blue[:, None], axis=0)
    labels = labels.astype(int)
    groups = {
        "digit": np.array([str(d) for d in range(10)], dtype=object)[labels],
        "parity": _by_digit(PARITY)[labels],
        "magnitude": _by_digit(MAGNITUDE)[labels],
        "curviness": _by_digit(CURVINESS)[labels],
        "color": np.array(["orange", "blue"], dtype=object)[is_blue.astype(int)],
    }
    img = pd.Series(list(images.reshape(-1, 28, 28, 3)), dtype=object)
    return pd.DataFrame({"img": img, "label": labels, **{k: pd.Series(v, dtype="str") for k, v in groups.items()}})


def training_data(
    thin: dict[int, float] | None = None, blue: float = BLUE_IN_TRAINING, seed: int | np.random.Generator = 0
) -> pd.DataFrame:
    """Coloured training digits, some of them under-represented.

    Every digit is cut to the count of the rarest (5,421), and those in `thin` to their share of it. One seed draws one
    order of the digits and one colouring, whatever `thin` is: a table with a smaller share is a part of one with a
    larger.

    Parameters
    ----------
    thin : digit → share in (0, 1], default {3: 0.3, 6: 0.3}
    blue : share of blue digits; the others are orange
    seed : int or Generator

    Returns
    -------
    DataFrame, see `color_table`

    Examples
    --------
    >>> from utils.datasets import training_data
    >>> table = training_data({3: 0.1})
    >>> table["label"].value_counts()[[2, 3]].to_dict()
    {2: 5421, 3: 542}
    """
    thin = {3: THIN, 6: THIN} if thin is None else thin
    wrong = {d: s for d, s in thin.items() if d not in range(10) or not 0 < s <= 1}
    if wrong:
        raise ValueError(f"thin has {wrong}; digits are 0 to 9 and shares lie above 0 and at most at 1.")
    if not 0 <= blue <= 1:
        raise ValueError(f"blue is {blue}; it is a share between 0 and 1.")
    rng = np.random.default_rng(seed)
    labels = _labels("train")
    rarest = np.bincount(labels).min()
    quota = np.array([round(rarest * thin.get(d, 1.0)) for d in range(10)])
    keep = np.flatnonzero(_rank_within(labels, rng) < quota[labels])
    is_blue = rng.random(len(labels)) < blue
    return color_table(_ink("train")[keep], labels[keep], is_blue[keep])


def evaluation_data(seed: int | np.random.Generator = 0) -> pd.DataFrame:
    """All 10,000 test digits; half of each digit are orange, half blue. See `color_table` for the columns.

    Examples
    --------
    >>> from utils.datasets import evaluation_data
    >>> table = evaluation_data()
    >>> len(table), table[table["label"] == 0].groupby("color").size().to_dict()
    (10000, {'blue': 490, 'orange': 490})
    """
    rng = np.random.default_rng(seed)
    labels = _labels("test")
    is_blue = _rank_within(labels, rng) < (np.bincount(labels) // 2)[labels]
    return color_table(_ink("test"), labels, is_blue)


def create_starting_data(seed: int | np.random.Generator = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The data a project starts with: training digits with few 3s and 6s and four in five blue, and evaluation digits.

    Returns
    -------
    training, evaluation : DataFrames, see `color_table`

    Examples
    --------
    >>> from utils.datasets import create_starting_data
    >>> training, evaluation = create_starting_data()
    >>> training["label"].value_counts()[[2, 3, 6]].to_dict()
    {2: 5421, 3: 1626, 6: 1626}
    >>> len(evaluation)
    10000
    """
    return training_data(seed=seed), evaluation_data(seed=seed)


def create_augmented_data_2(seed: int | np.random.Generator = 0) -> pd.DataFrame:
    """Training digits after more 3s were collected; 6s are still few. With the same seed it holds the starting data.

    Examples
    --------
    >>> from utils.datasets import create_augmented_data_2
    >>> create_augmented_data_2()["label"].value_counts()[[2, 3, 6]].to_dict()
    {2: 5421, 3: 5421, 6: 1626}
    """
    return training_data(thin={6: THIN}, seed=seed)


def get_val2(df: pd.DataFrame, seed: int | np.random.Generator = 0) -> pd.DataFrame:
    """A customer's data: the same digits, but every 4 comes from a broken camera.

    Each pixel of a 4 turns white with probability 0.02 (salt) and black with probability 0.02 (pepper).

    Parameters
    ----------
    df : DataFrame with `img` and `label`; it is left as it is
    seed : int or Generator

    Returns
    -------
    DataFrame : a copy with new images for the 4s

    Examples
    --------
    >>> import numpy as np
    >>> from utils.datasets import evaluation_data, get_val2
    >>> digits = evaluation_data().head(5)
    >>> digits["label"].tolist()
    [7, 2, 1, 0, 4]
    >>> [np.array_equal(old, new) for old, new in zip(digits["img"], get_val2(digits)["img"])]
    [True, True, True, True, False]
    """
    images = image_array(df).copy()
    fours = np.flatnonzero(df["label"].to_numpy() == 4)
    draw = np.random.default_rng(seed).random((len(fours), 28, 28))
    noisy = images[fours]
    noisy[draw < SALT] = 255
    noisy[draw > 1 - PEPPER] = 0
    images[fours] = noisy
    new = df.copy()
    new["img"] = pd.Series(list(images), index=df.index, dtype=object)
    return new


def create_parity_data(
    co_occurrence: float = 0.95, n: int = 6000, held_out: int = 2000, seed: int | np.random.Generator = 0
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Even or odd? Digits whose colour nearly gives the answer away: a task to try mitigation methods on.

    In training, a share `co_occurrence` of the odd digits is orange and of the even ones blue. In the validation and
    test data colour says nothing: every digit is there in both colours.

    Parameters
    ----------
    co_occurrence : share of digits in the colour that goes with their parity, 0.5 (none) to 1
    n : training digits, from MNIST's first 50,000
    held_out : validation rows, half as many digits from MNIST's last 10,000 training digits, in both colours
    seed : of choice and colours

    Returns
    -------
    train, validation, test, other_colors : tables as of `color_table`, with `label` 0 (even) or 1 (odd). `test` has the
        first 2,000 of MNIST's test digits in orange and then in blue; `other_colors` the same rows in the other colour

    Examples
    --------
    >>> from utils.datasets import create_parity_data
    >>> train, validation, test, other_colors = create_parity_data(co_occurrence=1, n=100, held_out=40)
    >>> sorted(set(zip(train["parity"], train["color"])))
    [('even', 'blue'), ('odd', 'orange')]
    >>> sorted(set(zip(validation["parity"], validation["color"])))
    [('even', 'blue'), ('even', 'orange'), ('odd', 'blue'), ('odd', 'orange')]
    """
    if not 0.5 <= co_occurrence <= 1:
        raise ValueError(f"co_occurrence is {co_occurrence}; it must lie between 0.5 and 1.")
    if not 10 <= n <= 50_000 or not 20 <= held_out <= 20_000:
        raise ValueError(f"n is {n} and held_out {held_out}; they must be 10 to 50,000 and 20 to 20,000.")
    rng = np.random.default_rng(seed)
    ink, digits = _ink("train"), _labels("train")

    def table(ink, digits, is_blue):
        table = color_table(ink, digits, is_blue)
        return table.assign(label=(table["label"] % 2).to_numpy())

    rows = rng.permutation(50_000)[:n]
    usual_blue = digits[rows] % 2 == 0
    # Exact counts in each parity, in random rows.
    rank = _rank_within(usual_blue.astype(int), rng)
    sizes = np.bincount(usual_blue.astype(int), minlength=2)
    usual = rank < np.round(co_occurrence * sizes)[usual_blue.astype(int)]
    train = table(ink[rows], digits[rows], np.where(usual, usual_blue, ~usual_blue))

    def in_both(ink, digits):
        twice = np.arange(2 * len(digits)) % len(digits)
        blue = np.arange(2 * len(digits)) >= len(digits)
        return table(ink[twice], digits[twice], blue), table(ink[twice], digits[twice], ~blue)

    rows = 50_000 + rng.permutation(10_000)[: held_out // 2]
    validation, _ = in_both(ink[rows], digits[rows])
    return train, validation, *in_both(_ink("test")[:2000], _labels("test")[:2000])


def image_array(table: pd.DataFrame) -> np.ndarray:
    """The column `img` as one uint8 array (n, 28, 28, 3). See `stack_images` in `_images.py`.

    Examples
    --------
    >>> from utils.datasets import evaluation_data, image_array
    >>> image_array(evaluation_data().head(3)).shape
    (3, 28, 28, 3)
    """
    return stack_images(table, SIDE)
