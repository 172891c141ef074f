"""What every explainer of the package face promises, whatever its method."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from inspect import isabstract
from typing import Any

import mindspore
import numpy as np
import pytest
from mindspore import Tensor, nn
from networks import SmallCnn
from numpy.typing import NDArray

from explainer import explanation
from explainer.explanation import Attribution

FloatArray = NDArray[Any]

# What an explainer needs beside the network; one that is exported is tested by that alone.
OPTIONS: dict[str, dict[str, Any]] = {"GradCAM": {"layer": "conv2"}}
EXPLAINERS = [name for name in explanation.__all__ if not isabstract(getattr(explanation, name))]
TARGETS = np.array([2, 1, 3])


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
    return partial(getattr(explanation, method), **OPTIONS.get(method, {}))


@pytest.fixture(scope="module")
def explainer(make: Callable[..., Attribution], network: nn.Cell) -> Attribution:
    return make(network)


# Targets.


@pytest.mark.parametrize(
    "target",
    [2, np.int64(2), np.array(2), Tensor(2, mindspore.int32), [2, 2, 2], (2, 2, 2), np.array([2, 2, 2], np.uint8)],
    ids=["int", "numpy int", "0-D array", "0-D Tensor", "list", "tuple", "(N,) uint8"],
)
def test_every_form_of_one_label_gives_the_same_maps(explainer: Attribution, target: Any) -> None:
    np.testing.assert_array_equal(explainer(images_of(), target), explainer(images_of(), Tensor([2, 2, 2])))


def test_each_image_is_explained_for_its_own_label(explainer: Attribution) -> None:
    maps = explainer(images_of(), TARGETS)
    for place, label in enumerate(TARGETS):
        assert_same_maps(maps[place : place + 1], explainer(images_of()[place : place + 1], label))


def test_maps_for_several_labels_are_those_of_the_single_labels(explainer: Attribution) -> None:
    targets = np.array([[2, 0], [1, 3], [3, 2]])
    maps = explainer(images_of(), targets)
    for column in (0, 1):
        assert_same_maps(maps[:, column : column + 1], explainer(images_of(), targets[:, column]))


def test_a_column_of_labels_is_a_row_of_labels(explainer: Attribution) -> None:
    np.testing.assert_array_equal(explainer(images_of(), TARGETS[:, None]), explainer(images_of(), TARGETS))


def test_labels_matter(explainer: Attribution) -> None:
    maps = explainer(images_of(), np.array([[0, 1, 2, 3]] * 3))
    assert len(np.unique(maps[0].reshape(4, -1), axis=0)) == 4


@pytest.mark.parametrize("label", [4, -1, [2, 4, 1], [[2, 1], [1, -7], [3, 2]]])
def test_a_label_that_the_network_does_not_have_is_refused(explainer: Attribution, label: Any) -> None:
    wrong = next(value for value in np.ravel(label) if value not in range(4))
    with pytest.raises(ValueError, match=rf"`targets` must lie in \[0, 3\] as the network has 4 classes, got {wrong}$"):
        explainer(images_of(), label)


@pytest.mark.parametrize("target", [1.0, np.array([1.0, 2.0, 0.0]), True, np.array([True, False, True]), "1", None])
def test_targets_that_are_no_whole_numbers_are_refused(explainer: Attribution, target: Any) -> None:
    with pytest.raises(TypeError, match=r"`targets` must be whole numbers \(class ids\), got"):
        explainer(images_of(), target)


@pytest.mark.parametrize("shape", [(2,), (4,), (1,), (2, 3), (3, 1, 1), (3, 0)])
def test_targets_that_do_not_fit_the_images_are_refused(explainer: Attribution, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`targets` must be one label, or have shape \(3,\) or \(3, L\)"):
        explainer(images_of(), np.ones(shape, np.int64))


# Maps.


def test_an_array_gives_an_array_and_a_tensor_a_tensor(explainer: Attribution) -> None:
    array, tensor = explainer(images_of(), TARGETS), explainer(Tensor(images_of()), Tensor(TARGETS))
    assert isinstance(array, np.ndarray)
    assert isinstance(tensor, Tensor)
    np.testing.assert_array_equal(tensor.asnumpy(), array)


def test_a_tensor_of_maps_is_float32(explainer: Attribution) -> None:
    assert explainer(Tensor(images_of()), TARGETS).dtype == mindspore.float32


@pytest.mark.parametrize(("targets", "labels"), [(1, 1), (TARGETS, 1), (np.ones((3, 2), np.int64), 2)])
def test_there_is_one_float32_map_per_image_and_label(explainer: Attribution, targets: Any, labels: int) -> None:
    maps = explainer(images_of(), targets)
    assert maps.shape == (3, labels, 5, 7)
    assert maps.dtype == np.float32


def test_the_same_call_gives_the_same_maps(explainer: Attribution) -> None:
    np.testing.assert_array_equal(explainer(images_of(), TARGETS), explainer(images_of(), TARGETS))


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_maps_do_not_depend_on_the_batch_size(
    make: Callable[..., Attribution], network: nn.Cell, batch_size: int
) -> None:
    images, targets = images_of(8), np.arange(8) % 4
    assert_same_maps(
        make(network, batch_size=batch_size)(images, targets), make(network, batch_size=8)(images, targets)
    )


def test_maps_do_not_depend_on_the_order_of_images(explainer: Attribution) -> None:
    order = [2, 0, 1]
    assert_same_maps(explainer(images_of()[order], TARGETS[order]), explainer(images_of(), TARGETS)[order])


def test_maps_do_not_depend_on_the_order_of_labels(explainer: Attribution) -> None:
    targets, order = np.array([[2, 0, 1]] * 3), [1, 2, 0]
    assert_same_maps(explainer(images_of(), targets[:, order]), explainer(images_of(), targets)[:, order])


def test_two_explainers_of_one_network_do_not_disturb_each_other(
    make: Callable[..., Attribution], network: nn.Cell
) -> None:
    images, targets = images_of(4), np.arange(4)
    first, second = make(network, batch_size=1), explanation.Gradient(network, batch_size=1)
    wanted = first(images, targets)
    second(images, targets)
    np.testing.assert_array_equal(first(images, targets), wanted)


def test_height_and_width_are_not_exchanged(make: Callable[..., Attribution]) -> None:
    """A network that does not care for the orientation gives a turned image the turned map."""
    network = SmallCnn()
    for cell in (network.conv1, network.conv2):
        kernel = cell.weight.asnumpy()
        cell.weight.set_data(Tensor(kernel + kernel.swapaxes(2, 3)))
    upright, turned = images_of(), np.ascontiguousarray(images_of().swapaxes(2, 3))
    assert_same_maps(make(network)(turned, TARGETS), make(network)(upright, TARGETS).swapaxes(2, 3))


# Images.


@pytest.mark.parametrize(("channels", "height", "width"), [(1, 5, 7), (3, 8, 6), (4, 6, 9)])
def test_images_of_any_channels_and_size_are_explained(
    make: Callable[..., Attribution], channels: int, height: int, width: int
) -> None:
    maps = make(SmallCnn(channels=channels))(images_of(3, channels, height, width), TARGETS)
    assert maps.shape == (3, 1, height, width)
    assert (np.ptp(maps.reshape(3, -1), axis=1) > 0).all()


def test_images_of_two_sizes_are_explained_in_turn(make: Callable[..., Attribution], network: nn.Cell) -> None:
    small, large = images_of(4), images_of(4, height=6, width=9)
    explainer = make(network, batch_size=1)
    first = explainer(small, 1)
    explainer(large, 1)
    assert_same_maps(explainer(small, 1), first)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, ">f4"])
def test_images_of_another_float_type_are_explained_as_float32(explainer: Attribution, dtype: Any) -> None:
    images = images_of().astype(dtype)
    np.testing.assert_array_equal(explainer(images, TARGETS), explainer(images.astype(np.float32), TARGETS))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_images_of_whole_numbers_are_explained_as_float32(explainer: Attribution, dtype: Any) -> None:
    images = np.random.default_rng(5).integers(0, 256, (3, 2, 5, 7)).astype(dtype)
    np.testing.assert_array_equal(explainer(images, TARGETS), explainer(images.astype(np.float32), TARGETS))


def test_images_that_do_not_lie_in_one_piece_are_explained(explainer: Attribution) -> None:
    images = images_of()
    wide = np.repeat(images, 2, axis=3)[:, :, :, ::2]
    np.testing.assert_array_equal(explainer(wide, TARGETS), explainer(images, TARGETS))


def test_inputs_and_targets_are_left_as_they_were(explainer: Attribution) -> None:
    images, targets = images_of(), TARGETS.copy()
    maps = explainer(images, targets)
    maps[:] = -1
    np.testing.assert_array_equal(images, images_of())
    np.testing.assert_array_equal(targets, TARGETS)


def test_a_tensor_of_images_is_left_as_it_was(explainer: Attribution) -> None:
    images = Tensor(images_of())
    explainer(images, TARGETS)
    np.testing.assert_array_equal(images.asnumpy(), images_of())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_image_with_a_value_that_is_not_finite_is_named(explainer: Attribution, value: float) -> None:
    images = images_of()
    images[1, 0, 2, 3] = value
    with pytest.raises(ValueError, match="`inputs` must be finite, got NaN or infinity in sample 1 of 3"):
        explainer(images, TARGETS)


def test_one_image_without_a_batch_axis_is_refused_with_the_way_out(explainer: Attribution) -> None:
    with pytest.raises(ValueError, match=r"got shape \(2, 5, 7\); for one image pass inputs\[None\]"):
        explainer(images_of()[0], 1)


@pytest.mark.parametrize("shape", [(), (5,), (5, 7), (1, 3, 2, 5, 7)])
def test_images_with_other_axes_are_refused(explainer: Attribution, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`inputs` must have axes \(N, C, H, W\), got shape"):
        explainer(np.ones(shape, np.float32), 1)


@pytest.mark.parametrize("shape", [(0, 2, 5, 7), (3, 2, 0, 7)])
def test_images_without_pixels_are_refused(explainer: Attribution, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="`inputs` must not be empty, got shape"):
        explainer(np.ones(shape, np.float32), 1)


@pytest.mark.parametrize(
    "inputs", ["image.png", None, np.ones((3, 2, 5, 7), bool), np.ones((3, 2, 5, 7), np.complex64)]
)
def test_images_that_are_no_numbers_are_refused(explainer: Attribution, inputs: Any) -> None:
    with pytest.raises(TypeError, match="`inputs` must hold numbers"):
        explainer(inputs, 1)


# Networks, names, records.


def test_today_s_weights_are_explained(make: Callable[..., Attribution]) -> None:
    network = SmallCnn()
    explainer = make(network, batch_size=1)
    before = explainer(images_of(4), 1)
    for parameter in network.get_parameters():
        parameter.set_data(Tensor(0.7 * parameter.asnumpy()))
    maps = explainer(images_of(4), 1)
    assert_same_maps(maps, make(network)(images_of(4), 1))
    assert np.abs(maps - before).max() > 0.1 * np.abs(before).max()


@pytest.mark.parametrize("network", [None, lambda images: images, np.ones(3), nn.ReLU])
def test_a_network_that_is_no_cell_is_refused(make: Callable[..., Attribution], network: Any) -> None:
    with pytest.raises(TypeError, match=r"`network` must be a mindspore.nn.Cell, got"):
        make(network)


def test_the_network_is_the_user_s_own(explainer: Attribution, network: nn.Cell) -> None:
    assert explainer.network is network


def test_class_and_options_are_recorded(explainer: Attribution, method: str) -> None:
    assert explainer.name == method
    recorded = json.loads(json.dumps(explainer.parameters))
    assert recorded == explainer.parameters
    assert recorded | {"class": method, **OPTIONS.get(method, {})} == recorded


def test_recorded_parameters_cannot_be_changed_from_outside(explainer: Attribution) -> None:
    before = dict(explainer.parameters)
    explainer.parameters["class"] = "another"
    assert explainer.parameters == before


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
    make: Callable[..., Attribution], network: nn.Cell, batch_size: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match="`batch_size` must be"):
        make(network, batch_size=batch_size)
