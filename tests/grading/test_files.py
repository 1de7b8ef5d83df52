"""Files of the course folder: whole or not there, and one process at a time."""

import json
import os

import pytest

from grading.course import GradingError
from grading.files import alone, whole, write_json, write_whole


@pytest.mark.parametrize("content", ["größer\n", "a\r\nb\n", "", b"\x00\xff"])
def test_what_is_written_is_what_is_read_and_nothing_else_is_left(tmp_path, content):
    write_whole(tmp_path / "x.csv", content)
    data = (tmp_path / "x.csv").read_bytes()
    assert data == (content if isinstance(content, bytes) else content.encode())
    assert os.listdir(tmp_path) == ["x.csv"]


@pytest.mark.parametrize("problem", [OSError, KeyboardInterrupt])
def test_what_goes_wrong_on_the_way_leaves_the_old_file(tmp_path, problem):
    (tmp_path / "x.txt").write_text("old")
    with pytest.raises(problem), whole(tmp_path / "x.txt") as part:
        part.write_text("half")
        assert part.parent == tmp_path
        raise problem
    assert os.listdir(tmp_path) == ["x.txt"] and (tmp_path / "x.txt").read_text() == "old"


def test_a_name_without_an_encoding_is_written_as_json_writes_it(tmp_path):
    write_json(tmp_path / "new/x.json", {"b\udcff": ["ü", 1.5, None]})
    assert "ü" in (tmp_path / "new/x.json").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "new/x.json").read_text(encoding="utf-8")) == {"b\udcff": ["ü", 1.5, None]}


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_second_one_is_told_so_and_the_next_may(tmp_path, kind):
    path = tmp_path / kind
    path.touch() if kind == "file" else path.mkdir()
    with alone(path, "wait"), pytest.raises(GradingError, match="wait"), alone(path, "wait"):
        pass
    with alone(path, "wait"):
        pass
