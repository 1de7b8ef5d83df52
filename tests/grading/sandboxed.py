"""For tests that need bubblewrap: skipped, with the command that installs it, where there is none."""

import shutil
import sys

import pytest

from grading.course import GradingError
from grading.sandbox import check


def _reason() -> str:
    if shutil.which("bwrap") is None:
        return "install the sandbox: sudo apt-get install bubblewrap"
    try:
        check()
    except GradingError as problem:
        return str(problem)
    return ""


_why_not = _reason()
has_sandbox = not _why_not
needs_sandbox = pytest.mark.skipif(not has_sandbox, reason=_why_not)
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="grading copies Pythons as only Linux can")
