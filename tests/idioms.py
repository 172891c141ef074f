"""One small network written in every way that MindSpore's users write theirs: all compute the same."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import mindspore
import numpy as np
from mindspore import Tensor, mint, nn, ops
from mindspore.common._grad_function import _Function
from networks import SmallCnn

IMAGES = np.random.default_rng(0).standard_normal((3, 2, 5, 7)).astype(np.float32)


@dataclass(frozen=True)
class Idiom:
    """A way to write the network.

    Attributes:
        make: makes the network.
        layer: the name that the second convolution has in it.
        plain_layer: the layer of the plain network that gives the same.
        errors: by group of methods, the name of the error that is due instead of a map.
        tolerance: of the maps, relative to their largest value.
    """

    make: Callable[[], nn.Cell]
    layer: str = "conv2"
    plain_layer: str = "conv2"
    errors: Mapping[str, str] = field(default_factory=dict)
    tolerance: float = 1e-5


class Tail(nn.Cell):
    """The second half of the convolutions."""

    def __init__(self, plain: SmallCnn) -> None:
        super().__init__()
        self.conv2 = plain.conv2
        self.relu2 = plain.relu2

    def construct(self, features: Tensor) -> Tensor:
        return self.relu2(self.conv2(features))


class Blocked(nn.Cell):
    """The network with its second half in a block."""

    def __init__(self) -> None:
        super().__init__()
        plain = SmallCnn()
        self.conv1, self.relu1, self.dropout, self.fc = plain.conv1, plain.relu1, plain.dropout, plain.fc
        self.block = Tail(plain)

    def construct(self, images: Tensor) -> Tensor:
        return self.head(self.block(self.relu1(self.conv1(images))))

    def head(self, features: Tensor) -> Tensor:
        return self.fc(self.dropout(features.mean((2, 3))))


class Shared(SmallCnn):
    def __init__(self) -> None:
        super().__init__()
        self.relu2 = self.relu1


class DerivedRelu(nn.ReLU):
    def construct(self, features: Tensor) -> Tensor:
        return super().construct(features)


class UncalledRelu(SmallCnn):
    """Owns a ReLU cell that it never calls; those that it calls are functions."""

    def __init__(self, relu: Callable[[], Any]) -> None:
        super().__init__(relu=relu)
        self.uncalled = nn.ReLU()


# Compiled by the user.


@mindspore.jit
def compiled_relu(features: Tensor) -> Tensor:
    return ops.relu(features)


@mindspore.jit(capture_mode="trace")
def traced_relu(features: Tensor) -> Tensor:
    return ops.relu(features)


@mindspore.jit(capture_mode="bytecode")
def captured_relu(features: Tensor) -> Tensor:
    return ops.relu(features)


class CompiledMethod(SmallCnn):
    @mindspore.jit
    def construct(self, images: Tensor) -> Tensor:
        features = self.relu2(self.conv2(self.relu1(self.conv1(images))))
        return self.fc(self.dropout(features.mean((2, 3))))


class TracedMethod(SmallCnn):
    @mindspore.jit(capture_mode="trace")
    def construct(self, images: Tensor) -> Tensor:
        features = self.relu2(self.conv2(self.relu1(self.conv1(images))))
        return self.fc(self.dropout(features.mean((2, 3))))


class CapturedMethod(SmallCnn):
    @mindspore.jit(capture_mode="bytecode")
    def construct(self, images: Tensor) -> Tensor:
        features = self.relu2(self.conv2(self.relu1(self.conv1(images))))
        return self.fc(self.dropout(features.mean((2, 3))))


@mindspore.jit
class CompiledClass(SmallCnn):
    def construct(self, images: Tensor) -> Tensor:
        features = self.relu2(self.conv2(self.relu1(self.conv1(images))))
        return self.fc(self.dropout(features.mean((2, 3))))


class CompiledHelper(SmallCnn):
    @mindspore.jit
    def features(self, images: Tensor) -> Tensor:
        return self.relu2(self.conv2(self.relu1(self.conv1(images))))

    def construct(self, images: Tensor) -> Tensor:
        return self.fc(self.dropout(self.features(images).mean((2, 3))))


def compiled_instance() -> nn.Cell:
    network = SmallCnn()
    network.construct = mindspore.jit(network.construct)
    return network


def compiled_block() -> nn.Cell:
    network = Blocked()
    network.block.construct = mindspore.jit(network.block.construct)
    return called(network)


def called(network: nn.Cell) -> nn.Cell:
    """The network after its user called it, so that what he compiled is compiled."""
    network.set_train(False)
    network(Tensor(IMAGES))
    return network


# Recomputed.


def recomputed(**options: Any) -> nn.Cell:
    network = Blocked()
    network.block.recompute(**options)
    return network


class RecomputedByFunction(Blocked):
    reentrant = True

    def construct(self, images: Tensor) -> Tensor:
        features = self.relu1(self.conv1(images))
        return self.head(mindspore.recompute(self.block, features, use_reentrant=self.reentrant))


class RecomputedByHooks(RecomputedByFunction):
    reentrant = False


# Names and containers.


class InSequence(nn.Cell):
    def __init__(self, contained: Callable[..., nn.Cell]) -> None:
        super().__init__()
        plain = SmallCnn()
        self.body = contained([plain.conv1, plain.relu1, plain.conv2, plain.relu2])
        self.fc = plain.fc

    def construct(self, images: Tensor) -> Tensor:
        features = images
        for cell in self.body:
            features = cell(features)
        return self.fc(features.mean((2, 3)))


class Wrapped(nn.Cell):
    def __init__(self, network: nn.Cell) -> None:
        super().__init__()
        self.network = network

    def construct(self, images: Tensor) -> Tensor:
        return self.network(images)


class InTuple(Wrapped):
    def construct(self, images: Tensor) -> tuple[Tensor]:
        return (self.network(images),)


class Aliased(Blocked):
    def __init__(self) -> None:
        super().__init__()
        self.again = self.block
        self.other = self.block.conv2


# Precision and state.


def at_half_precision() -> nn.Cell:
    return SmallCnn().to_float(mindspore.float16)


class HalfWeights(Wrapped):
    def __init__(self) -> None:
        super().__init__(SmallCnn())
        for parameter in self.network.get_parameters():
            parameter.set_dtype(mindspore.float16)

    def construct(self, images: Tensor) -> Tensor:
        return self.network(images.astype(mindspore.float16)).astype(mindspore.float32)


def frozen() -> nn.Cell:
    network = SmallCnn()
    for parameter in network.get_parameters():
        parameter.requires_grad = False
    return network


def predicted() -> nn.Cell:
    network = SmallCnn()
    mindspore.Model(network).predict(Tensor(IMAGES))
    return network


def run_in_graph_mode() -> nn.Cell:
    """The network after its user ran it in graph mode, in which the process stays."""
    mindspore.set_context(mode=mindspore.GRAPH_MODE)
    return called(SmallCnn())


def hooked() -> nn.Cell:
    network = SmallCnn()
    network.conv2.register_forward_hook(lambda cell, inputs, output: output)
    network.relu1.register_backward_hook(lambda cell, gradients_in, gradients_out: None)
    return network


class CallsConstruct(SmallCnn):
    """Goes round `__call__`, as some do for speed."""

    def construct(self, images: Tensor) -> Tensor:
        features = self.relu2.construct(self.conv2.construct(self.relu1(self.conv1(images))))
        return self.fc(self.dropout(features.mean((2, 3))))


class Sliced(SmallCnn):
    """Doubles every pixel and takes every second; reads the image backwards, twice."""

    def construct(self, images: Tensor) -> Tensor:
        doubled = ops.repeat_interleave(images, 2, 3)[..., ::2]
        return super().construct(doubled[:, :, ::-1][:, :, ::-1])


# The way back is cut, or the user's own.


class TrueRelu(nn.Cell):
    """A ReLU whose backward rule is its user's own, and right."""

    def construct(self, features: Tensor) -> Tensor:
        return ops.relu(features)

    def bprop(self, features: Tensor, output: Tensor, upstream: Tensor) -> tuple[Tensor]:
        return (upstream * (features > 0),)


