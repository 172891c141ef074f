"""Methods that attribute to every channel: closed forms, replicas of the papers' formulas, and how channels reduce."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn
from networks import LinearNetwork, SmallCnn, random_weights
from numpy.typing import NDArray
from replicas import RecordingNetwork

from explainer.explanation import (
    RISE,
    Deconvolution,
    GradCAM,
    Gradient,
    GuidedBackprop,
    HiResCAM,
    InputXGradient,
    IntegratedGradients,
    SmoothGrad,
)
from explainer.explanation.by_channel import ChannelAttribution, absolute_maximum, channel_sum, signed_maximum
from explainer.streams import sample_stream

FloatArray = NDArray[Any]
Make = Callable[..., ChannelAttribution]

TARGETS = np.array([[2, 0], [1, 3], [3, 2]])
WEIGHTS = np.random.default_rng(11).standard_normal((4, 70)).astype(np.float32)
BASELINES = {
    "number": -0.75,
    "per channel": [0.5, -1.25],
    "function": lambda images: 0.5 * images[:, :, ::-1, ::-1] + 0.25,
}


def images_of(count: int = 3, channels: int = 2, height: int = 5, width: int = 7, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((count, channels, height, width)).astype(np.float32)


def assert_equal_to_rounding(got: FloatArray, wanted: FloatArray, relative: float = 1e-5) -> None:
    """To 1e-5 of the largest value: float32 sums of some hundred terms stray by a few 1e-7 of it."""
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, rtol=0, atol=relative * np.abs(wanted).max())


def baseline_of(given: Any, images: FloatArray) -> FloatArray:
    """The baseline images, pixel by pixel."""
    if callable(given):
        return given(images)
    values = given if isinstance(given, list) else [given] * images.shape[1]
    return np.stack([np.full((len(images), *images.shape[2:]), value) for value in values], axis=1)


def logits_of(network: nn.Cell, images: FloatArray) -> FloatArray:
    """What the network itself says in evaluation mode."""
    was_training = network.training
    network.set_train(False)
    logits = network(Tensor(images.astype(np.float32))).asnumpy().astype(np.float64)
    network.set_train(was_training)
    return logits


class Powers(nn.Cell):
    """logits = weights @ flattened image ** power, the power a whole number."""

    def __init__(self, weights: FloatArray, power: int) -> None:
        super().__init__()
        self.linear = LinearNetwork(weights)
        self.power = power

    def construct(self, images: Tensor) -> Tensor:
        product = images
        for _ in range(self.power - 1):
            product = product * images
        return self.linear(product)


class Folded(nn.Cell):
    """logits = weights @ |flattened image|, the absolute value made of two ReLUs."""

    def __init__(self, weights: FloatArray) -> None:
        super().__init__()
        self.linear = LinearNetwork(weights)
        self.positive = nn.ReLU()
        self.negative = nn.ReLU()

    def construct(self, images: Tensor) -> Tensor:
        return self.linear(self.positive(images) + self.negative(-images))


class SmoothNetwork(nn.Cell):
    """A Dense layer on the sigmoid of another: no kink, so that quadrature converges fast."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Dense(70, 9, weight_init=random_weights((9, 70), 21, 0.6), has_bias=False)
        self.flatten = nn.Flatten()
        self.sigmoid = nn.Sigmoid()
        self.fc = nn.Dense(9, 4, weight_init=random_weights((4, 9), 22), has_bias=False)

    def construct(self, images: Tensor) -> Tensor:
        return self.fc(self.sigmoid(self.hidden(self.flatten(images))))


def unbiased_cnn() -> SmallCnn:
    network = SmallCnn()
    for name, parameter in network.parameters_and_names():
        if name.endswith("bias"):
            parameter.set_data(Tensor(np.zeros(parameter.shape, np.float32)))
    return network


# Reductions.

# One column per pixel of a row, three channels below each other: a clear maximum, a clear minimum, two ties in absolute
# value (positive first, negative first), a tie of channels 0 and 2, all equal, all zero.
CHANNELS = np.float32(
    [
        [1, 1, 3, -3, -2, 5, 0],
        [4, -4, -3, 3, 1, 5, 0],
        [-2, 2, 1, 1, 2, 5, 0],
    ]
)
PIXELS = CHANNELS.reshape(1, 3, 1, 7)


