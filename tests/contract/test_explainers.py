"""What every explainer of the package face promises beyond the contract that `test_own_explainers.py` holds it to."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from functools import partial
from inspect import isabstract, signature
from typing import Any

import mindspore
import numpy as np
import pytest
from mindspore import Tensor, nn
from networks import LinearNetwork, SmallCnn
from numpy.typing import NDArray

from explainer import explanation
from explainer.errors import BadSampleError
from explainer.explanation import Attribution
from explainer.explanation.any_inputs import AnyInputs
from explainer.explanation.inputs import ImagesAndLabels

FloatArray = NDArray[Any]

SOFTMAX = {"activation_fn": nn.Softmax()}
DRAWN = SOFTMAX | {"perturbation_per_eval": 200}  # in one pass, so that a single call need not wait to be compiled
# What an explainer needs beside the network, and few draws; one that is exported is tested by that alone.
OPTIONS: dict[str, dict[str, Any]] = {
    "GradCAM": {"layer": "conv2"},
    "IntegratedGradients": {"steps": 8},
    "KernelSHAP": DRAWN | {"grid": (2, 3), "samples": 40},  # of 64 sets: they are drawn
    "LIME": DRAWN | {"grid": (2, 3), "samples": 40},
    "Occlusion": SOFTMAX,
    "RISE": DRAWN | {"masks": 60, "grid": (3, 2)},
    "SmoothGrad": {"samples": 5},
}
EXPLAINERS = [name for name in explanation.__all__ if not isabstract(getattr(explanation, name))]
TARGETS = np.array([2, 1, 3])
# The call of every explainer is one and the same; what it takes is told by its door, of which each is tested once.
DOORS = {AnyInputs: "Occlusion", ImagesAndLabels: "Gradient"}
at_each_door = pytest.mark.parametrize("method", DOORS.values(), indirect=True)


def parameters_of(method: str) -> dict[str, Any]:
    """The constructor's parameters beside the network, with their defaults."""
    parameters = signature(getattr(explanation, method)).parameters
    return {name: entry.default for name, entry in parameters.items() if name != "network"}


def those_with(*names: str) -> list[str]:
    return [method for method in EXPLAINERS if parameters_of(method).keys() >= set(names)]


BY_PERTURBATION = those_with("perturbation_per_eval")
DRAWING = those_with("seed")
# Methods that show the network several images for one.
SEVERAL = {*BY_PERTURBATION, *those_with("steps"), *those_with("samples")}


def batches_of(method: str, size: Any) -> dict[str, Any]:
    """The option that bounds the images in one pass through the network."""
    return {"perturbation_per_eval" if method in BY_PERTURBATION else "batch_size": size}


def small_batches_of(method: str) -> dict[str, Any]:
    """Batches so small that three images need more than two: the third is compiled."""
    return batches_of(method, 4 if method in SEVERAL else 1)


