"""Methods that read a layer: each formula against a slow replica of its paper's, alone and end to end."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, floor
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn
from networks import LinearNetwork, SmallCnn, random_weights
from numpy.typing import NDArray
from replicas import RecordingNetwork

from explainer.errors import LayerError
from explainer.explanation import GradCAM, GradCAMPlusPlus, HiResCAM, LayerCAM, ScoreCAM
from explainer.explanation.by_layer import LayerAttribution
from explainer.network.mindspore.adapter import MindSporeClassifier

FloatArray = NDArray[Any]
Formula = Callable[[FloatArray, FloatArray], FloatArray]

TARGETS = np.array([[2, 0], [1, 3], [3, 2]])
WEIGHTS = np.random.default_rng(11).standard_normal((4, 70)).astype(np.float32)


def images_of(count: int = 3, channels: int = 2, height: int = 5, width: int = 7, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((count, channels, height, width)).astype(np.float32)


def assert_equal_to_rounding(got: FloatArray, wanted: FloatArray) -> None:
    """To 1e-5 of the largest value: float32 sums of some hundred terms stray by a few 1e-7 of it."""
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


class PooledCnn(nn.Cell):
    """Conv - ReLU - pooling - Conv - Flatten - Dense, for images of 5 by 7: every place has a gradient of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 4, 3, weight_init=random_weights((4, 2, 3, 3), 31))
        self.relu = nn.ReLU()
        self.pool = nn.AvgPool2d(2, 2)
        self.conv2 = nn.Conv2d(4, 5, 3, weight_init=random_weights((5, 4, 3, 3), 32))
        self.flatten = nn.Flatten()
        self.fc = nn.Dense(30, 4, weight_init=random_weights((4, 30), 33, 2.0), bias_init=random_weights((4,), 34))

    def construct(self, images: Tensor) -> Tensor:
        return self.fc(self.flatten(self.conv2(self.pool(self.relu(self.conv1(images))))))


LAYER_SHAPES = {"conv1": (4, 5, 7), "relu": (4, 5, 7), "pool": (4, 2, 3), "conv2": (5, 2, 3), "": (2, 5, 7)}


# The papers' formulas for one image, A and G being (D, h, w), in loops.


def grad_cam(layer: FloatArray, gradient: FloatArray) -> FloatArray:
    """Selvaraju et al. 2017, equations 1 and 2."""
    depth, height, width = layer.shape
    total = np.zeros((height, width))
    for channel in range(depth):
        alpha = 0.0
        for i in range(height):
            for j in range(width):
                alpha += float(gradient[channel, i, j]) / (height * width)
        total += alpha * layer[channel]
    return np.maximum(total, 0)


def hires_cam(layer: FloatArray, gradient: FloatArray) -> FloatArray:
    """Draelos and Carin 2020, section 3.2."""
    depth, height, width = layer.shape
    total = np.zeros((height, width))
    for channel, i, j in np.ndindex(depth, height, width):
        total[i, j] += float(gradient[channel, i, j]) * float(layer[channel, i, j])
    return np.maximum(total, 0)


def layer_cam(layer: FloatArray, gradient: FloatArray) -> FloatArray:
    """Jiang et al. 2021, equations 4 to 6: the weight of a place is its positive gradient."""
    depth, height, width = layer.shape
    total = np.zeros((height, width))
    for channel, i, j in np.ndindex(depth, height, width):
        weight = max(float(gradient[channel, i, j]), 0.0)
        total[i, j] += weight * float(layer[channel, i, j])
    return np.maximum(total, 0)


def grad_cam_plus_plus(layer: FloatArray, gradient: FloatArray) -> FloatArray:
    """Chattopadhyay et al. 2018, equations 5 and 19, the factor exp(logit) left out."""
    depth, height, width = layer.shape
    total = np.zeros((height, width))
    for channel in range(depth):
        activation = sum(float(layer[channel, i, j]) for i in range(height) for j in range(width))
        weight = 0.0
        for i in range(height):
            for j in range(width):
                slope = float(gradient[channel, i, j])
                denominator = 2 * slope**2 + activation * slope**3
                alpha = slope**2 / denominator if denominator else 0.0
                weight += alpha * max(slope, 0.0)
        total += weight * layer[channel]
    return np.maximum(total, 0)


