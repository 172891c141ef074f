"""Whoever asks something of a network gets it back bit for bit: after success, after a wrong label, after a failure."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from inspect import isabstract, signature
from pathlib import Path
from typing import Any

import mindspore
import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from mindspore._c_expression import ms_ctx_param
from networks import LinearNetwork, SmallCnn
from numpy.typing import NDArray

from explainer import explanation
from explainer.network import of
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.relu_rules import guided
from explainer.testing.networks import FailingNetwork

pytestmark = pytest.mark.usefixtures("queued_operators")

recomputation: Any = import_module("mindspore.common.recompute")  # not the function of that name

FloatArray = NDArray[Any]
Use = Callable[[nn.Cell, FloatArray], Any]

# In batches of one image: two of them run eagerly, the third is compiled.
IMAGES = np.random.default_rng(0).standard_normal((3, 2, 5, 7)).astype(np.float32)
EAGER, COMPILED = IMAGES[:2], IMAGES


def classifier_of(network: nn.Cell) -> MindSporeClassifier:
    return MindSporeClassifier(network, nn.Softmax(), batch_size=1)


def seeds_of(images: FloatArray) -> FloatArray:
    return np.eye(4, dtype=np.float32)[[2, 1, 3][: len(images)]]


def conv2_of(network: nn.Cell) -> str:
    """The layer's name, also where another cell is wrapped around the network."""
    return next(name for name, _ in network.cells_and_names() if name.endswith("conv2"))


SEAM: dict[str, Use] = {
    "class_count": lambda network, images: classifier_of(network).class_count(images),
    "logits": lambda network, images: classifier_of(network).logits(images),
    "probabilities": lambda network, images: classifier_of(network).probabilities(images),
    "gradient": lambda network, images: classifier_of(network).gradient(images, seeds_of(images)),
    "guided gradient": lambda network, images: classifier_of(network).gradient(
        images, seeds_of(images), relu_rule=guided
    ),
    "layer": lambda network, images: classifier_of(network).layer(images, seeds_of(images), conv2_of(network)),
    "input layer": lambda network, images: classifier_of(network).layer(images, seeds_of(images), ""),
    "sampled_probabilities": lambda network, images: classifier_of(network).sampled_probabilities(images, 2, 1),
    "sampled_probabilities by ONNX Runtime": lambda network, images: of.classifier_of(
        network, nn.Softmax(), engine="auto", batch_size=1
    ).sampled_probabilities(images, 2, 1),
}
EXPLAINERS = [name for name in explanation.__all__ if not isabstract(getattr(explanation, name))]
SOFTMAX: dict[str, Any] = {"activation_fn": nn.Softmax()}
# What an explainer needs beside the network, and few draws; one that is exported is tested by that alone.
OPTIONS: dict[str, dict[str, Any]] = {
    "IntegratedGradients": {"steps": 2},
    "KernelSHAP": SOFTMAX | {"grid": 2, "samples": 8},
    "LIME": SOFTMAX | {"grid": 2, "samples": 6},
    "Occlusion": SOFTMAX | {"window": 5, "stride": 2},
    "RISE": SOFTMAX | {"masks": 6, "grid": 3},
    "SmoothGrad": {"samples": 2},
}


def explaining(name: str, label: int = 2) -> Use:
    method = getattr(explanation, name)
    names = signature(method).parameters
    batches = "perturbation_per_eval" if "perturbation_per_eval" in names else "batch_size"

    def explain(network: nn.Cell, images: FloatArray) -> Any:
        layer = {"layer": conv2_of(network)} if name == "GradCAM" else {}
        return method(network, **{batches: 1}, **layer, **OPTIONS.get(name, {}))(images, label)

    return explain


USES: dict[str, Use] = SEAM | {name: explaining(name) for name in EXPLAINERS}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test runs in an empty working directory, so that a file left there is seen."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(params=[mindspore.PYNATIVE_MODE, mindspore.GRAPH_MODE], ids=["PyNative", "graph"])
def mode(request: pytest.FixtureRequest) -> Iterator[int]:
    """The mode that the user has chosen."""
    before = mindspore.get_context("mode")
    try:
        mindspore.set_context(mode=request.param)
        yield request.param
    finally:
        mindspore.set_context(mode=before)


