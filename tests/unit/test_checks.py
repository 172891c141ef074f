"""The validators say what is wrong, what they got and what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from explainer import checks
from explainer.errors import BadSampleError


def test_a_type_error_names_argument_kind_and_way_out() -> None:
    with pytest.raises(TypeError, match=r"^`layer` must be a string, got int; '' is the input$"):
        checks.require_type("layer", 3, str, "a string", "'' is the input")


def test_a_value_of_one_of_several_types_passes() -> None:
    checks.require_type("layer", 3, (str, int), "a string or number")


@pytest.mark.parametrize("value", [2, np.int64(2), np.uint8(2)])
def test_a_whole_number_becomes_an_int(value: Any) -> None:
    assert type(checks.require_integer("draws", value, 2)) is int


@pytest.mark.parametrize("value", [True, np.True_, 2.0, "2", None, [2]])
def test_what_is_no_whole_number_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="`draws` must be a whole number, got"):
        checks.require_integer("draws", value, 1)


def test_a_whole_number_below_the_least_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^`draws` must be at least 2, got 1$"):
        checks.require_integer("draws", 1, 2)


@pytest.mark.parametrize("value", [0, 1, 0.25, np.float32(0.25), np.int8(1)])
def test_a_number_within_the_bounds_becomes_a_float(value: Any) -> None:
    number = checks.require_number("theta", value, 0, 1)
    assert type(number) is float
    assert number == value


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_number_out_of_the_bounds_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"`theta` must lie in \[0, 1\], got"):
        checks.require_number("theta", value, 0, 1)


@pytest.mark.parametrize("value", [True, np.False_, "0.5", None, 1j])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="`theta` must be a number, got"):
        checks.require_number("theta", value, 0, 1)


def test_an_unknown_choice_lists_the_choices_and_the_nearest() -> None:
    wanted = r"^`score` must be one of logit, probability, got 'logits'; did you mean 'logit'\?$"
    with pytest.raises(ValueError, match=wanted):
        checks.require_choice("score", "logits", ["logit", "probability"])


def test_no_nearest_name_is_guessed_where_none_is_near() -> None:
    assert checks.did_you_mean("xyz", ["logit", "probability"]) == ""


def test_the_nearest_name_may_be_capitalised_otherwise() -> None:
    assert checks.did_you_mean("iosr", ["DeletionAUC", "IoSR"]) == "; did you mean 'IoSR'?"


def test_images_in_one_float32_piece_are_not_copied() -> None:
    images = np.ones((3, 2, 5, 7), np.float32)
    assert checks.require_images(images) is images


def test_images_of_another_kind_become_float32_in_one_piece() -> None:
    images = np.arange(210, dtype=np.int16).reshape(3, 2, 7, 5).swapaxes(2, 3)
    checked = checks.require_images(images)
    assert checked.dtype == np.float32
    assert checked.flags.c_contiguous
    np.testing.assert_array_equal(checked, images)


class Unarrayable:
    """What cannot become an array, as a tensor on another device."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("can't convert\n\na device tensor")


RAGGED = [[[1.0, 2.0], [3.0]]]
NO_IMAGES = [
    (
        None,
        TypeError,
        r"`inputs` must hold numbers, got NoneType of dtype object; give an array of axes \(N, C, H, W\)",
    ),
    ({"image": np.ones((2, 5, 7))}, TypeError, "`inputs` must hold numbers, got dict of dtype object; give an array"),
    ([{"image": 1}], TypeError, "`inputs` must hold numbers, got list of dtype object; give an array"),
    ("scan.png", TypeError, "`inputs` must hold numbers, got str of dtype <U8; give an array"),
    (b"scan", TypeError, r"`inputs` must hold numbers, got bytes of dtype \|S4; give an array"),
    (object(), TypeError, "`inputs` must hold numbers, got object of dtype object; give an array"),
    (np.array([[None]]), TypeError, "`inputs` must hold numbers, got dtype object; convert it to float32"),
    (
        np.ones((3, 2, 5, 7), complex),
        TypeError,
        "`inputs` must hold numbers, got dtype complex128; convert it to float32",
    ),
    (np.ones((3, 2, 5, 7), bool), TypeError, "`inputs` must hold numbers, got dtype bool; convert it to float32"),
    (
        RAGGED,
        ValueError,
        "`inputs` must have as many entries in every row, got list with rows of unequal length; pad them",
    ),
    (
        Unarrayable(),
        TypeError,
        "`inputs` must be an array, got Unarrayable, of which NumPy makes none: can't convert a dev",
    ),
]


@pytest.mark.parametrize(("given", "error", "told"), NO_IMAGES)
def test_what_are_no_images_is_refused_in_one_sentence(given: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=f"^{told}") as refusal:
        checks.require_images(given)
    assert "\n" not in str(refusal.value)


def test_the_advice_names_the_axes_that_are_wanted() -> None:
    with pytest.raises(TypeError, match=r"give an array of axes \(N, W\)$"):
        checks.require_images(None, "NW")


