"""The maps of the reference where it is right, and what is done where it is wrong (see its list of faults).

The golden arrays come from `mindspore.explainer` 1.3; tests that need them skip where the shared material is absent.
"""

from __future__ import annotations

from collections.abc import Callable
from math import floor
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn
from numpy.typing import NDArray
from trial.data import require_shared
from trial.networks import golden, golden_images, golden_net

from explainer.explanation import RISE, Attribution, Deconvolution, GradCAM, Gradient, GuidedBackprop, Occlusion
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.perturb.masks import coverage, spans
from explainer.resizing import resized

FloatArray = NDArray[Any]

# Relative to the largest value: both sides are float32 sums of some thousand terms in different orders, which stray
# by 1e-7 of it times the square root of their number; measured: below 1e-6.
RELATIVE = 1e-5
BATCH_TARGETS = [3, 7]
METHODS = {"Gradient": Gradient, "Deconvolution": Deconvolution, "GuidedBackprop": GuidedBackprop}
LAYERS = ["input", "conv1", "relu1", "conv2", "relu2", "pool2"]
RAW_MAPS = [(gain, layer) for gain in (1, 100) for layer in LAYERS] + [(400, "relu2")]


def assert_golden(got: FloatArray, wanted: FloatArray) -> None:
    assert wanted.any()
    np.testing.assert_allclose(got, wanted, rtol=0, atol=RELATIVE * np.abs(wanted).max())


@pytest.fixture(scope="module")
def make_network() -> Callable[..., nn.Cell]:
    require_shared("golden")
    return golden_net


@pytest.fixture(scope="module")
def network(make_network: Callable[..., nn.Cell]) -> nn.Cell:
    return make_network("max")


# Where the reference is right.


def test_logits_are_the_golden_ones(network: nn.Cell) -> None:
    assert_golden(MindSporeClassifier(network).logits(golden_images(2, 2)), golden("backprop")["logits_max"])


@pytest.mark.parametrize("method", METHODS)
def test_the_map_of_one_image_and_an_int_is_the_golden_one(network: nn.Cell, method: str) -> None:
    maps = METHODS[method](network)(golden_images(1, 1), 3)
    assert_golden(maps, golden("backprop")[f"{method}_max_int3"])


@pytest.mark.parametrize("method", METHODS)
def test_the_maps_of_a_batch_are_the_golden_ones(network: nn.Cell, method: str) -> None:
    maps = METHODS[method](network)(golden_images(2, 2), BATCH_TARGETS)
    assert_golden(maps, golden("backprop")[f"{method}_max_batch37"])


@pytest.mark.parametrize("method", METHODS)
def test_compiled_maps_are_the_golden_ones(network: nn.Cell, method: str) -> None:
    """Deconvolution takes the way of max pooling's ties, which may differ between kernels."""
    explainer = METHODS[method](network, batch_size=1)
    maps = explainer(np.repeat(golden_images(2, 2), 2, axis=0), np.repeat(BATCH_TARGETS, 2))
    assert_golden(maps[1::2], golden("backprop")[f"{method}_max_batch37"])


@pytest.mark.parametrize(("gain", "layer"), RAW_MAPS)
def test_class_activations_are_the_golden_ones(make_network: Callable[..., nn.Cell], gain: int, layer: str) -> None:
    maps = raw_maps(make_network("max", gain=gain), golden_images(2, 2), layer)
    assert_golden(maps, golden_raw(gain, layer))


