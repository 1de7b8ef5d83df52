"""The files of Open Images V6 and V7 and of its extension MIAP, read as they were published.

Formats: https://storage.googleapis.com/openimages/web/download_v7.html#data-formats (Kuznetsova et al. 2020) and
https://storage.googleapis.com/openimages/web/extended.html#miap (Schumann et al. 2021). Columns keep their published
names. Of the large files only the rows that are wanted are kept. The lines of a few labels are looked for first, and
only those that are found are read into columns; else Polars reads the whole file in pieces, on all cores.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from utils.datasets._downloads import written_whole
from utils.datasets._line_search import lines_with
from utils.datasets._registry import DataError, registry

SPLITS = ("train", "validation", "test")
PERSON = "/m/01g317"
PERSON_KINDS = ("/m/04yx4", "/m/03bt1vf", "/m/01bl7v", "/m/05r655")  # Man, Woman, Boy, Girl
CORNERS = ["XMin", "XMax", "YMin", "YMax"]
POSITION = ["x_min", "x_max", "y_min", "y_max"]  # what our tables call them
FLAGS = ["IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside"]
MIAP_FLAGS = ["IsOccluded", "IsTruncated", "IsGroupOf", "IsDepictionOf", "IsInsideOf"]
CLICKS = [f"XClick{i}{axis}" for axis in "XY" for i in (1, 2, 3, 4)]
GENDER = {"Predominantly Feminine": "feminine", "Predominantly Masculine": "masculine", "Unknown": "unknown"}
AGE = {"Young": "young", "Middle": "middle", "Older": "older", "Unknown": "unknown"}

# kind → (in words, columns it cannot do without, further columns it may have)
KINDS = {
    "boxes": ("a file of boxes", ["ImageID", "LabelName", *CORNERS], ["Source", "Confidence", *FLAGS, *CLICKS]),
    "miap": (
        "a file of MIAP boxes",
        ["ImageID", "LabelName", *CORNERS, "GenderPresentation", "AgePresentation"],
        ["Confidence", *MIAP_FLAGS],
    ),
    "labels": ("a file of image labels", ["ImageID", "LabelName", "Confidence"], ["Source"]),
    "images": (
        "a table of images",
        ["ImageID", "OriginalURL"],
        [
            *("Subset", "OriginalLandingURL", "License", "AuthorProfileURL", "Author", "Title", "OriginalSize"),
            *("OriginalMD5", "Thumbnail300KURL", "Rotation"),
        ],
    ),
    "classes": ("a list of class names", ["LabelName", "DisplayName"], []),
    "hierarchy": ("a class hierarchy", [], []),
    "list": ("a list of images", [], []),
}
NUMBERS = dict.fromkeys([*CORNERS, "Confidence", "Rotation", *CLICKS], "Float64")
NUMBERS |= dict.fromkeys([*FLAGS, *MIAP_FLAGS], "Int8") | {"OriginalSize": "Int64"}
READER = {"boxes": "read_boxes", "miap": "read_miap", "labels": "read_image_labels", "images": "read_images"}
READER |= {"classes": "read_classes", "hierarchy": "read_hierarchy", "list": "read_list"}
IMAGE_ID = re.compile(r"[0-9A-Za-z_-]+")  # it becomes the name of a file: no dots, no slashes
LIST_LINE = re.compile(r"(train|validation|test)/([0-9A-Za-z_-]+)")


def settings() -> dict:
    """Where the files are, as the registry's section says."""
    return registry()["open_images"]


def published(annotations: str | Path, kind: str, split: str | None = None) -> Path:
    """The published file of a kind (of `KINDS`), in the folder where annotations lie.

    Parameters
    ----------
    annotations : folder
    kind : one of `KINDS`
    split : needed for a kind of which each split has a file of its own
    """
    name = settings()["annotations"][kind]
    return Path(annotations) / (name[split] if split else name)


