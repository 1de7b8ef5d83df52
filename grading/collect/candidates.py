"""What the steps of collecting hand to one another, from a file that nobody read yet to what was done with all."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

from ..course import GradingError
from .names import plain

NO_TIME = "the download does not tell when it was handed in"


class Refused(Exception):
    """Why something of a student is not taken, as the second half of a sentence."""


@dataclass(frozen=True)
class File:
    """A file that somebody handed in and that nobody read yet.

    `read(most)` raises Refused beyond `most` bytes; `open()`, of a file on the disk, gives something to read from.
    """

    name: str
    time: datetime | None
    read: Callable[[int], bytes]
    open: Callable[[], AbstractContextManager[BinaryIO]] | None = None


@dataclass(frozen=True)
class Candidate:
    """What may become a student's submission: all that was found of one student in one place, unread.

    `what` names it in a report; `refused` are the names of files that are not taken, each with the reason.
    """

    student: str
    files: list[File]
    time: datetime | None
    notes: list[str]
    what: str
    refused: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class SetAside:
    """Something that was not taken, and the reason."""

    what: str
    why: str


@dataclass(frozen=True)
class Collected:
    """A submission that was put into `submitted/`; the time as in its `timestamp.txt`, or None."""

    student: str
    time: str | None
    notes: list[str]


@dataclass(frozen=True)
class Collection:
    """What a collecting did: `kind`, what the source was taken for; `unchanged`, students whose submission is there."""

    kind: str = ""
    collected: list[Collected] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)


def joined(parts: list[Collection], kind: str = "") -> Collection:
    """Several collections as one."""
    return Collection(
        kind,
        [collected for part in parts for collected in part.collected],
        [student for part in parts for student in part.unchanged],
        [item for part in parts for item in part.set_aside],
    )


def in_words(problem: Exception) -> str:
    """Why something is not taken, whatever it was that went wrong."""
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror.lower()
    if isinstance(problem, Refused | GradingError | OSError):
        return str(problem)
    return f"it cannot be processed ({plain(f'{type(problem).__name__}: {problem}')})"
