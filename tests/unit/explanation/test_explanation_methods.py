"""Each method against sums done by hand."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from networks import LinearNetwork, SmallCnn
from numpy.typing import NDArray

from explainer.errors import BadSampleError, LayerError, NoReluError
from explainer.explanation import Attribution, Deconvolution, GradCAM, Gradient, GuidedBackprop
from explainer.explanation.base import one_hot, one_hot_pairs
from explainer.explanation.modified_relu import ModifiedReLU
from explainer.relu_rules import ReluRule

FloatArray = NDArray[Any]

METHODS: list[type[Attribution]] = [Gradient, Deconvolution, GuidedBackprop]
# Sums of a few small whole numbers are exact in float32; only divisions round.
ROUNDING = {"rtol": 1e-6, "atol": 1e-7}


class OneHidden(nn.Cell):
    """Two pixels, three ReLUs, two logits.

    For the pixels (1, 2) the ReLUs take in (-1, 4, 5); the weights of logit 1 on them are (5, -3, 2).
    """

    def __init__(self, relu: Any = None) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.hidden = nn.Dense(2, 3, weight_init=Tensor([[1.0, -1], [2, 1], [-1, 3]]), has_bias=False)
        self.relu = relu or nn.ReLU()
        self.fc = nn.Dense(3, 2, weight_init=Tensor([[1.0, 1, 1], [5, -3, 2]]), has_bias=False)

    def construct(self, images: Tensor) -> Tensor:
        return self.fc(self.relu(self.hidden(self.flatten(images))))


BY_HAND = [
    # back through every ReLU: what passes, then times the columns (1, 2, -1) and (-1, 1, 3) of `hidden`
    (Gradient, [8, 3]),  # (0, -3, 2), ReLUs with a positive input: |-8|, |3|
    (Deconvolution, [3, 1]),  # (5, 0, 2), positive gradients: |3|, |1|
    (GuidedBackprop, [2, 6]),  # (0, 0, 2), both: |-2|, |6|
]


@pytest.mark.parametrize("relu", [nn.ReLU(), ops.ReLU(), ops.relu], ids=["cell", "operator", "function"])
@pytest.mark.parametrize(("method", "wanted"), BY_HAND)
def test_pixels_behind_a_relu_are_the_sums_done_by_hand(
    method: type[Attribution], wanted: list[int], relu: Any
) -> None:
    assert method(OneHidden(relu))(np.float32([[[[1, 2]]]]), 1).tolist() == [[[wanted]]]


@pytest.mark.parametrize(("method", "wanted"), BY_HAND)
def test_the_largest_channel_counts(method: type[Attribution], wanted: list[int]) -> None:
    maps = method(OneHidden())(np.float32([[[[1]], [[2]]]]), 1)
    assert maps.tolist() == [[[[max(wanted)]]]]


def test_gradient_of_a_linear_network_is_the_largest_absolute_weight_over_the_channels() -> None:
    weights = np.random.default_rng(0).standard_normal((4, 70)).astype(np.float32)
    targets = np.array([[2, 0], [1, 3], [3, 2]])
    maps = Gradient(LinearNetwork(weights))(np.ones((3, 2, 5, 7), np.float32), targets)
    np.testing.assert_allclose(maps, np.abs(weights.reshape(4, 2, 5, 7)).max(axis=1)[targets], **ROUNDING)


def test_every_rule_gives_the_gradient_when_all_relus_are_open_and_all_gradients_positive() -> None:
    images = np.abs(np.random.default_rng(0).standard_normal((3, 2, 5, 7))).astype(np.float32)
    network = SmallCnn()
    for parameter in network.get_parameters():
        parameter.set_data(Tensor(np.abs(parameter.asnumpy())))
    gradient, *others = (method(network)(images, 1) for method in METHODS)
    for maps in others:
        np.testing.assert_allclose(maps, gradient, rtol=1e-5)  # the same sums in float32


@pytest.mark.parametrize("method", [Deconvolution, GuidedBackprop])
def test_a_network_without_relu_is_told_what_to_do(method: type[Attribution]) -> None:
    with pytest.raises(NoReluError, match=r"found 0 ReLU cells among 3 cells of LinearNetwork.*explain with Gradient"):
        method(LinearNetwork(np.ones((4, 70))))(np.ones((3, 2, 5, 7), np.float32), 1)


class Doubling(ModifiedReLU):
    """Fills the declared hole: every ReLU passes back twice the gradient."""

    @property
    def rule(self) -> ReluRule:
        return doubled


def doubled(upstream: Any, relu_input: Any) -> Any:
    return upstream * 2


def test_a_rule_of_one_s_own_fills_the_hole() -> None:
    # (5, -3, 2) doubled is (10, -6, 4); times the columns (1, 2, -1) and (-1, 1, 3): -6 and -4
    assert Doubling(OneHidden())(np.float32([[[[1, 2]]]]), 1).tolist() == [[[[6, 4]]]]


# GradCAM.


class TwoMaps(nn.Cell):
    """Two maps of the one channel, x and -2 x, pooled in pairs along the width; logits are weighted sums of them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 1, weight_init=Tensor(np.float32([1, -2]).reshape(2, 1, 1, 1)))
        self.pool = nn.AvgPool2d((1, 2), (1, 2))
        self.flatten = nn.Flatten()
        # logit 0: both maps; logit 1: the first map's second place counts for 6, the second map's first for 2
        weights = [[1.0, 1, 1, 1], [0, 6, 2, 0]]
        self.fc = nn.Dense(4, 2, weight_init=Tensor(weights), has_bias=False)

    def construct(self, images: Tensor) -> Tensor:
        return self.fc(self.flatten(self.pool(self.conv(images))))


