"""Downloads over real HTTP, from a server on loopback that fails in every way it can."""

import base64
import errno
import hashlib
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from utils.datasets import _downloads as downloads
from utils.datasets._downloads import Damaged, DeadLink, fetch
from utils.datasets._registry import DataError

BODY = np.random.default_rng(0).bytes(1 << 20)


@pytest.fixture
def http():
    with downloads.session(retries=3, backoff=0.001) as session:
        yield session


@pytest.fixture
def served(loopback):
    (loopback.folder / "file.bin").write_bytes(BODY)
    return loopback


def get(served, http, to, **more):
    return fetch(f"{served.address}/file.bin", to, http, timeout=(1, 0.3), **more)


def left(folder):
    return sorted(p.name for p in folder.iterdir() if p.name != "served")


def test_a_file_arrives_and_nothing_else_is_left(served, http, tmp_path):
    seen = []
    to = get(served, http, tmp_path / "new" / "file.bin", on_bytes=lambda new, total: seen.append((new, total)))
    assert to.read_bytes() == BODY
    assert left(tmp_path / "new") == ["file.bin"]
    assert sum(new for new, _ in seen) == len(BODY) and seen[0][1] == len(BODY)


@pytest.mark.parametrize(
    "faults",
    [[503], [503, 502, 500], [429], ["truncate"], ["truncate", "truncate", "truncate", "truncate"], ["stall"]],
    ids=str,
)
def test_it_is_tried_again(served, http, tmp_path, faults):
    served.faults["file.bin"] = faults.copy()
    assert get(served, http, tmp_path / "file.bin").read_bytes() == BODY
    assert len(served.requests) == len(faults) + 1
    assert left(tmp_path) == ["file.bin"]


def test_what_came_before_a_break_is_not_fetched_again(served, http, tmp_path):
    served.faults["file.bin"] = ["truncate", "truncate"]
    get(served, http, tmp_path / "file.bin")
    assert served.asked_for("file.bin") == ["", "bytes=524288-", "bytes=786432-"]


def test_a_later_call_goes_on_from_the_part(served, tmp_path):
    with downloads.session(retries=0) as once:
        served.always["file.bin"] = 503
        served.faults["file.bin"] = ["truncate"]
        with pytest.raises(DataError, match="out of order .answer 503.*kept.*goes on from there"):
            get(served, once, tmp_path / "file.bin")
        assert left(tmp_path) == ["file.bin.part", "file.bin.part.tag"]
        served.always.clear()
        assert get(served, once, tmp_path / "file.bin").read_bytes() == BODY
    assert served.asked_for("file.bin")[-1] == "bytes=524288-"


def part(tmp_path, content, tag):
    (tmp_path / "file.bin.part").write_bytes(content)
    (tmp_path / "file.bin.part.tag").write_text(tag)


def test_a_part_of_another_version_is_thrown_away(served, http, tmp_path):
    part(tmp_path, b"x" * 1000, '"older"')
    assert get(served, http, tmp_path / "file.bin").read_bytes() == BODY
    assert served.asked_for("file.bin") == ["bytes=1000-"]


def test_a_part_of_which_nothing_is_known_is_thrown_away(served, http, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(b"x" * 1000)
    assert get(served, http, tmp_path / "file.bin").read_bytes() == BODY
    assert served.asked_for("file.bin") == [""]


def test_a_server_that_knows_no_ranges_sends_all_of_it_again(served, http, tmp_path):
    served.faults["file.bin"] = ["truncate"]
    served.always["file.bin"] = "no ranges"
    assert get(served, http, tmp_path / "file.bin").read_bytes() == BODY


def test_a_server_that_always_breaks_off_and_knows_no_ranges_is_given_up(served, http, tmp_path):
    served.always["file.bin"] = "truncate"
    (served.folder / "file.bin").write_bytes(b"12")  # half of it is one byte, and then nothing more
    with pytest.raises(DataError, match="broke off again and again"):
        get(served, http, tmp_path / "file.bin")


def test_416_for_a_complete_part_means_done(served, http, tmp_path):
    part(tmp_path, BODY, f'"{len(BODY)}-{hash(BODY)}"')
    assert get(served, http, tmp_path / "file.bin").read_bytes() == BODY
    assert served.asked_for("file.bin") == [f"bytes={len(BODY)}-"]


def test_416_for_a_part_that_is_too_long_means_from_the_start(served, http, tmp_path):
    part(tmp_path, BODY + b"more", f'"{len(BODY)}-{hash(BODY)}"')
    assert get(served, http, tmp_path / "file.bin").read_bytes() == BODY
    assert served.asked_for("file.bin") == [f"bytes={len(BODY) + 4}-", ""]


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_dead_link_is_named_and_not_tried_again(served, http, tmp_path, status):
    served.always["file.bin"] = status
    with pytest.raises(DeadLink, match=f"no file at http.*file.bin .answer {status}"):
        get(served, http, tmp_path / "file.bin")
    assert len(served.requests) == 1
    assert left(tmp_path) == []


MD5 = hashlib.md5(BODY)


@pytest.mark.parametrize("storage", ["UploadServer", "AmazonS3"])
def test_the_md5_that_the_storage_states_is_checked(served, http, tmp_path, storage):
    served.name = storage
    if storage == "AmazonS3":
        stated = {"ETag": f'"{MD5.hexdigest()}"'}
    else:
        stated = {"x-goog-hash": f"crc32c=AAAAAA==, md5={base64.b64encode(MD5.digest()).decode()}"}
    served.always["file.bin"] = stated
    assert get(served, http, tmp_path / "file.bin").read_bytes() == BODY
    (served.folder / "file.bin").write_bytes(b"y" + BODY[1:])
    with pytest.raises(Damaged, match="arrived damaged.*MD5"):
        get(served, http, tmp_path / "other.bin")
    assert left(tmp_path) == ["file.bin"]


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": f'"{MD5.hexdigest()}"', "Server": "nginx"},
        {"ETag": f'"{MD5.hexdigest()}-3"', "Server": "AmazonS3"},
        {"ETag": f'"{MD5.hexdigest()}"', "Server": "AmazonS3", "x-amz-server-side-encryption": "aws:kms"},
        {},
    ],
)
def test_a_tag_that_may_be_no_md5_is_not_taken_for_one(headers):
    assert downloads._announced_md5(headers) is None


