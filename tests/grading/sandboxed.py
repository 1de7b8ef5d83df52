"""For tests that need bubblewrap: skipped, with the command that installs it, where there is none."""

import shutil

import pytest

from grading.course import GradingError
from grading.sandbox import check


def _reason() -> str:
    try:
        check()
    except GradingError as problem:
        return str(problem)
    return ""


needs_sandbox = pytest.mark.skipif(
    shutil.which("bwrap") is None or bool(_reason()),
    reason=_reason() or "install the sandbox: sudo apt-get install bubblewrap",
)
