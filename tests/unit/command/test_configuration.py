"""A run as a file: options from TOML, which of them a summary keeps, and TOML again."""

import json
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from hand_made_runs import write_run
from photo_runs import HEIGHT, WIDTH, run_of

from explainer.command.configuration import CONFIGURATION, ConfiguredCommand, config_option, toml_of
from explainer.command.main import main


@pytest.fixture
def given(tmp_path):
    """What a command of every kind of option gets from a file and from arguments."""

    def ask(text, *arguments):
        path = tmp_path / "set" / "run.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        found = {}

        @click.command(cls=ConfiguredCommand)
        @config_option
        @click.option("--place", type=Path)
        @click.option("--places", type=click.Path(path_type=Path), multiple=True)
        @click.option("--pair", nargs=2, type=int, default=(1, 2))
        @click.option("--word-or-words", "words", default="none")
        @click.option("--part", type=float, default=0.5)
        @click.option("--kind", type=click.Choice(["1", "b"]))
        @click.option("--really", is_flag=True)
        @click.option("--resume", is_flag=True)
        @click.pass_context
        def command(context, **options):
            found.update(options, configuration=context.meta[CONFIGURATION])

        try:
            command.main(["--config", str(path), *arguments], standalone_mode=False)
        except click.ClickException as error:
            return error.format_message()
        return found

    return ask


def test_a_file_gives_what_the_command_line_would(given, tmp_path):
    found = given(
        'place = "a/b"\nplaces = ["c", "/d"]\npair = [3, 4]\nword-or-words = ["x", "y"]\npart = 2\nkind = 1\n'
        "really = true"
    )
    folder = tmp_path / "set"
    assert found.pop("configuration") == {
        "place": str(folder / "a/b"),
        "places": [str(folder / "c"), "/d"],
        "pair": [3, 4],
        "word-or-words": "x,y",
        "part": 2.0,
        "kind": "1",
        "really": True,
    }
    assert found == {
        "place": folder / "a/b",
        "places": (folder / "c", Path("/d")),
        "pair": (3, 4),
        "words": "x,y",
        "part": 2.0,
        "kind": "1",
        "really": True,
        "resume": False,
    }


def test_numbers_of_one_option_are_joined_as_on_the_command_line(given):
    assert given("word-or-words = [0.485, 1]")["words"] == "0.485 1"


def test_the_command_line_comes_before_the_file(given, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = given('place = "a"\nplaces = ["b", "c"]\npair = [3, 4]', "--place", "d", "--places", "e", "--part", "1")
    assert (found["place"], found["places"], found["pair"], found["part"]) == (Path("d"), (Path("e"),), (3, 4), 1.0)
    assert found["configuration"] == {
        "place": str(tmp_path / "d"), "places": [str(tmp_path / "e")], "pair": [3, 4], "part": 1.0,
    }  # fmt: skip


def test_defaults_and_how_a_command_is_called_are_no_part_of_the_configuration(given):
    assert given("", "--resume")["configuration"] == {}


def test_a_table_gives_the_values_of_an_option_that_takes_several(given):
    found = given('[places]\ndepth = 20\nname = "12"\nstages = [2, 2]')
    assert [path.name for path in found["places"]] == ["depth=20", 'name="12"', "stages=[2, 2]"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pairs = [1, 2]", "run.toml has 'pairs', which is no option; did you mean 'pair' or 'part' or 'places'?"),
        ("word_or_words = 'x'", "run.toml has 'word_or_words', which is no option; did you mean 'word-or-words'?"),
        ("resume = true", "run.toml has 'resume', which is no option"),
        ("config = 'x'", "run.toml has 'config', which is no option"),
        ("pair = 3", "run.toml: pair: Takes 2 values but 1 was given."),
        ("part = 'much'", "run.toml: part: 'much' is not a valid float."),
        ("kind = 'c'", "run.toml: kind: 'c' is not one of '1', 'b'."),
        ("really = 1", "run.toml: really must be true or false, got 1"),
        ("part = { a = 1 }", "run.toml: part must be no table, got a"),
        ("part = = 1", "run.toml is none: "),
    ],
)
def test_what_a_file_must_not_say_is_told_with_its_name(given, text, message):
    assert message in given(text)


def test_a_file_that_is_not_there_is_told(given):
    assert "must be a TOML file that can be read, got nowhere.toml: No such file" in given(
        "", "--config", "nowhere.toml"
    )


