"""What is explained of an output, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from replicas import whole_numbers

from explainer.explanation.scores import TASKS, object_detection, regression, segmentation, total_activation

FloatArray = NDArray[Any]

X = np.float32([[3], [1], [2]])


def giving(outputs: Any) -> Any:
    """A model that gives these outputs for X."""

    def model(x: FloatArray) -> Any:
        np.testing.assert_array_equal(x, X[: len(x)])
        return outputs

    return model


# Total activation.


def test_outputs_per_label_are_their_own_total_activation() -> None:
    outputs = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    np.testing.assert_array_equal(total_activation(outputs), outputs)


@pytest.mark.parametrize("shape", [(3, 4, 7), (3, 4, 5, 7), (3, 4, 2, 5, 7)])
def test_total_activation_is_the_sum_over_all_places(shape: tuple[int, ...]) -> None:
    outputs = whole_numbers(*shape)
    found = total_activation(outputs)
    assert found.dtype == np.float32
    for at in np.ndindex(3, 4):
        assert found[at] == sum(outputs[at].ravel().tolist())


def test_total_activation_is_summed_in_float64() -> None:
    outputs = np.full((1, 1, 5, 7), 1.0, np.float32)
    outputs[0, 0, 0, 0], outputs[0, 0, -1, -1] = 1e9, -1e9
    assert total_activation(outputs).item() == 33


# Regression.


def test_regression_is_the_weighted_sum_of_the_outputs() -> None:
    outputs = np.float32([[1, 2, 3, 4], [0, -1, 5, 2], [9, 9, 9, 9]])
    weights = np.float32([[0, 1, 0, 0], [2, 1, -1, 0], [0, 0, 0, 0]])
    assert regression(giving(outputs), X, weights).tolist() == [2, -6, 0]


@pytest.mark.parametrize("kind", [bool, np.int64, np.float64])
def test_weights_of_any_kind_pick_an_output(kind: Any) -> None:
    weights = np.eye(4)[[2, 1, 3]].astype(kind)
    assert regression(giving(np.arange(12).reshape(3, 4)), X, weights).tolist() == [2, 5, 11]


# Segmentation.


def test_segmentation_is_the_mean_over_the_zone() -> None:
    outputs = np.arange(3 * 2 * 2 * 3, dtype=np.float32).reshape(3, 2, 2, 3)
    zones = np.zeros((3, 2, 2, 3), np.float32)
    zones[0, 0, 1, :2] = 1  # 3 and 4
    zones[1, 1, 0, 2] = 1  # 20
    zones[1, 1, 1, 0] = 1  # 21
    zones[1, 0, 0, 0] = 1  # 12
    with pytest.raises(ValueError, match="`targets` must mark a zone in every row"):
        segmentation(giving(outputs), X, zones)
    zones[2, 1, 1, 2] = 1  # 35
    assert segmentation(giving(outputs), X, zones).tolist() == [3.5, 53 / 3, 35]


def test_a_weight_in_the_zone_multiplies_and_counts_as_one() -> None:
    outputs = np.float32([[[10, 20, 30]]])
    # (10 * 3 - 20 * 0.5) / 2 and 30 * 0.5 / 1
    assert segmentation(giving(outputs), X[:1], np.float32([[[3, -0.5, 0]]])).tolist() == [10]
    assert segmentation(giving(outputs), X[:1], np.float32([[[0, 0, 0.5]]])).tolist() == [15]


def test_a_zone_of_everything_gives_the_mean_of_all_outputs() -> None:
    outputs = whole_numbers(3, 4, 5, 7)
    wanted = outputs.reshape(3, -1).astype(np.float64).mean(axis=1)
    np.testing.assert_allclose(segmentation(giving(outputs), X, np.ones((3, 4, 5, 7))), wanted, rtol=1e-12)


@pytest.mark.parametrize("score", [regression, segmentation])
@pytest.mark.parametrize(
    ("shape", "told"), [((3, 3), r"\(N, 3\)"), ((3, 4, 1), r"\(N, 4, 1\)"), ((3,), r"\(N\)"), ((3, 1), r"\(N, 1\)")]
)
def test_targets_need_a_weight_for_each_output(score: Any, shape: tuple[int, ...], told: str) -> None:
    with pytest.raises(ValueError, match=rf"`targets` must have a weight for each output, \(N, 4\), got {told}$"):
        score(giving(np.ones((3, 4))), X, np.ones(shape))


# Object detection: left, top, right, bottom, objectness, three classes.


def box(left: float, top: float, right: float, bottom: float, objectness: float = 1, classes: Any = (0, 1, 0)) -> Any:
    return [left, top, right, bottom, objectness, *classes]


NO_BOX = [0] * 8


def match(detected: list[Any], wanted: list[Any]) -> float:
    (found,) = object_detection(giving(np.float32([detected])), X[:1], np.float32([wanted]))
    return float(found)


def test_a_perfect_match_is_worth_its_objectness() -> None:
    assert match([box(1, 2, 4, 9, 0.75)], [box(1, 2, 4, 9)]) == pytest.approx(0.75, rel=1e-12)


def test_the_objectness_of_the_target_does_not_count() -> None:
    assert match([box(1, 2, 4, 9, 0.75)], [box(1, 2, 4, 9, 0.125)]) == pytest.approx(0.75, rel=1e-12)


@pytest.mark.parametrize(
    ("found", "overlap"),
    [
        (box(2, 1, 6, 4), 6 / 18),  # beside each other: 2 x 3 of twice 12 pixels are common
        (box(0, 3, 4, 6), 4 / 20),  # one above the other
        (box(3, 3, 7, 6), 1 / 23),  # only a corner is common
        (box(1, 2, 3, 3), 2 / 12),  # one within the other
        (box(-10, -10, 10, 10), 12 / 400),
        (box(4, 1, 8, 4), 0),  # side by side
        (box(0, 4, 4, 7), 0),
        (box(9, 9, 12, 12), 0),  # apart along both axes
        (box(9, 1, 12, 4), 0),  # apart along one
        (box(2, 2, 2, 3), 0),  # nothing in it
    ],
)
def test_the_overlap_is_what_is_common_of_all(found: list[float], overlap: float) -> None:
    wanted = box(0, 1, 4, 4)
    assert match([found], [wanted]) == pytest.approx(overlap, rel=1e-12)
    assert match([wanted], [found]) == pytest.approx(overlap, rel=1e-12)


@pytest.mark.parametrize(
    ("some", "others", "likeness"),
    [
        ((0, 1, 0), (0, 1, 0), 1),
        ((0, 1, 0), (1, 0, 0), 0),  # another class
        ((0, 1, 0), (0.6, 0.8, 0), 0.8),
        ((0, 2, 0), (0, 0.25, 0), 1),  # a cosine: lengths do not count
        ((1, 1, 0), (0, 1, 1), 0.5),
        ((0, 0, 0), (0, 1, 0), 0),  # no class at all
        ((0, 1, 0), (0, -1, 0), -1),
    ],
)
def test_the_likeness_of_the_classes_is_their_cosine(some: Any, others: Any, likeness: float) -> None:
    found, wanted = box(1, 2, 4, 9, 0.5, some), box(1, 2, 4, 9, 1, others)
    assert match([found], [wanted]) == pytest.approx(0.5 * likeness, rel=1e-6)


def test_the_three_are_multiplied_and_the_best_box_counts() -> None:
    wanted = [box(0, 0, 4, 2)]
    near, sure, right = (
        box(0, 0, 4, 2, 0.1),  # 1 * 0.1 * 1
        box(0, 0, 2, 2, 0.9, (0.6, 0.8, 0)),  # 0.5 * 0.9 * 0.8
        box(0, 0, 4, 1, 0.5),  # 0.5 * 0.5 * 1
    )
    assert match([near], wanted) == pytest.approx(0.1, rel=1e-6)
    assert match([right, near], wanted) == pytest.approx(0.25, rel=1e-6)
    assert match([near, sure, right], wanted) == pytest.approx(0.36, rel=1e-6)


def test_of_several_targets_the_mean_of_the_best_is_taken() -> None:
    found = [box(0, 0, 4, 2, 0.5), box(10, 10, 14, 14, 0.75), box(10, 10, 14, 12, 1)]
    wanted = [box(0, 0, 4, 2), box(10, 10, 14, 14), box(20, 0, 25, 3)]
    assert match(found, wanted) == pytest.approx((0.5 + 0.75 + 0) / 3, rel=1e-12)
    assert match(found[::-1], wanted[::-1]) == pytest.approx((0.5 + 0.75 + 0) / 3, rel=1e-12)


def test_rows_of_zeros_are_no_boxes() -> None:
    found, wanted = [box(0, 0, 4, 2, 0.5)], [box(0, 0, 4, 2), box(0, 0, 4, 1)]
    assert match([NO_BOX, *found, NO_BOX], [*wanted, NO_BOX, NO_BOX]) == match(found, wanted) == 0.375


def test_where_no_box_is_found_or_none_is_wanted_the_score_is_0() -> None:
    assert match([NO_BOX, NO_BOX], [box(0, 0, 4, 2)]) == 0
    assert match([box(0, 0, 4, 2)], [NO_BOX]) == 0
    assert object_detection(giving(np.zeros((1, 0, 8))), X[:1], np.float32([box(0, 0, 4, 2)])).tolist() == [0]


def test_each_input_has_its_own_boxes() -> None:
    found = [[box(0, 0, 4, 2, 0.5), NO_BOX], [NO_BOX, NO_BOX], [box(5, 5, 6, 6, 1), box(0, 0, 4, 1, 0.5)]]
    wanted = np.float32([box(0, 0, 4, 2)] * 3)
    assert object_detection(giving(np.float32(found)), X, wanted).tolist() == [0.5, 0, 0.25]
    assert object_detection(giving(np.float32(found)), X, wanted[:, None]).tolist() == [0.5, 0, 0.25]


def test_two_equal_boxes_count_as_one() -> None:
    one = box(0, 0, 4, 2, 0.5)
    assert match([one, one], [box(0, 0, 4, 2)]) == match([one], [box(0, 0, 4, 2)]) == 0.5


@pytest.mark.parametrize(
    ("outputs", "targets"),
    [
        ((3, 8), (3, 8)),  # no axis of boxes
        ((3, 2, 8), (3, 7)),
        ((3, 2, 8), (3, 2, 9)),
        ((3, 2, 5), (3, 5)),  # no classes
        ((3, 2, 8), (3,)),
        ((3, 1, 2, 8), (3, 8)),
        ((3, 2, 8), (3, 1, 2, 8)),
    ],
)
def test_object_detection_needs_boxes_with_classes(outputs: tuple[int, ...], targets: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"object detection needs outputs .* and targets .*, got outputs") as error:
        object_detection(giving(np.ones(outputs)), X, np.ones(targets))
    assert str(error.value).endswith(f"got outputs {outputs} and targets {targets}")


@pytest.mark.parametrize("name", ["regression", "segmentation", "object detection"])
def test_a_task_leaves_outputs_and_targets_as_they_were(name: str) -> None:
    outputs, targets = whole_numbers(3, 2, 8), whole_numbers(3, 2, 8, seed=1)
    scores = TASKS[name](giving(outputs), X, targets)
    assert scores.shape == (3,)
    np.testing.assert_array_equal(outputs, whole_numbers(3, 2, 8))
    np.testing.assert_array_equal(targets, whole_numbers(3, 2, 8, seed=1))


def test_tasks_go_by_these_names() -> None:
    named = {"regression": regression, "segmentation": segmentation, "object detection": object_detection}
    assert named == TASKS
