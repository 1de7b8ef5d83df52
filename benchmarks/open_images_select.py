"""Choosing boxes from a file as large as Open Images' train boxes: `read_boxes` against `pandas.read_csv` and a filter.

A file of 14.6 million rows in the published format is made in a temporary folder (2.2 GB; it is deleted afterwards) and
read by both, in fresh processes, in turn: all rows of two classes, with the columns that choosing needs, and with all.
pandas reads the first part of the file only, where memory is short (`--pandas-rows`); its seconds are then scaled up.

    python benchmarks/open_images_select.py [--quick]
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from common import cpu_and_wall, in_own_process, medians, peak_megabytes, print_table

ROWS = 14_600_000
BLOCK = 100_000  # rows that are drawn; the file repeats them with other image ids
LABELS = ["/m/0sim07", "/m/0sim30"]
COLUMNS = ["ImageID", "LabelName", "IsDepiction"]


def block(rng) -> bytes:
    """Rows in the format of oidv6-train-annotations-bbox.csv; each ImageID begins with "zzzz"."""
    import numpy as np

    ids = np.sort(rng.integers(0, BLOCK // 8, BLOCK))
    names = np.array(["/m/01g317", *[f"/m/0sim{i:02d}" for i in range(600)]])
    often = 1 / np.arange(1, 602) ** 0.9
    columns = [
        [f"zzzz{i:012x}" for i in ids.tolist()],
        np.where(rng.random(BLOCK) < 0.1, "activemil", "xclick").tolist(),
        names[rng.choice(601, BLOCK, p=often / often.sum())].tolist(),
        ["1"] * BLOCK,
    ]
    corners = np.sort(rng.random((2, BLOCK, 2)), axis=2)
    numbers = [corners[0, :, 0], corners[0, :, 1], corners[1, :, 0], corners[1, :, 1]]
    columns += [[f"{x:.6f}" for x in column.tolist()] for column in numbers]
    columns += [[str(x) for x in rng.integers(0, 2, BLOCK).tolist()] for _ in range(5)]
    columns += [[f"{x:.6f}" for x in rng.random(BLOCK).tolist()] for _ in range(8)]
    return ("\n".join(map(",".join, zip(*columns, strict=True))) + "\n").encode()


def write(path: Path, rows: int) -> dict:
    """Write the file, in a process of its own: what it takes would count as peak memory of those that read."""
    import numpy as np

    from utils.datasets._open_images_files import CLICKS, CORNERS, FLAGS

    body = block(np.random.default_rng(0))
    needed = len(body) * -(-rows // BLOCK)
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        sys.exit(
            f"{path.parent} has {free / 1e9:.1f} GB free; {needed / 1e9:.1f} GB are needed. Set TMPDIR to another."
        )
    with open(path, "wb") as file:
        file.write(
            ",".join(["ImageID", "Source", "LabelName", "Confidence", *CORNERS, *FLAGS, *CLICKS]).encode() + b"\n"
        )
        for i in range(-(-rows // BLOCK)):
            file.write(body.replace(b"zzzz", b"%04x" % i))
    return {"bytes": path.stat().st_size}


def measure(way: str, path: str, rows: str) -> dict:
    """One way in this process."""
    if way.startswith("pandas"):
        import pandas as pd

        def select():
            usecols = COLUMNS if way == "pandas, 3 columns" else None
            table = pd.read_csv(path, nrows=int(rows) or None, usecols=usecols)
            return table[table["LabelName"].isin(LABELS)]
    else:
        import polars  # noqa: F401  imported lazily by what is measured

        from utils.datasets._open_images_files import read_boxes

        def select():
            return read_boxes(path, LABELS, columns=COLUMNS if way == "ours, 3 columns" else None)

    found, cpu, wall = cpu_and_wall(select)
    return {"wall": wall, "cpu": cpu, "rows": len(found), "memory": peak_megabytes()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="200,000 rows: a try, no result")
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of the file (14.6 million)")
    parser.add_argument("--pandas-rows", type=int, help="rows that pandas reads (all)")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    rows, repeats = (2 * BLOCK, 1) if args.quick else (-(-args.rows // BLOCK) * BLOCK, args.repeats)
    part = args.pandas_rows if args.pandas_rows and args.pandas_rows < rows else 0
    ways = ["pandas", "ours, 3 columns", "ours, all columns", "pandas, 3 columns"]
    with tempfile.TemporaryDirectory(prefix="open_images_") as folder:
        path = Path(folder) / "boxes.csv"
        size = in_own_process(Path(__file__).name, "--write", str(path), str(rows))["bytes"]
        print(f"{path}: {rows:,} rows, {size / 1e9:.2f} GB; it is deleted at the end.", flush=True)
        runs = {way: [] for way in ways}
        for _ in range(repeats):
            for way in ways:
                of_way = str(part if way.startswith("pandas") else 0)
                runs[way].append(in_own_process(Path(__file__).name, "--one", way, str(path), of_way))
    found = {way: medians(of_way) for way, of_way in runs.items()}
    scale = rows / part if part else 1
    for way in ways:
        if way.startswith("pandas"):
            found[way]["wall"] *= scale
            found[way]["cpu"] *= scale
    if not part and len({f["rows"] for f in found.values()}) > 1:
        sys.exit(f"The ways do not find the same rows: {found}.")
    slow = found["pandas"]
    lines = []
    for way, target in zip(ways, ["", "8 times faster, under 1500 MB", "", ""], strict=True):
        f = found[way]
        ratios = ["", ""] if way == "pandas" else [f"{slow[k] / f[k]:.2f}" for k in ("wall", "cpu")]
        lines.append([way, f"{f['wall']:.2f}", ratios[0], f"{f['cpu']:.2f}", ratios[1], f"{f['memory']:.0f}", target])
    read = f"; pandas read {part:,} of them, its seconds are scaled up" if part else ""
    kept = found["ours, all columns"]["rows"]
    print_table(
        f"{kept:,.0f} of {rows:,} boxes{read}; median of {repeats}, {os.cpu_count()} cores",
        ["", "clock s", "ratio", "CPU s", "ratio", "peak memory, MB", "target"],
        lines,
    )
    if args.quick:
        print("\nA try on a few rows: these ratios mean nothing.")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(*sys.argv[2:])))
    elif sys.argv[1:2] == ["--write"]:
        print(json.dumps(write(Path(sys.argv[2]), int(sys.argv[3]))))
    else:
        main()