def test_what_the_caller_does_not_accept_is_fetched_anew(served, http, tmp_path):
    def check(path):
        if downloads.md5_of(path) != MD5.digest():
            raise Damaged("another MD5")

    served.faults["file.bin"] = ["change"]
    assert get(served, http, tmp_path / "file.bin", check=check).read_bytes() == BODY
    served.always["file.bin"] = "change"
    with pytest.raises(Damaged, match="another MD5"):
        get(served, http, tmp_path / "other.bin", check=check)
    assert left(tmp_path) == ["file.bin"]


def test_a_failed_download_leaves_the_earlier_file(served, http, tmp_path):
    (tmp_path / "file.bin").write_bytes(b"earlier")
    served.always["file.bin"] = 500
    with pytest.raises(DataError):
        get(served, http, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == b"earlier"


def test_a_full_disk_is_seen_before_anything_is_written(served, http, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(
        DataError, match=r"disk of .* is full: file.bin needs 1.0 MB more and 0.0 MB are free. Make room"
    ):
        get(served, http, tmp_path / "file.bin")
    assert left(tmp_path) == []


def test_a_disk_that_fills_up_on_the_way_keeps_the_part(served, http, tmp_path, monkeypatch):
    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, piece):
            self.file.write(piece[:1000])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(downloads, "open", lambda path, mode: Full(open(path, mode)), raising=False)
    with pytest.raises(DataError, match="file.bin could not be written: the disk is full"):
        get(served, http, tmp_path / "file.bin")
    assert left(tmp_path) == ["file.bin.part", "file.bin.part.tag"]
    monkeypatch.undo()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert get(served, http, tmp_path / "file.bin").read_bytes() == BODY
    assert served.asked_for("file.bin")[-1] == "bytes=1000-"


def test_a_table_is_written_whole_or_not_at_all(tmp_path):
    target = tmp_path / "table.csv"
    with downloads.written_whole(target) as partial:
        partial.write_text("first")
    with pytest.raises(DataError, match="table.csv could not be written: the disk is full"):
        with downloads.written_whole(target) as partial:
            partial.write_text("sec")
            raise OSError(errno.ENOSPC, "No space left on device")
    assert target.read_text() == "first"
    assert left(tmp_path) == ["table.csv"]


def test_a_folder_that_is_a_file_is_said(served, http, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(DataError, match="could not be written.*Check the folder, or name another"):
        get(served, http, tmp_path / "taken" / "file.bin")


def test_no_network(http, tmp_path):
    with pytest.raises(DataError, match="There is no connection to 127.0.0.1:9.*Check the network"):
        fetch("http://127.0.0.1:9/file.bin", tmp_path / "file.bin", http)


def test_a_proxy_that_does_not_answer(http, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(DataError, match="The proxy between here and images.invalid .*HTTPS_PROXY"):
        fetch("http://images.invalid/file.bin", tmp_path / "file.bin", http)


def test_a_proxy_that_asks_for_a_password(served, http, tmp_path, monkeypatch):
    served.always["http://images.invalid/file.bin"] = 407
    monkeypatch.setenv("http_proxy", served.address)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(DataError, match="asks for a name and a password"):
        fetch("http://images.invalid/file.bin", tmp_path / "file.bin", http)


def test_an_encrypted_connection_to_a_server_that_has_none(served, http, tmp_path):
    with pytest.raises(DataError, match="certificate of 127.0.0.1.*REQUESTS_CA_BUNDLE"):
        fetch(served.address.replace("http:", "https:") + "/file.bin", tmp_path / "file.bin", http, timeout=(1, 0.3))


def test_a_server_that_does_not_answer_in_time(served, tmp_path, monkeypatch):
    silent = []  # connections that are taken and never answered
    monkeypatch.setattr(type(served), "process_request", lambda self, request, address: silent.append(request))
    with downloads.session(retries=1, backoff=0.001) as session:
        with pytest.raises(DataError, match="did not answer in time"):
            fetch(f"{served.address}/file.bin", tmp_path / "file.bin", session, timeout=(1, 0.1))


def test_a_refusal_is_quoted(served, http, tmp_path):
    served.always["file.bin"] = 418
    with pytest.raises(DataError, match="refused http.*file.bin .answer 418"):
        get(served, http, tmp_path / "file.bin")


def test_a_folder_serves_as_well_as_an_address(served, http, tmp_path):
    assert downloads.place("http://a/b/", "c.bin") == "http://a/b/c.bin"
    source = downloads.place(served.folder, "file.bin")
    assert fetch(source, tmp_path / "copy" / "file.bin", http).read_bytes() == BODY
    assert left(tmp_path / "copy") == ["file.bin"]
    shutil.rmtree(served.folder)
    with pytest.raises(DeadLink, match="no file"):
        fetch(source, tmp_path / "file.bin", http)