def kind_of(path: str | Path) -> tuple[str | None, str]:
    """What a file looks like, from its beginning.

    Returns
    -------
    kind : one of `KINDS`, or None
    words : the same, in words

    Raises
    ------
    DataError : there is no such file
    """
    start = _start(path)
    line = start.splitlines()[0] if start.strip() else ""
    if not line:
        return None, "an empty file"
    if start.startswith(("PK", "\x1f")):
        return None, "a packed file, which is to be unpacked first"
    if line.lstrip().lower().startswith(("<!doctype", "<html")):
        return None, "a web page"
    if line.lstrip().startswith("<"):
        return None, "an XML answer of a server"
    if line.lstrip().startswith("{"):
        return ("hierarchy", KINDS["hierarchy"][0]) if '"LabelName"' in start else (None, "some other JSON")
    columns = _columns(start)
    # From the most to the least particular: MIAP boxes have all columns of boxes, and boxes all of image labels.
    for kind in ("miap", "boxes", "images", "labels", "classes"):
        if set(KINDS[kind][1]) <= set(columns):
            return kind, KINDS[kind][0]
    if re.match(r'"?/[a-z]+/\w+"?,', line):
        return "classes", KINDS["classes"][0]
    if LIST_LINE.fullmatch(line.strip()):
        return "list", KINDS["list"][0]
    return None, f"something else (it begins with {line[:60]!r})"


def check_kind(path: str | Path, wanted: str) -> None:
    """Raise DataError, with what it looks like and what was wanted, if a file is not of the kind `wanted`."""
    kind, words = kind_of(path)
    if kind == wanted:
        return
    name, needed, _ = KINDS[wanted]
    columns = f" with the columns {', '.join(needed)}" if needed else ""
    advice = f"Read it with {READER[kind]}, or name the other file." if kind else "Name another, or fetch it anew."
    raise DataError(f"{path} looks like {words}; {name}{columns} was wanted. {advice}")


def _start(path: str | Path) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(1 << 16).decode("utf-8-sig", errors="replace")
    except FileNotFoundError:
        raise DataError(f"There is no file {path}. Check the path, or fetch it: datalab data open-images.") from None
    except OSError as problem:
        raise DataError(f"{path} could not be read: {problem.strerror}. Check the path.") from problem


def _columns(start: str) -> list[str]:
    return [name.strip().strip('"') for name in start.splitlines()[0].split(",")] if start.strip() else []


def _rows(
    path: str | Path, kind: str, columns: list[str], where: Mapping[str, Iterable[str] | None]
) -> dict[str, np.ndarray]:
    """The columns (those of them that are there) of the rows whose values are among the wanted ones."""
    import polars as pl

    check_kind(path, kind)
    header = _columns(_start(path))
    there = [name for name in columns if name in header]
    wanted = [pl.col(name).is_in(sorted(set(values))) for name, values in where.items() if values is not None]
    labels = where.get("LabelName")
    lines = None if labels is None else lines_with(path, labels)
    rows = pl.scan_csv(
        path if lines is None else lines,
        infer_schema=False,  # all is text at first (0000e12345678901 is no number); only what is kept is converted
        null_values=["", "nan", "NaN"] if kind == "images" else None,
        encoding="utf8-lossy" if kind == "images" else "utf8",
    )
    try:
        selected = rows.filter(*wanted).select(there).collect(engine="streaming")
        selected = selected.with_columns(
            pl.col(name).cast(getattr(pl, NUMBERS[name])) for name in there if name in NUMBERS
        )
    except pl.exceptions.PolarsError as problem:
        raise DataError(
            f"{path} is damaged, or has a row of another form ({str(problem).splitlines()[0][:150]}). Delete it and "
            "fetch it anew: datalab data open-images."
        ) from problem
    for name in KINDS[kind][1]:
        empty = selected[name].null_count() if name in there and kind != "images" else 0
        if empty:
            raise DataError(
                f"{path} is damaged: {empty:,} of the rows that were wanted have no {name}. Delete it and fetch it "
                "anew: datalab data open-images."
            )
    return {name: selected[name] for name in there}


def _text(column, missing: str = "") -> pd.Series:
    return pd.Series(column.fill_null(missing).to_list(), dtype="str")


def _number(column, missing, dtype) -> np.ndarray:
    return column.fill_null(missing).to_numpy().astype(dtype)


def _boxes(path: str | Path, kind: str, wanted: list[str], labels, images) -> pd.DataFrame:
    values = _rows(path, kind, wanted, {"LabelName": labels, "ImageID": images})
    n = len(values["ImageID"])
    table = {}
    for name in wanted:
        if name in FLAGS or name in MIAP_FLAGS:
            table[name] = _number(values[name], -1, np.int8) if name in values else np.full(n, -1, np.int8)
        elif name in NUMBERS and name in values:
            table[name] = _number(values[name], np.nan, float)
        elif name in values:
            table[name] = _text(values[name])
    table = pd.DataFrame(table)
    if not set(CORNERS) <= set(table):
        return table
    x0, x1, y0, y1 = (table[name].to_numpy() for name in CORNERS)
    fine = (0 <= x0) & (x0 <= x1) & (x1 <= 1) & (0 <= y0) & (y0 <= y1) & (y1 <= 1)
    if not fine.all():
        bad = table.loc[~fine].iloc[0]
        raise DataError(
            f"{path} has a box outside of its image: {', '.join(f'{c} {bad[c]:g}' for c in CORNERS)} in image "
            f"{bad['ImageID']}; each must lie between 0 and 1, the smaller first. Delete the file and fetch it anew."
        )
    return table


