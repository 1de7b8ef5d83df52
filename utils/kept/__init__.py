"""Results that are kept: what a training with a seed gives is a function of what goes in, so it is computed once.

`recall(name, inputs, compute)` gives what `compute()` returns. The first time it is computed and written to a file;
afterwards, for the same inputs, it is read from there, the same to the last bit. An entry is found by a hash of all
that could change it: the inputs, the code of this project, the versions of the libraries, the processor. What cannot be
hashed with certainty (a function written in a notebook, a random generator, which is used up) is computed every time.

Environment variables, looked at with each call:

- `DATALAB_KEEP`: "on" (the default); "off" computes always and keeps nothing; "read" uses what there is and keeps
  nothing new, as in the sandbox where submissions are graded
- `DATALAB_CACHE`: the folder, in place of `datasets/.cache`; entries lie in its folder `kept`
- `DATALAB_KEEP_MB`: how large all entries together may become, default 1000; the one used longest ago goes first
"""

from utils.kept._fingerprint import NoKey, fingerprint
from utils.kept._recall import KEPT, cpu_seconds, look, recall, recalled, show_kept
from utils.kept._settings import cache_folder, folder
from utils.kept._store import clear, entries

__all__ = [
    "KEPT", "NoKey", "cache_folder", "clear", "cpu_seconds", "entries", "fingerprint", "folder", "look", "recall",
    "recalled", "show_kept",
]  # fmt: skip
