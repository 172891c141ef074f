"""The documentation site: what its hooks make of a page, and that every public name has a place on it."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MODULES = ["", "explanation", "benchmark", "counterfactual", "uncertainty", "summary"]


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    return module_of_the_site("hooks")


def module_of_the_site(name: str) -> ModuleType:
    """A module of docs/site, which is no package."""
    specification = importlib.util.spec_from_file_location(f"site_{name}", DOCS / "site" / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("page", "link", "on_the_site"),
    [
        ("viewer.md", "](../SECURITY.md)", "](SECURITY.md)"),
        ("how-to/many.md", "](../../CONTRIBUTING.md#release)", "](../CONTRIBUTING.md#release)"),
        ("summary-format.md", "](../proto/explain.proto)", "](proto/explain.proto.md)"),
        ("CONTRIBUTING.md", "](docs/architecture.md#the-seam)", "](architecture.md#the-seam)"),
        ("methods/index.md", "](../metrics.md)", "](../metrics.md)"),
        ("methods/index.md", "](gradient.md)", "](gradient.md)"),
        ("methods/index.md", "](#the-pictures)", "](#the-pictures)"),
        ("how-to/many.md", "](../tutorial.ipynb#a-run)", "](../tutorial.md#a-run)"),
        ("index.md", "](https://www.mindspore.cn)", "](https://www.mindspore.cn)"),
        ("architecture.md", "](../explainer/checks.py)", "](../explainer/checks.py)"),  # mkdocs then refuses it
    ],
)
def test_a_link_that_is_right_in_the_repository_is_right_on_the_site(hooks, page, link, on_the_site):
    assert hooks.with_site_links(f"[a]{link}, b", page) == f"[a]{on_the_site}, b"


def test_an_example_with_prompts_is_a_session_and_other_code_is_not(hooks):
    page = "```python\n>>> 1 + 1\n2\n```\n\n```python\nnetwork = ...\n```\n"
    assert hooks.DOCTEST.sub("```pycon\n", page) == page.replace("```python\n>>>", "```pycon\n>>>")


def test_what_a_page_loads_from_elsewhere_is_found_and_links_are_not(hooks):
    page = (
        '<link rel="stylesheet" href="https://fonts.test/a.css"><script src="//cdn.test/b.js"></script>'
        '<img alt="" src=http://c.test/d.png><img src="e.png"><script src="f.js"></script><a href="https://g.test">g</a>'
    )
    assert hooks.loaded_from_elsewhere(page) == ["https://fonts.test/a.css", "//cdn.test/b.js", "http://c.test/d.png"]


def test_sessions_of_a_docstring_are_fenced_and_what_stands_around_them_is_not():
    docstring = """Adds.

Args:
    a: a number.

>>> def f(a):
...     return a + 1
>>> f(1)
2

More.

>>> f(2)
3"""
    around, first, more, second = (
        "Adds.\n\nArgs:\n    a: a number.\n\n",
        *docstring.split("number.\n\n")[1].split("\n\n"),
    )
    fenced = module_of_the_site("sessions").fenced(docstring)
    assert fenced == f"{around}```pycon\n{first}\n```\n\n{more}\n\n```pycon\n{second}\n```"


def test_a_notebook_is_a_page_with_what_its_cells_showed():
    notebook = {
        "cells": [
            {"cell_type": "markdown", "source": ["# One\n", "[two](metrics.md)"]},
            {
                "cell_type": "code",
                "source": "print(1)\n2",
                "outputs": [
                    {"output_type": "stream", "name": "stderr", "text": ["a warning"]},
                    {"output_type": "stream", "name": "stdout", "text": ["1\n"]},
                    {"output_type": "execute_result", "data": {"text/plain": ["2"]}},
                    {"output_type": "display_data", "data": {"image/png": "AQI=\n", "text/plain": "<Figure>"}},
                    {"output_type": "display_data", "data": {"text/html": ["<b>3</b>"], "text/plain": "3"}},
                ],
            },
        ]
    }
    page = module_of_the_site("notebooks").page_of(json.dumps(notebook), "tutorial")
    shown = (
        "```text\n1\n```\n\n```text\n2\n```\n\n![What the cell above shows](tutorial-1.png)\n\n<div><b>3</b></div>\n"
    )
    assert page.markdown == f"# One\n[two](metrics.md)\n\n```python\nprint(1)\n2\n```\n\n{shown}"
    assert page.pictures == {"tutorial-1.png": b"\x01\x02"}


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_on_an_api_page(module):
    public = importlib.import_module(f"explainer.{module}".rstrip("."))
    page = (DOCS / "api" / f"{module or 'explainer'}.md").read_text(encoding="utf-8")
    shown = set(re.findall(rf"^::: explainer\.{module + '.' if module else ''}(\w+)$", page, re.MULTILINE))
    assert set(public.__all__) - {"__version__"} <= shown