graph_mode_only = pytest.mark.parametrize("mode", [mindspore.GRAPH_MODE], indirect=True, ids=["graph"])


# MindSpore's notes to itself, which any pass through the network changes.
PRIVATE = {"_init_flag", "_is_check_and_refresh"}
PLAIN_KINDS = (bool, int, float, str)


def observed(network: nn.Cell) -> dict[str, Any]:
    """All that a user could see changed: of each cell, each parameter, and the process."""
    cells = {name: observed_cell(cell) for name, cell in network.cells_and_names()}
    parameters = {name: observed_parameter(value) for name, value in network.parameters_and_names()}
    process = {
        "mode": mindspore.get_context("mode"),
        "device": mindspore.get_context("device_target"),
        "seed": mindspore.get_seed(),
        "numpy": repr(np.random.get_state()),
        "random": random.getstate(),
        "environment": dict(os.environ),
        "operators": [ops.ReLU.__call__, ops.ReLU6.__call__, Tensor.__getitem__],
        "recomputation": [recomputation._RecomputeCell, recomputation.recompute_without_reentrant],
        "queued": mindspore.context._context().get_param(ms_ctx_param.pynative_synchronize),
        "files": sorted(str(path) for path in Path().rglob("*")),
    }
    return {"cells": cells, "parameters": parameters, "process": process}


def observed_cell(cell: nn.Cell) -> dict[str, Any]:
    attributes = vars(cell)
    plain = {name: value for name, value in attributes.items() if isinstance(value, PLAIN_KINDS)}
    return {
        "cell": id(cell),
        "class": type(cell),
        "training": cell.training,
        "requires_grad": cell.requires_grad,
        "phase": cell._phase,
        "has_bprop": cell.has_bprop,
        "flags": dict(attributes["_func_graph_flags"]) if "_func_graph_flags" in attributes else None,
        "hooks": {name: dict(value) for name, value in attributes.items() if name.endswith("_hook") and value},
        "construct": attributes.get("construct"),
        "recomputed": id(cell._recompute_cell),
        "children": [(name, id(child)) for name, child in cell.name_cells().items()],
        "plain": {name: value for name, value in plain.items() if name not in PRIVATE},
    }


def observed_parameter(parameter: Any) -> tuple[Any, ...]:
    values = parameter.asnumpy()
    return id(parameter), parameter.name, parameter.requires_grad, parameter.data_ptr(), values.dtype, values.tobytes()


def as_trained(network: nn.Cell) -> nn.Cell:
    return network.set_train(True)


def as_evaluated(network: nn.Cell) -> nn.Cell:
    return network.set_train(False)


def half_trained(network: nn.Cell) -> nn.Cell:
    """In training but for one frozen convolution; with a gradient flag, a frozen parameter and hooks of the user's."""
    network.set_train(True)
    network.set_grad(True)
    network.conv1.set_train(False)
    network.conv1.weight.requires_grad = False
    network.relu2.register_forward_hook(passes_on)
    network.fc.register_forward_pre_hook(passes_in)
    return network


def passes_on(cell: nn.Cell, inputs: Any, output: Tensor) -> Tensor:
    return output


def passes_in(cell: nn.Cell, inputs: Any) -> Any:
    return inputs


@pytest.mark.parametrize("prepare", [as_trained, as_evaluated])
@pytest.mark.parametrize("use", USES)
def test_the_network_comes_back_as_it_was_when_run_eagerly(use: str, prepare: Callable[[nn.Cell], nn.Cell]) -> None:
    assert_untouched_by(use, prepare(SmallCnn()), EAGER)


@pytest.mark.parametrize("use", USES)
def test_a_half_trained_network_comes_back_as_it_was_when_compiled(use: str) -> None:
    assert_untouched_by(use, half_trained(SmallCnn()), COMPILED)


