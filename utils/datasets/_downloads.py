"""Files over HTTP: taken up again after a break, tried again, checked, and there whole or not at all.

A file comes as `name.part` beside where it goes. Only when it is complete and passed its checks does it get its name,
in one step (`os.replace`). What ends a download in between (a break, a full disk, Ctrl-C) leaves the part, and the next
call goes on from there: by a range request (RFC 9110, section 14) on the condition that the file on the server is
still the same (`If-Range`). requests does the HTTP, urllib3's `Retry` says how often and how long to wait.
"""

import base64
import errno
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests import exceptions as problems
from urllib3.exceptions import MaxRetryError
from urllib3.util import Retry

from utils import files
from utils.datasets._registry import DataError

BUSY = (429, 500, 502, 503, 504)  # worth another try
GONE = (403, 404, 410)  # a public bucket answers 403 for what it does not have
TIMEOUT = (10, 30)  # seconds: to connect, and between two pieces of an answer
PIECE = 1 << 15  # bytes; of a connection that breaks off, a piece that has begun is lost
GOES_ON = "What was downloaded is kept: the same command goes on from there."


class DeadLink(DataError):
    """There is no such file at the address."""


class Damaged(DataError):
    """What arrived is not what was sent, or not what was wanted."""


def session(retries: int = 5, backoff: float = 0.5, longest: float = 60, connections: int = 8) -> requests.Session:
    """A session that tries again: on no connection, on time-outs and on the answers 429, 500, 502, 503 and 504.

    Parameters
    ----------
    retries : further tries after the first
    backoff : seconds; the waits are 0, 2, 4, 8 … times this, each with up to as much at random on top. A server that
        says how long to wait (`Retry-After`) is obeyed
    longest : seconds that a wait takes at most
    connections : how many threads will use the session at once
    """
    retry = Retry(
        total=retries,
        backoff_factor=backoff,
        backoff_max=longest,
        backoff_jitter=backoff,
        retry_after_max=longest,
        status_forcelist=BUSY,
        raise_on_status=False,
    )
    http = requests.Session()
    for scheme in ("http://", "https://"):
        http.mount(scheme, requests.adapters.HTTPAdapter(max_retries=retry, pool_maxsize=connections))
    http.headers["Accept-Encoding"] = "identity"  # a range of a packed stream would be of no use
    return http


def is_address(base: str | Path) -> bool:
    """Whether this is an address (http or https); else it is a folder."""
    return str(base).startswith(("http://", "https://"))


def place(base: str | Path, name: str) -> str | Path:
    """The file `name` below a base address or in a base folder."""
    return f"{str(base).rstrip('/')}/{name}" if is_address(base) else Path(base) / name