def test_absolute_maximum_is_the_largest_absolute_value_over_the_channels() -> None:
    assert absolute_maximum(PIXELS).tolist() == [[[4, 4, 3, 3, 2, 5, 0]]]


def test_signed_maximum_keeps_the_sign_of_the_strongest_channel_and_of_two_equal_ones_takes_the_first() -> None:
    assert signed_maximum(PIXELS).tolist() == [[[4, -4, 3, -3, -2, 5, 0]]]


def test_channel_sum_adds_the_channels_with_their_signs() -> None:
    assert channel_sum(PIXELS).tolist() == [[[3, -1, 1, 1, 1, 15, 0]]]


def test_each_reduction_works_pixel_by_pixel_on_every_image() -> None:
    attributions = images_of(channels=3)
    for reduce, of_pixel in zip((absolute_maximum, signed_maximum, channel_sum), OF_PIXEL.values(), strict=True):
        np.testing.assert_array_equal(reduce(attributions), by_pixel(of_pixel, attributions))


def of_strongest(values: list[float]) -> float:
    best = values[0]
    for value in values[1:]:
        if abs(value) > abs(best):
            best = value
    return best


OF_PIXEL: dict[str, Callable[[list[np.float32]], Any]] = {
    "abs_max": lambda values: max(abs(value) for value in values),
    "signed": of_strongest,
    "sum": lambda values: sum(values[1:], values[0]),
}


def by_pixel(of_pixel: Callable[[list[np.float32]], Any], attributions: FloatArray) -> FloatArray:
    """The reduction of each pixel's channels, in a loop."""
    count, _, height, width = attributions.shape
    maps = np.zeros((count, height, width), np.float32)
    for place in np.ndindex(maps.shape):
        maps[place] = of_pixel(list(attributions[place[0], :, place[1], place[2]]))
    return maps


GRADIENT_METHODS: dict[str, Make] = {
    "Gradient": Gradient,
    "Deconvolution": Deconvolution,
    "GuidedBackprop": GuidedBackprop,
    "InputXGradient": InputXGradient,
    "IntegratedGradients": partial(IntegratedGradients, steps=2),
    "SmoothGrad": partial(SmoothGrad, samples=2),
}
DEFAULT_REDUCTIONS = {
    "Gradient": "abs_max",
    "Deconvolution": "abs_max",
    "GuidedBackprop": "abs_max",
    "InputXGradient": "sum",
    "IntegratedGradients": "sum",
    "SmoothGrad": "abs_max",
}


@pytest.mark.parametrize("reduction", OF_PIXEL)
@pytest.mark.parametrize("name", GRADIENT_METHODS)
def test_maps_are_the_reduced_attributions_of_each_label(name: str, reduction: str) -> None:
    method, images = GRADIENT_METHODS[name](SmallCnn(), reduction=reduction), images_of()
    wanted = [by_pixel(OF_PIXEL[reduction], method.attributions(images, labels)) for labels in TARGETS.T]
    assert_equal_to_rounding(method(images, TARGETS), np.stack(wanted, axis=1))


@pytest.mark.parametrize("name", GRADIENT_METHODS)
def test_the_default_reduction_is_the_paper_s(name: str) -> None:
    network, images = SmallCnn(), images_of()
    default, named = (
        GRADIENT_METHODS[name](network),
        GRADIENT_METHODS[name](network, reduction=DEFAULT_REDUCTIONS[name]),
    )
    assert default.parameters == named.parameters
    np.testing.assert_array_equal(default(images, TARGETS), named(images, TARGETS))


def test_attributions_of_a_linear_network_are_its_weights_with_their_signs() -> None:
    labels = np.array([2, 1, 3])
    attributions = Gradient(LinearNetwork(WEIGHTS)).attributions(images_of(), labels)
    np.testing.assert_array_equal(attributions, WEIGHTS.reshape(4, 2, 5, 7)[labels])


