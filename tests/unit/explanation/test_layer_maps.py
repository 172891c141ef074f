"""Which layer 'auto' takes, how tokens become a map, and what a classifier tells of its layers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import mindspore
import numpy as np
import pytest
from mindspore import Parameter, Tensor, nn, ops
from networks import LinearNetwork, NormalisedCnn, SmallCnn, random_weights
from numpy.typing import NDArray

from explainer.classifier import LayerOutput
from explainer.errors import LayerError
from explainer.explanation import GradCAM, GradCAMPlusPlus, HiResCAM, LayerCAM, ScoreCAM
from explainer.explanation.layer_layouts import layout_of
from explainer.explanation.layer_maps import last_spatial_layer
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.testing.networks import FailingNetwork

FloatArray = NDArray[Any]

TARGETS = np.array([[2, 0], [1, 3], [3, 2]])


def images_of(count: int = 3, channels: int = 2, height: int = 5, width: int = 7, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((count, channels, height, width)).astype(np.float32)


def assert_equal_to_rounding(got: FloatArray, wanted: FloatArray) -> None:
    """To 1e-5 of the largest value: float32 sums of some hundred terms stray by a few 1e-7 of it."""
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


def chosen(network: nn.Cell, *image_shape: int) -> str:
    return last_spatial_layer(MindSporeClassifier(network), image_shape or (2, 5, 7))


def conv(inputs: int, outputs: int, seed: int, size: int = 3, **options: Any) -> nn.Cell:
    return nn.Conv2d(inputs, outputs, size, weight_init=random_weights((outputs, inputs, size, size), seed), **options)


def dense(inputs: int, outputs: int, seed: int) -> nn.Cell:
    weights = random_weights((outputs, inputs), seed, inputs**-0.5)
    return nn.Dense(inputs, outputs, weight_init=weights, bias_init=random_weights((outputs,), seed + 1, 0.1))


# Convolutional networks.


class SideBranch(nn.Cell):
    """A main road of 5 by 7 places; beside it a pooled branch of 2 by 3, whose part in the logits a test chooses."""

    def __init__(self, part: float) -> None:
        super().__init__()
        self.stem = conv(2, 4, 1)
        self.pool = nn.AvgPool2d(2, 2)
        self.side = conv(4, 4, 2)
        self.side_fc = dense(4, 4, 3)
        self.main = conv(4, 4, 5)
        self.fc = dense(4, 4, 6)
        self.part = part

    def construct(self, images: Tensor) -> Tensor:
        features = self.stem(images)
        side = self.side_fc(self.side(self.pool(features)).mean((2, 3)))
        return self.fc(self.main(features).mean((2, 3))) + self.part * side


class Gated(nn.Cell):
    """A squeeze-and-excitation network: the gate of 1 by 1 ends after the map that it weighs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = conv(2, 4, 1, stride=2)
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        self.excite = conv(4, 4, 2, size=1)
        self.gate = nn.Sigmoid()
        self.fc = dense(4, 4, 3)

    def construct(self, images: Tensor) -> Tensor:
        features = self.conv(images)
        return self.fc((features * self.gate(self.excite(self.squeeze(features)))).mean((2, 3)))


