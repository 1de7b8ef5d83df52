"""The student's own copies: new ones arrive, edits stay, whatever happens in between."""

import pytest

from utils.work_copies import hand_out


@pytest.fixture
def folders(tmp_path):
    release, work = tmp_path / "release", tmp_path / "work"
    (release / "lab1").mkdir(parents=True)
    (release / "lab1/1_a.ipynb").write_text("version 1")
    hand_out(release, work)
    return release, work


def test_a_first_copy_and_then_nothing_to_do(folders):
    release, work = folders
    assert (work / "lab1/1_a.ipynb").read_text() == "version 1"
    assert hand_out(release, work) == []


def test_an_unedited_copy_is_updated(folders):
    release, work = folders
    (release / "lab1/1_a.ipynb").write_text("version 2")
    assert "updated" in hand_out(release, work)[0]
    assert (work / "lab1/1_a.ipynb").read_text() == "version 2"


def test_an_edit_is_never_overwritten_and_the_new_version_lies_beside_it(folders):
    release, work = folders
    (work / "lab1/1_a.ipynb").write_text("my answer")
    assert hand_out(release, work) == []
    (release / "lab1/1_a.ipynb").write_text("version 2")
    [sentence] = hand_out(release, work)
    assert "1_a_new_version.ipynb" in sentence
    assert (work / "lab1/1_a.ipynb").read_text() == "my answer"
    assert (work / "lab1/1_a_new_version.ipynb").read_text() == "version 2"
    assert hand_out(release, work) == []


def test_work_done_in_the_new_version_is_kept_too(folders):
    release, work = folders
    (work / "lab1/1_a.ipynb").write_text("my answer")
    (release / "lab1/1_a.ipynb").write_text("version 2")
    hand_out(release, work)
    (work / "lab1/1_a_new_version.ipynb").write_text("my second answer")
    (release / "lab1/1_a.ipynb").write_text("version 3")
    hand_out(release, work)
    texts = sorted(path.read_text() for path in (work / "lab1").iterdir())
    assert texts == ["my answer", "my second answer", "version 3"]


@pytest.mark.parametrize("damage", ["lost", "damaged", "[]"])
def test_without_its_memory_it_takes_every_difference_for_an_edit(folders, damage):
    release, work = folders
    memory = work / ".handed_out.json"
    memory.unlink() if damage == "lost" else memory.write_text(damage)
    (release / "lab1/1_a.ipynb").write_text("version 2")
    hand_out(release, work)
    assert (work / "lab1/1_a.ipynb").read_text() == "version 1"
    assert (work / "lab1/1_a_new_version.ipynb").read_text() == "version 2"


def test_a_deleted_copy_comes_back(folders):
    release, work = folders
    (work / "lab1/1_a.ipynb").unlink()
    hand_out(release, work)
    assert (work / "lab1/1_a.ipynb").read_text() == "version 1"