FORMULAS: dict[type[LayerAttribution], Formula] = {
    GradCAM: grad_cam,
    HiResCAM: hires_cam,
    LayerCAM: layer_cam,
    GradCAMPlusPlus: grad_cam_plus_plus,
}


def stretched(small: FloatArray, height: int, width: int) -> FloatArray:
    """Bilinear, pixel by pixel: centres aligned, the edge held beyond the outermost ones."""
    large = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            y = min(max((i + 0.5) * small.shape[0] / height - 0.5, 0), small.shape[0] - 1)
            x = min(max((j + 0.5) * small.shape[1] / width - 0.5, 0), small.shape[1] - 1)
            top, left = floor(y), floor(x)
            bottom, right = min(top + 1, small.shape[0] - 1), min(left + 1, small.shape[1] - 1)
            upper = small[top, left] * (1 - x + left) + small[top, right] * (x - left)
            lower = small[bottom, left] * (1 - x + left) + small[bottom, right] * (x - left)
            large[i, j] = upper * (1 - y + top) + lower * (y - top)
    return large


def replica_maps(method: type[LayerAttribution], network: nn.Cell, layer: str, images: FloatArray) -> FloatArray:
    """Each image and label alone, from the seam's activation and gradient."""
    classifier = MindSporeClassifier(network)
    maps = np.zeros((*TARGETS.shape, *images.shape[2:]))
    for place, label in np.ndindex(TARGETS.shape):
        seed = np.eye(4, dtype=np.float32)[TARGETS[place, label]][None]
        activation, gradient = classifier.layer(images[place : place + 1], seed, layer)
        maps[place, label] = stretched(FORMULAS[method](activation[0], gradient[0]), *images.shape[2:])
    return maps


# The formulas alone.