BY_RELU_RULE = ["guided gradient", "GuidedBackprop", "Deconvolution"]


@pytest.mark.parametrize("use", BY_RELU_RULE)
def test_a_network_of_relu_functions_comes_back_as_it_was(use: str, mode: int) -> None:
    assert_untouched_by(use, half_trained(SmallCnn(relu=lambda: Functional())), COMPILED)


@pytest.mark.parametrize("use", SEAM)
@pytest.mark.parametrize("prepare", ["recomputed", "compiled"])
def test_a_network_recomputed_or_compiled_by_its_user_comes_back_as_it_was(use: str, prepare: str) -> None:
    network = SmallCnn()
    if prepare == "recomputed":
        network.conv1.recompute()
        network.relu2.recompute(use_reentrant=False)
    else:
        network.relu1.construct = mindspore.jit(network.relu1.construct)
    assert_untouched_by(use, network, EAGER)


class Functional(nn.Cell):
    """A ReLU that is a function, in a cell to which hooks can be given."""

    def construct(self, features: Tensor) -> Tensor:
        return ops.relu(features)


@graph_mode_only
@pytest.mark.parametrize("use", USES)
def test_the_network_comes_back_as_it_was_to_a_user_of_graph_mode(use: str, mode: int) -> None:
    assert_untouched_by(use, shared_network(), COMPILED if use in SEAM else EAGER)


@cache
def shared_network() -> nn.Cell:
    """One for all tests that leave it as it was: in graph mode its user's own pass takes longer than the rest."""
    return as_trained(SmallCnn())


def assert_untouched_by(use: str, network: nn.Cell, images: FloatArray) -> None:
    network(Tensor(images))  # a first pass, in which MindSpore gives parameters their storage
    before = observed(network)
    USES[use](network, images)
    assert observed(network) == before


def test_a_network_compiled_by_its_user_gives_the_same_logits_afterwards(mode: int) -> None:
    network = as_evaluated(SmallCnn())
    before = network(Tensor(IMAGES)).asnumpy()
    for use in ("logits", "guided gradient", "layer"):
        USES[use](network, COMPILED)
    np.testing.assert_array_equal(network(Tensor(IMAGES)).asnumpy(), before)


def test_training_goes_on_as_if_nothing_had_been_explained(mode: int) -> None:
    explained = losses_with(lambda network: USES["gradient"](network, COMPILED))
    assert explained == losses_with(lambda network: None)
    assert explained[0] > explained[1] > explained[2]