class OneHidden(nn.Cell):
    """Two pixels, three ReLUs, two logits.

    For the pixels (1, 2) the ReLUs take in (-1, 4, 5); the weights of logit 1 on them are (5, -3, 2).
    """

    def __init__(self) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.hidden = nn.Dense(2, 3, weight_init=Tensor([[1.0, -1], [2, 1], [-1, 3]]), has_bias=False)
        self.relu = nn.ReLU()
        self.fc = nn.Dense(3, 2, weight_init=Tensor([[1.0, 1, 1], [5, -3, 2]]), has_bias=False)

    def construct(self, images: Tensor) -> Tensor:
        return self.fc(self.relu(self.hidden(self.flatten(images))))


BY_HAND = [
    # back through every ReLU: what passes, then times the columns (1, 2, -1) and (-1, 1, 3) of `hidden`
    (Gradient, [-8, 3]),  # (0, -3, 2), ReLUs with a positive input
    (Deconvolution, [3, 1]),  # (5, 0, 2), positive gradients
    (GuidedBackprop, [-2, 6]),  # (0, 0, 2), both
    (InputXGradient, [-8, 6]),  # Gradient's, times the pixels
]


@pytest.mark.parametrize(("method", "wanted"), BY_HAND)
def test_signs_are_those_of_the_sums_done_by_hand(method: Make, wanted: list[int]) -> None:
    in_one_channel, in_two_channels = np.float32([[[[1, 2]]]]), np.float32([[[[1]], [[2]]]])
    for reduction in ("signed", "sum"):
        assert method(OneHidden(), reduction=reduction)(in_one_channel, 1).tolist() == [[[wanted]]]
    strongest = max(wanted, key=abs)
    assert method(OneHidden(), reduction="signed")(in_two_channels, 1).tolist() == [[[[strongest]]]]
    assert method(OneHidden(), reduction="sum")(in_two_channels, 1).tolist() == [[[[sum(wanted)]]]]
    assert method(OneHidden(), reduction="abs_max")(in_two_channels, 1).tolist() == [[[[abs(strongest)]]]]


@pytest.mark.parametrize("name", GRADIENT_METHODS)
def test_an_unknown_reduction_is_refused_with_the_nearest_name(name: str) -> None:
    message = r"`reduction` must be one of abs_max, signed, sum, got 'sign'; did you mean 'signed'"
    with pytest.raises(ValueError, match=message):
        GRADIENT_METHODS[name](SmallCnn(), reduction="sign")


def test_parameters_record_all_that_decides_a_map() -> None:
    network = SmallCnn()
    for method in (Gradient, Deconvolution, GuidedBackprop, InputXGradient):
        explainer = method(network, reduction="signed")
        assert explainer.parameters == {"class": method.__name__, "reduction": "signed"}
    integrated = IntegratedGradients(network, baseline=[0.5, -1], steps=7, reduction="abs_max")
    assert integrated.parameters == {
        "class": "IntegratedGradients",
        "reduction": "abs_max",
        "baseline": [0.5, -1.0],
        "steps": 7,
    }
    smooth = SmoothGrad(network, InputXGradient, samples=4, noise=0.5, seed=9, reduction="sum")
    assert smooth.parameters == {
        "class": "SmoothGrad",
        "reduction": "sum",
        "method": {"class": "InputXGradient", "reduction": "sum"},
        "samples": 4,
        "noise": 0.5,
        "seed": 9,
    }


# InputXGradient.


def test_input_x_gradient_of_a_linear_network_is_what_each_pixel_contributes() -> None:
    images = images_of()
    contributions = WEIGHTS.reshape(4, 2, 5, 7)[TARGETS] * images[:, None]
    maps = InputXGradient(LinearNetwork(WEIGHTS))(images, TARGETS)
    assert_equal_to_rounding(maps, contributions.sum(axis=2))


def test_input_x_gradient_of_a_relu_network_without_biases_sums_to_the_logit() -> None:
    network, images = unbiased_cnn(), images_of()
    maps = InputXGradient(network)(images, TARGETS)
    assert_equal_to_rounding(maps.sum(axis=(2, 3)), np.take_along_axis(logits_of(network, images), TARGETS, 1))


# IntegratedGradients.