@pytest.mark.parametrize("method", FORMULAS)
def test_the_combination_is_the_paper_s_for_outputs_and_gradients_of_any_sign(method: type[LayerAttribution]) -> None:
    layers = np.random.default_rng(1).standard_normal((3, 4, 2, 3)).astype(np.float32)
    gradients = np.random.default_rng(2).standard_normal((3, 4, 2, 3)).astype(np.float32)
    gradients[1, 2] = 0
    gradients[2, :, 1, 0] = 0
    wanted = [FORMULAS[method](layer, gradient) for layer, gradient in zip(layers, gradients, strict=True)]
    assert max(map(np.max, wanted)) > 0
    assert min(map(np.min, wanted)) == 0
    combined = np.maximum(method(SmallCnn(), "conv1").combined(layers, gradients), 0)
    np.testing.assert_allclose(combined, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", FORMULAS)
def test_a_layer_whose_gradient_is_zero_says_nothing(method: type[LayerAttribution]) -> None:
    layers = np.random.default_rng(1).standard_normal((3, 4, 2, 3)).astype(np.float32)
    combined = method(SmallCnn(), "conv1").combined(layers, np.zeros_like(layers))
    np.testing.assert_array_equal(combined, np.zeros((3, 2, 3)))


def test_gradcam_plus_plus_of_one_gradient_throughout_has_one_weight() -> None:
    # G = g: alpha = 1 / (2 + sum(A) g), so each channel's weight is h w g / (2 + sum(A) g)
    layers = np.abs(np.random.default_rng(1).standard_normal((3, 4, 2, 3))).astype(np.float32)
    slopes = np.float32([[0.5, 2, -1, 3], [1, -2, 4, 0.25], [-3, 0.125, 6, 1]])
    gradients = np.broadcast_to(slopes[:, :, None, None], layers.shape)
    sums = layers.sum(axis=(2, 3))
    weights = np.where(slopes > 0, 6 * slopes / (2 + sums * slopes), 0)
    wanted = (weights[:, :, None, None] * layers).sum(axis=1)
    np.testing.assert_allclose(GradCAMPlusPlus(SmallCnn(), "conv1").combined(layers, gradients), wanted, rtol=1e-5)


def test_gradcam_plus_plus_gives_no_weight_to_a_place_whose_denominator_vanishes() -> None:
    # A sums to -2; where G = 1 the denominator is 2 - 2 = 0, where G = 2 it is 8 - 16 and alpha = 4 / -8
    layers, gradients = np.float32([[[[1, -5, 2]]]]), np.float32([[[[1, 0, 2]]]])
    combined = GradCAMPlusPlus(SmallCnn(), "conv1").combined(layers, gradients)
    assert combined.tolist() == [[[-1.0, 5.0, -2.0]]]  # the weight is -0.5 * 2


def test_tiny_gradients_of_gradcam_plus_plus_do_not_vanish_in_their_cubes() -> None:
    # With G = 1e-25 the alphas are 1/2, for sum(A) G^3 is nothing beside 2 G^2; in float32 both would be 0.
    layers, gradients = np.float32([[[[1, 3]]]]), np.full((1, 1, 1, 2), 1e-25, np.float32)
    combined = GradCAMPlusPlus(SmallCnn(), "conv1").combined(layers, gradients)
    np.testing.assert_allclose(combined, [[[1e-25, 3e-25]]], rtol=1e-6)


def test_layercam_differs_from_hirescam_in_the_negative_gradients_alone() -> None:
    layers, gradients = np.float32([[[[2, -3, -4]]]]), np.float32([[[[-5, 1, -2]]]])
    assert HiResCAM(SmallCnn(), "conv1").combined(layers, gradients).tolist() == [[[-10, -3, 8]]]
    assert LayerCAM(SmallCnn(), "conv1").combined(layers, gradients).tolist() == [[[0, -3, 0]]]


# End to end.


@pytest.mark.parametrize("layer", LAYER_SHAPES)
@pytest.mark.parametrize("method", FORMULAS)
def test_maps_are_the_paper_s_of_the_layer_resized_to_the_image(method: type[LayerAttribution], layer: str) -> None:
    network, images = PooledCnn(), images_of()
    wanted = replica_maps(method, network, layer, images)
    assert all(of_label.any() for of_image in wanted for of_label in of_image)
    assert_equal_to_rounding(method(network, layer)(images, TARGETS), wanted)


@pytest.mark.parametrize("layer", ["conv1", "relu1", "conv2", "relu2"])
@pytest.mark.parametrize("method", FORMULAS)
def test_maps_of_a_network_that_takes_the_mean_are_the_paper_s(method: type[LayerAttribution], layer: str) -> None:
    network, images = SmallCnn(), images_of()
    assert_equal_to_rounding(method(network, layer)(images, TARGETS), replica_maps(method, network, layer, images))


@pytest.mark.parametrize("method", FORMULAS)
def test_maps_do_not_depend_on_the_batch_size(method: type[LayerAttribution], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXPLAINER_COMPILE")
    network, images = PooledCnn(), images_of()
    wanted = method(network, "pool", batch_size=6)(images, TARGETS)
    assert_equal_to_rounding(method(network, "pool", batch_size=1)(images, TARGETS), wanted)


def test_hirescam_before_a_global_mean_is_gradcam() -> None:
    # The gradient behind the mean is one number per channel, so its mean is itself.
    network, images = SmallCnn(), images_of()
    gradcam = GradCAM(network, "relu2")(images, TARGETS)
    assert gradcam.any()
    assert_equal_to_rounding(HiResCAM(network, "relu2")(images, TARGETS), gradcam)
    before_relu = GradCAM(network, "conv2")(images, TARGETS)
    difference = np.abs(HiResCAM(network, "conv2")(images, TARGETS) - before_relu).max()
    assert difference > 0.01 * before_relu.max()  # one layer earlier it is not


def test_hirescam_of_a_linear_network_s_input_is_the_positive_part_of_each_contribution() -> None:
    images = images_of()
    contributions = (WEIGHTS.reshape(4, 2, 5, 7)[TARGETS] * images[:, None]).sum(axis=2)
    maps = HiResCAM(LinearNetwork(WEIGHTS), "")(images, TARGETS)
    assert_equal_to_rounding(maps, np.maximum(contributions, 0))


def test_hirescam_before_a_linear_layer_sums_to_the_logit_when_nothing_is_negative() -> None:
    network, images = PooledCnn(), images_of()
    for name, parameter in network.parameters_and_names():
        parameter.set_data(
            Tensor(np.zeros(parameter.shape, np.float32) if "bias" in name else abs(parameter.asnumpy()))
        )
    images = abs(images)
    classifier = MindSporeClassifier(network)
    maps = HiResCAM(network, "relu")(images, TARGETS)  # as large as the image, so nothing is resized
    logits = np.take_along_axis(classifier.logits(images), TARGETS, 1)
    assert_equal_to_rounding(maps.sum(axis=(2, 3)), logits)


# Layers by name, by cell, by nothing.

METHODS = [*FORMULAS, ScoreCAM]
OPTIONS: dict[type[Any], dict[str, Any]] = {ScoreCAM: {"score": "logit"}}


def made(method: type[Any], network: nn.Cell, layer: Any) -> Any:
    return method(network, layer, **OPTIONS.get(method, {}))


@pytest.mark.parametrize("method", METHODS)
def test_a_layer_may_be_the_cell_itself(method: type[Any]) -> None:
    network, images = PooledCnn(), images_of()
    by_cell = made(method, network, network.pool)
    assert by_cell.parameters["layer"] == "pool"
    np.testing.assert_array_equal(by_cell(images, TARGETS), made(method, network, "pool")(images, TARGETS))


@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_layer_is_refused_in_the_constructor_with_the_nearest_names(method: type[Any]) -> None:
    with pytest.raises(LayerError, match="PooledCnn, got 'conv3'; did you mean 'conv2' or 'conv1'"):
        made(method, PooledCnn(), "conv3")


@pytest.mark.parametrize("method", METHODS)
def test_a_cell_of_another_network_is_refused(method: type[Any]) -> None:
    with pytest.raises(LayerError, match="`layer` must be a cell of PooledCnn, got a AvgPool2d that is not part of it"):
        made(method, PooledCnn(), PooledCnn().pool)


@pytest.mark.parametrize("method", METHODS)
def test_a_layer_that_is_no_cell_is_refused(method: type[Any]) -> None:
    with pytest.raises(TypeError, match="`layer` must be the name of a cell or the cell itself, got int"):
        made(method, PooledCnn(), 3)


@pytest.mark.parametrize("method", METHODS)
def test_a_layer_without_a_spatial_map_is_refused_when_called(method: type[Any]) -> None:
    with pytest.raises(
        LayerError, match=r"'fc' must have a spatial map .* gave \(4,\) for one image; name a convolution"
    ):
        made(method, PooledCnn(), "fc")(images_of(), 1)


@pytest.mark.parametrize("method", METHODS)
def test_the_layer_is_recorded(method: type[Any]) -> None:
    recorded = made(method, PooledCnn(), "pool").parameters
    options = {"score": "logit", "fill": 0.0} if method is ScoreCAM else {}
    assert recorded == {"class": method.__name__, "layer": "pool", **options}


# ScoreCAM.


def softmax(logits: FloatArray) -> FloatArray:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def score_cam(
    network: nn.Cell, channels: FloatArray, image: FloatArray, label: int, *, fill: FloatArray, probability: bool
) -> FloatArray:
    """Wang et al. 2020, algorithm 1, one channel after the other: masks in [0, 1], softmax of the scores, ReLU."""
    network.set_train(False)
    weights = []
    for channel in channels:
        mask = stretched(channel, *image.shape[1:])
        if mask.max() == mask.min():
            weights.append(None)
            continue
        mask = (mask - mask.min()) / (mask.max() - mask.min())
        masked = (image * mask + fill * (1 - mask)).astype(np.float32)
        logits = network(Tensor(masked[None])).asnumpy()[0].astype(np.float64)
        weights.append(float((softmax(logits) if probability else logits)[label]))
    total = sum(exp(weight) for weight in weights if weight is not None)
    combined = np.zeros(channels.shape[1:])
    for weight, channel in zip(weights, channels, strict=True):
        if weight is not None:
            combined += exp(weight) / total * channel
    return stretched(np.maximum(combined, 0), *image.shape[1:])


def score_cams(network: nn.Cell, layer: str, images: FloatArray, fill: Any = 0.0, **how: bool) -> FloatArray:
    outputs, _ = MindSporeClassifier(network).layer(images, np.zeros((len(images), 4), np.float32), layer)
    filled = np.broadcast_to(np.float32(fill).reshape(-1, 1, 1), images.shape[1:])
    return np.float64(
        [
            [score_cam(network, channels, image, label, fill=filled, **how) for label in labels]
            for channels, image, labels in zip(outputs, images, TARGETS, strict=True)
        ]
    )


@pytest.mark.parametrize("layer", LAYER_SHAPES)
def test_scorecam_is_the_paper_s_algorithm(layer: str) -> None:
    network, images = PooledCnn(), images_of()
    wanted = score_cams(network, layer, images, probability=False)
    assert wanted.any()
    assert_equal_to_rounding(ScoreCAM(network, layer)(images, TARGETS), wanted)


def test_scorecam_of_a_probability_takes_the_softmax_of_probabilities() -> None:
    network, images = PooledCnn(), images_of()
    wanted = score_cams(network, "pool", images, probability=True)
    scored = ScoreCAM(network, "pool", activation_fn=nn.Softmax(), score="probability")
    assert scored.parameters["score"] == "probability"
    assert_equal_to_rounding(scored(images, TARGETS), wanted)
    by_logit = score_cams(network, "pool", images, probability=False)
    assert np.abs(wanted - by_logit).max() > 0.01 * np.abs(wanted).max()  # the two do differ


def test_scorecam_shows_the_fill_where_a_mask_hides() -> None:
    network, images = PooledCnn(), images_of()
    wanted = score_cams(network, "pool", images, [1.5, -2.0], probability=False)
    scored = ScoreCAM(network, "pool", fill=[1.5, -2.0])
    assert scored.parameters["fill"] == [1.5, -2.0]
    assert_equal_to_rounding(scored(images, TARGETS), wanted)
    assert np.abs(wanted - score_cams(network, "pool", images, probability=False)).max() > 0.01 * wanted.max()


def test_large_logits_do_not_overflow_the_softmax_of_scorecam() -> None:
    # The logits are weights times 1e4: all but the channel of the largest score get the weight 0.
    network, images = PooledCnn(), images_of()
    network.fc.weight.set_data(network.fc.weight * 1e4)
    outputs, _ = MindSporeClassifier(network).layer(images, np.zeros((3, 4), np.float32), "pool")
    maps = ScoreCAM(network, "pool")(images, TARGETS)
    for place, label in np.ndindex(TARGETS.shape):
        candidates = [stretched(np.maximum(channel, 0), 5, 7) for channel in outputs[place]]
        differences = [np.abs(maps[place, label] - candidate).max() for candidate in candidates]
        assert min(differences) < 1e-5 * np.abs(maps[place, label]).max()


class Shift(nn.Cell):
    """Adds 5 to some of five channels."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        shift = np.zeros((1, 5, 1, 1), np.float32)
        shift[:, list(channels)] = 5
        self.shift = Tensor(shift)

    def construct(self, maps: Tensor) -> Tensor:
        return maps + self.shift


class Constant(nn.Cell):
    """A PooledCnn some channels of whose last map are 5 everywhere, whatever the image."""

    def __init__(self, *channels: int) -> None:
        super().__init__()
        self.network = PooledCnn()
        weight = self.network.conv2.weight.asnumpy().copy()
        weight[list(channels)] = 0
        self.network.conv2.weight.set_data(Tensor(weight))
        self.shift = Shift(channels)

    def construct(self, images: Tensor) -> Tensor:
        network = self.network
        maps = self.shift(network.conv2(network.pool(network.relu(network.conv1(images)))))
        return network.fc(network.flatten(maps))


def test_a_constant_channel_has_the_weight_0() -> None:
    network, images = Constant(1, 3), images_of()
    outputs, _ = MindSporeClassifier(network).layer(images, np.zeros((3, 4), np.float32), "shift")
    assert outputs[:, [1, 3]].min() == outputs[:, [1, 3]].max() == 5
    maps = ScoreCAM(network, "shift")(images, TARGETS)
    wanted = score_cams(network, "shift", images, probability=False)
    # The logits are some tens, whose rounding of some 1e-6 goes into the weights by exp.
    np.testing.assert_allclose(maps, wanted, rtol=0, atol=5e-5 * wanted.max())


def test_a_channel_that_is_constant_in_one_image_counts_in_the_others() -> None:
    network, images = PooledCnn(), images_of()
    images[1] = 0  # no bias before the pooling: every channel is 0 there
    maps = ScoreCAM(network, "pool")(images, TARGETS)
    np.testing.assert_array_equal(maps[1], np.zeros((2, 5, 7)))
    assert_equal_to_rounding(maps, score_cams_but(network, images, 1))


def score_cams_but(network: nn.Cell, images: FloatArray, place: int) -> FloatArray:
    """The replica's maps, one image's being zero: it has no channel that varies."""
    shown = images.copy()
    shown[place] = 1
    maps = score_cams(network, "pool", shown, probability=False)
    maps[place] = 0
    return maps


def test_a_layer_that_is_constant_throughout_gives_a_zero_map() -> None:
    maps = ScoreCAM(Constant(0, 1, 2, 3, 4), "shift")(images_of(), TARGETS)
    np.testing.assert_array_equal(maps, np.zeros((3, 2, 5, 7)))


def test_scorecam_of_a_probability_needs_an_activation() -> None:
    with pytest.raises(TypeError, match=r"`activation_fn` must be a mindspore.nn.Cell, got None; only score=\"logit\""):
        ScoreCAM(PooledCnn(), "pool", score="probability")
    with pytest.raises(ValueError, match=r"`score` must be one of probability, logit, got 'logits'; did you mean"):
        ScoreCAM(PooledCnn(), "pool", score="logits")


@pytest.mark.parametrize("targets", [TARGETS, TARGETS[:, 0]])
def test_scorecam_takes_one_pass_per_channel_for_all_labels_together(targets: FloatArray) -> None:
    network, images = RecordingNetwork(PooledCnn()), images_of()
    ScoreCAM(network, "network.conv2", perturbation_per_eval=4)(images, targets)
    # an image for the number of classes, one for the shape of the layer, three to read it; then 3 * 5 masked ones
    assert [len(batch) for batch in network.shown] == [1, 1, 3, 4, 4, 4, 3]


def test_scorecam_shows_the_images_through_their_own_channels() -> None:
    network, images = RecordingNetwork(PooledCnn()), images_of()
    ScoreCAM(network, "network.conv2")(images, TARGETS)
    outputs, _ = MindSporeClassifier(network.network).layer(images, np.zeros((3, 4), np.float32), "conv2")
    wanted = []
    for image, channels in zip(images, outputs, strict=True):
        for channel in channels:
            mask = stretched(channel, 5, 7)
            wanted.append(image * (mask - mask.min()) / (mask.max() - mask.min()))
    assert_equal_to_rounding(network.shown[-1], np.stack(wanted))


@pytest.mark.parametrize("batch_size", [1, 100])
def test_scorecam_does_not_depend_on_the_batch_size(batch_size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXPLAINER_COMPILE")
    network, images = PooledCnn(), images_of()
    wanted = ScoreCAM(network, "pool", perturbation_per_eval=5)(images, TARGETS)
    scored = ScoreCAM(network, "pool", perturbation_per_eval=batch_size)
    assert_equal_to_rounding(scored(images, TARGETS), wanted)
