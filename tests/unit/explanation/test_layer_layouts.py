"""Which axes of a layer are height and width: by class, by shape, by looking; never by guessing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from networks import random_weights
from numpy.typing import NDArray

from explainer.classifier import LayerOutput
from explainer.errors import LayerError
from explainer.explanation import GradCAM, HiResCAM, ScoreCAM
from explainer.explanation.layer_layouts import Layout, layout_of, layouts
from explainer.network.mindspore.adapter import MindSporeClassifier

FloatArray = NDArray[np.float32]
SIZE = 8
IMAGES = np.random.default_rng(0).standard_normal((3, 3, SIZE, SIZE)).astype(np.float32)


class Turned(nn.Cell):
    """A convolution's features, turned as `axes` say, passed through a layer and turned back for the head."""

    def __init__(self, channels: int, axes: tuple[int, ...], layer: nn.Cell) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, channels, 3, weight_init=random_weights((channels, 3, 3, 3), 1))
        self.axes = axes
        self.back = tuple(int(axis) for axis in np.argsort(axes))
        self.layer = layer
        self.fc = nn.Dense(channels, 5, weight_init=random_weights((5, channels), 2))

    def construct(self, images: Tensor) -> Tensor:
        features = self.layer(self.conv(images).transpose(self.axes))
        return self.fc(ops.relu(features.transpose(self.back)).mean((2, 3)))


class AsTokens(nn.Cell):
    """The same as tokens, (N, T, D) or (N, D, T)."""

    def __init__(self, channels: int, tokens_last: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, channels, 3, weight_init=random_weights((channels, 3, 3, 3), 1))
        self.tokens_last = tokens_last
        self.layer = nn.Tanh()
        self.fc = nn.Dense(channels, 5, weight_init=random_weights((5, channels), 2))

    def construct(self, images: Tensor) -> Tensor:
        tokens = self.conv(images).flatten(start_dim=2)
        if self.tokens_last:
            return self.fc(self.layer(tokens).mean(2))
        return self.fc(self.layer(tokens.transpose(0, 2, 1)).mean(1))


class Mixed(nn.Cell):
    """Every output depends on every pixel alike: nothing tells its axes."""

    def __init__(self) -> None:
        super().__init__()
        self.all = nn.Dense(3 * SIZE * SIZE, SIZE**3, weight_init=random_weights((SIZE**3, 3 * SIZE * SIZE), 1, 0.1))
        self.layer = nn.Tanh()
        self.fc = nn.Dense(SIZE**3, 5, weight_init=random_weights((5, SIZE**3), 2))

    def construct(self, images: Tensor) -> Tensor:
        mixed = self.layer(self.all(images.flatten(start_dim=1)).reshape(-1, SIZE, SIZE, SIZE))
        return self.fc(mixed.flatten(start_dim=1))


LAST, FIRST = (0, 2, 3, 1), (0, 1, 2, 3)
CHANNELS_LAST: list[tuple[int, Any]] = [
    (8, lambda: nn.LayerNorm((8,))),
    (8, lambda: nn.Dense(8, 8, weight_init=random_weights((8, 8), 3))),
    (8, nn.Tanh),  # as many channels as rows: only looking tells
    (40, nn.Tanh),
    (40, lambda: nn.SequentialCell(nn.Dense(40, 40, weight_init=random_weights((40, 40), 3)), nn.GELU())),
    (7, nn.Identity),
]


