"""The commands that README and the documentation show are ones that `explainer` takes."""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path

import click
import pytest

from explainer.command.main import cli

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands(page: str) -> list[str]:
    """What follows `explainer` in the shell blocks of a page, continued lines joined, without comments."""
    blocks = re.findall(r"^```bash\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    lines = (line for block in blocks for line in block.replace("\\\n", " ").splitlines())
    return [line.partition(" ")[2] for line in lines if line.startswith("explainer ")]


def files(page: str) -> dict[str, str]:
    """The files that a page shows, by the name in their first line: `# run.toml`."""
    return {name: text for text, name in re.findall(r"^```toml\n(# (\S+)\n.*?)^```", page, re.MULTILINE | re.DOTALL)}


SHOWN = [(page.relative_to(ROOT).as_posix(), line) for page in PAGES for line in commands(page.read_text("utf-8"))]


@pytest.mark.parametrize(("page", "line"), SHOWN)
def test_a_command_that_a_page_shows_is_taken(page, line, tmp_path, monkeypatch):
    """Its options are there, and its values of the right kind; what it would do is not done."""
    for name, text in files((ROOT / page).read_text("utf-8")).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert taken(line)


def taken(line: str) -> bool:
    """Whether `explainer` takes what stands before a redirection; `...` stands for options that are not shown."""
    name, *arguments = itertools.takewhile(lambda word: word not in (">", ">>", "|"), shlex.split(line, comments=True))
    shown = [word for word in arguments if word != "..."]
    try:
        whole = click.Context(cli, **cli.context_settings)  # without it Click would keep another --help for the command
        return bool(cli.commands[name].make_context(name, shown, whole).params)
    except click.MissingParameter:
        return shown != arguments


def test_commands_of_a_page_are_found():
    shell = "```bash\npip install .\nexplainer run --a \\\n    --b  # why\n```\n"
    page = f"{shell}\nexplainer no\n\n```python\nexplainer no\n```\n"
    assert commands(page) == ["run --a      --b  # why"]
    assert len(SHOWN) > 10


def test_an_option_that_is_not_there_is_told():
    with pytest.raises(click.NoSuchOption):
        taken("inspect summaries --no-such-option")