def read_boxes(
    path: str | Path,
    labels: Iterable[str] | None = None,
    images: Iterable[str] | None = None,
    clicks: bool = False,
    columns: Iterable[str] | None = None,
) -> pd.DataFrame:
    """Boxes, such as `oidv6-train-annotations-bbox.csv`.

    Parameters
    ----------
    path : the file
    labels : keep boxes with one of these label names (/m/…); None keeps all
    images : keep boxes of these images; None keeps all
    clicks : also the four extreme points that were clicked (`XClick1X` … `XClick4Y`, shares of width and height, -1
        where there are none); only the train file has them
    columns : only these of the columns below; the fewer, the faster

    Returns
    -------
    DataFrame, one row a box: `ImageID`, `LabelName` (str), `XMin`, `XMax`, `YMin`, `YMax` (float, shares of the width
    and the height, from the upper left), `IsOccluded`, `IsTruncated`, `IsGroupOf`, `IsDepiction`, `IsInside` (int8: 1,
    0, or -1 for unknown, also where the file has no such column), and `Source` (str), `Confidence` (float) if the file
    has them

    Raises
    ------
    DataError : the file is missing, of another kind or damaged
    """
    every = ["ImageID", "Source", "LabelName", "Confidence", *CORNERS, *FLAGS, *(CLICKS if clicks else [])]
    return _boxes(path, "boxes", every if columns is None else list(columns), labels, images)


def read_miap(path: str | Path, images: Iterable[str] | None = None) -> pd.DataFrame:
    """Boxes of people with perceived attributes, such as `open_images_extended_miap_boxes_val.csv`.

    The attributes are what annotators thought they saw in a picture. The people in it were not asked.

    Returns
    -------
    DataFrame, one row a person's box: the columns of `read_boxes` without `Source`, the last two flags named
    `IsDepictionOf` and `IsInsideOf`, then `gender` ("feminine", "masculine", "unknown": perceived gender presentation,
    published as "Predominantly Feminine" …) and `age` ("young", "middle", "older", "unknown": perceived age
    presentation)

    Raises
    ------
    DataError : the file is missing, of another kind or damaged, or has another value of an attribute
    """
    columns = ["ImageID", "LabelName", "Confidence", *CORNERS, *MIAP_FLAGS, "GenderPresentation", "AgePresentation"]
    table = _boxes(path, "miap", columns, None, images)
    for new, published, values in [("gender", "GenderPresentation", GENDER), ("age", "AgePresentation", AGE)]:
        column = table.pop(published)
        wrong = column[~column.isin(values)]
        if len(wrong):
            raise DataError(f"{path} has {published} {wrong.iloc[0]!r}; it must be one of {', '.join(values)}.")
        table[new] = column.map(values).astype("str")
    return table


def read_image_labels(
    path: str | Path, labels: Iterable[str] | None = None, images: Iterable[str] | None = None
) -> pd.DataFrame:
    """Labels of whole images that people verified, such as `validation-annotations-human-imagelabels.csv`.

    Returns
    -------
    DataFrame: `ImageID`, `LabelName` (str), `Confidence` (float: 1 the class is in the image, 0 it is not), and
    `Source` (str) if the file has it. A class that is not listed for an image was not looked for in it.

    Raises
    ------
    DataError : the file is missing, of another kind or damaged
    """
    values = _rows(
        path, "labels", ["ImageID", "Source", "LabelName", "Confidence"], {"LabelName": labels, "ImageID": images}
    )
    return pd.DataFrame({k: _number(v, np.nan, float) if k in NUMBERS else _text(v) for k, v in values.items()})