class Swapped(nn.Cell):
    """Ends in a cell whose 7 by 5 map lies across the image's 5 by 7, and one whose channels come last."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = conv(2, 4, 1)
        self.channels_last = Transposed((0, 2, 3, 1))
        self.fc = dense(4 * 24 * 40, 4, 3)
        self.flatten = nn.Flatten()

    def construct(self, images: Tensor) -> Tensor:
        return self.fc(self.flatten(self.channels_last(self.conv(images))))


class Transposed(nn.Cell):
    def __init__(self, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.axes = axes

    def construct(self, maps: Tensor) -> Tensor:
        return maps.transpose(self.axes)


def shared_relu() -> SmallCnn:
    network = SmallCnn()
    network.relu2 = network.relu1
    return network


def flattening() -> nn.Cell:
    """Named 0 to 6; the pooling of 2 by 3 places is 4."""
    return nn.SequentialCell(
        conv(2, 4, 1), nn.ReLU(), nn.AvgPool2d(2, 2), conv(4, 5, 2), nn.ReLU(), nn.Flatten(), dense(5 * 2 * 3, 4, 3)
    )


def down_to_one_place() -> nn.Cell:
    """5 by 7, then 3 by 4, then 1 by 1 places."""
    return nn.SequentialCell(
        conv(2, 4, 1),
        conv(4, 4, 2, stride=2),
        nn.ReLU(),
        nn.Conv2d(4, 5, (3, 4), pad_mode="valid", weight_init=random_weights((5, 4, 3, 4), 3)),
        nn.ReLU(),
        nn.Flatten(),
        dense(5, 4, 4),
    )


CONVOLUTIONAL: dict[str, tuple[Callable[[], nn.Cell], tuple[int, ...], str]] = {
    "the activation before the mean": (SmallCnn, (2, 5, 7), "relu2"),
    "also of wide images": (SmallCnn, (2, 3, 16), "relu2"),
    "batch norm is followed by its activation": (NormalisedCnn, (2, 7, 5), "relu"),
    "the activation before the flattening": (flattening, (2, 5, 7), "4"),
    "not a map of one place": (down_to_one_place, (2, 5, 7), "2"),
    "not a gate of one place": (Gated, (2, 5, 7), "conv"),
    "not a cell that runs twice": (shared_relu, (2, 5, 7), "conv2"),
    "the branch with the coarsest map": (lambda: SideBranch(0.5), (2, 5, 7), "side"),
    "not a branch that does not count": (lambda: SideBranch(0.0), (2, 5, 7), "main"),
    "channels that come last, which it reads": (Swapped, (2, 24, 40), "channels_last"),
}


@pytest.mark.parametrize("why", CONVOLUTIONAL)
def test_auto_takes_the_last_layer_with_the_coarsest_map(why: str) -> None:
    network, image_shape, wanted = CONVOLUTIONAL[why]
    assert chosen(network(), *image_shape) == wanted


def test_auto_is_the_layer_given_by_name() -> None:
    network, images = SmallCnn(), images_of()
    for method in (GradCAM, HiResCAM, LayerCAM, GradCAMPlusPlus, ScoreCAM):
        options = {"score": "logit"} if method is ScoreCAM else {}
        by_name = method(network, "relu2", **options)(images, TARGETS)
        np.testing.assert_array_equal(method(network, "auto", **options)(images, TARGETS), by_name)


@pytest.mark.parametrize("method", [HiResCAM, LayerCAM, GradCAMPlusPlus, ScoreCAM])
def test_auto_is_what_no_layer_means(method: Any) -> None:
    assert method(SmallCnn()).parameters["layer"] == "auto"


def test_a_network_without_a_spatial_layer_is_refused_with_advice() -> None:
    network = LinearNetwork(np.ones((4, 70), np.float32))
    message = r"'auto' found no layer with a spatial map for images \(2, 5, 7\); name a layer, and give `reshape_trans"
    with pytest.raises(LayerError, match=message):
        GradCAM(network, "auto")(images_of(), 1)


def test_a_network_whose_maps_do_not_count_is_refused_too() -> None:
    network = SmallCnn()
    network.fc.weight.set_data(Tensor(np.zeros((4, 6), np.float32)))
    with pytest.raises(LayerError, match="'auto' found no layer"):
        GradCAM(network, "auto")(images_of(), 1)


def test_the_choice_is_recorded_once_images_have_come() -> None:
    explainer = LayerCAM(flattening())
    assert explainer.parameters == {"class": "LayerCAM", "layer": "auto"}
    explainer(images_of(), 1)
    assert explainer.parameters == {"class": "LayerCAM", "layer": "auto", "chosen_layer": "4"}
    assert ScoreCAM(SmallCnn()).parameters.get("chosen_layer") is None


def test_a_layer_given_by_name_is_recorded_as_it_is() -> None:
    explainer = LayerCAM(SmallCnn(), "conv1")
    explainer(images_of(), 1)
    assert explainer.parameters == {"class": "LayerCAM", "layer": "conv1"}


def test_the_choice_is_scorecam_s_too() -> None:
    explainer = ScoreCAM(SmallCnn())
    explainer(images_of(count=1), 1)
    assert explainer.parameters["chosen_layer"] == "relu2"


class SizeDependent(nn.Cell):
    """Large images are pooled after the second convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.pool, self.fc = conv(2, 4, 1), conv(4, 4, 2), nn.AvgPool2d(2, 2), dense(4, 4, 3)

    def construct(self, images: Tensor) -> Tensor:
        features = self.conv2(self.conv1(images))
        return self.fc((self.pool(features) if images.shape[2] > 5 else features).mean((2, 3)))


