"""`explainer layers`: every cell, what it gives, how it is read, and what "auto" takes."""

import json

import mindspore
import pytest
from networks import SmallCnn

from explainer.command.main import main

NETWORKS = """
import numpy as np
from mindspore import Tensor, mint, nn, ops

class Tokens(nn.Cell):
    def __init__(self, width=6):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 2, 2, has_bias=True)
        self.norm = nn.LayerNorm([width])
        self.mix = nn.Dense(width, width)
        self.unused = nn.ReLU()
        self.twice = nn.ReLU()
        self.head = nn.Dense(width, 5)

    def construct(self, images):
        tokens = self.patches(images).flatten(start_dim=2).swapaxes(1, 2)
        tokens = self.twice(self.mix(self.twice(self.norm(tokens))))
        return self.head(tokens.mean(1))

class Flat(nn.Cell):
    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.head = nn.Dense(3 * 8 * 6, 4)

    def construct(self, images):
        return self.head(self.flatten(images))
"""


@pytest.fixture(scope="module", autouse=True)
def _networks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("code")
    (folder / "layers_networks.py").write_text(NETWORKS, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield


def listed(capsys, *arguments):
    assert main(["layers", *map(str, arguments)]) == 0
    output, error = capsys.readouterr()
    assert error == ""
    return output.splitlines()


def test_each_cell_has_its_class_its_shape_and_how_it_is_read(capsys):
    assert listed(capsys, "--network", "layers_networks:Tokens", "--size", 8, 6) == [
        "Tokens, images 3 x 8 x 6, 5 classes",
        "  patches  Conv2d     6 x 4 x 3      maps, 4 x 3",
        "* norm     LayerNorm  12 x 6         tokens, 4 x 3",
        "  mix      Dense      12 x 6         tokens, 4 x 3",
        "  unused   ReLU       is not called",
        "  twice    ReLU       runs 2 times",
        "  head     Dense      5",
        '* what "auto" takes: layer=norm',
    ]


def test_arguments_and_weights_are_those_of_a_run(capsys, tmp_path, code):
    network = SmallCnn(3)
    path = tmp_path / "small.ckpt"
    mindspore.save_checkpoint(network, str(path))
    lines = listed(capsys, "--network", "folder_run_factories:small_cnn", "--checkpoint", path, "--size", 6, 8)
    assert lines[-1] == '* what "auto" takes: layer=relu2'
    wider = listed(capsys, "--network", "layers_networks:Tokens", "--network-args", "width=7", "--size", 8, 6)
    assert wider[1] == "  patches  Conv2d     7 x 4 x 3      maps, 4 x 3"


def test_in_a_narrow_terminal_long_names_have_a_line_of_their_own(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "49")
    lines = listed(capsys, "--network", "layers_networks:Tokens", "--size", 8, 6)[1:-1]
    assert max(map(len, lines)) <= 49
    first, *rest = lines[:3]
    assert first == "  patches"
    assert rest == [
        "          Conv2d     6 x 4 x 3      maps, 4 x 3",
        "* norm    LayerNorm  12 x 6         tokens, 4 x 3",
    ]


def test_the_facts_are_there_as_json(capsys):
    facts = json.loads("\n".join(listed(capsys, "--network", "layers_networks:Tokens", "--size", 8, 6, "--json")))
    assert (facts["network"], facts["classes"], facts["auto"], facts["no_auto"]) == ("Tokens", 5, "norm", None)
    assert facts["layers"][1] == {
        "name": "norm", "kind": "LayerNorm", "shape": [12, 6], "read_as": ["tokens, 4 x 3"], "why_not": None,
    }  # fmt: skip
    assert facts["layers"][3]["why_not"] == "is not called"


def test_a_network_without_a_layer_for_auto_says_why(capsys):
    lines = listed(capsys, "--network", "layers_networks:Flat", "--size", 8, 6)
    assert lines[-1].startswith("no layer is marked: `layer` 'auto' found no layer with a spatial map")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--size", 9, 6],
            "explainer: `network` (Flat) must be one that can be evaluated for one input of shape (1, 3, 9,",
        ),
        (["--channels", 1, "--size", 8, 6], "made for, its axes (N, C, H, W) for images (--size H W, --channels)\n"),
        (["--checkpoint", "nowhere.ckpt"], "explainer: --checkpoint must be a file, got nowhere.ckpt"),
        (
            ["--network-args", "width=3"],
            "explainer: --network-args: layers_networks:Flat takes no arguments; got 'width'",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_exit_status_2(capsys, arguments, message):
    assert main(["layers", "--network", "layers_networks:Flat", *map(str, arguments)]) == 2
    output, error = capsys.readouterr()
    assert output == "" and message in error