@pytest.mark.parametrize("baseline", BASELINES)
def test_integrated_gradients_of_a_linear_network_are_exact_in_one_step(baseline: str) -> None:
    images = images_of()
    differences = images - baseline_of(BASELINES[baseline], images)
    wanted = (WEIGHTS.reshape(4, 2, 5, 7)[TARGETS] * differences[:, None]).sum(axis=2)
    explained = IntegratedGradients(LinearNetwork(WEIGHTS), baseline=BASELINES[baseline], steps=1).explained(
        images, TARGETS
    )
    assert_equal_to_rounding(explained.maps, wanted)
    # The logits are sums of 70 terms in float32: a few 1e-7 of some tens are missed.
    np.testing.assert_allclose(explained.completeness_gaps, np.zeros((3, 2)), atol=1e-5 * np.abs(wanted).sum())


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("baseline", BASELINES)
def test_integrated_gradients_of_squares_are_exact_in_one_step_already(baseline: str, steps: int) -> None:
    images = images_of()
    start = baseline_of(BASELINES[baseline], images)
    wanted = (WEIGHTS.reshape(4, 2, 5, 7)[TARGETS] * (images**2 - start**2)[:, None]).sum(axis=2)
    maps = IntegratedGradients(Powers(WEIGHTS, 2), baseline=BASELINES[baseline], steps=steps)(images, TARGETS)
    assert_equal_to_rounding(maps, wanted)


@pytest.mark.parametrize("baseline", BASELINES)
def test_integrated_gradients_of_cubes_are_exact_in_two_steps(baseline: str) -> None:
    images = images_of()
    start = baseline_of(BASELINES[baseline], images)
    wanted = (WEIGHTS.reshape(4, 2, 5, 7)[TARGETS] * (images**3 - start**3)[:, None]).sum(axis=2)
    maps = IntegratedGradients(Powers(WEIGHTS, 3), baseline=BASELINES[baseline], steps=2)(images, TARGETS)
    assert_equal_to_rounding(maps, wanted)


def test_the_gap_of_cubes_in_one_step_is_a_quarter_of_the_cubed_differences() -> None:
    # x^3 - b^3 - (x - b) 3 ((x + b) / 2)^2 = (x - b)^3 / 4
    images = images_of()
    cubes = (images.astype(np.float64) - baseline_of(-0.75, images)) ** 3 / 4
    wanted = (WEIGHTS.reshape(4, 2, 5, 7)[TARGETS] * cubes[:, None]).sum(axis=(2, 3, 4))
    gaps = IntegratedGradients(Powers(WEIGHTS, 3), baseline=-0.75, steps=1).completeness_gap(images, TARGETS)
    assert_equal_to_rounding(gaps, wanted)


@pytest.mark.parametrize("baseline", BASELINES)
def test_integrated_gradients_are_the_weighted_gradients_on_the_nodes(baseline: str) -> None:
    network, images, steps = SmallCnn(), images_of(), 5
    start = baseline_of(BASELINES[baseline], images).astype(np.float64)
    gradient = Gradient(network)
    wanted = np.zeros((3, 2, 5, 7))
    labels = TARGETS[:, 0]
    for node, weight in zip(*np.polynomial.legendre.leggauss(steps), strict=True):
        along = (1 + node) / 2  # from [-1, 1] to [0, 1], which halves the weights
        between = (start + along * (images - start)).astype(np.float32)
        wanted += weight / 2 * gradient.attributions(between, labels)
    wanted *= images - start
    method = IntegratedGradients(network, baseline=BASELINES[baseline], steps=steps)
    assert_equal_to_rounding(method.attributions(images, labels), wanted)


@pytest.mark.parametrize("steps", [1, 6])
@pytest.mark.parametrize("baseline", BASELINES)
def test_a_map_and_its_gap_sum_to_the_difference_of_the_logits(baseline: str, steps: int) -> None:
    network, images = SmallCnn(), images_of()
    start = baseline_of(BASELINES[baseline], images)
    differences = np.take_along_axis(logits_of(network, images) - logits_of(network, start), TARGETS, 1)
    method = IntegratedGradients(network, baseline=BASELINES[baseline], steps=steps)
    maps, gaps = method.explained(images, TARGETS)
    assert gaps is not None
    assert_equal_to_rounding(maps.sum(axis=(2, 3)) + gaps, differences)
    np.testing.assert_array_equal(method.completeness_gap(images, TARGETS), gaps)
    # A gap of nothing but rounding would let a method pass that gives its own sum for the difference.
    assert steps > 1 or np.abs(gaps).max() > 0.01 * np.abs(differences).max()


