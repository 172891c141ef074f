"""A network is taken for what it was only where all that its code can read is the same."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from enum import Enum
from functools import partial, wraps
from typing import Any

import mindspore
import networks as other_module
import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from networks import NormalisedCnn, SmallCnn

from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.network.mindspore.computations import arrays_of
from explainer.network.mindspore.state import state_of

IMAGES = np.random.default_rng(0).standard_normal((2, 2, 5, 7)).astype(np.float32)
SCALE = 1.0
SCALES = [1.0, 2.0]


def doubled(images: Tensor) -> Tensor:
    return images * 2


def scaled(images: Tensor) -> Tensor:
    return images * SCALE


def by_entry(images: Tensor) -> Tensor:
    return images * SCALES[0]


def by_default(images: Tensor, factor: Any = (1.0,)) -> Tensor:
    return images * factor[0]


def closing_over(factors: list[float]) -> Callable[[Tensor], Tensor]:
    return lambda images: images * factors[0]


def wrapped_as_another(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    @wraps(function)
    def inner(images: Tensor) -> Tensor:
        return function(images) * SCALES[1]

    return inner


class Mixin:
    mixed = 1.0

    def mixed_in(self, images: Tensor) -> Tensor:
        return images * self.mixed


class Reading(nn.Cell, Mixin):
    """Computes with all that code can read."""

    factor = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.cnn = SmallCnn()
        self.tensor = Tensor(np.float32([1.0]))
        self.array = np.float32([1.0])
        self.settings = {"scale": [1.0]}
        self.steps = {"one": 1.0, "two": 2.0}
        self.ordered = OrderedDict(self.steps)
        self.activation = ops.tanh
        self.operator = ops.Pow()
        self.factors = [1.0]
        self.closing = closing_over(self.factors)
        self.partial = partial(by_default, factor=[1.0])
        self.wrapped = wrapped_as_another(ops.tanh)
        self.choices = nn.CellList([nn.ReLU(), nn.Tanh()])
        self.choice = self.choices[0]

    def construct(self, images: Tensor) -> Tensor:
        images = self.helped(images) * self.tensor * Tensor(self.array) * self.settings["scale"][0]
        images = self.partial(self.closing(by_entry(scaled(images)))) * self.factor
        return self.cnn(self.choice(self.mixed_in(self.wrapped(self.operator(self.activation(images), 2)))))

    def helped(self, images: Tensor) -> Tensor:
        return by_default(images)


def in_place(value: Any, key: Any, now: Any) -> None:
    value[key] = now


def attribute_set(thing: Any, name: str, now: Any) -> Callable[[Reading], None]:
    return lambda network: setattr(thing, name, now)


CHANGES: dict[str, Callable[[Reading], Any]] = {
    "a tensor is written": lambda network: in_place(network.tensor, 0, 3.0),
    "an array is written": lambda network: in_place(network.array, 0, 3.0),
    "an array of another shape": lambda network: setattr(network, "array", network.array.reshape(1, 1)),
    "an array of another type": lambda network: setattr(network, "array", network.array.view(np.int32)),
    "another cell of its own": lambda network: setattr(network, "choice", network.choices[1]),
    "an entry of an entry": lambda network: in_place(network.settings["scale"], 0, 3.0),
    "the order of a dictionary": lambda network: network.steps.update(one=network.steps.pop("one")),
    "the order of an ordered one": lambda network: network.ordered.move_to_end("one"),
    "a key": lambda network: network.settings.update(more=1),
    "another function": lambda network: setattr(network, "activation", ops.sigmoid),
    "another cell": lambda network: setattr(network.cnn, "relu1", nn.Tanh()),
    "what a closure holds": lambda network: in_place(network.factors, 0, 3.0),
    "what a partial holds": lambda network: in_place(network.partial.keywords["factor"], 0, 3.0),
    "a hook": lambda network: network.cnn.conv1.register_forward_hook(lambda cell, given, output: output * 2),
    "a hook before": lambda network: network.cnn.register_forward_pre_hook(lambda cell, given: given),
    "half precision": lambda network: network.cnn.to_float(mindspore.float16),
    "a method of the object's own": lambda network: setattr(network, "helped", doubled),
    "an operator's setting": lambda network: setattr(network.operator, "power", 3),
}
OUTSIDE: dict[str, tuple[Any, str, Any]] = {
    "a variable of the module": (SCALE, "SCALE", 3.0),
    "an entry of a list of the module": (SCALES, "SCALES", [3.0, 2.0]),
    "what only a wrapper reads": (SCALES, "SCALES", [1.0, 3.0]),
    "a function of the module": (by_default, "by_default", doubled),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_a_network_holds_is_part_of_its_state(change: Callable[[Reading], Any]) -> None:
    network = Reading()
    before = state_of(network)
    assert before is not None and before == state_of(network) and before.is_untouched()
    change(network)
    assert before != state_of(network)
    assert not before.is_untouched()


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_its_code_names_is_part_of_its_state(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, variable, now = OUTSIDE[name]
    network = Reading()
    before = state_of(network)
    monkeypatch.setitem(globals(), variable, now)
    assert before != state_of(network)
    assert not before.is_untouched()


def test_what_its_classes_hold_is_part_of_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Reading()
    for thing, name, now in (
        (Reading, "factor", 3.0),
        (Mixin, "mixed", 3.0),
        (Mixin, "mixed_in", lambda self, images: images),
        (SmallCnn, "construct", lambda self, images: images),
        (Reading, "helped", lambda self, images: images),
        (nn.ReLU, "construct", lambda self, images: images),
        (nn.Conv2d, "construct", lambda self, images: images),
    ):
        before = state_of(network)
        with monkeypatch.context() as patch:
            patch.setattr(thing, name, now)
            assert before != state_of(network)
            assert not before.is_untouched()
        assert before == state_of(network)
        assert before.is_untouched()


@pytest.mark.parametrize("make", [SmallCnn, NormalisedCnn, Reading])
def test_a_pass_and_weights_that_an_optimizer_writes_leave_it_as_it_is(make: Callable[[], nn.Cell]) -> None:
    """Weights are looked at for themselves."""
    network = make()
    before = state_of(network)
    network(Tensor(IMAGES))
    settled = state_of(network)  # the first pass makes places for hooks
    network(Tensor(IMAGES))
    for weight in network.get_parameters():
        ops.assign(weight, weight * 2)
    assert before is not None and before == state_of(network)
    assert settled is not None and settled.is_untouched()


EQUAL_CHANGES: dict[str, Callable[[Reading], Any]] = {
    "a number": lambda network: setattr(network, "half", float("0.5")),
    "a list": lambda network: setattr(network, "factors", [1.0]),
    "an array": lambda network: setattr(network, "array", network.array.copy()),
    "a dictionary": lambda network: setattr(network, "settings", {"scale": [1.0]}),
}


@pytest.mark.parametrize("change", EQUAL_CHANGES.values(), ids=EQUAL_CHANGES)
def test_what_is_other_but_equal_is_touched_and_the_same_state(change: Callable[[Reading], Any]) -> None:
    network = Reading()
    network.half = 0.5
    before = state_of(network)
    assert before is not None
    change(network)
    assert not before.is_untouched()
    assert before == state_of(network)


def test_what_was_not_there_and_now_is_is_part_of_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of MindSpore's that the module now has itself; a place of a closure that is filled."""

    class Calling(SmallCnn):
        def construct(self, images: Tensor) -> Tensor:
            return super().construct(images * float(len("a")))

    network = Calling()
    before = state_of(network)
    assert before is not None and before.is_untouched()
    monkeypatch.setitem(globals(), "float", lambda number: 3.0)
    assert not before.is_untouched()
    assert before != state_of(network)


