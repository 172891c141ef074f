"""The axes of inputs, from the network's order to ours and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explainer.explanation.layouts import Layout

FloatArray = NDArray[Any]

LENGTHS = {"N": 3, "C": 2, "D": 4, "H": 5, "W": 7, "T": 6}
# The network's axes and ours; "1" is a channel that the network does not have.
ORDERS = [
    ("NCHW", "NCHW"),
    ("NHWC", "NCHW"),
    ("NHCW", "NCHW"),
    ("NCWH", "NCWH"),
    ("NCDHW", "NCDHW"),
    ("NDHWC", "NCDHW"),
    ("NDCHW", "NCDHW"),
    ("NCT", "NCT"),
    ("NTC", "NCT"),
    ("NTW", "N1TW"),
    ("NHW", "N1HW"),
    ("NW", "N1W"),
]
BY_ORDER = pytest.mark.parametrize(("letters", "wanted"), ORDERS)


def inputs_of(letters: str) -> FloatArray:
    """Different numbers everywhere."""
    shape = [LENGTHS[letter] for letter in letters]
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@BY_ORDER
def test_inside_each_number_has_its_sample_channel_and_place(letters: str, wanted: str) -> None:
    inputs = inputs_of(letters)
    images = Layout(letters).inside(inputs)
    assert images.shape == tuple(LENGTHS.get(letter, 1) for letter in wanted)
    for at in np.ndindex(images.shape):
        place = dict(zip(wanted, at, strict=True))
        assert images[at] == inputs[tuple(place[letter] for letter in letters)]


@BY_ORDER
def test_outside_is_the_inverse_of_inside(letters: str, wanted: str) -> None:
    layout, inputs = Layout(letters), inputs_of(letters)
    np.testing.assert_array_equal(layout.outside(layout.inside(inputs)), inputs)
    images = inputs_of(wanted.replace("1", "N")[:1] + wanted[1:].replace("1", ""))
    images = images if "1" not in wanted else images[:, None]
    np.testing.assert_array_equal(layout.inside(layout.outside(images)), images)


@BY_ORDER
def test_networks_are_given_arrays_in_the_order_of_their_axes(letters: str, wanted: str) -> None:
    layout = Layout(letters)
    images = np.ascontiguousarray(layout.inside(inputs_of(letters)))
    assert layout.outside(images).flags.c_contiguous
    assert layout.outside(images).dtype == np.float32


@BY_ORDER
def test_places_are_all_axes_but_samples_and_channels(letters: str, wanted: str) -> None:
    assert Layout(letters).axes == len(wanted) - 2


@pytest.mark.parametrize(
    "letters",
    [
        "",
        "N",
        "NC",  # no place
        "CHW",  # no samples
        "HWNC",
        "CNHW",
        "NCCH",  # a letter twice
        "NCHH",
        "NNHW",
        "NHW1",
        "N C H W",
        "nchw",
        "Nchw",  # would be four places and no channel
        "NcHW",
    ],
)
def test_other_letters_are_refused(letters: str) -> None:
    with pytest.raises(
        ValueError,
        match=f"`data_format` must have N first, C at most once and one letter more for each other axis, all capitals, "
        f"such as NCHW, NHWC, NCDHW, NTW or NW, got '{letters}'",
    ):
        Layout(letters)


@pytest.mark.parametrize(("given", "kind"), [(4, "int"), (None, "NoneType"), (["N", "C"], "list"), (b"NCHW", "bytes")])
def test_letters_must_be_a_string(given: Any, kind: str) -> None:
    with pytest.raises(TypeError, match=f"`data_format` must be a string of axes such as 'NCHW', got {kind}$"):
        Layout(given)
