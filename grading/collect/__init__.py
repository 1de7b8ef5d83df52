"""Bring submissions into `submitted/<student>/<lab>/`: from nbgrader's exchange, a folder, or a bulk download.

A submission counts for the student who owns its files, at the time the server saw it. Nothing of a stranger is
followed (links), opened (devices) or trusted (names, times); what cannot be taken is set aside with the reason.

Times: in the exchange the newest `ctime` of the files and folders, which a student cannot set (`exchange`); in a folder
the newest `mtime` of its files, since copies keep it; a bulk download has no time.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ..course import ROOT, GradingError, need_lab
from ..roster import read_roster
from .candidates import Collected, Collection, SetAside, joined
from .downloads import from_download
from .exchange import exchange_has, from_exchange, inbound, inbound_of, user_name
from .plugin import downloaded
from .reading import files_of
from .store import by_student, collecting, store_newest
from .times import time_in

__all__ = ["KINDS", "Collected", "Collection", "SetAside", "collect", "exchange_has", "files_of", "time_in"]

KINDS = ("auto", "exchange", "folder", "moodle", "canvas", "zip_collect")


def collect(
    lab: str,
    root: Path = ROOT,
    source: Path | None = None,
    kind: str = "auto",
    roster: Path | None = None,
    name_of: Callable[[int], str | None] = user_name,
) -> Collection:
    """Bring the submissions of a lab into `submitted/`.

    Of several by one student the newest counts, and an older one never replaces a newer one. What is replaced is kept
    in `collected-before/<student>/<lab>/`. Each student's folder changes in one step, so an interruption loses nothing.

    Parameters
    ----------
    lab : such as lab1_handwritten_numbers
    root : the course folder
    source : a folder or a zip file; when None the exchange that `nbgrader_config.py` names (for the kind
        "zip_collect": nbgrader's own folder `downloaded/<lab>/archive`)
    kind : one of KINDS; "auto" looks what the source is
    roster : a CSV table of the class with the column `student`, and `moodle_id`, `canvas_id` or `name`; see
        `grading.roster`
    name_of : user number → user name, None for a number that nobody has; by default that of this machine

    Returns
    -------
    Collection : what was collected, what is there as before, and what was set aside, with the reasons

    Raises
    ------
    GradingError : the source is not there or cannot be read, the roster cannot be used, or somebody else is collecting
    """
    need_lab(lab, root)
    if kind not in KINDS:
        raise GradingError(f"There is no kind '{kind}' of download. Choose one of: {', '.join(KINDS)}.")
    wanted = {path.stem for path in (root / "course/source" / lab).glob("*.ipynb")}
    with ExitStack() as stack:
        if source is None and kind == "zip_collect":
            source = downloaded(lab, root)
        if source is None:
            if kind not in ("auto", "exchange"):
                raise GradingError(f"Name the folder or the zip file of the kind '{kind}' with --from.")
            folder = inbound(root)
        else:
            source = Path(source)
            folder = inbound_of(source, lab, kind, root)
        if folder is not None:
            kind, (candidates, set_aside) = "exchange", from_exchange(lab, folder, name_of)
        else:
            kind, candidates, set_aside = from_download(lab, source, kind, wanted, read_roster(roster), root, stack)
        stack.enter_context(collecting(root))
        students, nameless = by_student(candidates)
        parts = [store_newest(lab, student, students[student], wanted, root) for student in sorted(students)]
    return joined([Collection(set_aside=[*set_aside, *nameless]), *parts], kind)