def test_the_choice_is_made_for_each_image_shape() -> None:
    network = SizeDependent()
    explainer = HiResCAM(network)
    small, large = images_of(), images_of(height=8, width=6)
    np.testing.assert_array_equal(explainer(small, 1), HiResCAM(network, "conv2")(small, 1))
    np.testing.assert_array_equal(explainer(large, 1), HiResCAM(network, "pool")(large, 1))
    np.testing.assert_array_equal(explainer(small, 2), HiResCAM(network, "conv2")(small, 2))
    assert explainer.parameters["chosen_layer"] == "conv2, pool"


@pytest.mark.parametrize("value", [0.0, -3.0, 1e4])
def test_the_choice_does_not_depend_on_the_images(value: float) -> None:
    # With the images themselves for a probe these would have dead ReLUs behind the convolutions, and no gradient.
    explainer = GradCAM(SmallCnn(), "auto")
    explainer(np.full((3, 2, 5, 7), value, np.float32), 1)
    assert explainer.parameters["chosen_layer"] == "relu2"


def test_the_choice_is_made_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    explainer = GradCAM(flattening(), "auto")
    with caplog.at_level(logging.INFO, logger="explainer"):
        explainer(images_of(), 1)
        explainer(images_of(seed=1), 2)
    told = [(record.name, record.levelname, record.getMessage()) for record in caplog.records]
    assert told == [("explainer", "INFO", "layer='auto' is '4': 6 positions, maps")]


# Transformers.


class Attention(nn.Cell):
    """Every token asks all tokens; the attention maps pass through a cell of their own."""

    def __init__(self, width: int, seed: int) -> None:
        super().__init__()
        self.in_projection = dense(width, 3 * width, seed)
        self.attend = nn.Softmax(-1)
        self.out_projection = dense(width, width, seed + 2)
        self.width = width

    def construct(self, tokens: Tensor) -> Tensor:
        query, key, value = self.in_projection(tokens).split(self.width, -1)
        scores = ops.bmm(query, key.swapaxes(1, 2)) * self.width**-0.5
        heads = self.attend(scores.expand_dims(1))  # (N, 1, T, T), as a map of one channel
        return self.out_projection(ops.bmm(heads[:, 0], value))