@pytest.mark.parametrize("reduction", ["signed", "abs_max"])
def test_the_gap_is_that_of_the_attributions_whatever_the_reduction(reduction: str) -> None:
    network, images = SmallCnn(), images_of()
    wanted = IntegratedGradients(network, steps=2).completeness_gap(images, TARGETS)
    gaps = IntegratedGradients(network, steps=2, reduction=reduction).completeness_gap(images, TARGETS)
    np.testing.assert_array_equal(gaps, wanted)


def test_the_gap_is_computed_independently_of_the_explainer() -> None:
    network, images, label = SmallCnn(), images_of(), 3
    method = IntegratedGradients(network, baseline=0.5, steps=3)
    differences = logits_of(network, images)[:, label] - logits_of(network, np.full_like(images, 0.5))[:, label]
    wanted = differences - method.attributions(images, np.full(3, label)).astype(np.float64).sum(axis=(1, 2, 3))
    gaps = method.completeness_gap(images, label)
    assert gaps.shape == (3, 1)
    # The gap is what two sums of some units differ by: it is as exact as they are.
    np.testing.assert_allclose(gaps[:, 0], wanted, rtol=0, atol=1e-5 * np.abs(differences).max())


def test_the_gap_of_a_smooth_network_falls_fast_with_every_further_step() -> None:
    network, images = SmoothNetwork(), images_of()
    one, three, four, six, twelve = (
        np.abs(IntegratedGradients(network, steps=steps).completeness_gap(images, TARGETS)).max()
        for steps in (1, 3, 4, 6, 12)
    )
    assert one > 10 * three > 50 * four > 500 * six  # measured: 0.6, 2e-2, 3e-3, 1e-4
    assert twelve < 5e-6  # measured 4e-7: the rounding of logits up to 1.8 and of the sum of 70 attributions


def test_the_gap_of_a_relu_network_is_small_after_the_default_steps() -> None:
    network, images = SmallCnn(), images_of()
    differences = logits_of(network, images) - logits_of(network, np.zeros_like(images))
    wanted = np.abs(np.take_along_axis(differences, TARGETS, 1)).max()
    one, default = (np.abs(method.completeness_gap(images, TARGETS)).max() for method in one_and_default_steps(network))
    assert one > 0.05 * wanted  # as it would stay if the steps were not used
    assert default < 0.01 * wanted  # 50 nodes put each ReLU's kink down to 1/50 of the way