def test_a_closure_that_is_not_filled_yet_is_seen_to_be_filled() -> None:
    def making() -> tuple[Callable[[Tensor], Tensor], Callable[[], None]]:
        def reading(images: Tensor) -> Tensor:
            return images * factor

        def fill() -> None:
            nonlocal factor
            factor = 3.0

        if not IMAGES.size:
            factor = 1.0
        return reading, fill

    network = SmallCnn()
    network.own, fill = making()
    before = state_of(network)
    assert before is not None and before.is_untouched()
    fill()
    assert not before.is_untouched()
    assert before != state_of(network)


def test_a_function_of_mindspore_that_is_replaced_is_part_of_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    class Calling(SmallCnn):
        def construct(self, images: Tensor) -> Tensor:
            return super().construct(mindspore.mint.nn.functional.relu(ops.tanh(images)))

    network = Calling()
    for module, name in ((ops, "tanh"), (mindspore.mint.nn.functional, "relu")):
        before = state_of(network)
        with monkeypatch.context() as patch:
            patch.setattr(module, name, ops.sigmoid)
            assert before != state_of(network)
            assert not before.is_untouched()
        assert before == state_of(network)
        assert before.is_untouched()


class Layout(str, Enum):
    ROWS = "rows"
    COLUMNS = "columns"

    def turned(self, images: Tensor) -> Tensor:
        return images if self is Layout.ROWS else images.swapaxes(2, 3)


