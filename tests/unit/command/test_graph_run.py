"""`explainer run` on the graph of a MindIR file."""

import mindspore
import numpy as np
import pytest
from mindspore import Tensor
from networks import SmallCnn
from photo_runs import HEIGHT, WIDTH, run_of

from explainer.command.main import main

FORWARD = "Occlusion:window=3,LIME:samples=20:grid=3"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A MindIR file and a checkpoint of one network."""
    folder = tmp_path_factory.mktemp("graph")
    network = SmallCnn(3).set_train(False)
    mindspore.save_checkpoint(network, str(folder / "small.ckpt"))
    images = Tensor(np.zeros((1, 3, HEIGHT, WIDTH), np.float32))
    mindspore.export(network, images, file_name=str(folder / "small"), file_format="MINDIR")
    return folder


def test_a_run_on_a_graph_is_that_on_its_network(command, saved, tmp_path):
    given = {"explainers": FORWARD, "metrics": "Faithfulness:metric=DeletionAUC:steps=3"}
    status, _, error = command("--uncertainty", "shift", network=saved / "small.mindir", **given)
    assert (status, error) == (0, "")
    network = {"network": "folder_run_factories:small_cnn", "checkpoint": saved / "small.ckpt"}
    assert command("--engine", "mindspore", summary_dir=tmp_path / "wanted", **network, **given)[0] == 0
    found, wanted = run_of(tmp_path), run_of(tmp_path, "wanted")
    assert len(found.samples) == 5
    for one, other in zip(found.samples.values(), wanted.samples.values(), strict=True):
        np.testing.assert_allclose(one.prediction.probabilities, other.prediction.probabilities, rtol=1e-5)
        assert [score.value for score in one.scores] == pytest.approx([score.value for score in other.scores], rel=1e-3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"explainers": f"{FORWARD},Gradient"},
            "Gradient: `network` (MindirNetwork) is a graph of a MindIR file, of which",
        ),
        (
            {"explainers": "Deconvolution:name=old"},
            "old: `network` (MindirNetwork) is a graph of a MindIR file, of which",
        ),
        (
            {"explainers": "GradCAM"},
            "GradCAM: `network` (MindirNetwork) is a graph of a MindIR file, of which MindSpore",
        ),
        ({"explainers": FORWARD, "metrics": "MPRT"}, "MPRT: it shuffles the weights of layers, and a MindIR file has"),
        ({"explainers": FORWARD, "checkpoint": "small.ckpt"}, "--checkpoint must be left out: "),
        ({"explainers": FORWARD, "network_args": "depth=3"}, "--network-args must be left out: "),
    ],
)
def test_what_needs_more_than_outputs_is_told_by_name_before_any_work(refused, saved, given, message):
    status, why = refused(network=saved / "small.mindir", **given)
    assert status == 2
    assert why.startswith(message)


def test_a_graph_s_path_in_a_file_is_relative_to_it(saved, photos, tmp_path, capsys):
    (tmp_path / "labels.txt").write_text("ant\nbee\ncat\ndog\n", encoding="utf-8")
    (saved / "run.toml").write_text(
        f'network = "small.mindir"\nimages = "{photos}"\nlabels = "{tmp_path / "labels.txt"}"\nlimit = 1\n'
        'on-unknown-label = "ignore"\n'
        f'size = [{HEIGHT}, {WIDTH}]\nsummary-dir = "{tmp_path / "out"}"\nexplainers = "Occlusion:window=3"',
        encoding="utf-8",
    )
    assert main(["run", "--config", str(saved / "run.toml")]) == 0
    capsys.readouterr()
    assert main(["config", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f'network = "{saved / "small.mindir"}"'


def test_the_layers_of_a_graph_are_none_and_it_says_so(saved, capsys):
    assert main(["layers", "--network", str(saved / "small.mindir"), "--size", str(HEIGHT), str(WIDTH)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"MindirNetwork, images 3 x {HEIGHT} x {WIDTH}, 4 classes"
    assert (
        lines[1].startswith("no layer is marked: `network` (MindirNetwork) is a graph of a MindIR file")
        and len(lines) == 2
    )
