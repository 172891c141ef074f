"""A module with networks, checkpoints, a folder of photos, and `explainer run` on them."""

import sys

import mindspore
import pytest
from mindspore import nn
from networks import LinearNetwork, SmallCnn
from photo_runs import FACTORIES, HEIGHT, WIDTH, pixels_of, weights_of
from PIL import Image

from explainer.command import main as cli

NOTES = ("no --checkpoint: ", " without a true label, as no label has that name\n")


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    """A folder with the module `folder_run_factories`, on the Python path."""
    folder = tmp_path_factory.mktemp("code")
    (folder / "folder_run_factories.py").write_text(FACTORIES, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder
    for name in [name for name in sys.modules if name.startswith("folder_run_")]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Weights on disk, by name, with the networks they came from."""
    folder = tmp_path_factory.mktemp("checkpoints")
    networks = {
        "small_cnn": SmallCnn(3),
        "blank": LinearNetwork(weights_of(3 * HEIGHT * WIDTH)),
        "blank_grey": LinearNetwork(weights_of(HEIGHT * WIDTH)),
        "other": nn.Dense(2, 3),
    }
    for name, network in networks.items():
        mindspore.save_checkpoint(network, str(folder / f"{name}.ckpt"))
    return folder, networks


@pytest.fixture
def photos(tmp_path):
    """Two pictures of ants, one of a dog, one of a thing without label and one beside the folders."""
    folder = tmp_path / "photos"
    for seed, name in enumerate(["ant/2.png", "ant/1.PNG", "dog/a.png", "gnu/a.png", "zero.png"]):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels_of(seed)).save(path, format="PNG")
    return folder


@pytest.fixture
def command(tmp_path, code, checkpoints, photos, capsys):
    """Runs the command with good arguments, or with what is given instead: exit status, output, error without notes."""
    (tmp_path / "labels.txt").write_text("ant\nbee\n\n  cat  \ndog\n", encoding="utf-8")

    def run(*more, without=None, size=("--size", HEIGHT, WIDTH), **given):
        arguments = {
            "network": "folder_run_factories:blank",
            "images": photos,
            "labels": tmp_path / "labels.txt",
            "summary_dir": tmp_path / "out",
            "explainers": "Gradient",
            "on_unknown_label": "ignore",  # of gnus
            "preprocess": "none",
            **given,
        }
        arguments.pop(without, None)
        named = [part for name, value in arguments.items() for part in (f"--{name.replace('_', '-')}", str(value))]
        capsys.readouterr()
        status = cli.main(["run", *named, *map(str, (*size, *more))])
        output, error = capsys.readouterr()
        lines = error.splitlines(keepends=True)
        run.notes = [line for line in lines if line.startswith(NOTES[0]) or line.endswith(NOTES[1])]
        return status, output, "".join(line for line in lines if line not in run.notes)

    return run


@pytest.fixture
def refused(command, tmp_path):
    """Runs the command; it must refuse, leave no summary and tell why in one or two lines: exit status and why."""

    def run(*more, **given):
        status, output, error = command(*more, **given)
        assert output == ""
        assert error.startswith("explainer: ")
        assert not (tmp_path / "out").exists()
        return status, error.removeprefix("explainer: ").strip()

    return run