class TrueReluFunction(_Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        return ops.relu(features)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> Tensor:
        return upstream * (ctx.saved_tensors[0] > 0)


def relu_by_function(features: Tensor) -> Tensor:
    return TrueReluFunction.apply(features)


class PassingOn(nn.Cell):
    """Hands its input on through a cell inside, by a backward rule of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Identity()

    def construct(self, features: Tensor) -> Tensor:
        return self.inner(features)

    def bprop(self, features: Tensor, output: Tensor, upstream: Tensor) -> tuple[Tensor]:
        return (upstream,)


class WithinOwnRule(SmallCnn):
    def __init__(self) -> None:
        super().__init__()
        self.passing = PassingOn()

    def construct(self, images: Tensor) -> Tensor:
        features = self.relu2(self.passing(self.conv2(self.relu1(self.conv1(images)))))
        return self.fc(self.dropout(features.mean((2, 3))))


class Cut(SmallCnn):
    """No gradient passes from the second half to the first."""

    def cut(self, features: Tensor) -> Tensor:
        return ops.stop_gradient(features)

    def construct(self, images: Tensor) -> Tensor:
        features = self.relu2(self.conv2(self.cut(self.relu1(self.conv1(images)))))
        return self.fc(self.dropout(features.mean((2, 3))))


class ThroughNumpy(Cut):
    def cut(self, features: Tensor) -> Tensor:
        return Tensor(features.asnumpy())


class WithoutRelu(SmallCnn):
    """Its ReLUs are written by other means."""

    def __init__(self, written: Callable[[Tensor], Tensor]) -> None:
        super().__init__(relu=lambda: written)


NO_RULE = {"rules": "NoReluError"}
CUT = {"gradients": "LayerError", "rules": "LayerError", "cams": "LayerError"}
HALF = 1e-2

IDIOMS: dict[str, Idiom] = {
    "ReLU cells": Idiom(SmallCnn),
    "cells in a block": Idiom(Blocked, "block.conv2"),
    "`ops.ReLU()`": Idiom(lambda: SmallCnn(relu=ops.ReLU)),
    "`ops.relu`": Idiom(lambda: SmallCnn(relu=lambda: ops.relu)),
    "a function that calls `ops.relu`": Idiom(lambda: SmallCnn(relu=lambda: lambda features: ops.relu(features))),
    "`mint.nn.functional.relu`": Idiom(lambda: SmallCnn(relu=lambda: mint.nn.functional.relu)),
    "`mint.nn.ReLU`": Idiom(lambda: SmallCnn(relu=mint.nn.ReLU)),
    "a class derived from `nn.ReLU`": Idiom(lambda: SmallCnn(relu=DerivedRelu)),
    "a ReLU cell shared by two call sites": Idiom(Shared),
    "a ReLU cell that is never called": Idiom(lambda: UncalledRelu(lambda: ops.relu)),
    "`cell.recompute()`": Idiom(recomputed, "block.conv2"),
    "`cell.recompute(use_reentrant=False)`": Idiom(lambda: recomputed(use_reentrant=False), "block.conv2"),
    "`mindspore.recompute(cell, x)`": Idiom(RecomputedByFunction, "block.conv2"),
    "`mindspore.recompute(..., use_reentrant=False)`": Idiom(RecomputedByHooks, "block.conv2"),
    "`jit` on the method": Idiom(CompiledMethod),
    "`jit` on the class": Idiom(CompiledClass),
    "`jit` on the instance": Idiom(compiled_instance),
    "`jit` on a helper method": Idiom(CompiledHelper),
    "`jit` on a block, after a first call": Idiom(compiled_block, "block.conv2"),
    "`jit` on the method, after a first call": Idiom(lambda: called(CompiledMethod())),
    "`jit` on a function of the module": Idiom(lambda: SmallCnn(relu=lambda: compiled_relu)),
    "the same beside an uncalled ReLU cell": Idiom(lambda: UncalledRelu(lambda: compiled_relu)),
    '`jit(capture_mode="trace")` on the method': Idiom(TracedMethod),
    '`jit(capture_mode="trace")` on a function': Idiom(lambda: SmallCnn(relu=lambda: traced_relu)),
    "`nn.SequentialCell`": Idiom(lambda: InSequence(nn.SequentialCell), "body.2"),
    "`nn.CellList`": Idiom(lambda: InSequence(nn.CellList), "body.2"),
    "nested names": Idiom(lambda: Wrapped(Wrapped(Blocked())), "network.network.block.conv2"),
    "a layer's second name": Idiom(Aliased, "other"),
    "a block's second name": Idiom(Aliased, "again.conv2"),
    "a tuple of one": Idiom(lambda: InTuple(SmallCnn()), "network.conv2"),
    "`to_float(float16)`": Idiom(at_half_precision, tolerance=HALF),
    "float16 weights": Idiom(HalfWeights, "network.conv2", tolerance=HALF),
    "frozen weights": Idiom(frozen),
    "training mode": Idiom(lambda: SmallCnn().set_train(True).set_grad(True)),
    "graph mode": Idiom(run_in_graph_mode),
    "after `Model.predict`": Idiom(predicted),
    "hooks": Idiom(hooked),
    "`cell.construct(x)` called": Idiom(CallsConstruct),
    "slices with a step": Idiom(Sliced),
    "a ReLU with a `bprop` of its own": Idiom(lambda: SmallCnn(relu=TrueRelu), errors=NO_RULE),
    "a ReLU as a `_Function`": Idiom(lambda: SmallCnn(relu=lambda: relu_by_function), errors=NO_RULE),
    "a layer in a cell with a `bprop`": Idiom(WithinOwnRule, "passing.inner", errors={"cams": "LayerError"}),
    "`stop_gradient` behind the layer": Idiom(Cut, "conv1", "conv1", errors=CUT),
    "a detour through NumPy": Idiom(ThroughNumpy, "conv1", "conv1", errors=CUT),
    "`x * (x > 0)` for a ReLU": Idiom(lambda: WithoutRelu(lambda x: x * (x > 0)), errors=NO_RULE),
    "`maximum(x, 0)` for a ReLU": Idiom(lambda: WithoutRelu(lambda x: ops.maximum(x, 0)), errors=NO_RULE),
}
if sys.version_info < (3, 12):  # MindSpore's bytecode mode ends there
    IDIOMS |= {
        '`jit(capture_mode="bytecode")` on the method': Idiom(lambda: called(CapturedMethod())),
        '`jit(capture_mode="bytecode")` on a function': Idiom(lambda: SmallCnn(relu=lambda: captured_relu)),
    }