def one_and_default_steps(network: nn.Cell) -> tuple[IntegratedGradients, IntegratedGradients]:
    return IntegratedGradients(network, steps=1), IntegratedGradients(network)


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_integrated_gradients_and_gaps_do_not_depend_on_the_batch_size(
    batch_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EXPLAINER_COMPILE")
    network, images = SmallCnn(), images_of()
    wanted = IntegratedGradients(network, steps=3, batch_size=18).explained(images, TARGETS)
    explained = IntegratedGradients(network, steps=3, batch_size=batch_size).explained(images, TARGETS)
    assert_equal_to_rounding(explained.maps, wanted.maps)
    scale = np.abs(wanted.maps).sum(axis=(2, 3)).max()
    np.testing.assert_allclose(explained.completeness_gaps, wanted.completeness_gaps, rtol=0, atol=1e-5 * scale)


def test_integrated_gradients_take_a_full_batch_per_pass_whatever_the_steps() -> None:
    network = RecordingNetwork(LinearNetwork(WEIGHTS))
    IntegratedGradients(network, steps=5, batch_size=4).explained(images_of(), TARGETS)
    sizes = [len(batch) for batch in network.shown]
    # one image for the number of classes; 3 images * 2 labels * 5 steps; the images and their baselines for the gap
    assert sizes == [1, *[4] * 7, 2, 3, 3]


def test_integrated_gradients_show_the_network_points_between_baseline_and_image_only() -> None:
    network, images = RecordingNetwork(LinearNetwork(WEIGHTS)), images_of(count=1)
    IntegratedGradients(network, baseline=0.5, steps=4).attributions(images, np.array([3]))
    shown = network.shown[-1].astype(np.float64)
    along = (shown - 0.5).reshape(4, -1) @ (images - 0.5).ravel() / ((images - 0.5) ** 2).sum()
    np.testing.assert_allclose(shown, 0.5 + along.reshape(4, 1, 1, 1) * (images - 0.5), atol=1e-6)
    # The nodes of four steps, from a table (Abramowitz and Stegun 25.4), brought from [-1, 1] to [0, 1].
    nodes = np.array([-0.861136311594053, -0.339981043584856, 0.339981043584856, 0.861136311594053])
    np.testing.assert_allclose(np.sort(along), (1 + nodes) / 2, atol=1e-6)


def test_a_baseline_that_is_drawn_is_drawn_once_so_that_map_and_gap_speak_of_the_same() -> None:
    rng, drawn = np.random.default_rng(1), []

    def baseline(images: np.ndarray) -> np.ndarray:
        drawn.append(rng.normal(size=images.shape).astype(np.float32))
        return drawn[-1]

    network, images = LinearNetwork(WEIGHTS), images_of()
    maps, gaps = IntegratedGradients(network, baseline=baseline, steps=1).explained(images, TARGETS)
    differences = logits_of(network, images) - logits_of(network, drawn[0])
    assert len(drawn) == 1
    assert_equal_to_rounding(maps.sum(axis=(2, 3)) + gaps, np.take_along_axis(differences, TARGETS, 1))


def test_only_integrated_gradients_know_a_gap() -> None:
    network, images = SmallCnn(), images_of()
    for name, make in GRADIENT_METHODS.items():
        method = make(network)
        maps, gaps = method.explained(images, TARGETS)
        np.testing.assert_array_equal(maps, method(images, TARGETS))
        assert (gaps is None) == (name != "IntegratedGradients")
    assert GradCAM(network, "conv2").explained(images, TARGETS).completeness_gaps is None


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"steps": 0}, ValueError, "`steps` must be at least 1, got 0"),
        ({"steps": 2.5}, TypeError, r"`steps` must be a whole number, got float 2\.5"),
        ({"baseline": "black"}, ValueError, "`baseline` must be a number, .* or one of mean, .*, got 'black'"),
        ({"baseline": "local_mean"}, ValueError, "`baseline` must not depend on what is hidden, .* got 'local_mean'"),
        ({"baseline": np.inf}, ValueError, "`baseline` must lie in"),
        ({"baseline": np.zeros((2, 5, 7))}, ValueError, "`baseline` must be a number or one number per channel"),
    ],
)
def test_steps_and_baselines_that_are_none_are_refused(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        IntegratedGradients(SmallCnn(), **options)


def test_a_baseline_that_does_not_fit_the_images_is_refused_when_called() -> None:
    with pytest.raises(ValueError, match=r"`baseline` must have one number or one per channel \(2\), got 3"):
        IntegratedGradients(SmallCnn(), baseline=[1, 2, 3])(images_of(), 1)
    with pytest.raises(ValueError, match=r"`baseline` must give images of shape \(3, 2, 5, 7\), gave \(2, 5, 7\)"):
        IntegratedGradients(SmallCnn(), baseline=lambda images: images[0])(images_of(), 1)


# SmoothGrad.


def noisy_copies(image: FloatArray, samples: int, noise: float, seed: int) -> list[FloatArray]:
    """Section 3 of the paper: sigma is a fraction of the image's range; the noise belongs to seed and image."""
    deviation = noise * (float(image.max()) - float(image.min()))
    stream = sample_stream(seed, image)
    return [
        (image + deviation * stream.standard_normal(image.shape, np.float32)).astype(np.float32) for _ in range(samples)
    ]


def smooth_replica(
    method: ChannelAttribution, images: FloatArray, labels: FloatArray, samples: int, noise: float, seed: int
) -> FloatArray:
    means = []
    for image, label in zip(images, labels, strict=True):
        copies = noisy_copies(image, samples, noise, seed)
        total = np.zeros(image.shape)
        for copy in copies:
            total += method.attributions(copy[None], np.array([label]))[0]
        means.append(total / samples)
    return np.stack(means)


@pytest.mark.parametrize("noise", [0, 0.15, 10])
def test_smoothgrad_of_a_linear_network_is_its_gradient_whatever_the_noise(noise: float) -> None:
    network, images = LinearNetwork(WEIGHTS), images_of()
    for reduction in OF_PIXEL:
        gradient = Gradient(network, reduction=reduction)(images, TARGETS)
        smooth = SmoothGrad(network, samples=7, noise=noise, reduction=reduction)(images, TARGETS)
        assert_equal_to_rounding(smooth, gradient, 1e-6)  # only the mean of seven equal numbers rounds


WRAPPED: dict[str, Make] = {
    "Gradient": Gradient,
    "GuidedBackprop": GuidedBackprop,
    "InputXGradient": InputXGradient,
    "three steps of IntegratedGradients": partial(IntegratedGradients, steps=3, baseline=0.5),
}


@pytest.mark.parametrize("wrapped", WRAPPED)
def test_smoothgrad_without_noise_is_the_method_itself(wrapped: str) -> None:
    network, images = SmallCnn(), images_of()
    wanted = WRAPPED[wrapped](network, reduction="signed")(images, TARGETS)
    smooth = SmoothGrad(network, WRAPPED[wrapped], samples=3, noise=0, reduction="signed")(images, TARGETS)
    assert_equal_to_rounding(smooth, wanted)


@pytest.mark.parametrize("wrapped", WRAPPED)
def test_smoothgrad_is_the_mean_over_noisy_copies(wrapped: str) -> None:
    network, images, labels = SmallCnn(), images_of(), TARGETS[:, 0]
    method = WRAPPED[wrapped](network)
    wanted = smooth_replica(method, images, labels, 4, 0.3, 5)
    smooth = SmoothGrad(network, WRAPPED[wrapped], samples=4, noise=0.3, seed=5)
    # Measured 1e-6: the noise is added in float32 in another order, and no ReLU is that close to its kink.
    assert_equal_to_rounding(smooth.attributions(images, labels), wanted)
    # and the noise matters: with it the map is another by far more than rounding
    assert np.abs(wanted - method.attributions(images, labels)).max() > 0.01 * np.abs(wanted).max()


def test_the_mean_is_taken_before_the_channels_are_reduced_so_that_signs_cancel() -> None:
    # The logit is |x0| + |x1|: pixel 0 lies on the kink, so its gradient is the sign of its noise; pixel 1 far off it.
    image = np.float32([[[[0, 10]]]])
    copies = noisy_copies(image[0], 9, 0.05, 3)
    assert all(copy[0, 0, 1] > 0 for copy in copies)
    signs = [float(np.sign(copy[0, 0, 0])) for copy in copies]
    assert set(signs) == {-1.0, 1.0}
    network = Folded(np.float32([[0, 0], [1, 1]]))
    maps = SmoothGrad(network, samples=9, noise=0.05, seed=3)(image, 1)
    np.testing.assert_allclose(maps, [[[[abs(sum(signs)) / 9, 1]]]], rtol=1e-6)


def test_smoothgrad_has_the_same_noise_for_all_labels_of_an_image() -> None:
    network, images = SmallCnn(), images_of()
    together = SmoothGrad(network, samples=3, seed=4)(images, TARGETS)
    for column, labels in enumerate(TARGETS.T):
        alone = SmoothGrad(network, samples=3, seed=4)(images, labels)
        assert_equal_to_rounding(together[:, column : column + 1], alone)


def test_smoothgrad_shows_the_network_the_noisy_copies_only() -> None:
    network, images = RecordingNetwork(LinearNetwork(WEIGHTS)), images_of()
    SmoothGrad(network, samples=4, noise=0.3, seed=5, batch_size=5)(images, TARGETS)
    copies = [noisy_copies(image, 4, 0.3, 5) for image in images for _ in range(2)]
    # SmoothGrad and the method that it wraps ask once, with one image, for the number of classes.
    assert [len(batch) for batch in network.shown] == [1, 5, 5, 5, 5, 4]
    np.testing.assert_allclose(np.concatenate(network.shown[1:]), np.concatenate(copies), rtol=0, atol=1e-6)


def test_a_wrapped_method_takes_no_more_images_per_pass_than_smoothgrad() -> None:
    network = RecordingNetwork(LinearNetwork(WEIGHTS))
    SmoothGrad(network, partial(IntegratedGradients, steps=3), samples=2, batch_size=4)(images_of(), TARGETS)
    sizes = [len(batch) for batch in network.shown]
    assert max(sizes) == 4
    assert sum(sizes) == 1 + 3 * 2 * 2 * 3  # one for the number of classes; images, labels, samples, steps


@pytest.mark.parametrize("batch_size", [1, 5, 100])
def test_smoothgrad_does_not_depend_on_the_batch_size(batch_size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXPLAINER_COMPILE")
    network, images = SmallCnn(), images_of()
    wanted = SmoothGrad(network, samples=4, batch_size=24)(images, TARGETS)
    assert_equal_to_rounding(SmoothGrad(network, samples=4, batch_size=batch_size)(images, TARGETS), wanted)


def test_smoothgrad_does_not_depend_on_the_order_of_images_or_on_earlier_calls() -> None:
    network, images = SmallCnn(), images_of()
    smooth = SmoothGrad(network, samples=4)
    wanted, order = smooth(images, TARGETS), [2, 0, 1]
    assert_equal_to_rounding(smooth(images[order], TARGETS[order]), wanted[order])
    assert_equal_to_rounding(smooth(images[1:2], TARGETS[1:2]), wanted[1:2])


def test_another_seed_gives_another_map_and_the_same_seed_the_same() -> None:
    network, images = SmallCnn(), images_of()
    first, again, other = (SmoothGrad(network, samples=4, seed=seed)(images, 1) for seed in (7, 7, 8))
    np.testing.assert_array_equal(again, first)
    for one, another in zip(first, other, strict=True):  # every image
        assert np.abs(one - another).max() > 0.01 * np.abs(one).max()


def test_more_samples_come_nearer_to_the_mean() -> None:
    # The gradient of squares is 2 w x, its mean under noise that of the image: the noise averages out as 1 / sqrt(n).
    network, images = Powers(WEIGHTS, 2), images_of()
    wanted = 2 * WEIGHTS.reshape(4, 2, 5, 7)[1] * images
    few, many = (
        SmoothGrad(network, samples=samples, noise=0.5).attributions(images, np.array([1, 1, 1])) - wanted
        for samples in (4, 100)
    )
    ranges = np.ptp(images, axis=(1, 2, 3), keepdims=True)
    for samples, errors in ((4, few), (100, many)):
        # 210 errors, each of the deviation |2 w| * noise * range / sqrt(samples): their mean square is 1 to 10 %
        deviations = np.abs(2 * WEIGHTS.reshape(4, 2, 5, 7)[1]) * 0.5 * ranges / np.sqrt(samples)
        assert 0.7 < np.mean((errors / deviations) ** 2) < 1.3


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (GradCAM, "got GradCAM"),
        (partial(HiResCAM, layer="conv2"), "got HiResCAM"),
        (RISE, "got RISE"),
        (dict, "got dict"),
        ("Gradient", "`method` must be a class of explainers or a function of the network, got 'Gradient'"),
        (lambda network, batch_size=1: None, "got NoneType"),
    ],
)
def test_smoothgrad_refuses_what_has_no_attribution_per_channel(method: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        SmoothGrad(SmallCnn(), method)


def test_smoothgrad_refuses_an_explainer_in_place_of_its_class() -> None:
    network = SmallCnn()
    message = r"`method` must be a class of explainers or a function of the network, got Gradient\("
    with pytest.raises(TypeError, match=message):
        SmoothGrad(network, Gradient(network))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"samples": 0}, ValueError, "`samples` must be at least 1, got 0"),
        ({"noise": -0.1}, ValueError, r"`noise` must lie in \[0, 10\], got -0\.1"),
        ({"noise": 10.5}, ValueError, r"`noise` must lie in \[0, 10\], got 10\.5"),
        ({"noise": "much"}, TypeError, "`noise` must be a number, got str 'much'"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0, got -1"),
    ],
)
def test_options_of_smoothgrad_that_are_none_are_refused(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        SmoothGrad(SmallCnn(), **options)