@pytest.mark.parametrize(
    ("shape", "advice"),
    [
        ((5, 7, 3), "for one image with its channels last pass inputs.transpose(2, 0, 1)[None]"),
        ((3, 5, 7), "for one image pass inputs[None]"),
        ((1, 5, 3), "for one image pass inputs[None]"),
    ],
)
def test_one_image_is_told_how_it_becomes_a_batch_and_that_works(shape, advice):
    inputs = np.zeros(shape, np.float32)
    with pytest.raises(ValueError) as caught:
        checks.require_images(inputs)
    assert str(caught.value) == f"`inputs` must have axes (N, C, H, W), got shape {shape}; {advice}"
    assert checks.require_images(eval(advice.split(" pass ")[1])).shape[1] in (1, 3)


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"label": 1}, TypeError, r"`targets` must be whole numbers \(class ids\), got dict of dtype object"),
        ([{"label": 1}, None], TypeError, r"`targets` must be whole numbers \(class ids\), got list of dtype object"),
        (np.array([1, None]), TypeError, r"`targets` must be whole numbers \(class ids\), got dtype object"),
        (np.array(["ant", "bee"]), TypeError, r"`targets` must be whole numbers \(class ids\), got dtype <U3"),
        (b"ant", TypeError, r"`targets` must be whole numbers \(class ids\), got bytes of dtype \|S3"),
        ([np.nan, 1.0], TypeError, r"`targets` must be whole numbers \(class ids\), got list of dtype float64"),
        ([[1], [2, 3]], ValueError, "`targets` must have as many entries in every row, got list with rows of unequal"),
        (Unarrayable(), TypeError, "`targets` must be an array, got Unarrayable, of which NumPy makes none"),
    ],
)
def test_what_are_no_targets_is_refused_in_one_sentence(given: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=f"^{told}") as refusal:
        checks.label_matrix(given, 2)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("given", [RAGGED, Unarrayable(), {"a": 1}, None, "1"])
def test_what_are_no_numbers_is_refused_by_name(given: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^`saliency` must "):
        checks.require_numbers("saliency", given)


@pytest.mark.parametrize(("bad", "first"), [([], None), ([2], 2), ([1, 2], 1), ([0], 0)])
def test_the_first_sample_that_is_not_finite_is_found(bad: list[int], first: int | None) -> None:
    values = np.zeros((3, 2, 5, 7), np.float32)
    for place in bad:
        values[place, 1, 4, 6] = np.nan
    assert checks.first_non_finite(values) == first


def test_a_sample_that_is_not_finite_is_a_bad_sample() -> None:
    with pytest.raises(BadSampleError, match="`maps` must be finite, got NaN or infinity in sample 1 of 2"):
        checks.require_finite("maps", np.array([[0.0], [np.inf]]))


@pytest.mark.parametrize(
    ("targets", "wanted"),
    [
        (3, [[3], [3]]),
        (np.array(3, np.uint8), [[3], [3]]),
        ([3, 1], [[3], [1]]),
        (np.array([[3], [1]]), [[3], [1]]),
        ([[3, 1, 0], [1, 2, 3]], [[3, 1, 0], [1, 2, 3]]),
    ],
)
def test_every_form_of_targets_becomes_a_row_per_sample(targets: Any, wanted: list[list[int]]) -> None:
    labels = checks.label_matrix(targets, 2)
    assert labels.dtype == np.int64
    assert labels.tolist() == wanted


@pytest.mark.parametrize("targets", [1.0, [1.0, 2.0], True, "1", None, 10**30])
def test_targets_that_are_no_class_ids_are_refused(targets: Any) -> None:
    with pytest.raises(TypeError, match="`targets` must be whole numbers"):
        checks.label_matrix(targets, 2)


@pytest.mark.parametrize("shape", [(3,), (3, 1), (2, 1, 1), (2, 0)])
def test_targets_of_a_shape_that_does_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"as `inputs` holds 2 samples, got shape"):
        checks.label_matrix(np.ones(shape, np.int64), 2)


@pytest.mark.parametrize("label", [4, -1])
def test_a_label_out_of_range_is_named_with_the_number_of_classes(label: int) -> None:
    with pytest.raises(ValueError, match=rf"in \[0, 3\] as the network has 4 classes, got {label}$"):
        checks.require_labels_in_range(checks.label_matrix([1, label], 2), 4)


def test_labels_in_range_pass() -> None:
    checks.require_labels_in_range(np.array([[0, 3]]), 4)


def test_a_value_given_twice_is_named_with_the_way_out() -> None:
    with pytest.raises(ValueError, match=r"^`labels` must be distinct, got 'cat' twice; rename one$"):
        checks.require_distinct("labels", ["cat", "dog", "cat"], "rename one")


def test_distinct_values_pass() -> None:
    checks.require_distinct("labels", ["cat", "dog"], "")