def fetch(
    source: str | Path,
    to: Path,
    http: requests.Session,
    check: Callable[[Path], None] | None = None,
    on_bytes: Callable[[int, int | None], None] | None = None,
    timeout: tuple[float, float] = TIMEOUT,
) -> Path:
    """One file, whole: from an address, or copied from a folder.

    The number of bytes is compared with what the server announced, and the MD5 with what Google's and Amazon's storage
    send along (`x-goog-hash`; the `ETag` of an object that was stored in one piece). What fails is fetched anew.

    Parameters
    ----------
    source : address or path, see `place`
    to : path; a file that is there already is replaced
    http : see `session`
    check : called with the path of the complete part; raises Damaged if that is not what was wanted
    on_bytes : called as it arrives with the number of new bytes (negative where a part is thrown away) and, as far as
        known, the size of the whole
    timeout : seconds to connect, and between two pieces

    Returns
    -------
    Path : `to`

    Raises
    ------
    DeadLink : there is no such file
    Damaged : it arrived damaged each time
    DataError : no network, a proxy or server that refuses, a disk that is full or closed; one sentence says which
    """
    to = Path(to)
    part, tag = to.with_name(to.name + ".part"), to.with_name(to.name + ".part.tag")
    on_bytes = on_bytes or (lambda new, total: None)
    with _disk(to):
        to.parent.mkdir(parents=True, exist_ok=True)
        if not is_address(source):
            _copy(Path(source), part, on_bytes)
            if check:
                check(part)
            os.replace(part, to)
            return to
        fresh = retry = http.get_adapter(source).max_retries
        while True:
            before = _size(part)
            try:
                _one_try(source, part, tag, http, on_bytes, timeout)
                if check:
                    check(part)
                os.replace(part, to)
                tag.unlink(missing_ok=True)
                return to
            except (problems.ChunkedEncodingError, problems.ConnectionError, problems.Timeout, Damaged) as problem:
                if isinstance(problem, Damaged):
                    _throw_away(part, tag, on_bytes)
                try:  # a try that brought something is not one in vain
                    retry = fresh if _size(part) > before else retry.increment("GET", source, error=problem)
                except MaxRetryError:
                    if isinstance(problem, Damaged):
                        raise problem from None
                    raise DataError(
                        f"The connection to {urlsplit(source).netloc} broke off again and again while {to.name} came "
                        f"({_short(problem)}). {GOES_ON}"
                    ) from problem
                retry.sleep()


def _one_try(source, part: Path, tag: Path, http, on_bytes, timeout):
    """One request: the rest of a part, or the whole file."""
    have, known = _size(part), tag.read_text() if tag.exists() else ""
    if have and not known:  # nothing says that the file on the server is still the one we have the beginning of
        _throw_away(part, tag, on_bytes)
        have = 0
    headers = {"Range": f"bytes={have}-", "If-Range": known} if have else {}
    try:
        answer = http.get(source, headers=headers, stream=True, timeout=timeout)
    except problems.RequestException as problem:  # the session has tried it again already
        raise DataError(_sentence(problem, source)) from problem
    with answer:
        if answer.status_code == 416:  # no such range: the part was complete, or the file is another now
            if answer.headers.get("Content-Range", "").replace(" ", "") == f"bytes*/{have}":
                return
            raise Damaged(f"{source} has another size than before.")
        if answer.status_code in GONE:
            raise DeadLink(f"There is no file at {source} (answer {answer.status_code}).")
        if answer.status_code not in (200, 206):
            raise DataError(_refusal(answer, source))
        if answer.status_code == 206:
            found = re.match(r"bytes (\d+)-\d+/", answer.headers.get("Content-Range", ""))
            if not found or int(found[1]) != have:
                raise Damaged(f"The server of {source} sent another part than the one asked for.")
        elif have:  # the server knows no ranges, or the file is another now: all of it comes again
            _throw_away(part, tag, on_bytes)
            have = 0
        length = None if "Content-Encoding" in answer.headers else answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        free = shutil.disk_usage(part.parent).free
        if total and total - have > free:
            raise DataError(
                f"The disk of {part.parent} is full: {part.name[:-5]} needs {_megabytes(total - have)} more and "
                f"{_megabytes(free)} are free. Make room, or name a folder on another disk. {GOES_ON}"
            )
        strong = answer.headers.get("ETag", "")
        tag.write_text(strong if strong.startswith('"') else answer.headers.get("Last-Modified", ""))
        on_bytes(0, total)
        with open(part, "ab") as file:
            for piece in answer.iter_content(PIECE):
                file.write(piece)
                on_bytes(len(piece), total)
        if total is not None and _size(part) < total:
            raise problems.ConnectionError(f"{_size(part):,} of {total:,} bytes came")
        announced = _announced_md5(answer.headers)
        if (total is not None and _size(part) > total) or (announced and md5_of(part) != announced):
            raise Damaged(f"{source} arrived damaged: its size or MD5 is not the one that its server states.")