def images_of(count: int = 3, channels: int = 2, height: int = 5, width: int = 7, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((count, channels, height, width)).astype(np.float32)


def assert_same_maps(got: FloatArray, wanted: FloatArray) -> None:
    """To 1e-5 of the largest value: batches of another size may be summed in another order, in float32."""
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


@pytest.fixture(scope="module")
def network() -> nn.Cell:
    return SmallCnn()


@pytest.fixture(scope="module", params=EXPLAINERS)
def method(request: pytest.FixtureRequest) -> str:
    """The name of an explainer in the package face."""
    return request.param


@pytest.fixture(scope="module")
def make(method: str) -> Callable[..., Attribution]:
    """The explainer's factory, (network, **options) -> explainer."""
    return factory_of(method)


def factory_of(method: str) -> Callable[..., Attribution]:
    return partial(getattr(explanation, method), **OPTIONS.get(method, {}))


@pytest.fixture(scope="module")
def explainer(make: Callable[..., Attribution], network: nn.Cell) -> Attribution:
    return make(network)


def test_every_explainer_has_one_of_the_doors(explainer: Attribution) -> None:
    assert type(explainer._inputs) in DOORS


# Targets.


@at_each_door
@pytest.mark.parametrize(
    "target",
    [2, np.int64(2), np.array(2), Tensor(2, mindspore.int32), [2, 2, 2], (2, 2, 2), np.array([2, 2, 2], np.uint8)],
    ids=["int", "numpy int", "0-D array", "0-D Tensor", "list", "tuple", "(N,) uint8"],
)
def test_every_form_of_one_label_gives_the_same_maps(explainer: Attribution, target: Any) -> None:
    np.testing.assert_array_equal(explainer(images_of(), target), explainer(images_of(), Tensor([2, 2, 2])))


@at_each_door
def test_a_column_of_labels_is_a_row_of_labels(explainer: Attribution) -> None:
    np.testing.assert_array_equal(explainer(images_of(), TARGETS[:, None]), explainer(images_of(), TARGETS))


@at_each_door
@pytest.mark.parametrize("label", [4, -1, [2, 4, 1], [[2, 1], [1, -7], [3, 2]]])
def test_a_label_that_the_network_does_not_have_is_refused(explainer: Attribution, label: Any) -> None:
    wrong = next(value for value in np.ravel(label) if value not in range(4))
    with pytest.raises(ValueError, match=rf"`targets` must lie in \[0, 3\] as the network has 4 classes, got {wrong}$"):
        explainer(images_of(), label)


@at_each_door
@pytest.mark.parametrize("target", [1.0, np.array([1.0, 2.0, 0.0]), True, np.array([True, False, True]), "1", None])
def test_targets_that_are_no_whole_numbers_are_refused(explainer: Attribution, target: Any) -> None:
    with pytest.raises(TypeError, match=r"`targets` must be whole numbers \(class ids\), got"):
        explainer(images_of(), target)


@at_each_door
@pytest.mark.parametrize("shape", [(2,), (4,), (1,), (2, 3), (3, 1, 1), (3, 0)])
def test_targets_that_do_not_fit_the_images_are_refused(explainer: Attribution, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`targets` must be one label, or have shape \(3,\) or \(3, L\)"):
        explainer(images_of(), np.ones(shape, np.int64))


# Maps.


class Counting(nn.Cell):
    """Notes how many images each pass takes."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn = SmallCnn()
        self.passes: list[int] = []

    def construct(self, images: Tensor) -> Tensor:
        self.passes.append(images.shape[0])
        return self.cnn(images)


@pytest.mark.parametrize("count", [8])  # in batches of at most 4
def test_the_batch_size_bounds_the_images_of_one_pass_whatever_their_number(
    make: Callable[..., Attribution], method: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")  # what is compiled notes nothing
    network = Counting()
    layer = {"layer": "cnn.conv2"} if method == "GradCAM" else {}
    make(network, **batches_of(method, 4), **layer)(images_of(count), 1)
    assert max(network.passes) == (4 if count > 1 or method in SEVERAL else 1)


def test_two_explainers_of_one_network_do_not_disturb_each_other(
    make: Callable[..., Attribution], method: str, network: nn.Cell
) -> None:
    first, second = make(network, **small_batches_of(method)), explanation.GuidedBackprop(network)
    wanted = first(images_of(), TARGETS)
    second(images_of(), TARGETS)
    assert_same_maps(first(images_of(), TARGETS), wanted)


# LIME draws cells of the grid in an order that turning changes; where its weights lie is seen by the spot below.
TURNED = [method for method in EXPLAINERS if method != "LIME"]
MASKS = np.random.default_rng(3).random((20, 5, 7)).astype(np.float32)
# Options without draws, for the image and for the turned one: all sets of cells, masks of the test's own, no noise.
WITHOUT_DRAWS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "KernelSHAP": ({"grid": (2, 3), "samples": 64}, {"grid": (3, 2), "samples": 64}),
    "RISE": ({"masks": MASKS}, {"masks": MASKS.swapaxes(1, 2)}),
    "SmoothGrad": ({"noise": 0.0}, {"noise": 0.0}),
}


@pytest.mark.parametrize("method", TURNED)
def test_height_and_width_are_not_exchanged(method: str) -> None:
    """A network that does not care for the orientation gives a turned image the turned map."""
    network = SmallCnn()
    for cell in (network.conv1, network.conv2):
        kernel = cell.weight.asnumpy()
        cell.weight.set_data(Tensor(kernel + kernel.swapaxes(2, 3)))
    for_upright, for_turned = WITHOUT_DRAWS.get(method, ({}, {}))
    make, upright = factory_of(method), images_of()
    turned = np.ascontiguousarray(upright.swapaxes(2, 3))
    maps = make(network, **for_upright)(upright, TARGETS)
    assert_same_maps(make(network, **for_turned)(turned, TARGETS), maps.swapaxes(2, 3))


class Spot(nn.Cell):
    """Logit 1 is the pixel in row 3 and column 5; with a ReLU and a layer to be read."""

    def __init__(self) -> None:
        super().__init__()
        weights = np.zeros((2, 5, 7))
        weights[1, 3, 5] = 2
        self.conv2 = nn.ReLU()
        self.linear = LinearNetwork(weights.reshape(2, 35))

    def construct(self, images: Tensor) -> Tensor:
        return self.linear(self.conv2(images))


def test_the_place_that_decides_has_the_largest_value(make: Callable[..., Attribution], method: str) -> None:
    images = np.full((3, 1, 5, 7), 0.1, np.float32)
    images[:, 0, 3, 5] = [1, 2, 3]
    enough = {"masks": 1000, "grid": (5, 7)} if method == "RISE" else {}  # with 60, chance has a say
    for saliency in make(Spot(), **enough)(images, 1)[:, 0]:
        row, column = np.unravel_index(saliency.argmax(), saliency.shape)
        assert saliency[row, column] - saliency[:, :4].max() > 0.1 * np.ptp(saliency)
        assert abs(row - 3) <= 1 and abs(column - 5) <= 1  # a window, mask or cell is larger than a pixel


# Methods that draw.


@pytest.fixture(params=DRAWING)
def drawing(request: pytest.FixtureRequest) -> str:
    """The name of a method that draws at random."""
    return request.param


def test_another_seed_gives_other_maps(drawing: str, network: nn.Cell) -> None:
    first, second = (factory_of(drawing)(network, seed=seed)(images_of(), TARGETS) for seed in (7, 8))
    differences = np.abs(first - second).max(axis=(1, 2, 3))
    assert (differences > 0.01 * np.ptp(first, axis=(1, 2, 3))).all()


def test_global_generators_do_not_matter(drawing: str, network: nn.Cell) -> None:
    maps = []
    for seed in (1, 2):
        np.random.seed(seed)
        mindspore.set_seed(seed)
        maps.append(factory_of(drawing)(network)(images_of(), TARGETS))
    np.testing.assert_array_equal(*maps)


def test_equal_images_have_equal_maps(drawing: str, network: nn.Cell) -> None:
    maps = factory_of(drawing)(network)(images_of()[[2, 0, 2]], 1)
    assert_same_maps(maps[2], maps[0])
    assert np.abs(maps[1] - maps[0]).max() > 0.1 * np.ptp(maps[0])


@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (1.5, TypeError), (None, TypeError), (True, TypeError)])
def test_a_seed_that_is_no_count_is_refused(drawing: str, network: nn.Cell, seed: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="`seed` must be"):
        factory_of(drawing)(network, seed=seed)


# Methods that explain a probability.


PROBABLE = those_with("score", "activation_fn")


@pytest.mark.parametrize("method", [name for name in PROBABLE if parameters_of(name)["activation_fn"] is not None])
def test_an_activation_that_is_forgotten_is_told(method: str, network: nn.Cell) -> None:
    with pytest.raises(TypeError, match="activation_fn"):
        getattr(explanation, method)(network)


@pytest.mark.parametrize(
    ("activation_fn", "got"), [(None, "NoneType|None"), (np.exp, "ufunc"), (nn.Softmax, "type"), ("softmax", "str")]
)
@pytest.mark.parametrize("method", PROBABLE)
def test_an_activation_that_is_no_cell_is_refused(method: str, network: nn.Cell, activation_fn: Any, got: str) -> None:
    options = OPTIONS.get(method, {}) | {"activation_fn": activation_fn, "score": "probability"}
    with pytest.raises(TypeError, match=f"`activation_fn` must be a mindspore.nn.Cell, got ({got})"):
        getattr(explanation, method)(network, **options)


@pytest.mark.parametrize("method", PROBABLE)
def test_a_score_that_is_none_is_refused_with_the_choices(method: str, network: nn.Cell) -> None:
    with pytest.raises(ValueError, match=r"`score` must be one of probability, logit,.* got 'logits'; did you mean"):
        factory_of(method)(network, score="logits")


@pytest.mark.parametrize("method", PROBABLE)
def test_the_logit_needs_no_activation_and_the_probability_has_one(method: str, network: nn.Cell) -> None:
    """With an activation that doubles the logits' distance, probabilities change and logits do not."""
    by_score = {}
    for score in ("logit", "probability"):
        options = OPTIONS.get(method, {}) | {"score": score}
        soft, sharp = (
            getattr(explanation, method)(network, **options | {"activation_fn": activation})(images_of(), TARGETS)
            for activation in (nn.Softmax() if score == "probability" else None, Sharp())
        )
        by_score[score] = np.abs(sharp - soft).max() / np.abs(soft).max()
    assert by_score["logit"] < 1e-6  # the same sums in float32
    assert by_score["probability"] > 0.01


class Sharp(nn.Cell):
    def __init__(self) -> None:
        super().__init__()
        self.softmax = nn.Softmax()

    def construct(self, logits: Tensor) -> Tensor:
        return self.softmax(2 * logits)


# Images.


@pytest.mark.parametrize(("channels", "height", "width"), [(1, 5, 7), (3, 8, 6), (4, 6, 9)])
def test_images_of_any_channels_and_size_are_explained(
    make: Callable[..., Attribution], channels: int, height: int, width: int
) -> None:
    maps = make(SmallCnn(channels=channels))(images_of(3, channels, height, width), TARGETS)
    assert maps.shape == (3, 1, height, width)
    assert (np.ptp(maps.reshape(3, -1), axis=1) > 0).all()


def test_a_single_row_of_pixels_has_a_map(method: str) -> None:
    options = of_a_row(method)
    maps = factory_of(method)(SmallCnn(), **options)(images_of(2, height=1, width=9), TARGETS[:2])
    assert maps.shape == (2, 1, 1, 9)
    assert (np.ptp(maps.reshape(2, -1), axis=1) > 0).all()


def test_a_single_pixel_has_a_map_or_is_refused(method: str) -> None:
    """A grid of one cell would be the whole image."""
    explainer = factory_of(method)(SmallCnn(), **of_a_row(method))
    pixels = images_of(2, height=1, width=1)
    if method in ("LIME", "KernelSHAP"):
        with pytest.raises(ValueError, match=r"`grid` must be no finer than the image of 1 x 1, got \(1, 3\)"):
            explainer(pixels, 1)
    else:
        maps = explainer(pixels, 1)
        assert maps.shape == (2, 1, 1, 1)
        assert np.isfinite(maps).all()


def of_a_row(method: str) -> dict[str, Any]:
    """What a method needs for an image that is one pixel high: there is no spatial map to be found in a pixel."""
    parameters = parameters_of(method)
    return ({"grid": (1, 3)} if "grid" in parameters else {}) | ({"layer": "conv2"} if "layer" in parameters else {})


def test_images_of_two_sizes_are_explained_in_turn(
    make: Callable[..., Attribution], method: str, network: nn.Cell
) -> None:
    small, large = images_of(), images_of(height=6, width=9)
    explainer = make(network, **small_batches_of(method))
    first = explainer(small, 1)
    explainer(large[:2], 1)
    assert_same_maps(explainer(small, 1), first)


@at_each_door
@pytest.mark.parametrize("dtype", [np.float64, np.float16, ">f4"])
def test_images_of_another_float_type_are_explained_as_float32(explainer: Attribution, dtype: Any) -> None:
    images = images_of().astype(dtype)
    np.testing.assert_array_equal(explainer(images, TARGETS), explainer(images.astype(np.float32), TARGETS))


@at_each_door
@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_images_of_whole_numbers_are_explained_as_float32(explainer: Attribution, dtype: Any) -> None:
    images = np.random.default_rng(5).integers(0, 256, (3, 2, 5, 7)).astype(dtype)
    np.testing.assert_array_equal(explainer(images, TARGETS), explainer(images.astype(np.float32), TARGETS))


@at_each_door
def test_images_that_do_not_lie_in_one_piece_are_explained(explainer: Attribution) -> None:
    images = images_of()
    wide = np.repeat(images, 2, axis=3)[:, :, :, ::2]
    np.testing.assert_array_equal(explainer(wide, TARGETS), explainer(images, TARGETS))


@at_each_door
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_image_with_a_value_that_is_not_finite_is_named(explainer: Attribution, value: float) -> None:
    images = images_of()
    images[1, 0, 2, 3] = value
    with pytest.raises(ValueError, match="`inputs` must be finite, got NaN or infinity in sample 1 of 3"):
        explainer(images, TARGETS)


@at_each_door
def test_one_image_without_a_batch_axis_is_refused_with_the_way_out(explainer: Attribution) -> None:
    with pytest.raises(ValueError, match=r"got shape \(2, 5, 7\); for one image pass inputs\[None\]"):
        explainer(images_of()[0], 1)


@at_each_door
@pytest.mark.parametrize("shape", [(), (5,), (5, 7), (1, 3, 2, 5, 7)])
def test_images_with_other_axes_are_refused(explainer: Attribution, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`inputs` must have axes \(N, C, H, W\), got shape"):
        explainer(np.ones(shape, np.float32), 1)


@at_each_door
@pytest.mark.parametrize("shape", [(0, 2, 5, 7), (3, 2, 0, 7)])
def test_images_without_pixels_are_refused(explainer: Attribution, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="`inputs` must not be empty, got shape"):
        explainer(np.ones(shape, np.float32), 1)


@at_each_door
@pytest.mark.parametrize(
    "inputs", ["image.png", None, np.ones((3, 2, 5, 7), bool), np.ones((3, 2, 5, 7), np.complex64)]
)
def test_images_that_are_no_numbers_are_refused(explainer: Attribution, inputs: Any) -> None:
    with pytest.raises(TypeError, match="`inputs` must hold numbers"):
        explainer(inputs, 1)


# Outputs that are not finite, or always the same.


class Last(nn.Cell):
    """A SmallCnn whose logits are made into something else."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network = SmallCnn()
        self.change = change

    def construct(self, images: Tensor) -> Tensor:
        return self.change(self.network(images))


def named_layer(method: str) -> dict[str, Any]:
    """No layer to be looked for: one that decides nothing would not be found."""
    return {"layer": "network.conv2"} if "layer" in parameters_of(method) else {}


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_outputs_that_are_not_finite_are_an_error_and_never_a_map(method: str, value: float) -> None:
    explainer = factory_of(method)(Last(lambda logits: logits * value), **named_layer(method))
    with pytest.raises(BadSampleError, match=f"`saliency of {method}` must be finite, got NaN or infinity in sample 0"):
        explainer(images_of(2), 1)


@pytest.mark.parametrize("layer", ["conv1", "fc"])
def test_weights_of_nan_are_told_by_name_even_where_a_relu_hides_them(method: str, layer: str) -> None:
    """MindSpore's ReLU makes 0 of NaN: the logits behind `conv1` are finite, and what they say is not the network's."""
    network = SmallCnn()
    weight = getattr(network, layer).weight
    good = weight.asnumpy().copy()
    weight.set_data(weight * np.nan)
    explainer = factory_of(method)(network)
    with pytest.raises(ValueError, match=f"got {good.size} NaN among {good.size} of '{layer}.weight'"):
        explainer(images_of(2), 1)
    weight.set_data(Tensor(good))
    assert_same_maps(explainer(images_of(2), 1), factory_of(method)(SmallCnn())(images_of(2), 1))


@pytest.mark.parametrize("method", ["KernelSHAP", "LIME", "Occlusion", "RISE"], indirect=True)
def test_a_network_that_has_no_answer_where_something_is_hidden_gives_no_map(method: str) -> None:
    explainer = factory_of(method)(Roots(), fill=-1.0)
    with pytest.raises(BadSampleError, match=f"`saliency of {method}` must be finite") as caught:
        explainer(1 + images_of(2) ** 2, 1)
    assert caught.value.index == 0


class Roots(nn.Cell):
    """Logits are the roots of the first pixels: NaN where one of them is below 0."""

    def construct(self, images: Tensor) -> Tensor:
        return images[:, 0, 0, :4].sqrt()


def test_a_network_that_always_answers_the_same_has_maps_of_zeros(method: str) -> None:
    """But RISE, whose map is then the mean of its masks, and ScoreCAM, whose is that of the channels."""
    maps = factory_of(method)(Blind(), **named_layer(method))(images_of(2), 1)
    if method in ("RISE", "ScoreCAM"):
        assert (maps >= 0).all() and maps.any()
    else:
        np.testing.assert_allclose(maps, np.zeros((2, 1, 5, 7)), rtol=0, atol=ROUNDED.get(method, 0))


ROUNDED = {"LIME": 1e-6}  # what is left of a fit to equal scores


class Blind(nn.Cell):
    """A SmallCnn of which nothing reaches the logits, which are 0, 1, 2 and 3."""

    def __init__(self) -> None:
        super().__init__()
        self.network = SmallCnn()
        self.network.fc.weight.set_data(self.network.fc.weight * 0)
        self.network.fc.bias.set_data(Tensor(np.arange(4, dtype=np.float32)))

    def construct(self, images: Tensor) -> Tensor:
        return self.network(images)


@pytest.mark.parametrize(
    "method", ["InputXGradient", "IntegratedGradients", "KernelSHAP", "LIME", "Occlusion"], indirect=True
)
def test_a_black_image_has_a_map_of_zeros_where_black_is_what_hides(method: str) -> None:
    """Nothing can be taken from it; `test_cuts` has the methods that look at gradients alone."""
    maps = factory_of(method)(SmallCnn())(np.zeros((2, 2, 5, 7), np.float32), TARGETS[:2])
    np.testing.assert_allclose(maps, np.zeros((2, 1, 5, 7)), rtol=0, atol=ROUNDED.get(method, 0))


# Networks, names, records.


def test_today_s_weights_are_explained(make: Callable[..., Attribution], method: str) -> None:
    network = SmallCnn()
    explainer = make(network, **small_batches_of(method))
    before = explainer(images_of(), 1)
    for parameter in network.get_parameters():
        parameter.set_data(Tensor(0.7 * parameter.asnumpy()))
    maps = explainer(images_of()[:2], 1)
    assert_same_maps(maps, make(network)(images_of()[:2], 1))
    assert np.abs(maps - before[:2]).max() > 0.1 * np.abs(before[:2]).max()


@pytest.mark.parametrize("network", [None, lambda images: images, np.ones(3), nn.ReLU])
def test_a_network_that_is_no_cell_is_refused(make: Callable[..., Attribution], network: Any, method: str) -> None:
    if method == "Occlusion" and inspect.isfunction(network):  # the one that explains any function
        assert make(network).network is network
        return
    with pytest.raises(TypeError, match=r"`network` must be a mindspore.nn.Cell, got"):
        make(network)


# Of no use to who reads a map: functions, and how it was made, not what; `parameters` are those of a subclass. The last
# three where they are taken alone, so that a run that was begun before there were any can be gone on with.
NOT_RECORDED = {
    *("activation_fn", "batch_size", "device", "labels", "name", "on_progress", "parameters", "perturbation_per_eval"),
    "reshape_transform",
    *("refine", "sampling", "tolerance"),
}


def test_class_and_options_are_recorded(explainer: Attribution, method: str) -> None:
    assert explainer.name == method
    recorded = json.loads(json.dumps(explainer.parameters))
    assert recorded == explainer.parameters
    assert recorded["class"] == method
    assert recorded.keys() - {"class", "chosen_layer", "masks_given"} == parameters_of(method).keys() - NOT_RECORDED
    given = {name: value for name, value in OPTIONS.get(method, {}).items() if name not in NOT_RECORDED}
    assert recorded | json.loads(json.dumps(given)) == recorded


def test_a_name_of_the_user_s_own_is_kept(make: Callable[..., Attribution], network: nn.Cell) -> None:
    assert make(network, name=" fine map ").name == "fine map"


@pytest.mark.parametrize("name", ["", "  \t"])
def test_a_blank_name_is_refused(make: Callable[..., Attribution], network: nn.Cell, name: str) -> None:
    with pytest.raises(ValueError, match="`name` must not be blank"):
        make(network, name=name)


def test_a_name_that_is_no_string_is_refused(make: Callable[..., Attribution], network: nn.Cell) -> None:
    with pytest.raises(TypeError, match="`name` must be a string, got int"):
        make(network, name=3)


@pytest.mark.parametrize(
    ("batch_size", "error"), [(0, ValueError), (-3, ValueError), (2.0, TypeError), (True, TypeError)]
)
def test_a_batch_size_that_is_no_count_is_refused(
    make: Callable[..., Attribution], method: str, network: nn.Cell, batch_size: Any, error: type[Exception]
) -> None:
    ((name, size),) = batches_of(method, batch_size).items()
    with pytest.raises(error, match=f"`{name}` must be"):
        make(network, **{name: size})