def read_images(path: str | Path, images: Iterable[str] | None = None) -> pd.DataFrame:
    """The table of images: authors, licences, addresses, sizes; such as `validation-images-with-rotation.csv`.

    Returns
    -------
    DataFrame with all published columns: text is "" where it is missing; `OriginalSize` (int, bytes of the file at
    `OriginalURL`, -1 unknown); `OriginalMD5` (str, its MD5 in base64); `Rotation` (int, degrees counterclockwise by
    which image and boxes are to be turned, 0 where it is unknown)

    Raises
    ------
    DataError : the file is missing, of another kind or damaged, or has another rotation than 0, 90, 180, 270
    """
    columns = [*KINDS["images"][1], *KINDS["images"][2]]
    values = _rows(path, "images", columns, {"ImageID": images})
    n = len(values["ImageID"])
    table = pd.DataFrame(
        {c: _text(values[c]) if c in values else pd.Series([""] * n, dtype="str") for c in columns if c not in NUMBERS}
    )
    table["OriginalSize"] = _number(values["OriginalSize"], -1, np.int64) if "OriginalSize" in values else -1
    rotation = _number(values["Rotation"].fill_nan(0), 0, int) if "Rotation" in values else np.zeros(n, int)
    wrong = rotation[~np.isin(rotation, [0, 90, 180, 270])]
    if len(wrong):
        raise DataError(f"{path} has the rotation {wrong[0]}; it must be 0, 90, 180 or 270 degrees, or empty.")
    table["Rotation"] = rotation
    return table


def read_classes(path: str | Path) -> dict[str, str]:
    """Label name → display name, from V7's file (with a header) or V6's (without).

    Raises
    ------
    DataError : the file is missing or of another kind
    """
    check_kind(path, "classes")
    rows = pd.read_csv(path, header=None, dtype=str, keep_default_na=False, encoding="utf-8-sig", usecols=[0, 1])
    rows = rows[rows[0] != "LabelName"]
    return dict(zip(rows[0], rows[1], strict=True))


def read_hierarchy(path: str | Path) -> dict[str, list[str]]:
    """Label name → the label names of its kinds, one step down: Musical instrument → Guitar, Piano ….

    Kinds are the published `Subcategory`. The published `Part` (a wheel of a car) is no kind, and is left out, but for
    Man, Woman, Boy and Girl, which are kinds of Person wherever they stand.

    Raises
    ------
    DataError : the file is missing, of another kind or damaged
    """
    check_kind(path, "hierarchy")
    try:
        nodes = [json.loads(Path(path).read_text(encoding="utf-8-sig"))]
        kinds: dict[str, list[str]] = {}
        while nodes:
            node = nodes.pop()
            below = node.get("Subcategory", [])
            parts = node.get("Part", [])
            listed = kinds.setdefault(node["LabelName"], [])
            of_person = [p for p in parts if node["LabelName"] == PERSON and p["LabelName"] in PERSON_KINDS]
            # Some classes stand in more than one place.
            listed += [k["LabelName"] for k in [*below, *of_person] if k["LabelName"] not in listed]
            nodes += [*below, *parts]
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise DataError(
            f"{path} is a damaged class hierarchy ({problem}). Delete it and fetch it anew: datalab data open-images."
        ) from problem
    return kinds


def read_list(path: str | Path) -> pd.DataFrame:
    """A list of images as Open Images' own downloader takes it: `split/ImageID` on each line.

    Returns
    -------
    DataFrame: `split`, `image_id` (str); a line that comes twice counts once

    Raises
    ------
    DataError : there is no such file, it is empty, or a line has another form; the message names the line
    """
    _start(path)
    lines = Path(path).read_text(encoding="utf-8-sig", errors="replace").splitlines()
    entries = [(i, line.strip(), LIST_LINE.fullmatch(line.strip())) for i, line in enumerate(lines, 1) if line.strip()]
    if not entries:
        raise DataError(f"{path} is empty; a list has lines such as train/000002b66c9c498e.")
    wrong = [(i, line) for i, line, match in entries if not match]
    if wrong:
        raise DataError(
            f"{path}, line {wrong[0][0]}: {wrong[0][1][:60]!r}; a line must be train, validation or test, a slash and "
            "an ImageID, such as train/000002b66c9c498e."
        )
    return pd.DataFrame(
        [m.groups() for _, _, m in entries], columns=["split", "image_id"], dtype="str"
    ).drop_duplicates(ignore_index=True)


def write_list(table: pd.DataFrame, path: str | Path) -> None:
    """Write the columns `split` and `image_id` as a list of images, see `read_list`."""
    with written_whole(Path(path)) as partial:
        partial.write_text("".join(table["split"] + "/" + table["image_id"] + "\n"), encoding="utf-8")
