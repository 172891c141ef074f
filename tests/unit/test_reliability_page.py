"""Every test that docs/reliability.md names is there, in the file that it names."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "reliability.md").read_text(encoding="utf-8")


def named(page: str) -> list[tuple[str, str]]:
    """Each test as (file, test), and each file alone as (file, ""); `::test` is in the file named last in its table."""
    found, file = [], ""
    for line in page.splitlines():
        file = file if line.startswith("|") else ""
        for path, test in re.findall(r"`((?:tests/)?(?:\w+/)*test_\w+\.py|(?=::))(?:::(test_\w+))?`", line):
            file = path or file
            found.append((file, test))
    return found


def defined_in(file: str) -> set[str] | None:
    """The tests of a file that is named from the repository, from `tests` or from `tests/unit`; None: there is none."""
    for folder in (TESTS.parent, TESTS, TESTS / "unit"):
        if file and (folder / file).is_file():
            return set(re.findall(r"^ *def (test_\w+)", (folder / file).read_text(encoding="utf-8"), re.MULTILINE))
    return None


def test_every_test_that_the_page_names_is_in_the_file_that_it_names():
    missing = [(file, test) for file, test in named(PAGE) if test and test not in (defined_in(file) or ())]
    assert missing == []
    assert sum(bool(test) for _, test in named(PAGE)) == len(re.findall(r"::test_\w+", PAGE)) > 100


def test_every_file_of_tests_that_the_page_names_is_there():
    assert [file for file, _ in named(PAGE) if defined_in(file) is None] == []
    assert {file for file, _ in named(PAGE)} >= set(re.findall(r"[\w/]*test_\w+\.py", PAGE))


def test_names_are_read_from_a_row():
    row = "| a | b | `summary/test_a.py::test_b`, `::test_c`, `test_d.py`; `tests/unit/test_e.py` |"
    wanted = [("summary/test_a.py", "test_b"), ("summary/test_a.py", "test_c"), ("test_d.py", "")]
    assert named(row) == [*wanted, ("tests/unit/test_e.py", "")]
    assert defined_in("unit/test_reliability_page.py") == {name for name in globals() if name.startswith("test_")}
    assert defined_in("test_absent.py") is None