IMAGE = np.float32([[[[1, 3, -2, 6]]]])
# The pooled maps are (2, 2) and (-4, -4); the mean gradients of logit 1 are 3 and 1; 3 * 2 - 4 = 2 at both places.


def test_gradcam_is_the_weighted_sum_of_the_maps() -> None:
    assert GradCAM(TwoMaps(), "pool")(IMAGE, 1).tolist() == [[[[2, 2, 2, 2]]]]


def test_gradcam_cuts_negative_evidence_off() -> None:
    # logit 0: the mean gradients are 1 and 1; 2 - 4 = -2
    assert GradCAM(TwoMaps(), "pool")(IMAGE, 0).tolist() == [[[[0, 0, 0, 0]]]]


def test_gradcam_weighs_each_map_by_its_mean_gradient() -> None:
    # before the pooling: maps x and -2 x, gradients (0, 0, 3, 3) and (1, 1, 0, 0), means 1.5 and 0.5: (1.5 - 1) x
    assert GradCAM(TwoMaps(), "conv")(IMAGE, 1).tolist() == [[[[0.5, 1.5, 0, 3]]]]


def test_gradcam_of_the_input_weighs_its_channels() -> None:
    # d logit 1 / d x is (-2, -2, 3, 3), its mean 0.5
    assert GradCAM(TwoMaps())(IMAGE, 1).tolist() == [[[[0.5, 1.5, 0, 3]]]]


def test_gradcam_resizes_a_small_map_to_the_image() -> None:
    # pooled maps (3, 5) and (-6, -10), means 3 and 1: (3, 5); centres aligned: 3, 3.5, 4.5, 5
    maps = GradCAM(TwoMaps(), "pool")(np.float32([[[[1, 5, 4, 6]]]]), 1)
    np.testing.assert_allclose(maps, [[[[3, 3.5, 4.5, 5]]]], **ROUNDING)


def test_gradcam_takes_the_cell_itself_for_its_name() -> None:
    network = SmallCnn()
    images = np.random.default_rng(0).standard_normal((3, 2, 5, 7)).astype(np.float32)
    by_cell = GradCAM(network, network.relu2)
    assert by_cell.parameters == {"class": "GradCAM", "layer": "relu2"}
    np.testing.assert_array_equal(by_cell(images, 1), GradCAM(network, "relu2")(images, 1))