@pytest.mark.parametrize(
    ("owner", "name", "now"),
    [
        (Layout, "turned", lambda layout, images: images * 2),
        (Layout.ROWS, "_value_", "columns"),
        (Layout, "more", 1),
    ],
)
def test_an_enumeration_is_part_of_its_state(owner: Any, name: str, now: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Turning(SmallCnn):
        layout = Layout.ROWS

        def construct(self, images: Tensor) -> Tensor:
            return super().construct(Layout(self.layout).turned(images))

    before = state_of(Turning())
    assert before is not None and before.is_untouched()
    monkeypatch.setattr(owner, name, now, raising=False)
    assert not before.is_untouched()


class AttributeDict(dict[str, float]):
    pass


class OwnList(list[float]):
    pass


class Settings:
    scale = 1.0


SETTINGS = Settings()


def by_import(images: Tensor) -> Tensor:
    from networks import random_weights  # noqa: F401

    return images


def holding_itself() -> list[Any]:
    entries: list[Any] = [1.0]
    entries.append(entries)
    return entries


def registered(function: Any) -> Any:
    function.register("Tensor")(lambda images: images * SETTINGS.scale)
    return function


UNSEEN: dict[str, Callable[[], Any]] = {
    "a list that holds itself": holding_itself,
    "a place for tensors": lambda: Tensor(shape=[None, 3], dtype=mindspore.float32),
    "an object": Settings,
    "a dictionary with attributes": lambda: AttributeDict(a=1.0),
    "a list of a class of its own": lambda: OwnList([1.0]),
    "a set": lambda: {1.0},
    "an array of objects": lambda: np.array([[1.0], None], dtype=object),
    "a queue": lambda: deque([1.0]),
    "another module": lambda: other_module,
    "a function that reads an object": lambda: lambda images: images * SETTINGS.scale,
    "a function that imports": lambda: by_import,
    "a function that reads another module": lambda: lambda images: other_module.rectified(images),
    "a large table": lambda: np.zeros(2_000_000, np.float32),
    "what MindSpore transforms and reads an object": lambda: mindspore.vmap(lambda image: image * SETTINGS.scale),
    "a function for many types that reads an object": lambda: registered(ops.MultitypeFuncGraph("scaled")),
    "a cell that is in no list of cells": lambda: [nn.Dense(2, 2)],
}


@pytest.mark.parametrize("make", UNSEEN.values(), ids=UNSEEN)
def test_of_a_network_that_reads_what_cannot_be_seen_nothing_is_said(make: Callable[[], Any]) -> None:
    network = SmallCnn()
    network.own = make()
    assert state_of(network) is None


class CountingPasses(SmallCnn):
    """Changes with its passes, in what nobody compares: a list."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = [0]

    def construct(self, images: Tensor) -> Tensor:
        self.passes[0] += 1
        return super().construct(images)


@pytest.mark.parametrize(("make", "asked"), [(SmallCnn, 0), (CountingPasses, 3)])
def test_a_network_is_asked_again_only_where_its_state_tells_nothing(
    make: Callable[[], nn.Cell], asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = MindSporeClassifier(make(), batch_size=1)
    monkeypatch.setattr(type(classifier._shared), "compiled", True)
    classifier.logits(IMAGES)
    passes: list[None] = []
    monkeypatch.setattr(
        "explainer.network.mindspore.adapter.arrays_of", lambda given: passes.append(None) or arrays_of(given)
    )
    for _ in range(3):
        classifier.class_count(IMAGES)
    assert len(passes) == asked
