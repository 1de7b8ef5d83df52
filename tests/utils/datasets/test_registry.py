"""A damaged or missing data file is found, named and brought back."""

import gzip
import hashlib
import importlib.util
import io
import os
import pickle
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from utils.datasets import _registry as registry

LABELS = "handwritten_numbers/MNIST/raw/t10k-labels-idx1-ubyte.gz"
ROOT = Path(__file__).resolve().parents[3]
DATASHEETS = sorted((ROOT / "datasets").glob("*/DATASHEET.md"))


@pytest.fixture
def copy_of_datasets(tmp_path, monkeypatch):
    """A copy of the data outside the repository, so that a file can be damaged."""
    folder = tmp_path / "datasets"
    shutil.copytree(registry.FOLDER, folder, ignore=shutil.ignore_patterns("*-ubyte", ".cache"))
    monkeypatch.setattr(registry, "FOLDER", folder)
    registry.verified.cache_clear()
    registry.registry.cache_clear()
    yield folder
    registry.verified.cache_clear()
    registry.registry.cache_clear()


def test_every_embedded_file_has_a_row_and_is_whole():
    sections = tomllib.loads((ROOT / "datasets/registry.toml").read_text(encoding="utf-8"))
    for name, section in sections.items():
        missing = {"title", "source", "licence", "citation", "datasheet", "files"} - set(section)
        assert not missing, f"[{name}] lacks {', '.join(sorted(missing))}"
        assert (ROOT / "datasets" / section["datasheet"]).is_file()
        if section["files"]:  # else nothing of it is embedded
            assert "build" in section, f"[{name}] lacks build, the script that makes its files"
            assert (ROOT / "datasets" / section["build"]).is_file()
    rows = {row["path"]: row for section in sections.values() for row in section["files"]}
    embedded = {str(p.relative_to(ROOT / "datasets")) for p in (ROOT / "datasets").rglob("*.gz")}
    assert set(rows) == embedded
    for path, row in rows.items():
        assert (ROOT / "datasets" / path).stat().st_size == row["bytes"]
    assert registry.data_problems() == []


def test_every_dataset_has_a_folder_with_its_datasheet_and_a_section():
    sections = tomllib.loads((ROOT / "datasets/registry.toml").read_text(encoding="utf-8"))
    folders = {path.name for path in (ROOT / "datasets").iterdir() if path.is_dir() and path.name[0] not in "._"}
    assert {sheet.parent.name for sheet in DATASHEETS} == folders == set(sections)
    assert {section.get("datasheet") for section in sections.values()} == {f"{name}/DATASHEET.md" for name in folders}


@pytest.mark.parametrize("sheet", DATASHEETS, ids=lambda path: path.parent.name)
def test_a_datasheet_has_the_seven_headings(sheet):
    headings = " ".join(re.findall(r"^## (.*)$", sheet.read_text(encoding="utf-8"), re.M)).lower()
    for heading in ["motivation", "composition", "collection", "preprocessing", "uses", "distribution", "maintenance"]:
        assert heading in headings, f"the seven headings are those of datasets/adult/DATASHEET.md; no {heading!r} here"


def test_a_damaged_file_is_named_with_the_command_that_restores_it(copy_of_datasets):
    path = copy_of_datasets / LABELS
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(registry.DataError, match="t10k-labels.*damaged.*datalab data restore"):
        registry.verified(LABELS)
    assert len(registry.data_problems()) == 1


def test_a_missing_file_is_named_with_the_command_that_restores_it(copy_of_datasets):
    (copy_of_datasets / LABELS).unlink()
    with pytest.raises(registry.DataError, match="t10k-labels.*missing.*datalab data restore"):
        registry.verified(LABELS)


def test_content_packed_by_another_zlib_is_the_same_file(copy_of_datasets):
    path = copy_of_datasets / LABELS
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=1))
    assert registry.verified(LABELS) == path


def test_restore_brings_a_damaged_file_back_from_git(copy_of_datasets):
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", copy_of_datasets]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "data"]):
        subprocess.run([*git, *command], check=True)
    whole = (copy_of_datasets / LABELS).read_bytes()
    (copy_of_datasets / LABELS).write_bytes(whole[:100])
    assert registry.restore() == ["handwritten_numbers"]
    assert (copy_of_datasets / LABELS).read_bytes() == whole
    assert registry.restore() == []


def test_restore_says_so_when_it_cannot(copy_of_datasets):
    (copy_of_datasets / LABELS).unlink()
    (copy_of_datasets / "handwritten_numbers/build.py").write_text("raise SystemExit('no network')")
    with pytest.raises(registry.DataError, match="t10k-labels.*missing.*no network"):
        registry.restore()


def test_the_unpickler_of_the_build_script_lets_only_arrays_in():
    spec = importlib.util.spec_from_file_location("build", ROOT / "datasets/handwritten_numbers/build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    with pytest.raises(pickle.UnpicklingError, match="system"):
        build.ArraysOnly(io.BytesIO(pickle.dumps(os.system))).load()


def test_packing_is_whole_the_same_each_time_and_says_the_row(tmp_path, capsys):
    registry.pack(b"some rows", tmp_path / "rows.csv.gz")
    first = (tmp_path / "rows.csv.gz").read_bytes()
    said = capsys.readouterr().out
    registry.pack(b"some rows", tmp_path / "rows.csv.gz")
    assert (tmp_path / "rows.csv.gz").read_bytes() == first and gzip.decompress(first) == b"some rows"
    assert hashlib.sha256(first).hexdigest() in said and f"bytes = {len(first)}" in said
    assert [p.name for p in tmp_path.iterdir()] == ["rows.csv.gz"]