def losses_with(between: Callable[[nn.Cell], Any]) -> list[float]:
    """The losses of three steps of training, with something done to the network after each."""
    network = as_trained(LinearNetwork(np.ones((4, 70))))
    loss = nn.WithLossCell(network, nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean"))
    step = nn.TrainOneStepCell(loss, nn.SGD(network.trainable_params(), learning_rate=0.1)).set_train()
    losses = []
    for _ in range(3):
        losses.append(float(step(Tensor(IMAGES), Tensor(np.int32([2, 1, 3]))).asnumpy()))
        between(network)
    return losses


@graph_mode_only
@pytest.mark.parametrize("explainer", EXPLAINERS)
def test_the_network_comes_back_to_a_user_of_graph_mode_after_a_wrong_label(explainer: str, mode: int) -> None:
    network = shared_network()
    network(Tensor(EAGER))
    before = observed(network)
    with pytest.raises(ValueError, match="targets"):
        explaining(explainer, 4)(network, EAGER)
    assert observed(network) == before


# Call 1 counts the classes; then come the eager passes, or first, for a layer, the pass that watches it. After an error
# compiling is tried, and MindSpore waits 3 s where a compiled forward pass fails: "logits" stands for "probabilities",
# "gradient" for "input layer". Explainers ask no other questions; their contract has them fail uncompiled.
MANY_CALLS = [use for use in SEAM if use not in ("class_count", "probabilities", "input layer")]


def assert_untouched_by_failing(use: str, good_calls: int, relu: Callable[[], Any] = nn.ReLU) -> None:
    network = as_trained(FailingNetwork(SmallCnn(relu=relu), good_calls))
    before = observed(network)
    with pytest.raises(RuntimeError, match="failed on purpose"):
        USES[use](network, EAGER)
    assert network.calls > good_calls
    before["cells"][""]["plain"]["calls"] = network.calls  # the network's own doing
    assert observed(network) == before


@pytest.mark.parametrize("use", USES)
def test_a_network_that_raises_at_once_comes_back_as_it_was(use: str, mode: int) -> None:
    assert_untouched_by_failing(use, good_calls=0)


# These ask the seam for gradients as Gradient does, for which compiling is tried.
OF_GRADIENTS = ["InputXGradient", "IntegratedGradients", "SmoothGrad"]


@pytest.mark.parametrize("use", MANY_CALLS)
def test_a_network_that_raises_in_its_second_call_comes_back_as_it_was(
    use: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if use in OF_GRADIENTS:
        monkeypatch.setenv("EXPLAINER_COMPILE", "off")
    assert_untouched_by_failing(use, good_calls=1)


@pytest.mark.parametrize("good_calls", [1, 2, 3])
@pytest.mark.parametrize("use", BY_RELU_RULE)
def test_a_network_of_relu_functions_that_raises_comes_back_as_it_was(use: str, good_calls: int) -> None:
    assert_untouched_by_failing(use, good_calls, relu=lambda: ops.relu)


@graph_mode_only
def test_graph_mode_comes_back_when_the_network_raises_in_its_second_call(mode: int) -> None:
    assert_untouched_by_failing("guided gradient", good_calls=1)


@pytest.mark.parametrize("use", ["layer", "GradCAM"])
def test_a_network_that_raises_while_a_layer_is_tapped_comes_back_as_it_was(use: str) -> None:
    assert_untouched_by_failing(use, good_calls=2)


class Interrupted(nn.Cell):
    """Its user presses Ctrl-C after some calls."""

    def __init__(self, good_calls: int) -> None:
        super().__init__()
        self.good_calls = good_calls
        self.calls: list[Any] = []

    def construct(self, features: Tensor) -> Tensor:
        self.calls.append(features.shape)
        if len(self.calls) > self.good_calls:
            raise KeyboardInterrupt
        return features[:, :4]


@pytest.mark.parametrize(("use", "good_calls"), [("logits", 0), ("logits", 1), ("guided gradient", 1), ("layer", 2)])
def test_a_network_interrupted_by_its_user_comes_back_as_it_was(use: str, good_calls: int) -> None:
    network = as_trained(SmallCnn())
    network.fc = Interrupted(good_calls)
    before = observed(network)
    with pytest.raises(KeyboardInterrupt):
        USES[use](network, EAGER)
    assert observed(network) == before


def test_a_good_network_is_explained_after_another_one_failed() -> None:
    network = SmallCnn()
    wanted = USES["guided gradient"](network, COMPILED)
    with pytest.raises(RuntimeError, match="failed on purpose"):
        USES["guided gradient"](FailingNetwork(SmallCnn(), 1), COMPILED)
    np.testing.assert_array_equal(USES["guided gradient"](network, COMPILED), wanted)


class BatchLoop(nn.Cell):
    """Cannot be compiled for an open batch axis: a Python loop over the images."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn = SmallCnn()

    def construct(self, images: Tensor) -> Tensor:
        logits = []
        for place in range(images.shape[0]):
            logits.append(self.cnn(images[place : place + 1]))
        return ops.concat(logits, 0)


def test_a_failed_compilation_leaves_network_and_folder_as_they_were() -> None:
    assert_untouched_by("guided gradient", as_trained(BatchLoop()), COMPILED)


def test_a_failed_compilation_leaves_the_user_s_own_folder_of_that_name(empty_folder: Path) -> None:
    (empty_folder / "rank_0").mkdir()
    (empty_folder / "rank_0" / "checkpoint.txt").write_text("mine")
    USES["logits"](BatchLoop(), COMPILED)
    assert (empty_folder / "rank_0" / "checkpoint.txt").read_text() == "mine"
