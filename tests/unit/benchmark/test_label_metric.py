"""What every metric with a score per label has in common: its verbs, its doors, and how it counts what is undefined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn
from networks import SmallCnn
from numpy.typing import NDArray
from replicas import TARGETS, normal_images, whole_numbers

from explainer.benchmark import Case, Faithfulness, LabelMetric, Localization
from explainer.explanation import Gradient

FloatArray = NDArray[Any]

IMAGES = normal_images()
MAPS = np.random.default_rng(4).random((3, 2, 5, 7)).astype(np.float32)
MASKS = np.random.default_rng(6).random((3, 2, 5, 7)) > 0.6
NAN = float("nan")


class MeanPlusLabel(LabelMetric):
    """Scores the mean of the map, which is in [0, 1), plus the label; undefined where that mean is 0."""

    name = "MeanPlusLabel"

    def _scores(
        self, images: FloatArray, labels: FloatArray, saliency: FloatArray, regions: Any, explainer: Any
    ) -> FloatArray:
        means = saliency.mean(axis=(2, 3), dtype=np.float64)
        return np.where(means == 0, NAN, means + labels)


class CountingExplainer:
    """Its maps are the first channel times the label; remembers what it was asked."""

    network = nn.Cell()

    def __init__(self) -> None:
        self.asked: list[tuple[FloatArray, FloatArray]] = []

    def __call__(self, inputs: FloatArray, targets: FloatArray) -> FloatArray:
        self.asked.append((inputs, targets))
        return inputs[:, :1] * targets[:, :, None, None]


class UnableExplainer:
    """Gives the same maps whatever it is asked."""

    network = nn.Cell()

    def __init__(self, maps: Any) -> None:
        self.maps = maps

    def __call__(self, inputs: Any, targets: Any) -> Any:
        return self.maps


EXPLAINER = CountingExplainer()
MEANS = MAPS.mean(axis=(2, 3), dtype=np.float64)


# Evaluating.


@pytest.mark.parametrize(
    ("targets", "labels"),
    [
        (2, [2, 2, 2]),
        (np.int64(2), [2, 2, 2]),
        (np.array(2), [2, 2, 2]),
        (Tensor(2), [2, 2, 2]),
        ([3, 0, 1], [3, 0, 1]),
        ((3, 0, 1), [3, 0, 1]),
        (np.array([3, 0, 1], np.int32), [3, 0, 1]),
        (Tensor([3, 0, 1]), [3, 0, 1]),
    ],
)
def test_one_label_per_image_gives_one_score_per_image(targets: Any, labels: list[int]) -> None:
    scores = MeanPlusLabel(4).evaluate(EXPLAINER, IMAGES, targets, MAPS[:, 1:])
    np.testing.assert_array_equal(scores, MEANS[:, 1] + labels)


@pytest.mark.parametrize("targets", [TARGETS, TARGETS.tolist(), Tensor(TARGETS), TARGETS.astype(np.uint8)])
def test_several_labels_per_image_give_a_score_for_each(targets: Any) -> None:
    scores = MeanPlusLabel(4).evaluate(EXPLAINER, IMAGES, targets, MAPS)
    np.testing.assert_array_equal(scores, MEANS + TARGETS)


def test_a_column_of_labels_gives_a_column_of_scores() -> None:
    scores = MeanPlusLabel(4).evaluate(EXPLAINER, IMAGES, TARGETS[:, :1], MAPS[:, :1])
    np.testing.assert_array_equal(scores, MEANS[:, :1] + TARGETS[:, :1])


@pytest.mark.parametrize("kind", [Tensor, np.asarray, np.float64])
def test_images_and_maps_may_be_tensors_or_arrays(kind: Any) -> None:
    scores = MeanPlusLabel(4).evaluate(EXPLAINER, kind(IMAGES), 1, kind(MAPS[:, :1]))
    np.testing.assert_array_equal(scores, MEANS[:, 0] + 1)


@pytest.mark.parametrize(
    ("targets", "labels"), [(2, [[2], [2], [2]]), ([3, 1, 1], [[3], [1], [1]]), (Tensor(TARGETS), TARGETS)]
)
def test_maps_that_are_not_given_are_made_for_all_images_and_labels_at_once(targets: Any, labels: Any) -> None:
    explainer, images = CountingExplainer(), whole_numbers(3, 2, 5, 7)
    scores = MeanPlusLabel(4).evaluate(explainer, Tensor(images), targets)
    ((inputs, asked),) = explainer.asked
    np.testing.assert_array_equal(inputs, images)
    np.testing.assert_array_equal(asked, labels)
    wanted = MeanPlusLabel(4).evaluate(explainer, images, labels, images[:, :1] * np.array(labels)[:, :, None, None])
    np.testing.assert_array_equal(scores, wanted.reshape(scores.shape))


@pytest.mark.parametrize("targets", [2, TARGETS])
def test_maps_that_are_given_are_never_made_again(targets: Any) -> None:
    explainer = CountingExplainer()
    maps, masks = (given[:, : np.atleast_2d(targets).shape[1]] for given in (MAPS, MASKS))
    MeanPlusLabel(4).evaluate(explainer, IMAGES, targets, maps)
    Localization(4).evaluate(explainer, IMAGES, targets, maps, masks)
    assert explainer.asked == []


def test_an_explainer_s_own_maps_score_as_when_they_are_given() -> None:
    gradient, metric = Gradient(SmallCnn()), Localization(4, "IoSR")
    scores = metric.evaluate(gradient, IMAGES, TARGETS, mask=MASKS)
    np.testing.assert_array_equal(scores, metric.evaluate(gradient, IMAGES, TARGETS, gradient(IMAGES, TARGETS), MASKS))


def test_the_images_of_a_batch_score_as_each_alone() -> None:
    together = MeanPlusLabel(4).evaluate(EXPLAINER, IMAGES, TARGETS)
    alone = [MeanPlusLabel(4).evaluate(EXPLAINER, IMAGES[i : i + 1], TARGETS[i : i + 1])[0] for i in range(3)]
    np.testing.assert_array_equal(together, alone)


def test_evaluating_aggregates_nothing() -> None:
    metric = MeanPlusLabel(4)
    metric.evaluate(EXPLAINER, IMAGES, TARGETS, MAPS)
    assert np.isnan(metric.performance)


@pytest.mark.parametrize("metric", [MeanPlusLabel(4), Localization(4), Localization(4, "IoSR")])
def test_a_case_of_one_image_with_several_labels_scores_as_alone(metric: Any) -> None:
    more = {"mask": MASKS[2:]} if isinstance(metric, Localization) else {}
    (wanted,) = metric.evaluate(EXPLAINER, IMAGES[2:], [[3, 0]], MAPS[2:], **more)
    scores = metric.score(Case(IMAGES[2], (3, 0), MAPS[2], MASKS[2], EXPLAINER))
    assert scores.dtype == np.float64
    np.testing.assert_array_equal(scores, wanted)


# Aggregating.


def aggregated(*results: tuple[Any, Any]) -> MeanPlusLabel:
    metric = MeanPlusLabel(4)
    for result, targets in results:
        metric.aggregate(result, targets)
    return metric


def test_the_performance_is_the_mean_of_all_scores_and_not_of_the_labels_means() -> None:
    metric = aggregated(([0.5, 0.25, 1], [3, 1, 3]), ([0.75], 3))
    assert metric.performance == 2.5 / 4
    np.testing.assert_array_equal(metric.class_performances, [NAN, 0.25, NAN, 0.75])
    assert metric.undefined == 0


@pytest.mark.parametrize(
    ("result", "targets"),
    [
        (np.array([[0.5, 0.25], [1, 0], [0.75, 0.5]]), TARGETS),
        (Tensor([[0.5, 0.25], [1, 0], [0.75, 0.5]]), Tensor(TARGETS)),
        ([[0.5, 0.25], [1, 0], [0.75, 0.5]], TARGETS.tolist()),
    ],
)
def test_scores_for_several_labels_go_to_their_labels(result: Any, targets: Any) -> None:
    # labels 2 1, 3 3, 1 0
    assert aggregated((result, targets)).class_performances == [0.5, 0.5, 0.5, 0.5]
    assert aggregated((result, targets)).performance == 0.5


@pytest.mark.parametrize("targets", [1, np.array(1), Tensor(1), [1, 1, 1], [[1], [1], [1]]])
def test_one_label_for_all_scores(targets: Any) -> None:
    found = aggregated(([0.5, 0.25, 0.75], targets)).class_performances
    np.testing.assert_array_equal(found, [NAN, 0.5, NAN, NAN])


@pytest.mark.parametrize("result", [0.5, np.float64(0.5), np.array(0.5), np.array([0.5]), Tensor(0.5)])
def test_one_score_needs_no_axis(result: Any) -> None:
    metric = aggregated((result, 2))
    assert metric.performance == metric.class_performances[2] == 0.5


def test_what_evaluate_gives_aggregate_takes() -> None:
    metric = MeanPlusLabel(4)
    for targets, maps in [(2, MAPS[:, :1]), ([3, 0, 1], MAPS[:, 1:]), (TARGETS, MAPS)]:
        metric.aggregate(metric.evaluate(EXPLAINER, IMAGES, targets, maps), targets)
    total = MEANS[:, 0].sum() + 6 + MEANS[:, 1].sum() + 4 + (MEANS + TARGETS).sum()
    assert metric.performance == pytest.approx(total / 12, abs=1e-12)


@pytest.mark.parametrize("undefined", [NAN, np.inf, -np.inf])
def test_undefined_scores_are_counted_and_left_out_of_every_mean(undefined: float) -> None:
    metric = aggregated(([0.5, undefined, 1, undefined], [3, 3, 1, 0]))
    assert metric.undefined == 2
    assert metric.performance == 0.75
    np.testing.assert_array_equal(metric.class_performances, [NAN, 1, NAN, 0.5])


def test_without_a_defined_score_there_is_no_performance_rather_than_zero() -> None:
    for metric in (MeanPlusLabel(4), aggregated(([NAN, NAN], [3, 1]))):
        assert np.isnan(metric.performance)
        assert np.isnan(metric.class_performances).tolist() == [True] * 4


def test_a_score_of_zero_is_a_score() -> None:
    metric = aggregated((0, 2))
    assert metric.performance == 0
    np.testing.assert_array_equal(metric.class_performances, [NAN, NAN, 0, NAN])


def test_a_reset_metric_is_as_new() -> None:
    metric = aggregated(([0.5, NAN], [3, 1]))
    metric.reset()
    assert np.isnan(metric.performance)
    assert metric.undefined == 0
    metric.aggregate(0.25, 1)
    assert metric.performance == 0.25
    np.testing.assert_array_equal(metric.class_performances, [NAN, 0.25, NAN, NAN])


def test_two_metrics_count_apart() -> None:
    one, other = aggregated((0.5, 3)), aggregated((1, 3))
    assert (one.performance, other.performance) == (0.5, 1)


def test_class_performances_are_a_list_of_one_s_own() -> None:
    metric = aggregated((0.5, 3))
    metric.class_performances[3] = 7
    assert metric.class_performances[3] == 0.5


def test_the_number_of_labels_is_told() -> None:
    assert MeanPlusLabel(np.int64(4)).num_labels == 4
    assert len(MeanPlusLabel(4).class_performances) == 4


# Errors.


@pytest.mark.parametrize("count", [0, -3])
def test_fewer_than_one_label_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"`num_labels` must be at least 1, got {count}"):
        MeanPlusLabel(count)


@pytest.mark.parametrize("count", [4.0, "4", None, True])
def test_a_number_of_labels_that_is_no_whole_number_is_refused(count: Any) -> None:
    with pytest.raises(TypeError, match="`num_labels` must be a whole number, got"):
        MeanPlusLabel(count)


@pytest.mark.parametrize(
    ("explainer", "kind"),
    [
        (None, "NoneType"),
        (Gradient, "type"),
        (CountingExplainer, "type"),
        (lambda inputs, targets: MAPS, "function"),
        ("Gradient", "str"),
        (MAPS, "ndarray"),
    ],
)
@pytest.mark.parametrize("saliency", [None, MAPS])
def test_what_is_no_explainer_is_refused_even_if_maps_are_given(explainer: Any, kind: str, saliency: Any) -> None:
    if explainer is None and saliency is not None:
        pytest.skip("a metric of maps alone needs none")
    message = f"`explainer` must be an explainer of explainer.explanation, got {kind}"
    if isinstance(explainer, type):
        message = "`explainer` must be an explainer of explainer.explanation, got"
    with pytest.raises(TypeError, match=message):
        MeanPlusLabel(4).evaluate(explainer, IMAGES, TARGETS, saliency)


def test_maps_that_are_given_need_no_explainer_where_the_metric_does_not() -> None:
    np.testing.assert_array_equal(MeanPlusLabel(4).evaluate(None, IMAGES, TARGETS, MAPS), MEANS + TARGETS)
    np.testing.assert_array_equal(MeanPlusLabel(4)(None, IMAGES, TARGETS, MAPS), MEANS + TARGETS)
    with pytest.raises(TypeError, match=r"`explainer` must be an explainer of .*got NoneType"):
        Faithfulness(4, nn.Softmax()).evaluate(None, IMAGES, TARGETS, MAPS)


def test_labels_may_be_names_which_the_explainer_knows() -> None:
    gradient = Gradient(SmallCnn()).with_labels(["ant", "bee", "cat", "dog"])
    named = MeanPlusLabel(4).evaluate(gradient, IMAGES, ["dog", "ant", "bee"])
    np.testing.assert_array_equal(named, MeanPlusLabel(4).evaluate(gradient, IMAGES, [3, 0, 1]))
    assert MeanPlusLabel(4)(gradient, IMAGES, [["dog", "ant"]] * 3).shape == (3, 2)
    with pytest.raises(ValueError, match="`targets` must be among the 4 class names, got 'bea'; did you mean 'bee'"):
        MeanPlusLabel(4).evaluate(gradient, IMAGES, "bea")
    with pytest.raises(TypeError, match="names need `labels`, the list of them"):
        MeanPlusLabel(4).evaluate(EXPLAINER, IMAGES, "bee")


def test_an_array_without_a_network_is_refused_by_localization_too() -> None:
    with pytest.raises(TypeError, match="for maps of your own give `saliency`, and an explainer of the network"):
        Localization(4).evaluate(MAPS, IMAGES, TARGETS, MAPS, MASKS)


@pytest.mark.parametrize(
    ("saliency", "shape"),
    [
        (MAPS[:, :1], (3, 1, 5, 7)),
        (MAPS[:2], (2, 2, 5, 7)),
        (MAPS[:, 0], (3, 5, 7)),
        (MAPS.transpose(0, 1, 3, 2), (3, 2, 7, 5)),
        (Tensor(MAPS[..., :6]), (3, 2, 5, 6)),
    ],
)
def test_maps_of_another_shape_are_refused(saliency: Any, shape: tuple[int, ...]) -> None:
    message = r"`saliency` must have shape \(3, 2, 5, 7\), one map per input and label, got "
    with pytest.raises(ValueError, match=message) as caught:
        MeanPlusLabel(4).evaluate(EXPLAINER, IMAGES, TARGETS, saliency)
    assert str(caught.value).endswith(f"got {shape}")


@pytest.mark.parametrize("bad", [NAN, np.inf, -np.inf])
def test_maps_that_are_not_finite_are_refused_and_the_sample_is_named(bad: float) -> None:
    maps = MAPS.copy()
    maps[1, 1, 4, 6] = bad
    with pytest.raises(ValueError, match="`saliency` must be finite, got NaN or infinity in sample 1 of 3"):
        MeanPlusLabel(4).evaluate(EXPLAINER, IMAGES, TARGETS, maps)


@pytest.mark.parametrize("saliency", ["map", MAPS.astype(complex), [None]])
def test_maps_that_hold_no_numbers_are_refused(saliency: Any) -> None:
    with pytest.raises(TypeError, match="`saliency` must hold numbers, got"):
        MeanPlusLabel(4).evaluate(EXPLAINER, IMAGES, TARGETS, saliency)


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (MAPS[:, :1], r"`saliency` must have shape \(3, 2, 5, 7\)"),
        (MAPS * NAN, "`saliency` must be finite"),
    ],
)
def test_an_explainer_s_own_maps_are_checked_as_well(maps: FloatArray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MeanPlusLabel(4).evaluate(UnableExplainer(maps), IMAGES, TARGETS)


@pytest.mark.parametrize(("targets", "label"), [(4, 4), (-1, -1), ([0, 9, 1], 9), ([[0, 1], [2, 3], [5, 1]], 5)])
def test_labels_beyond_their_number_are_refused_before_any_map_is_made(targets: Any, label: int) -> None:
    explainer, metric = CountingExplainer(), MeanPlusLabel(4)
    message = rf"`targets` must lie in \[0, 3\] as `num_labels` says, got {label}"
    with pytest.raises(ValueError, match=message):
        metric.evaluate(explainer, IMAGES, targets)
    assert explainer.asked == []
    with pytest.raises(ValueError, match=message):
        metric.aggregate(np.zeros(np.shape(targets)), targets)
    assert np.isnan(metric.performance)


@pytest.mark.parametrize("targets", [[0, 1], [[0, 1], [1, 2]], [[[1]]] * 3])
def test_labels_for_another_number_of_images_are_refused(targets: Any) -> None:
    with pytest.raises(ValueError, match="`targets` must be one label, or have shape"):
        MeanPlusLabel(4).evaluate(EXPLAINER, IMAGES, targets, MAPS)


@pytest.mark.parametrize("targets", [1.0, "1", None, [0.0, 1.0, 2.0], True])
def test_labels_that_are_no_whole_numbers_are_refused(targets: Any) -> None:
    with pytest.raises(TypeError, match="`targets` must be whole numbers"):
        MeanPlusLabel(4).evaluate(EXPLAINER, IMAGES, targets, MAPS)


def test_images_that_are_no_batch_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`inputs` must have axes \(N, C, H, W\), got shape \(2, 5, 7\)"):
        MeanPlusLabel(4).evaluate(EXPLAINER, IMAGES[0], 1, MAPS[:1])
    with pytest.raises(ValueError, match="`inputs` must be finite"):
        MeanPlusLabel(4).evaluate(EXPLAINER, IMAGES * NAN, TARGETS, MAPS)


@pytest.mark.parametrize(
    ("result", "targets", "message"),
    [
        ([0.5, 1], [1, 2, 3], r"`targets` must be one label, or have shape \(2,\)"),
        ([[0.5, 1], [0.5, 1]], [1, 2], r"`result` must have a score per label, \(2, 1\), got shape \(2, 2\)"),
        ([[0.5, 1], [0.5, 1]], 1, r"`result` must have a score per label, \(2, 1\), got shape \(2, 2\)"),
        ([0.5, 1], TARGETS[:2], r"`result` must have a score per label, \(2, 2\), got shape \(2,\)"),
        (np.zeros((2, 3)), TARGETS, r"`targets` must be one label, or have shape \(2,\)"),
    ],
)
def test_scores_and_labels_of_different_numbers_are_refused(result: Any, targets: Any, message: str) -> None:
    metric = MeanPlusLabel(4)
    with pytest.raises(ValueError, match=message):
        metric.aggregate(result, targets)
    assert np.isnan(metric.performance)


@pytest.mark.parametrize("result", [None, "0.5", [None], 1j])
def test_scores_that_are_no_numbers_are_refused(result: Any) -> None:
    metric = MeanPlusLabel(4)
    with pytest.raises(TypeError, match="`result` must hold numbers, got"):
        metric.aggregate(result, 1)
    assert metric.undefined == 0
