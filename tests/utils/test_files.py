"""Files that are there whole or not at all."""

import pytest

from utils.files import write_whole, written_whole


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_and_nothing_is_left_beside_it(tmp_path):
    write_whole(tmp_path / "new/a.txt", b"first")
    write_whole(tmp_path / "new/a.txt", b"second")
    assert (tmp_path / "new/a.txt").read_bytes() == b"second" and names(tmp_path / "new") == ["a.txt"]


def test_what_fails_leaves_the_old_file(tmp_path):
    write_whole(tmp_path / "a.txt", b"first")
    with pytest.raises(KeyboardInterrupt), written_whole(tmp_path / "a.txt") as partial:
        partial.write_bytes(b"sec")
        raise KeyboardInterrupt
    assert (tmp_path / "a.txt").read_bytes() == b"first" and names(tmp_path) == ["a.txt"]


def test_two_that_write_the_same_file_do_not_write_into_each_other(tmp_path):
    with written_whole(tmp_path / "a.txt") as one, written_whole(tmp_path / "a.txt") as other:
        one.write_bytes(b"one")
        other.write_bytes(b"other")
    assert (tmp_path / "a.txt").read_bytes() == b"one" and names(tmp_path) == ["a.txt"]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    write_whole(tmp_path / "a", b"")
    with pytest.raises(OSError):
        write_whole(tmp_path / "a" / "b", b"")