def test_gradcam_refuses_an_unknown_layer_in_the_constructor() -> None:
    with pytest.raises(LayerError, match="did you mean 'relu2' or 'relu1'"):
        GradCAM(SmallCnn(), "relu3")


def test_gradcam_refuses_a_layer_without_a_spatial_map() -> None:
    with pytest.raises(
        LayerError, match=r"'fc' must have a spatial map \(N, D, h, w\) .* gave \(4,\) for one image; name a conv"
    ):
        GradCAM(SmallCnn(), "fc")(np.ones((3, 2, 5, 7), np.float32), 1)


def test_class_activation_means_over_places_and_sums_over_maps() -> None:
    activations = np.random.default_rng(0).standard_normal((3, 2, 5, 7))
    gradients = np.random.default_rng(1).standard_normal((3, 2, 5, 7))
    sums = [sum(gradients[n, d].mean() * activations[n, d] for d in range(2)) for n in range(3)]
    np.testing.assert_allclose(GradCAM(SmallCnn()).combined(activations, gradients), sums, **ROUNDING)


# What all methods share.


def test_pairs_of_image_and_label_lie_image_by_image() -> None:
    images = np.arange(3, dtype=np.float32).reshape(3, 1, 1, 1)
    rows, seeds = one_hot_pairs(images, np.array([[2, 0], [1, 3], [3, 2]]), 4)
    assert rows.ravel().tolist() == [0, 0, 1, 1, 2, 2]
    assert seeds.argmax(axis=1).tolist() == [2, 0, 1, 3, 3, 2]
    assert seeds.sum(axis=1).tolist() == [1] * 6


def test_one_hot_rows_take_the_memory_of_images_times_classes() -> None:
    labels, class_count = np.array([19_999, 0, 7]), 20_000
    tracemalloc.start()
    rows = one_hot(labels, class_count)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.argwhere(rows).tolist() == [[0, 19_999], [1, 0], [2, 7]]
    assert (rows.sum(), rows.dtype) == (3, np.float32)
    assert peak < rows.nbytes + 10_000  # the rows, and some small arrays


class WrongShape(Attribution):
    def _explain(self, images: FloatArray, targets: FloatArray) -> FloatArray:
        return images


class Undefined(Attribution):
    def _explain(self, images: FloatArray, targets: FloatArray) -> FloatArray:
        maps = np.zeros((*targets.shape, *images.shape[2:]))
        maps[1] = np.nan
        return maps


def test_a_method_that_gives_maps_of_a_wrong_shape_is_told_so() -> None:
    with pytest.raises(ValueError, match=r"WrongShape must give maps of shape \(3, 1, 5, 7\), gave \(3, 2, 5, 7\)"):
        WrongShape(SmallCnn())(np.ones((3, 2, 5, 7), np.float32), 1)


def test_a_map_that_is_not_finite_names_method_and_sample() -> None:
    with pytest.raises(BadSampleError, match="`saliency of Undefined` must be finite, got NaN or infinity in sample 1"):
        Undefined(SmallCnn())(np.ones((3, 2, 5, 7), np.float32), 1)


# Labels by their names.


@pytest.mark.parametrize("method", METHODS)
def test_names_must_be_those_of_all_outputs(method: type[Attribution]) -> None:
    explainer = method(OneHidden()).with_labels(["cat", "dog", "cow"])
    with pytest.raises(ValueError, match="`labels` must name each of the network's 2 outputs, got 3 names"):
        explainer(np.float32([[[[1, 2]]]]), "dog")


def test_a_method_with_names_is_the_same_method() -> None:
    gradient = Gradient(OneHidden(), name="mine", batch_size=7)
    named = gradient.with_labels(["cat", "dog"])
    assert (named.name, named.batch_size, named.network) == ("mine", 7, gradient.network)
    assert named.parameters == gradient.parameters
    assert named(np.float32([[[[1, 2]]]]), "dog").tolist() == [[[[8, 3]]]]
    with pytest.raises(TypeError, match="`labels` must be a list of class names"):
        gradient.with_labels("cat")
