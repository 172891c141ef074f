"""docs/command-line.md names every command, and its file of a run has keys that are options."""

import re
import sys
from pathlib import Path

import pytest

from explainer.command.configuration import settings_of
from explainer.command.main import cli

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PAGE = (Path(__file__).parents[3] / "docs" / "command-line.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_is_in_the_table(name):
    assert re.search(rf"^\|.*`explainer {name}`.*\|", PAGE, re.MULTILINE)


def test_the_keys_of_the_file_are_options():
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert set(tomllib.loads(block)) <= settings_of(cli.commands["run"]).keys()


def test_every_option_that_is_named_is_one():
    known = {option for command in cli.commands.values() for parameter in command.params for option in parameter.opts}
    assert set(re.findall(r"--[a-z][a-z-]+", PAGE)) <= known | {"--help"}