@pytest.mark.parametrize(("height", "width"), [(32, 32), (20, 28), (64, 64)])
def test_occlusion_is_the_golden_one_but_for_its_one_window_too_many(
    make_network: Callable[..., nn.Cell], height: int, width: int
) -> None:
    network, images = make_network("max", hw=(height, width)), golden_images(5, 2, 3, height, width)
    maps = Occlusion(network, nn.Softmax())(images, BATCH_TARGETS)
    arrays = golden("occlusion")
    (_, *window), (_, *stride) = (arrays[f"{name}_{height}x{width}"] for name in ("win", "stride"))
    covering = np.outer(*(coverage(*axis) for axis in zip((height, width), window, stride, strict=True)))
    wanted = arrays[f"softmax_{height}x{width}"] * (covering + 1) / covering
    # The maps are small differences of probabilities, whose float32 rounding (some 1e-7 of 1) stays; measured: 6e-7.
    np.testing.assert_allclose(maps, wanted, rtol=0, atol=1e-6)


def test_rise_with_the_golden_masks_is_the_golden_one(make_network: Callable[..., nn.Cell]) -> None:
    arrays, network = golden("rise"), make_network("max", gain=3)
    masks = arrays["masks_250_seed5"][:, 0]
    rise = RISE(network, nn.Softmax(), masks=masks)
    assert_golden(rise(golden_images(1, 2)[:1], 3) * masks.mean(dtype=np.float64), arrays["sal_250masks_seed5_int3"])


def test_rise_for_two_labels_with_the_golden_masks_is_the_golden_one(make_network: Callable[..., nn.Cell]) -> None:
    arrays, network = golden("rise"), make_network("max", gain=3)
    masks = arrays["masks_250_seed5"][:, 0]
    rise = RISE(network, nn.Softmax(), masks=masks)
    wanted = arrays["sal_250masks_seed5_2labels"][:1]  # the second image had masks of its own, which are not stored
    assert_golden(rise(golden_images(1, 2)[:1], np.array([[3, 7]])) * masks.mean(dtype=np.float64), wanted)


# Faults of the reference, mended.


def test_resizing_keeps_fractions_that_eight_bits_would_cut_off(network: nn.Cell) -> None:
    maps = GradCAM(network, "relu2")(golden_images(2, 2), BATCH_TARGETS)
    wanted = bilinear(golden_raw(1, "relu2"), 32, 32)
    assert_golden(maps[:, 0], wanted)
    assert np.abs(maps[:, 0] - np.trunc(wanted * 255) / 255).max() > 1e-3


def test_values_above_one_do_not_wrap_around(make_network: Callable[..., nn.Cell]) -> None:
    raw = golden_raw(400, "relu2")
    assert raw.max() > 1
    maps = GradCAM(make_network("max", gain=400), "relu2")(golden_images(2, 2), BATCH_TARGETS)
    assert_golden(maps[:, 0], bilinear(raw, 32, 32))


@pytest.mark.parametrize("size", [64, 65, 224, 230])
def test_occlusion_has_the_golden_windows_and_one_more_where_they_leave_pixels_out(network: nn.Cell, size: int) -> None:
    window, stride, positions = golden("occlusion")[f"geom_{size}"]
    (found_window, _), (found_stride, _) = Occlusion(network, nn.Softmax()).geometry((size, size))
    assert (found_window, found_stride) == (window, stride)
    assert len(spans(size, window, stride)) == positions + ((size - window) % stride > 0)


@pytest.mark.parametrize("size", [33, 63])
def test_occlusion_has_no_windows_of_one_pixel(network: nn.Cell, size: int) -> None:
    assert golden("occlusion")[f"geom_{size}"].tolist() == [1, 1, size]
    assert Occlusion(network, nn.Softmax()).geometry((size, size)) == ((3, 3), (1, 1))


def test_height_and_width_of_a_non_square_image_are_not_exchanged(make_network: Callable[..., nn.Cell]) -> None:
    network, images = make_network("max", hw=(20, 28)), golden_images(2, 2, 3, 20, 28)
    maps = GradCAM(network, "relu2")(images, BATCH_TARGETS)
    assert_golden(maps[:, 0], bilinear(raw_maps(network, images, "relu2"), 20, 28))


