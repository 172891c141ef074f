"""Targets by the names of their classes."""

import numpy as np
import pytest

from explainer.class_names import class_ids, require_all_named, require_names

NAMES = ["ant", "crane", "bee", "crane"]


@pytest.mark.parametrize(
    ("targets", "ids"),
    [
        ("bee", 2),
        (["bee", "ant"], [2, 0]),
        (("bee", 1), [2, 1]),
        ([["ant", "bee"], ["bee", 3]], [[0, 2], [2, 3]]),
        (np.array([["bee"], ["ant"]]), [[2], [0]]),
    ],
)
def test_names_become_the_numbers_of_their_classes(targets, ids):
    assert class_ids(targets, NAMES) == ids


@pytest.mark.parametrize("targets", [3, [3, 1], (0,), [[1, 2]], [], None, 1.5])
def test_what_holds_no_name_stays_as_it_is(targets):
    assert class_ids(targets, NAMES) is targets
    assert class_ids(targets, None) is targets


def test_an_unknown_name_is_told_with_the_nearest_one():
    with pytest.raises(ValueError, match="`targets` must be among the 4 class names, got 'Bee'; did you mean 'bee'"):
        class_ids(["ant", "Bee"], NAMES)


def test_a_name_of_two_classes_is_refused_with_both():
    with pytest.raises(
        ValueError, match="`targets` 'crane' is the name of the classes 1, 3; give the number of the one"
    ):
        class_ids("crane", NAMES)
    assert class_ids(3, NAMES) == 3


def test_a_name_where_none_is_known_is_refused_with_what_to_do():
    with pytest.raises(TypeError, match=r"got 'bee'; names need `labels`, the list of them, as with_labels\(\[...\]\)"):
        class_ids(["bee"], None)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ("ant", TypeError, "`labels` must be a list of class names, in the order of the network's outputs, got 'ant'"),
        ([1, 2], TypeError, r"must be a list of class names, .*got \[1, 2\]"),
        (None, TypeError, "must be a list of class names, .*got None"),
        ([], ValueError, "`labels` must name the classes, got no name"),
    ],
)
def test_labels_that_are_no_names_are_refused(labels, error, message):
    with pytest.raises(error, match=message):
        require_names(labels)


def test_there_must_be_a_name_for_each_output():
    require_all_named(NAMES, 4)
    with pytest.raises(ValueError, match="`labels` must name each of the network's 5 outputs, got 4 names"):
        require_all_named(NAMES, 5)
