"""pyproject.toml, requirements.lock and environment.yml describe one and the same environment."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())


def wanted() -> list[Requirement]:
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    return [Requirement(line) for line in PROJECT["dependencies"] + extras]


def locked() -> dict[str, list[str]]:
    """Name → versions; more than one where the version depends on the Python."""
    versions = {}
    for line in LOCK.splitlines():
        pinned = Requirement(line)
        [specifier] = pinned.specifier
        assert specifier.operator == "==", f"{line} is not pinned to one version"
        versions.setdefault(pinned.name, []).append(specifier.version)
    return versions


def test_every_dependency_is_locked_at_a_version_that_its_range_allows():
    versions = locked()
    for requirement in wanted():
        assert requirement.name in versions, f"{requirement.name} is not in requirements.lock: run `make lock`"
        for version in versions[requirement.name]:
            assert requirement.specifier.contains(version), (
                f"{requirement.name}=={version} is locked, {requirement} is wanted"
            )


def test_torch_brings_no_cuda_package_into_the_lock():
    assert not [name for name in locked() if re.match(r"nvidia-|cuda-|triton$", name)]


def test_conda_installs_this_project_with_all_extras_at_the_locked_versions():
    [from_pip] = [line["pip"] for line in CONDA["dependencies"] if isinstance(line, dict)]
    assert from_pip == ["-r requirements.lock", f"-e .[{','.join(PROJECT['optional-dependencies'])}]"]


def test_conda_takes_the_python_that_the_project_wants():
    [python] = [line for line in CONDA["dependencies"] if isinstance(line, str) and line.startswith("python")]
    assert SpecifierSet(python.removeprefix("python")) == SpecifierSet(PROJECT["requires-python"])


def test_no_file_names_a_package_index():
    for name in ("pyproject.toml", "requirements.lock", "environment.yml"):
        text = (ROOT / name).read_text()
        assert not re.search(r"index-url|find-links|https?://[^\s\"]*simple", text), f"{name} names a package index"