@pytest.mark.parametrize("method", [*METHODS.values(), lambda network: GradCAM(network, "relu2")])
@pytest.mark.parametrize("target", [np.array(3), Tensor(3)], ids=["array", "Tensor"])
def test_a_target_without_axes_is_a_label_for_all_images(method: Any, target: Any, network: nn.Cell) -> None:
    explainer = method(network)
    np.testing.assert_array_equal(explainer(golden_images(2, 2), target), explainer(golden_images(2, 2), [3, 3]))


@pytest.mark.parametrize("method", METHODS)
def test_an_int_is_a_label_for_all_images(method: str, network: nn.Cell) -> None:
    maps = METHODS[method](network)(np.concatenate([golden_images(1, 1)] * 2), 3)
    assert_golden(maps[1:], golden("backprop")[f"{method}_max_int3"])


@pytest.mark.parametrize("method", METHODS)
def test_weights_changed_after_the_constructor_are_used(make_network: Callable[..., nn.Cell], method: str) -> None:
    network = make_network("max", seed=1)
    explainer: Attribution = METHODS[method](network)
    explainer(golden_images(1, 1), 3)
    for name, parameter in make_network("max").parameters_and_names():
        dict(network.parameters_and_names())[name].set_data(parameter)
    assert_golden(explainer(golden_images(1, 1), 3), golden("backprop")[f"{method}_max_int3"])


def test_a_label_out_of_range_is_no_silent_map_of_zeros(network: nn.Cell) -> None:
    with pytest.raises(ValueError, match=r"`targets` must lie in \[0, 9\] as the network has 10 classes, got 10"):
        Gradient(network)(golden_images(1, 1), 10)


def raw_maps(network: nn.Cell, images: FloatArray, layer: str) -> FloatArray:
    """GradCAM's maps (N, h, w) for the labels of the batch, before resizing."""
    seeds = np.eye(10, dtype=np.float32)[BATCH_TARGETS]
    read = MindSporeClassifier(network).layer(images, seeds, "" if layer == "input" else layer)
    return np.maximum(GradCAM(network).combined(*read), 0)


def golden_raw(gain: int, layer: str) -> FloatArray:
    """(2, h, w): the reference's maps before its resizing."""
    return golden("gradcam")[f"max_g{gain}_{layer}_raw"][:, 0]


def bilinear(maps: FloatArray, height: int, width: int) -> FloatArray:
    """The definition (align_corners=False), pixel by pixel: centres aligned, the edge's values held beyond it."""
    return np.array([[[_at(map_, i, height, j, width) for j in range(width)] for i in range(height)] for map_ in maps])


def _at(map_: FloatArray, i: int, height: int, j: int, width: int) -> float:
    (top, bottom, below), (left, right, beside) = _neighbours(i, height, len(map_)), _neighbours(j, width, len(map_[0]))
    upper = (1 - beside) * map_[top, left] + beside * map_[top, right]
    lower = (1 - beside) * map_[bottom, left] + beside * map_[bottom, right]
    return (1 - below) * upper + below * lower


def _neighbours(place: int, new: int, old: int) -> tuple[int, int, float]:
    """The two old places around a new one, and how far it lies from the first to the second."""
    position = max((place + 0.5) * old / new - 0.5, 0.0)
    first = min(floor(position), old - 1)
    return first, min(first + 1, old - 1), position - first


@pytest.mark.parametrize(
    ("old", "new"), [((3, 4), (5, 7)), ((3, 4), (2, 9)), ((1, 1), (4, 3)), ((5, 7), (5, 7)), ((9, 8), (3, 5))]
)
def test_resizing_is_bilinear_with_pixel_centres_aligned(old: tuple[int, int], new: tuple[int, int]) -> None:
    maps = np.random.default_rng(0).standard_normal((3, *old)).astype(np.float32)
    # Both in float64 but for the last rounding to float32, 6e-8 of a value.
    np.testing.assert_allclose(resized(maps, new), bilinear(maps, *new), rtol=1e-6, atol=1e-7)