def _announced_md5(headers) -> bytes | None:
    """The MD5 of the whole file as Google's or Amazon's storage states it; None where it does not."""
    found = re.search(r"md5=([\w+/=]+)", headers.get("x-goog-hash", ""))
    if found:
        return base64.b64decode(found[1])
    # Of an object that came in several pieces ("…-17") or lies encrypted with a key of its own, the tag is no MD5.
    found = re.fullmatch(r'"([0-9a-f]{32})"', headers.get("ETag", ""))
    plain = headers.get("x-amz-server-side-encryption", "AES256") == "AES256"
    return bytes.fromhex(found[1]) if found and plain and headers.get("Server") == "AmazonS3" else None


def md5_of(path: Path) -> bytes:
    """The MD5 of a file, 16 bytes. It tells accidents, not attacks."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()


def _copy(source: Path, part: Path, on_bytes):
    if not source.is_file():
        raise DeadLink(f"There is no file {source}.")
    on_bytes(0, source.stat().st_size)
    shutil.copyfile(source, part)
    on_bytes(_size(part), source.stat().st_size)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _throw_away(part: Path, tag: Path, on_bytes):
    on_bytes(-_size(part), None)
    part.unlink(missing_ok=True)
    tag.unlink(missing_ok=True)


def _megabytes(n: int) -> str:
    return f"{n / 1e6:,.1f} MB"


@contextmanager
def _disk(path: Path):
    """A disk that is full, or a folder where we may not write, in a sentence."""
    try:
        yield
    except problems.RequestException:  # they are OSErrors too
        raise
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            why = "the disk is full. Make room, or name a folder on another disk"
        elif isinstance(problem, PermissionError):
            why = "this folder may not be written to. Name another one"
        else:
            why = f"{problem.strerror or problem}. Check the folder, or name another one"
        raise DataError(f"{path} could not be written: {why}. {GOES_ON}") from problem


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """As `utils.files.written_whole`; what the disk has against it is a DataError."""
    with _disk(path), files.written_whole(path) as partial:
        yield partial


def _short(problem: Exception) -> str:
    """The innermost cause, without addresses of objects in memory."""
    while isinstance(problem.__context__ or problem.__cause__, Exception):
        problem = problem.__cause__ or problem.__context__
    text = re.sub(r"<[^>]*>:? ?|\w+\(.*?\): ", "", str(problem)).strip().splitlines()
    return (text[0] if text else type(problem).__name__)[:160].rstrip(".")


def _sentence(problem: Exception, source: str) -> str:
    host = urlsplit(source).netloc
    if isinstance(problem, problems.ProxyError):
        return (
            f"The proxy between here and {host} refuses or does not answer ({_short(problem)}). Check the environment "
            f"variables HTTPS_PROXY and NO_PROXY, or ask those who run the network. {GOES_ON}"
        )
    if isinstance(problem, problems.SSLError):
        return (
            f"The certificate of {host} could not be checked ({_short(problem)}). A network that looks into encrypted "
            f"traffic needs its own certificate named in REQUESTS_CA_BUNDLE. {GOES_ON}"
        )
    if isinstance(problem, problems.Timeout) or "timed out" in str(problem):
        return f"{host} did not answer in time. Try again later. {GOES_ON}"
    if isinstance(problem, problems.ConnectionError):
        return f"There is no connection to {host} ({_short(problem)}). Check the network. {GOES_ON}"
    return f"{source} could not be fetched ({_short(problem)}). Check the address. {GOES_ON}"


def _refusal(answer, source: str) -> str:
    host, code = urlsplit(source).netloc, answer.status_code
    if code == 407:
        return (
            f"The proxy between here and {host} asks for a name and a password (answer 407). Put them into the "
            "environment variable HTTPS_PROXY: http://name:password@proxy:port."
        )
    if code in BUSY:
        return f"{host} is overloaded or out of order (answer {code}, each time). Try again later. {GOES_ON}"
    return f"{host} refused {source} (answer {code} {answer.reason}). Check the address. {GOES_ON}"
