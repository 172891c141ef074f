"""The tree of boxes, asked by layer."""

from __future__ import annotations

import json

import pytest

from explainer.counterfactual import EditStep, StopReason


@pytest.fixture
def tree() -> EditStep:
    """root -> a (a leaf), b -> (c -> d, e), f -> g."""
    d = EditStep(2, (5, 6, 1, 1), 0.25, 0.125)
    c = EditStep(1, (4, 6, 2, 2), 0.375, 0.25, [d], StopReason.THRESHOLD_MET)
    e = EditStep(1, (5, 7, 2, 2), 0.5, -0.125, stop_reason=StopReason.NO_NEW_STEP)
    b = EditStep(0, (4, 5, 3, 4), 0.5, 0.25, [c, e], StopReason.STEP_CHANGE_MET)
    f = EditStep(0, (1, 0, 3, 4), 0.75, 0.25, [EditStep(1, (2, 1, 2, 2))])
    return EditStep(-1, (0, 0, 8, 9), children=[EditStep(0, (0, 2, 3, 4), 0.25, 0.125), b, f])


def boxes(steps: list[EditStep]) -> list[tuple[int, ...]]:
    return [step.box for step in steps]


def test_x_is_the_left_edge_and_y_the_upper_one() -> None:
    step = EditStep(0, (1, 2, 3, 4))
    assert (step.x, step.y, step.width, step.height) == (1, 2, 3, 4)


def test_a_new_step_has_no_outputs_and_children_of_its_own() -> None:
    one, other = EditStep(0, (1, 2, 3, 4)), EditStep(0, (1, 2, 3, 4))
    assert (one.network_output, one.step_change, one.stop_reason) == (0.0, 0.0, None)
    one.children.append(other)
    assert other.children == []


def test_a_leaf_is_a_step_without_children(tree: EditStep) -> None:
    assert [tree.is_leaf, *(child.is_leaf for child in tree.children)] == [False, True, False, False]


def test_leaves_come_depth_first(tree: EditStep) -> None:
    assert boxes(tree.leaf_steps) == [(0, 2, 3, 4), (5, 6, 1, 1), (5, 7, 2, 2), (2, 1, 2, 2)]
    (leaf, *_) = tree.children
    assert leaf.leaf_steps == [leaf]


def test_the_deepest_layer_is_that_of_any_branch(tree: EditStep) -> None:
    assert [tree.max_layer, *(child.max_layer for child in tree.children)] == [2, 0, 2, 1]
    assert EditStep(-1, (0, 0, 8, 9)).max_layer == -1


@pytest.mark.parametrize(
    ("layer", "wanted"),
    [
        (-1, [(0, 0, 8, 9)]),
        (0, [(0, 2, 3, 4), (4, 5, 3, 4), (1, 0, 3, 4)]),
        (1, [(4, 6, 2, 2), (5, 7, 2, 2), (2, 1, 2, 2)]),
        (2, [(5, 6, 1, 1)]),
        (3, []),
    ],
)
def test_the_steps_of_a_layer(tree: EditStep, layer: int, wanted: list[tuple[int, ...]]) -> None:
    assert boxes(tree.get_layer_steps(layer)) == wanted


@pytest.mark.parametrize(
    ("layer", "wanted"),
    [
        (-1, [(0, 0, 8, 9)]),
        (0, [(0, 2, 3, 4), (4, 5, 3, 4), (1, 0, 3, 4)]),
        (1, [(0, 2, 3, 4), (4, 6, 2, 2), (5, 7, 2, 2), (2, 1, 2, 2)]),
        (2, [(0, 2, 3, 4), (5, 6, 1, 1), (5, 7, 2, 2), (2, 1, 2, 2)]),
        (3, [(0, 2, 3, 4), (5, 6, 1, 1), (5, 7, 2, 2), (2, 1, 2, 2)]),
    ],
)
def test_the_steps_of_a_layer_with_the_leaves_above_it(
    tree: EditStep, layer: int, wanted: list[tuple[int, ...]]
) -> None:
    assert boxes(tree.get_layer_or_leaf_steps(layer)) == wanted


def test_layers_above_a_subtree_have_no_steps_in_it(tree: EditStep) -> None:
    (_, branch, _) = tree.children
    assert branch.get_layer_steps(-1) == branch.get_layer_or_leaf_steps(-1) == []
    assert EditStep(1, (0, 0, 2, 2)).get_layer_or_leaf_steps(0) == []


def test_a_tree_survives_json(tree: EditStep) -> None:
    assert EditStep.from_dict(json.loads(json.dumps(tree.as_dict()))) == tree


def test_the_json_values_of_a_tree_are_the_stored_ones(tree: EditStep) -> None:
    (_, branch, _) = tree.children
    assert branch.children[0].as_dict() == {
        "layer": 1,
        "box": [4, 6, 2, 2],
        "network_output": 0.375,
        "step_change": 0.25,
        "stop_reason": "THRESHOLD_MET",
        "children": [
            {
                "layer": 2,
                "box": [5, 6, 1, 1],
                "network_output": 0.25,
                "step_change": 0.125,
                "stop_reason": None,
                "children": [],
            }
        ],
    }


def test_values_without_a_stop_reason_are_read() -> None:
    values = EditStep(0, (1, 2, 3, 4), 0.5, 0.25).as_dict()
    del values["stop_reason"]
    assert EditStep.from_dict(values) == EditStep(0, (1, 2, 3, 4), 0.5, 0.25)


@pytest.mark.parametrize(
    ("change", "error"),
    [({"box": [1, 2, 3]}, ValueError), ({"stop_reason": "BORED"}, KeyError)],
    ids=["box", "reason"],
)
def test_values_that_are_no_tree_are_refused(change: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        EditStep.from_dict(EditStep(0, (1, 2, 3, 4)).as_dict() | change)