@pytest.mark.parametrize(("channels", "layer"), CHANNELS_LAST)
@pytest.mark.parametrize("method", [GradCAM, HiResCAM, ScoreCAM])
def test_channels_that_come_last_give_the_map_of_the_layout_that_the_user_would_give(
    method: Any, channels: int, layer: Any
) -> None:
    network = Turned(channels, LAST, layer())
    given = method(network, "layer", reshape_transform=lambda values: values.transpose(0, 3, 1, 2))
    wanted = given(IMAGES, [1, 2, 4])
    assert np.ptp(wanted) > 0
    np.testing.assert_allclose(method(network, "layer")(IMAGES, [1, 2, 4]), wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("channels", [7, 8, 9, 40])
def test_channels_that_come_first_are_taken_as_they_are(channels: int) -> None:
    network = Turned(channels, FIRST, nn.Tanh())
    wanted = GradCAM(network, "layer", reshape_transform=lambda values: values)(IMAGES, 1)
    np.testing.assert_array_equal(GradCAM(network, "layer")(IMAGES, 1), wanted)


@pytest.mark.parametrize("tokens_last", [False, True])
def test_tokens_are_found_on_either_axis(tokens_last: bool) -> None:
    """16 features of 64 tokens: both numbers make a square map."""
    network = AsTokens(16, tokens_last)

    def as_maps(values: FloatArray) -> FloatArray:
        return (values if tokens_last else values.transpose(0, 2, 1)).reshape(-1, 16, SIZE, SIZE)

    wanted = HiResCAM(network, "layer", reshape_transform=as_maps)(IMAGES, 3)
    np.testing.assert_allclose(HiResCAM(network, "layer")(IMAGES, 3), wanted, rtol=1e-5, atol=1e-7)


class Mixer(nn.Cell):
    """Mixes tokens by a Dense over them, (N, D, T): 16 tokens of 64 features, both of which would make a map."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 2, 2, "valid", weight_init=random_weights((64, 3, 2, 2), 1))
        self.mix = nn.Dense(
            16, 16, weight_init=random_weights((16, 16), 2, 0.05) + Tensor(np.eye(16, dtype=np.float32))
        )
        self.fc = nn.Dense(64, 5, weight_init=random_weights((5, 64), 3))

    def construct(self, images: Tensor) -> Tensor:
        return self.fc(ops.relu(self.mix(self.conv(images).flatten(start_dim=2))).mean(2))


def test_a_dense_over_tokens_is_not_taken_for_one_over_features() -> None:
    network = Mixer()
    wanted = HiResCAM(network, "mix", reshape_transform=lambda values: values.reshape(-1, 64, 4, 4))(IMAGES, 3)
    np.testing.assert_allclose(HiResCAM(network, "mix")(IMAGES, 3), wanted, rtol=1e-5, atol=1e-7)


def test_a_layer_whose_axes_nothing_tells_is_refused_and_passed_over() -> None:
    message = r"`layer` 'layer' gives \(8, 8, 8\) .* read as maps or as maps, channels last, .*`reshape_transform`"
    with pytest.raises(LayerError, match=message):
        GradCAM(Mixed(), "layer")(IMAGES, 1)
    with pytest.raises(LayerError, match="'auto' found no layer"):
        GradCAM(Mixed(), "auto")(IMAGES, 1)


@pytest.mark.parametrize(("channels", "layer"), CHANNELS_LAST)
def test_auto_reads_channels_that_come_last_in_the_right_way(channels: int, layer: Any) -> None:
    network = Turned(channels, LAST, layer())
    explainer = GradCAM(network, "auto")
    maps = explainer(IMAGES, 1)
    chosen = explainer.parameters["chosen_layer"]
    turned = chosen.startswith("layer")
    given = {"reshape_transform": lambda values: values.transpose(0, 3, 1, 2)} if turned else {}
    np.testing.assert_allclose(maps, GradCAM(network, chosen, **given)(IMAGES, 1), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("shape", "axis", "size", "wanted"),
    [
        ((6, 5, 7), None, (10, 14), [Layout("maps", (5, 7))]),
        ((5, 7, 6), None, (10, 14), [Layout("maps, channels last", (5, 7))]),
        ((5, 7, 6), 1, (10, 14), [Layout("maps", (7, 6))]),
        ((5, 7, 6), -1, (10, 14), [Layout("maps, channels last", (5, 7))]),
        ((8, 8, 8), None, (16, 16), [Layout("maps", (8, 8)), Layout("maps, channels last", (8, 8))]),
        ((35, 6), -1, (10, 14), [Layout("tokens", (5, 7))]),
        ((36, 6), -1, (10, 14), [Layout("tokens", (5, 7))]),
        ((49, 64), None, (16, 16), [Layout("tokens", (7, 7)), Layout("tokens, channels first", (8, 8))]),
        ((6,), -1, (10, 14), []),
    ],
)
def test_class_and_shape_allow_these_layouts(
    shape: tuple[int, ...], axis: int | None, size: tuple[int, int], wanted: list[Layout]
) -> None:
    assert layouts(LayerOutput("layer", "Cell", shape, axis), size) == wanted


class Unasked:
    """Fails when it is asked for what a layer gives."""

    def activations(self, images: FloatArray, name: str) -> FloatArray:
        raise AssertionError("looked at, though class or shape tell")


@pytest.mark.parametrize(("shape", "axis"), [((6, 5, 7), None), ((5, 7, 6), -1), ((35, 6), -1), ((9, 9, 9), 1)])
def test_what_class_or_shape_tell_is_not_looked_at(shape: tuple[int, ...], axis: int | None) -> None:
    layout_of(Unasked(), LayerOutput("layer", "Cell", shape, axis), (3, 10, 14))


def test_the_channels_of_known_classes_are_told() -> None:
    network = Turned(8, LAST, nn.LayerNorm((8,)))
    axes = {layer.name: layer.channel_axis for layer in MindSporeClassifier(network).layers(IMAGES)}
    assert axes == {"conv": 1, "layer": -1, "fc": None}  # a Dense may mix tokens, or columns
