"""Several labels, images, masks and networks of every kind, and what is refused at the door."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn
from networks import LinearNetwork, SmallCnn
from numpy.typing import NDArray
from replicas import RecordingNetwork
from unit.counterfactual.seen import Seen, evidence, ones, told

from explainer.counterfactual import HierarchicalOcclusion, SearchResult
from explainer.errors import BadSampleError, ExplainerError, NetworkOutputError, NoValidResultError, OriginalOutputError
from explainer.testing.networks import FailingNetwork

FloatArray = NDArray[Any]

TWO = evidence(0.125, (7, 4, 0.5), (2, 1, 0.25))


# Several labels.


class ThreeLabels:
    """Label 0 needs the left half, 2 the right half, 3 both; 1 is not there; 4 is there whatever is seen."""

    def __init__(self) -> None:
        self.shown: list[bytes] = []

    def __call__(self, images: FloatArray) -> FloatArray:
        self.shown += [image.tobytes() for image in images]
        left, right = images[:, 0, 1, 2], images[:, 0, 4, 9]
        return np.stack([left * 0.75, left * 0.25, right * 0.875, left * right * 0.625, left * 0 + 0.75], axis=1)


LABELS = [3, 0, 1, 4, 2]
SIDES: dict[str, Any] = {"win_sizes": [4, 2], "strides": [3, 2]}


def test_labels_searched_together_find_what_each_finds_alone() -> None:
    together = HierarchicalOcclusion(ThreeLabels(), **SIDES).search_all(ones(6, 12), LABELS, 0.0)
    assert list(together) == LABELS
    for label in (0, 2, 3):
        assert together[label] == HierarchicalOcclusion(ThreeLabels(), **SIDES).search(ones(6, 12), label, 0.0)
    assert isinstance(together[1], OriginalOutputError)
    assert isinstance(together[4], NoValidResultError)
    assert [together[label].root.children[0].box for label in (0, 2)] == [(0, 0, 4, 4), (6, 2, 4, 4)]


def test_labels_searched_together_share_their_pictures() -> None:
    network = ThreeLabels()
    HierarchicalOcclusion(network, **SIDES).search_all(ones(6, 12), LABELS, 0.0)
    assert len(network.shown) == len(set(network.shown))
    alone = []
    for label in LABELS:
        single = ThreeLabels()
        HierarchicalOcclusion(single, **SIDES).search_all(ones(6, 12), [label], 0.0)
        alone.append(set(single.shown))
    assert set(network.shown) == set.union(*alone)
    assert len(network.shown) < sum(map(len, alone))


def test_a_label_given_twice_is_searched_once() -> None:
    assert list(HierarchicalOcclusion(ThreeLabels(), **SIDES).search_all(ones(6, 12), [2, 0, np.int64(2)], 0.0)) == [
        2,
        0,
    ]


def test_no_labels_are_no_results_and_no_pictures() -> None:
    network = ThreeLabels()
    assert HierarchicalOcclusion(network, **SIDES).search_all(ones(6, 12), [], 0.0) == {}
    assert network.shown == []


def test_nothing_is_kept_from_one_search_to_the_next() -> None:
    network = ThreeLabels()
    occlusion = HierarchicalOcclusion(network, **SIDES)
    occlusion.search(ones(6, 12), 0, 0.0)
    first, network.shown = network.shown, []
    occlusion.search(ones(6, 12), 0, 0.0)
    assert network.shown == first


def test_an_error_in_place_of_a_result_keeps_no_picture_alive() -> None:
    image = ones(6, 12)
    alive = weakref.ref(image)
    found = HierarchicalOcclusion(ThreeLabels(), **SIDES).search_all(image, [1], 0.0)
    del image
    gc.collect()
    assert isinstance(found[1], OriginalOutputError)
    assert alive() is None


def test_a_search_raises_the_error_of_its_label() -> None:
    occlusion = HierarchicalOcclusion(ThreeLabels(), **SIDES)
    for label, error in ((1, OriginalOutputError), (4, NoValidResultError)):
        with pytest.raises(error) as raised:
            occlusion.search(ones(6, 12), label, 0.0)
        assert isinstance(raised.value, ExplainerError)
        assert isinstance(raised.value, ValueError)


# Images.


@pytest.mark.parametrize("by_masking", [False, True])
def test_an_image_may_come_with_a_batch_axis_as_a_tensor_or_in_other_numbers(by_masking: bool) -> None:
    occlusion = HierarchicalOcclusion(Seen(TWO), None, [3], [2], by_masking=by_masking)
    image = ones(6, 9, channels=2)
    wanted = occlusion.search(image, 1, 0.0)
    for given in (image[None], Tensor(image), Tensor(image[None]), image.astype(np.uint8), image.astype(np.float64)):
        assert occlusion.search(given, np.int32(1), 0.0) == wanted
    for mask in (np.zeros((2, 6, 9)), Tensor(np.zeros((1, 2, 6, 9), np.float32))):
        assert occlusion.search(image, 1, mask) == wanted


def test_image_and_mask_are_left_as_they_are() -> None:
    image = np.random.default_rng(0).random((2, 6, 9)).astype(np.float32)
    mask = -image

    def spoiling(images: FloatArray) -> FloatArray:
        outputs = np.clip(np.stack([images.mean(axis=(1, 2, 3)) * 2, images[:, 0, 0, 0]], axis=1), 0, 1)
        images[:] = 99
        return outputs

    before = image.copy()
    occlusion = HierarchicalOcclusion(spoiling, None, [3], [2], threshold=0.25)
    first = occlusion.search(image, 0, mask)
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(mask, -before)
    assert occlusion.search(image, 0, mask) == first


# Networks.


def softmax(logits: FloatArray) -> FloatArray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def linear_case() -> tuple[FloatArray, FloatArray]:
    """Weights (K, C * H * W) and an image that label 2 is sure of."""
    weights = np.random.default_rng(5).standard_normal((3, 2 * 7 * 9))
    image = (np.sign(weights[2]) * 0.25).reshape(2, 7, 9)
    return weights.astype(np.float32) / 4, image.astype(np.float32)


@pytest.mark.parametrize("by_masking", [False, True])
@pytest.mark.parametrize("batch_size", [64, 5])
def test_a_mindspore_network_is_searched_like_the_function_that_it_computes(by_masking: bool, batch_size: int) -> None:
    weights, image = linear_case()
    threshold = 0.5 if by_masking else 0.9
    settings: dict[str, Any] = {
        "win_sizes": [4, 2],
        "strides": [2, 1],
        "threshold": threshold,
        "by_masking": by_masking,
    }
    cell = HierarchicalOcclusion(LinearNetwork(weights), nn.Softmax(), batch_size=batch_size, **settings)
    function = HierarchicalOcclusion(lambda images: images.reshape(len(images), -1) @ weights.T, softmax, **settings)
    found, wanted = cell.search(image, 2, 0.0), function.search(image, 2, 0.0)
    assert [step.box for step in found.root.leaf_steps] == [step.box for step in wanted.root.leaf_steps]
    assert len(found.root.leaf_steps) > 1
    np.testing.assert_allclose(found.layer_outputs, wanted.layer_outputs, rtol=0, atol=1e-5)  # float32 sums


def test_a_mindspore_network_is_shown_no_picture_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """But the original, of which the adapter asks first how many classes there are."""
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")
    weights, image = linear_case()
    network = RecordingNetwork(LinearNetwork(weights))
    HierarchicalOcclusion(network, nn.Softmax(), [4, 2], [2, 1]).search_all(image, [2, 0, 1], 0.0)
    number_of_classes, *batches = network.shown
    pictures = [picture.tobytes() for batch in batches for picture in batch]
    np.testing.assert_array_equal(number_of_classes, batches[0])
    assert len(pictures) == len(set(pictures)) > 20


def flags_of(network: nn.Cell) -> list[tuple[bool, bool]]:
    return [(cell.training, cell.requires_grad) for _, cell in network.cells_and_names()]


def half_trained(network: nn.Cell) -> nn.Cell:
    """In training mode, but for its first convolution."""
    network.set_train(True)
    next(cell for name, cell in network.cells_and_names() if name.endswith("conv1")).set_train(False)
    return network


@pytest.mark.parametrize("good_calls", [1000, 1, 3])
def test_the_network_is_given_back_as_it_was_also_when_it_fails(
    good_calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if good_calls < 1000:
        monkeypatch.setenv("EXPLAINER_COMPILE", "off")  # compiling what fails takes MindSpore 3 s; the seam's tests do
    network = half_trained(FailingNetwork(SmallCnn(), good_calls))
    weights = {name: parameter.asnumpy().copy() for name, parameter in network.parameters_and_names()}
    before = flags_of(network)
    image = np.random.default_rng(0).standard_normal((2, 8, 9)).astype(np.float32)
    occlusion = HierarchicalOcclusion(network, nn.Softmax(), [4], [2], threshold=0.0, by_masking=True, batch_size=4)
    assert occlusion.network is network
    if good_calls < 1000:
        with pytest.raises(RuntimeError, match="on purpose"):
            occlusion.search(image, 1, 0.0)
    else:
        occlusion.search_all(image, [0, 1, 2, 3], 0.0)
    assert flags_of(network) == before
    assert len(set(before)) == 2
    for name, parameter in network.parameters_and_names():
        np.testing.assert_array_equal(parameter.asnumpy(), weights[name])


def test_dropout_is_asleep_during_the_search() -> None:
    network = half_trained(SmallCnn())
    image = np.random.default_rng(0).standard_normal((2, 8, 9)).astype(np.float32)
    occlusion = HierarchicalOcclusion(network, nn.Sigmoid(), [4], [2], threshold=0.01, by_masking=True)
    first, second = (occlusion.search_all(image, range(4), 0.0) for _ in range(2))
    assert [told_or_error(found) for found in first.values()] == [told_or_error(found) for found in second.values()]


def told_or_error(found: Any) -> Any:
    return told(found.root) if isinstance(found, SearchResult) else str(found)


# Doors: nothing is asked of a network when an argument is wrong.


class Untouched:
    def __call__(self, images: FloatArray) -> FloatArray:
        raise AssertionError("the network was asked")


NAN = np.where(np.arange(54).reshape(1, 6, 9) == 31, np.nan, 1.0)


@pytest.mark.parametrize(
    ("image", "label", "mask", "error", "message"),
    [
        (ones(6, 9)[0], 1, 0.0, ValueError, r"`image` must be one image, \(C, H, W\) or .*, got shape \(6, 9\)"),
        (np.ones((2, 1, 6, 9)), 1, 0.0, ValueError, r"`image` must be one image, .* got shape \(2, 1, 6, 9\)"),
        (np.ones((0, 6, 9)), 1, 0.0, ValueError, r"`image` must be one image, .* got shape \(0, 6, 9\)"),
        (np.ones((1, 1, 1, 6, 9)), 1, 0.0, ValueError, "`image` must be one image"),
        (NAN, 1, 0.0, BadSampleError, "`image` must be finite"),
        (ones(6, 9) > 0, 1, 0.0, TypeError, "`image` must hold numbers, got dtype bool"),
        ("cat.png", 1, 0.0, TypeError, "`image` must hold numbers"),
        (ones(6, 9), 1.0, 0.0, TypeError, "`class_idx` must be a whole number, got float"),
        (ones(6, 9), True, 0.0, TypeError, "`class_idx` must be a whole number, got bool"),
        (ones(6, 9), -1, 0.0, ValueError, "`class_idx` must be at least 0, got -1"),
        (ones(6, 9), 1, 0, TypeError, "`mask` must be None, 'gaussian:N', a float, .* got int; write 0.0 for 0"),
        (ones(6, 9), 1, "gauss:3", ValueError, "`mask` must be 'gaussian:N'"),
        (ones(6, 9), 1, np.zeros((1, 9, 6)), ValueError, "`mask` must have the image's shape"),
        (ones(6, 9), 1, None, ValueError, "at least 13 pixels for an automatic mask, got 6"),
        (ones(3, 9), 1, 0.0, ValueError, "larger than the first window, 3, got a short side of 3"),
        (ones(9, 3), 1, 0.0, ValueError, "larger than the first window, 3, got a short side of 3"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_told_before_the_network_is_asked(
    image: Any, label: Any, mask: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        HierarchicalOcclusion(Untouched(), None, [3], [2]).search(image, label, mask)


def test_an_image_too_small_for_automatic_windows_is_told_before_the_network_is_asked() -> None:
    with pytest.raises(ValueError, match=r"at least 56 pixels, got 55; .* give `win_sizes` and `strides`"):
        HierarchicalOcclusion(Untouched()).search(ones(90, 55), 1)


def test_a_label_that_the_network_does_not_have_is_named() -> None:
    network = Seen(TWO)
    with pytest.raises(ValueError, match=r"`class_idx` must lie in \[0, 1\] as the network has 2 classes, got 2"):
        HierarchicalOcclusion(network, None, [3], [2]).search_all(ones(6, 9), [1, 2], 0.0)
    assert len(network.shown) == 1


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"threshold": 1}, ValueError, "`threshold` must be below 1, got 1"),
        ({"threshold": 1.0}, ValueError, "`threshold` must be below 1"),
        ({"threshold": -0.1}, ValueError, r"`threshold` must lie in \[0, 1\], got -0.1"),
        ({"threshold": float("nan")}, ValueError, "`threshold` must lie in"),
        ({"threshold": "0.5"}, TypeError, "`threshold` must be a number"),
        ({"by_masking": 1}, TypeError, "`by_masking` must be True or False"),
        ({"batch_size": 0}, ValueError, "`batch_size` must be at least 1, got 0"),
        ({"win_sizes": [3]}, ValueError, "got `win_sizes` but no `strides`"),
        ({"win_sizes": [2], "strides": [3]}, ValueError, "`strides` must not be larger than their windows"),
        ({"activation_fn": "softmax"}, TypeError, "`activation_fn` must be a cell, a function or None, got str"),
        ({"network": "resnet"}, TypeError, "`network` must be a mindspore.nn.Cell"),
        ({"network": nn.Softmax}, TypeError, "`network` must be a mindspore.nn.Cell"),
    ],
)
def test_a_wrong_setting_is_refused(settings: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        HierarchicalOcclusion(**{"network": Untouched()} | settings)


def test_settings_can_be_read_back() -> None:
    network = Seen(TWO)
    occlusion = HierarchicalOcclusion(network, threshold=0.25, by_masking=True)
    assert (occlusion.network, occlusion.threshold, occlusion.by_masking) == (network, 0.25, True)
    assert (HierarchicalOcclusion(network).threshold, HierarchicalOcclusion(network).by_masking) == (0.5, False)


@pytest.mark.parametrize(
    ("outputs", "error", "message"),
    [
        (lambda images: images.sum(axis=1), NetworkOutputError, r"one output \(N, K\), got .* shape \(1, 6, 9\)"),
        (lambda images: (images[:, 0, 0], images[:, 0, 1]), NetworkOutputError, r"one output \(N, K\), got 2 outputs"),
        (lambda images: images[:, 0, 0] + 0.5, NetworkOutputError, r"in \[0, 1\] .* \[1.5, 1.5\]; .*`activation_fn`"),
        (lambda images: images[:, 0, 0] - 1.5, NetworkOutputError, r"in \[0, 1\] .* \[-0.5, -0.5\]; .*`activation_fn`"),
        (lambda images: images[:, 0, 0] * np.nan, BadSampleError, "finite outputs, gave NaN or infinity"),
    ],
)  # fmt: skip
def test_a_network_without_probabilities_is_refused(outputs: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        HierarchicalOcclusion(outputs, None, [3], [2]).search(ones(6, 9), 1, 0.0)


def test_rounding_errors_at_one_are_cut_off() -> None:
    network = Seen(lambda seen: 1.000005 if seen[4, 7] else 0.0)
    assert HierarchicalOcclusion(network, None, [3], [2]).search(ones(6, 9), 1, 0.0).layer_outputs == [1.0]


def test_logits_of_a_mindspore_network_without_an_activation_are_refused() -> None:
    weights, image = linear_case()
    with pytest.raises(NetworkOutputError, match="if these are logits, give an `activation_fn`"):
        HierarchicalOcclusion(LinearNetwork(weights), None, [4], [2]).search(image, 2, 0.0)
