"""The graphs of MindIR files: outputs as of the network, and nothing else."""

import mindspore
import numpy as np
import pytest
from mindspore import Tensor, nn
from networks import SmallCnn

from explainer.benchmark import MPRT
from explainer.errors import EngineError, LayerError, NoGradientError
from explainer.explanation import RISE, GradCAM, Gradient, GuidedBackprop, Occlusion, ScoreCAM, SmoothGrad
from explainer.network.engine import MINDSPORE
from explainer.network.mindspore.graph_files import load_graph, writes_in_place
from explainer.network.mindspore.loading import make_network
from explainer.network.of import classifier_of

IMAGES = np.random.default_rng(0).standard_normal((7, 3, 6, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A network, and the path of the MindIR file that it was saved to, for one image."""
    network = SmallCnn(3).set_train(False)
    path = tmp_path_factory.mktemp("graph") / "small"
    mindspore.export(network, Tensor(IMAGES[:1]), file_name=str(path), file_format="MINDIR")
    return network, path.with_suffix(".mindir")


@pytest.fixture
def graph(saved):
    return make_network(str(saved[1]), 4)


def test_every_batch_has_the_outputs_of_the_network(saved, graph):
    wanted = classifier_of(saved[0], engine=MINDSPORE).logits(IMAGES)
    classifier = classifier_of(graph)
    for count in (1, 4, 7, 4, 7, 7):  # the third batch would be compiled
        np.testing.assert_allclose(classifier.logits(IMAGES[:count]), wanted[:count], rtol=1e-5, atol=1e-6)
    assert classifier.engine_for(IMAGES).name == MINDSPORE


def test_a_cell_around_a_graph_is_evaluated_too(saved, graph):
    wanted = classifier_of(saved[0], engine=MINDSPORE).logits(IMAGES)
    classifier = classifier_of(nn.SequentialCell(graph, nn.ReLU()))
    for _ in range(4):
        np.testing.assert_allclose(classifier.logits(IMAGES), np.maximum(wanted, 0), rtol=1e-5, atol=1e-6)
    with pytest.raises(NoGradientError, match=r"`network` \(SequentialCell\) is a graph of a MindIR file"):
        Gradient(nn.SequentialCell(graph, nn.ReLU()))(IMAGES, 1)


@pytest.mark.parametrize(
    "make",
    [
        lambda network: Occlusion(network, nn.Softmax(), window=3),
        lambda network: RISE(network, nn.Softmax(), masks=20),
    ],
)
def test_maps_from_outputs_alone_are_those_of_the_network(saved, graph, make):
    np.testing.assert_allclose(make(graph)(IMAGES[:3], 2), make(saved[0])(IMAGES[:3], 2), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", [Gradient, GuidedBackprop, SmoothGrad])
def test_gradients_and_relu_rules_are_refused(graph, kind):
    with pytest.raises(NoGradientError, match=r"outputs alone: no gradients, no ReLU rules; explain it by Occlusion,"):
        kind(graph)(IMAGES, 1)


@pytest.mark.parametrize("kind", [GradCAM, ScoreCAM])
def test_layers_are_refused(graph, kind):
    with pytest.raises(LayerError, match=r"outputs alone: no layers by name; explain it by Occlusion, RISE, LIME or"):
        kind(graph, "auto")(IMAGES, 1)
    with pytest.raises(LayerError, match="no layers by name"):
        kind(graph, "conv2")


def test_a_metric_that_shuffles_weights_is_refused(graph):
    with pytest.raises(LayerError, match="no layers by name"):
        MPRT(4).evaluate(Occlusion(graph, nn.Softmax(), window=3), IMAGES[:1], 1)


def test_another_engine_is_refused_and_the_graph_is_as_it_was(graph):
    before = classifier_of(graph).logits(IMAGES)
    with pytest.raises(EngineError, match="the network is a graph of a MindIR file, which an export would spoil"):
        classifier_of(graph, engine="onnxruntime").logits(IMAGES)
    np.testing.assert_array_equal(classifier_of(graph).logits(IMAGES), before)


def test_a_file_that_is_none_or_damaged_is_told_and_nothing_is_printed(saved, tmp_path, capfd):
    with pytest.raises(
        ValueError,
        match=r"--network must be a file, got .*smal\.mindir, which is not there; did you mean 'small\.mindir'\?",
    ):
        make_network(str(saved[1].with_name("smal.mindir")), 4, name="--network")
    cut = tmp_path / "cut.mindir"
    cut.write_bytes(saved[1].read_bytes()[:100])
    with pytest.raises(
        ValueError, match=r"--network .*cut\.mindir could not be read: it is damaged, or no MindIR file"
    ):
        make_network(str(cut), 4, name="--network")
    assert capfd.readouterr() == ("", "")


class _InPlace(nn.Cell):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 1)
        self.head = nn.SequentialCell(nn.Flatten(), nn.Dense(3 * 6 * 8, 4))

    def construct(self, images):
        features = self.convolution(images)
        features += images
        return self.head(features)


def test_a_graph_that_writes_in_place_is_known_and_evaluated_without_mindspore_s_warnings(saved, tmp_path, capfd):
    assert not writes_in_place(saved[1])
    network = _InPlace().set_train(False)
    mindspore.export(network, Tensor(IMAGES[:1]), file_name=str(tmp_path / "in_place"), file_format="MINDIR")
    path = tmp_path / "in_place.mindir"
    assert writes_in_place(path)
    wanted = classifier_of(network, engine=MINDSPORE).logits(IMAGES)
    capfd.readouterr()
    found = classifier_of(load_graph(path)).logits(IMAGES)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    assert capfd.readouterr() == ("", "")


def test_a_graph_takes_no_arguments(saved):
    with pytest.raises(ValueError, match=r"--network-args must be left out: .*\.mindir is a graph, which takes no arg"):
        make_network(str(saved[1]), 4, {"depth": 20}, arguments_name="--network-args")