class Block(nn.Cell):
    def __init__(self, width: int, seed: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm((width,))
        self.attention = Attention(width, seed)
        self.norm2 = nn.LayerNorm((width,))
        self.mlp = nn.SequentialCell(dense(width, width, seed + 10), nn.GELU())

    def construct(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attention(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))


class TinyTransformer(nn.Cell):
    """Patches of 5 by 5, `extra` class tokens in front, two blocks, a norm; logits of token 0 or of the mean."""

    def __init__(self, places: int, extra: int = 1, width: int = 6) -> None:
        super().__init__()
        self.patches = conv(2, width, 40, size=5, stride=5, pad_mode="valid")
        self.extra = Parameter(random_weights((1, extra, width), 41)) if extra else None
        self.positions = Parameter(random_weights((1, places + extra, width), 42))
        self.blocks = nn.SequentialCell(Block(width, 50), Block(width, 70))
        self.norm = nn.LayerNorm((width,))
        self.head = dense(width, 4, 90)

    def construct(self, images: Tensor) -> Tensor:
        patches = self.patches(images)
        tokens = patches.reshape(patches.shape[0], patches.shape[1], -1).swapaxes(1, 2)
        if self.extra is not None:
            tokens = ops.cat((self.extra.broadcast_to((patches.shape[0], -1, -1)), tokens), 1)
        tokens = self.norm(self.blocks(tokens + self.positions))
        return self.head(tokens[:, 0] if self.extra is not None else tokens.mean(1))


TRANSFORMERS: dict[str, tuple[Callable[[], nn.Cell], tuple[int, ...], str]] = {
    "a class token": (lambda: TinyTransformer(12), (2, 15, 20), "blocks.1.norm1"),
    "a class and a distillation token": (lambda: TinyTransformer(12, extra=2), (2, 15, 20), "blocks.1.norm1"),
    "a high image": (lambda: TinyTransformer(12), (2, 20, 15), "blocks.1.norm1"),
    "a square image, whose attention maps are square, too": (
        lambda: TinyTransformer(9),
        (2, 15, 15),
        "blocks.1.norm1",
    ),
    "the mean of the tokens": (lambda: TinyTransformer(12, extra=0), (2, 15, 20), "norm"),
}


@pytest.mark.parametrize("kind", TRANSFORMERS)
def test_auto_takes_the_last_norm_through_which_the_places_decide(kind: str) -> None:
    network, image_shape, wanted = TRANSFORMERS[kind]
    assert chosen(network(), *image_shape) == wanted


class PixelTransformer(nn.Cell):
    """Every pixel is a token, and nothing is normalised: a square image's attention map is the only map there is."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = Attention(2, 50)
        self.head = dense(2, 4, 90)

    def construct(self, images: Tensor) -> Tensor:
        tokens = images.reshape(images.shape[0], 2, -1).swapaxes(1, 2)
        return self.head(self.attention(tokens).mean(1))


def test_an_attention_map_is_no_map_of_the_image() -> None:
    with pytest.raises(LayerError, match="'auto' found no layer"):
        chosen(PixelTransformer(), 2, 4, 4)


def test_behind_the_last_attention_the_class_token_alone_has_a_gradient() -> None:
    # Why the later norms are passed over; were this not so, the test above would show nothing.
    images, seeds = images_of(height=15, width=20), np.eye(4, dtype=np.float32)[[2, 1, 3]]
    classifier = MindSporeClassifier(TinyTransformer(12))
    for name in ("blocks.1.norm2", "norm"):
        gradient = classifier.layer(images, seeds, name)[1]
        assert gradient.shape == (3, 13, 6)
        assert gradient[:, 0].all()
        assert not gradient[:, 1:].any()
    assert classifier.layer(images, seeds, "blocks.1.norm1")[1][:, 1:].all()


@pytest.mark.parametrize("extra", [0, 1, 2])
def test_a_map_of_tokens_is_the_sum_over_their_features_place_by_place(extra: int) -> None:
    network, images = TinyTransformer(12, extra), images_of(height=15, width=20)
    labels = [2, 1, 3]
    output, gradient = MindSporeClassifier(network).layer(images, np.eye(4, dtype=np.float32)[labels], "blocks.1.norm1")
    coarse = np.zeros((3, 3, 4))
    for n, row, column in np.ndindex(coarse.shape):
        token = extra + 4 * row + column
        coarse[n, row, column] = max(0, float(output[n, token].astype(np.float64) @ gradient[n, token]))
    maps = HiResCAM(network, "blocks.1.norm1")(images, labels)
    # 15 = 3 * 5 and 20 = 4 * 5: the middle pixel of each patch is the patch's own value.
    assert_equal_to_rounding(maps[:, 0, 2::5, 2::5], coarse)


# Tokens laid out.


def tokens_of(extra: int, height: int = 3, width: int = 4, features: int = 2) -> FloatArray:
    """Token (row, column) has the features row, column + 10; extra ones in front are -1."""
    places = [[row, column + 10] for row in range(height) for column in range(width)]
    tokens = np.float32([[-1] * features] * extra + places)
    return np.stack([tokens, tokens + 100, tokens + 200])


def spatial(values: FloatArray, name: str, size: tuple[int, int], channel_axis: int = -1) -> FloatArray:
    """The values laid out as their shape alone says; nothing needs to be looked at."""
    layer = LayerOutput(name, "LayerNorm", values.shape[1:], channel_axis)
    return layout_of(MindSporeClassifier(SmallCnn()), layer, (3, *size)).spatial(values)


@pytest.mark.parametrize("extra", [0, 1, 2])
@pytest.mark.parametrize(
    ("size", "grid"), [((15, 20), (3, 4)), ((20, 15), (4, 3)), ((8, 24), (2, 6)), ((16, 16), (3, 3)), ((1, 7), (1, 7))]
)
def test_tokens_are_laid_out_row_by_row_in_the_image_s_shape(
    extra: int, size: tuple[int, int], grid: tuple[int, int]
) -> None:
    wanted_rows, wanted_columns = np.mgrid[: grid[0], : grid[1]]
    maps = spatial(tokens_of(extra, *grid), "norm", size)
    assert maps.dtype == np.float32
    assert maps.flags.c_contiguous
    assert maps.shape == (3, 2, *grid)
    for n in range(3):
        np.testing.assert_array_equal(maps[n, 0], wanted_rows + 100 * n)
        np.testing.assert_array_equal(maps[n, 1], wanted_columns + 10 + 100 * n)


WRONG_COUNTS = [
    (15, (15, 20)),  # three more than 3 by 4
    (11, (15, 20)),  # one less
    (12, (16, 16)),  # 3 by 4 of a square image
    (12, (20, 21)),  # 3 by 4 of an image that is nearly square
    (196, (224, 225)),
]


@pytest.mark.parametrize(("count", "size"), WRONG_COUNTS)
def test_tokens_that_make_no_map_of_the_image_s_shape_are_refused(count: int, size: tuple[int, int]) -> None:
    message = rf"`layer` 'norm' must have a spatial map .* gave \({count}, 2\) for one .* give `reshape_transform`"
    with pytest.raises(LayerError, match=message):
        spatial(np.zeros((3, count, 2), np.float32), "norm", size)


@pytest.mark.parametrize("shape", [(3, 4), (3,), (3, 2, 2, 3, 4)])
def test_an_output_that_is_neither_map_nor_tokens_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(LayerError, match=r"`layer` 'fc' must have a spatial map"):
        spatial(np.zeros(shape, np.float32), "fc", (15, 20))


def test_a_map_is_taken_as_it_is() -> None:
    maps = images_of()
    assert spatial(maps, "conv", (50, 90), channel_axis=1) is maps


def test_a_transformer_whose_tokens_make_no_map_of_the_image_s_shape_is_refused() -> None:
    # 17 by 22 pixels hold 3 by 4 whole patches as well, but 3 / 4 is not 17 / 22.
    with pytest.raises(
        LayerError, match=r"'norm' must have a spatial map .* gave \(13, 6\) for one .*`reshape_transform`"
    ):
        GradCAM(TinyTransformer(12), "norm")(images_of(height=17, width=22), 1)


# The user's own layout.


class ChannelsLast(nn.Cell):
    """logits = weights . (N, h, w, D) features, each the product of a pixel's two channels with a matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = dense(2, 3, 7)
        self.flatten = nn.Flatten()
        self.fc = dense(5 * 7 * 3, 4, 8)

    def construct(self, images: Tensor) -> Tensor:
        return self.fc(self.flatten(self.mix(images.transpose(0, 2, 3, 1))))


def test_features_whose_channels_come_last_are_laid_out_by_the_user() -> None:
    network, images = ChannelsLast(), images_of()
    weights, bias = network.mix.weight.asnumpy().astype(np.float64), network.mix.bias.asnumpy()
    features = np.einsum("nchw,dc->nhwd", images, weights) + bias
    gradients = network.fc.weight.asnumpy().reshape(4, 5, 7, 3)[TARGETS]
    explainer = HiResCAM(network, "mix", reshape_transform=lambda values: values.transpose(0, 3, 1, 2))
    wanted = np.maximum((features[:, None] * gradients).sum(axis=-1), 0)
    assert_equal_to_rounding(explainer(images, TARGETS), wanted)


def test_output_and_gradient_are_laid_out_alike() -> None:
    network, images = ChannelsLast(), images_of()
    given: list[FloatArray] = []

    def remembered(values: FloatArray) -> FloatArray:
        given.append(values)
        return values.transpose(0, 3, 1, 2)

    GradCAM(network, "mix", reshape_transform=remembered)(images, [2, 1, 3])
    output, gradient = MindSporeClassifier(network).layer(images, np.eye(4, dtype=np.float32)[[2, 1, 3]], "mix")
    assert len(given) == 2
    np.testing.assert_array_equal(given[0], output)
    np.testing.assert_array_equal(given[1], gradient)


def test_tokens_of_any_number_can_be_laid_out_by_the_user() -> None:
    network, images = TinyTransformer(12), images_of(height=17, width=22)
    laid_out = HiResCAM(
        network,
        "blocks.1.norm1",
        reshape_transform=lambda values: values[:, 1:].reshape(-1, 3, 4, 6).transpose(0, 3, 1, 2),
    )(images, 1)
    # The last 2 rows and columns of pixels are in no patch, so the tokens are those of the first 15 by 20 pixels.
    by_tokens = HiResCAM(network, "blocks.1.norm1")(images[:, :, :15, :20], 1)
    corners = np.ix_(range(3), [0], [0, -1], [0, -1])  # where resizing to either size leaves the map's own values
    assert by_tokens[corners].any()
    assert_equal_to_rounding(laid_out[corners], by_tokens[corners])


@pytest.mark.parametrize(
    ("reshape", "got"),
    [
        (lambda values: values, r"\(3, 13, 6\)"),
        (lambda values: values[0, 1:].reshape(3, 4, 6), r"\(3, 4, 6\)"),
        (lambda values: values[:1, 1:].reshape(1, 3, 4, 6), r"\(1, 3, 4, 6\)"),
        (lambda values: 3.0, r"\(\)"),
    ],
)
def test_a_layout_that_is_no_map_is_refused(reshape: Any, got: str) -> None:
    explainer = GradCAM(TinyTransformer(12), "norm", reshape_transform=reshape)
    message = rf"`reshape_transform` must give \(N, D, h, w\), gave {got} for the output \(3, 13, 6\) of layer 'norm'"
    with pytest.raises(LayerError, match=message):
        explainer(images_of(height=15, width=20), 1)


@pytest.mark.parametrize("method", [GradCAM, ScoreCAM])
def test_a_layout_that_is_no_function_is_refused_in_the_constructor(method: Any) -> None:
    with pytest.raises(TypeError, match=r"`reshape_transform` must be a function of the layer's output, got \(3, 4\)"):
        method(SmallCnn(), "relu2", reshape_transform=(3, 4))


# The layers that a classifier tells of.


def test_layers_are_told_in_the_order_in_which_they_end() -> None:
    assert MindSporeClassifier(SmallCnn()).layers(images_of()) == [
        LayerOutput("conv1", "Conv2d", (5, 5, 7), 1),
        LayerOutput("relu1", "ReLU", (5, 5, 7)),
        LayerOutput("conv2", "Conv2d", (6, 5, 7), 1),
        LayerOutput("relu2", "ReLU", (6, 5, 7)),
        LayerOutput("dropout", "Dropout", (6,)),
        LayerOutput("fc", "Dense", (4,)),
    ]


def test_a_cell_ends_after_the_cells_within_it() -> None:
    names = [output.name for output in MindSporeClassifier(TinyTransformer(12)).layers(images_of(1, 2, 15, 20))]
    assert names[:7] == [
        "patches",
        "blocks.0.norm1",
        "blocks.0.attention.in_projection",
        "blocks.0.attention.attend",
        "blocks.0.attention.out_projection",
        "blocks.0.attention",
        "blocks.0.norm2",
    ]
    assert names[-3:] == ["blocks", "norm", "head"]


class Odd(nn.Cell):
    """A linear network beside cells of which nothing can be read."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.ReLU()
        self.pair = Pair()
        self.across = Transposed((1, 0, 2, 3))
        self.ruled = OwnBackward()
        self.linear = LinearNetwork(np.ones((4, 70), np.float32))

    def construct(self, images: Tensor) -> Tensor:
        self.pair(images)
        self.across(images)
        return self.linear(self.ruled(images))


class Pair(nn.Cell):
    def construct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return images, images


class OwnBackward(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        return images

    def bprop(self, images: Tensor, output: Tensor, upstream: Tensor) -> tuple[Tensor]:
        return (upstream,)


def test_layers_of_which_nothing_can_be_read_are_left_out() -> None:
    assert [output.name for output in MindSporeClassifier(Odd()).layers(images_of())] == [
        "linear.flatten",
        "linear.fc",
        "linear",
    ]


def test_a_cell_that_runs_twice_is_left_out() -> None:
    outputs = MindSporeClassifier(shared_relu()).layers(images_of())
    assert [output.name for output in outputs] == ["conv1", "conv2", "dropout", "fc"]


@pytest.mark.parametrize("make", [Gated, flattening])
def test_every_layer_that_is_told_can_be_read(make: Callable[[], nn.Cell]) -> None:
    images, seeds = images_of(), np.eye(4, dtype=np.float32)[[2, 1, 3]]
    classifier = MindSporeClassifier(make())
    for name, _, shape, _ in classifier.layers(images):
        output, gradient = classifier.layer(images, seeds, name)
        assert output.shape == gradient.shape == (3, *shape)


def observed(network: nn.Cell) -> list[tuple[Any, ...]]:
    return [
        (name, id(cell), type(cell), cell.training, cell.requires_grad, cell.phase, cell.has_bprop, set(vars(cell)))
        for name, cell in network.cells_and_names()
    ]


@pytest.mark.parametrize("mode", [mindspore.PYNATIVE_MODE, mindspore.GRAPH_MODE], ids=["PyNative", "graph"])
def test_the_network_is_given_back_as_it_was(mode: int) -> None:
    network = SmallCnn()
    network.set_train()
    network.conv2.set_train(False)
    network.conv1.set_grad()
    before_mode = mindspore.get_context("mode")
    MindSporeClassifier(network).class_count(images_of())  # the first pass of a cell sets notes of MindSpore's own
    before = observed(network)
    try:
        mindspore.set_context(mode=mode)
        outputs = MindSporeClassifier(network).layers(images_of())
        assert mindspore.get_context("mode") == mode
    finally:
        mindspore.set_context(mode=before_mode)
    assert len(outputs) == 6
    assert observed(network) == before


@pytest.mark.parametrize("good_calls", [0, 1])
def test_a_network_that_fails_is_given_back_as_it_was(good_calls: int) -> None:
    network = FailingNetwork(SmallCnn(), good_calls)
    network.set_train()
    classifier = MindSporeClassifier(network)
    if good_calls:
        assert len(classifier.layers(images_of())) == 7
    before = observed(network)
    with pytest.raises(RuntimeError, match="failed on purpose"):
        classifier.layers(images_of())
    assert observed(network) == before


def test_layers_leave_batch_norm_s_statistics_and_the_weights_alone() -> None:
    network = NormalisedCnn()
    network.set_train()
    before = {name: value.asnumpy().copy() for name, value in network.parameters_and_names()}
    MindSporeClassifier(network).layers(images_of())
    for name, value in network.parameters_and_names():
        np.testing.assert_array_equal(value.asnumpy(), before[name])
