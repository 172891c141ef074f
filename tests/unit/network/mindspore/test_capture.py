"""A network's graph is taken, and the network, the folder, stderr and MindSpore are as they were."""

from __future__ import annotations

from typing import Any

import mindspore
import numpy as np
import pytest
from mindspore import Tensor, context, nn, ops
from networks import NormalisedCnn, SmallCnn

from explainer.errors import EngineError
from explainer.network.mindspore.borrowing import cells_of
from explainer.network.mindspore.capture import captured, parameters_of

SHAPE = (2, 5, 7)
BATCH = 9973


class Scaled(nn.Cell):
    def __init__(self) -> None:
        super().__init__()
        self.scale = 2.5

    def construct(self, images: Tensor) -> Tensor:
        return images * self.scale


class ThroughNumpy(SmallCnn):
    def construct(self, images: Tensor) -> Tensor:
        return super().construct(Tensor(images.asnumpy()))


def numbers_in(model: Any) -> list[float]:
    return [node.attribute[0].f for node in model.graph.node if node.op_type == "Constant" and node.attribute[0].f]


def everything_of(network: nn.Cell) -> list[Any]:
    """Every attribute of every cell, containers by what they hold."""
    held = []
    for cell in cells_of(network):
        attributes = vars(cell)
        held.append(
            {name: repr(value) if isinstance(value, dict | set) else value for name, value in attributes.items()}
        )
    names = [(parameter.name, parameter.data_ptr()) for parameter in network.get_parameters()]
    return [*held, names]


def operators_of(model: Any) -> list[str]:
    kinds = {primitive.name: primitive.op_type for primitive in model.primitives}
    return [kinds.get(node.op_type.removeprefix("REF::"), node.op_type) for node in model.graph.node]


def test_the_model_holds_the_operators_and_no_weight():
    model = captured(SmallCnn(), SHAPE, BATCH)
    operators = operators_of(model)
    assert [operators.count(name) for name in ("Conv2D", "ReLU", "MatMul")] == [2, 2, 1]
    assert list(model.graph.input[0].tensor[0].dims) == [BATCH, *SHAPE]
    assert not any(parameter.raw_data for parameter in model.graph.parameter)


@pytest.mark.parametrize("make", [SmallCnn, NormalisedCnn])
def test_the_network_is_as_it_was(make):
    network = make().set_train(True)
    network(Tensor(np.zeros((1, *SHAPE), np.float32))).asnumpy()  # so that what MindSpore makes lazily is there
    before = everything_of(network)
    captured(network, SHAPE, BATCH)
    assert everything_of(network) == before


def test_the_network_is_as_it_was_after_a_failure():
    network = ThroughNumpy()
    before = everything_of(network)
    with pytest.raises(EngineError, match="asnumpy"):
        captured(network, SHAPE, BATCH)
    assert everything_of(network) == before


@pytest.mark.parametrize("make", [SmallCnn, ThroughNumpy])
def test_folder_stderr_and_mindspores_settings_are_as_they_were(make, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    before = [context.get_context(name) for name in ("mode", "jit_syntax_level")]
    try:
        captured(make(), SHAPE, BATCH)
    except EngineError:
        assert make is ThroughNumpy
    assert [context.get_context(name) for name in ("mode", "jit_syntax_level")] == before
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_a_folder_of_the_users_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rank_0").mkdir()
    with pytest.raises(EngineError):
        captured(ThroughNumpy(), SHAPE, BATCH)
    assert (tmp_path / "rank_0").is_dir()


def test_the_random_streams_are_as_they_were():
    mindspore.set_seed(3)
    np.random.seed(3)
    expected = np.random.random(), ops.rand(2).asnumpy().tolist()
    mindspore.set_seed(3)
    np.random.seed(3)
    captured(SmallCnn(), SHAPE, BATCH)
    assert (np.random.random(), ops.rand(2).asnumpy().tolist()) == expected


def test_a_number_of_the_network_that_was_changed_is_seen():
    network = Scaled()
    assert numbers_in(captured(network, SHAPE, BATCH)) == [2.5]
    network.scale = -0.75
    assert numbers_in(captured(network, SHAPE, BATCH)) == [-0.75]


def test_a_network_gives_the_same_before_and_after_compiled_or_not():
    network = SmallCnn()
    images = Tensor(np.random.default_rng(0).standard_normal((2, *SHAPE)).astype(np.float32))
    compiled = mindspore.jit(network.set_train(False))
    expected = network(images).asnumpy(), compiled(images).asnumpy()
    captured(network, SHAPE, BATCH)
    assert np.array_equal(network(images).asnumpy(), expected[0])
    assert np.array_equal(compiled(images).asnumpy(), expected[1])


def test_weights_are_those_of_the_moment():
    network = SmallCnn()
    before = parameters_of(network, ["fc.bias"])["fc.bias"].copy()
    network.fc.bias.set_data(Tensor(before + 1))
    assert np.array_equal(parameters_of(network, ["fc.bias"])["fc.bias"], before + 1)


@pytest.mark.parametrize("kind", [mindspore.float32, mindspore.float16])
def test_weights_that_an_optimizer_writes_are_seen(kind):
    network = SmallCnn()
    network.fc.bias.set_dtype(kind)
    for _ in range(3):
        before = parameters_of(network, ["fc.bias"])["fc.bias"].copy()
        nn.SGD([network.fc.bias], learning_rate=0.5)((ops.ones(network.fc.bias.shape, kind),))
        assert np.array_equal(parameters_of(network, ["fc.bias"])["fc.bias"], before - np.asarray(0.5, before.dtype))


class OwnRule(nn.Cell):
    def construct(self, features: Tensor) -> Tensor:
        return ops.relu(features)

    def bprop(self, features: Tensor, output: Tensor, upstream: Tensor) -> tuple[Tensor]:
        return (upstream,)


def passing(cell: nn.Cell, *values: Any) -> None:
    return None


def hooked(kind: str) -> nn.Cell:
    network = SmallCnn()
    getattr(network.relu1, f"register_{kind}_hook")(passing)
    return network


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (SmallCnn(relu=OwnRule), r"the cell 'relu1' \(OwnRule\) has a backward rule of its own \(bprop\)"),
        (OwnRule(), r"the network has a backward rule of its own"),
        *((hooked(kind), r"the cell 'relu1' \(ReLU\) has a hook") for kind in ("forward", "forward_pre", "backward")),
    ],
)  # fmt: skip
def test_what_a_graph_would_silently_be_without_is_refused(network, reason):
    with pytest.raises(EngineError, match=reason):
        captured(network, SHAPE, BATCH)
