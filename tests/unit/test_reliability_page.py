"""Every test that docs/reliability.md names is there."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text(encoding="utf-8")
HERE = Path(__file__).parent


def test_every_test_that_the_page_names_is_there():
    defined = {
        name for path in HERE.rglob("test_*.py") for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)
    }
    named = set(re.findall(r"::(test_\w+)", PAGE))
    assert len(named) > 30
    assert named - defined == set()


def test_every_file_of_tests_that_the_page_names_is_there():
    named = set(re.findall(r"`([a-z_]+/test_\w+\.py)", PAGE)) | set(re.findall(r"`(test_\w+\.py)`", PAGE))
    assert [path for path in named if not (HERE / path).exists()] == []