@pytest.mark.parametrize("text", ['a"b\\c', "Fuchs 🦊\x1b\u202e\n", "\x7f", "ä"])
def test_every_text_comes_back_from_toml(given, text):
    assert given(toml_of({"word-or-words": text}))["words"] == text


# ---- a run ----


def test_a_run_from_a_file_is_that_of_the_command_line_and_is_printed_as_a_file_that_runs_again(
    command, photos, checkpoints, tmp_path, capsys
):
    more = ("--mean", 0.1, 0.2, 0.3, "--top-k", 2, "--batch-size", 2, "--limit", 3, "--network-args", "seed=4")
    assert command(*more, network="folder_run_factories:seeded", explainers="Gradient,Occlusion:window=3")[0] == 0
    first = run_of(tmp_path)
    assert main(["config", str(tmp_path / "out")]) == 0
    printed, _ = capsys.readouterr()
    assert printed.splitlines() == [
        'network = "folder_run_factories:seeded"',
        'network-args = ["seed=4"]',
        f'images = "{photos}"',
        f'labels = "{tmp_path / "labels.txt"}"',
        'on-unknown-label = "ignore"',
        'preprocess = "none"',
        f"size = [{HEIGHT}, {WIDTH}]",
        'mean = "0.1 0.2 0.3"',
        "limit = 3",
        f'summary-dir = "{tmp_path / "out"}"',
        'explainers = "Gradient,Occlusion:window=3"',
        "batch-size = 2",
        "top-k = 2",
    ]
    (tmp_path / "again.toml").write_text(printed, encoding="utf-8")
    assert main(["run", "--config", str(tmp_path / "again.toml"), "--summary-dir", str(tmp_path / "out2")]) == 0
    second = run_of(tmp_path, "out2")
    assert len(second.samples) == 3
    for before, after in zip(first.samples.values(), second.samples.values(), strict=True):
        for one, other in zip(before.maps, after.maps, strict=True):
            np.testing.assert_array_equal(first.saliency(one), second.saliency(other))
    capsys.readouterr()
    assert main(["config", str(tmp_path / "out2")]) == 0
    assert capsys.readouterr().out == printed.replace(f'"{tmp_path / "out"}"', f'"{tmp_path / "out2"}"')


def test_a_module_in_the_working_directory_is_told_with_its_folder(command, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "my code"
    folder.mkdir()
    (folder / "own_networks.py").write_text("from networks import SmallCnn\n\ndef net():\n    return SmallCnn(3)\n")
    monkeypatch.chdir(folder)
    assert command(network="own_networks:net", without="checkpoint")[0] == 0
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert main(["config", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    first, *rest = printed.splitlines()
    assert first == f"# The network's module lay here; from elsewhere run with PYTHONPATH='{folder}'"
    assert rest[0] == 'network = "own_networks:net"'
    (tmp_path / "again.toml").write_text(printed, encoding="utf-8")
    monkeypatch.delitem(sys.modules, "own_networks")
    monkeypatch.syspath_prepend(folder)
    assert main(["run", "--config", str(tmp_path / "again.toml"), "--summary-dir", str(tmp_path / "out2")]) == 0


def test_a_run_that_goes_on_keeps_the_options_that_it_was_begun_with(command, photos, tmp_path):
    whole = (photos / "dog" / "a.png").read_bytes()
    (photos / "dog" / "a.png").write_bytes(b"")
    assert command("--limit", 4)[0] == 1
    (photos / "dog" / "a.png").write_bytes(whole)
    assert command("--limit", 4, "--resume", "--batch-size", 1)[0] == 0
    run = run_of(tmp_path)
    assert "batch-size" not in run.metadata.parameters["provenance"]["configuration"]
    assert run.resumed[0]["batch_size"] == 1 and "configuration" not in run.resumed[0]


def test_options_are_not_compared_twice(command, tmp_path, capsys):
    assert command("--top-k", 1)[0] == 0
    assert command("--top-k", 2, summary_dir=tmp_path / "other")[0] == 0
    assert main(["compare", str(tmp_path / "out"), str(tmp_path / "other"), "--json"]) == 0
    names = [found["name"] for found in json.loads(capsys.readouterr().out)["differences"]]
    assert "options.top_k" in names and not any("configuration" in name for name in names)


def test_a_run_of_python_code_has_no_options_to_print(tmp_path, capsys):
    write_run(tmp_path)
    assert main(["config", str(tmp_path)]) == 2
    assert "keeps no options of `explainer run`: its run was made by Python code, or" in capsys.readouterr().err
