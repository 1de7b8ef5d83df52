"""Train every mitigation method on the pictures of Lab 3, five seeds each, and write down how each model does.

    python datasets/mitigation_runs/build.py

About ten minutes on two cores. The figures differ a little from one kind of processor to another, and so does the
file's hash: after a run, put its new `bytes`, `sha256` and `sha256_content` into `datasets/registry.toml`.
"""

from pathlib import Path

from utils.datasets._pictures import load_pictures
from utils.datasets._registry import pack
from utils.datasets._scene_specification import Specification
from utils.datasets._simulated_scenes import counterfactual_pairs, simulate
from utils.mitigation._compare import compare
from utils.mitigation._methods import METHODS

FILE = Path(__file__).parent / "runs.csv.gz"
EVEN = Specification().without("representation", "co_occurrence", "unknown")  # as in Lab 3's notebooks


def main():
    pictures = load_pictures("simulated")
    train, validation, test = (
        pictures[pictures["split"] == split].reset_index(drop=True) for split in ("train", "validation", "test")
    )
    pairs, other_cue = counterfactual_pairs(EVEN, 2400, seed=15, split="validation")
    runs = compare(
        train,
        validation,
        {"validation": validation, "pairs": pairs, "test": test},
        groups="gender",
        methods=[name for name in METHODS if name != "silhouette"],
        # As many scenes without the association and without the proxy: what nobody has in practice.
        balanced=simulate(Specification().without("representation", "co_occurrence", "proxy"), len(train), seed=0),
        seeds=range(5),
        counterfactual={"pairs": other_cue},
    )
    content = (
        runs.round({name: 5 for name in runs.columns if runs[name].dtype.kind == "f"}).to_csv(index=False).encode()
    )
    print(f"{len(runs)} rows")
    pack(content, FILE)


if __name__ == "__main__":
    main()
