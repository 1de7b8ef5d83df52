"""Every link to a file in the pages of the project leads somewhere, in the clone and in what a class gets."""

import re
from pathlib import Path

import pytest

from grading.student_edition import student_edition

ROOT = Path(__file__).resolve().parents[1]


def pages(root: Path) -> list[Path]:
    return [
        *root.glob("*.md"),
        *(p for room in ("course", "datasets", "benchmarks") for p in (root / room).rglob("*.md")),
    ]


def dead_links(root: Path) -> list[str]:
    dead = []
    for page in pages(root):
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("mailto:") and not (page.parent / target).exists():
                dead.append(f"{page.relative_to(root)}: {target}")
    return dead


def test_no_link_of_the_project_is_dead():
    assert len(pages(ROOT)) >= 8
    assert dead_links(ROOT) == []


def test_no_link_of_the_student_edition_is_dead(tmp_path):
    edition = student_edition(tmp_path / "edition")
    assert len(pages(edition)) >= 6
    assert dead_links(edition) == []


def test_a_dead_link_is_found(tmp_path):
    (tmp_path / "page.md").write_text("[there](page.md) and [nowhere](gone.md#part)")
    assert dead_links(tmp_path) == ["page.md: gone.md"]


@pytest.mark.parametrize("page", ["datalab_day", "learning_log", "writing_about_fairness", "glossary"])
def test_the_guide_has_its_pages(page):
    text = (ROOT / f"course/guide/{page}.md").read_text(encoding="utf-8")
    assert text.startswith("# ") and len(text) > 1500
