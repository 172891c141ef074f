"""Windows and strides of every spelling on inputs of every size."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import pytest

from explainer.explanation.window_geometry import Geometry
from explainer.perturb.masks import EDGES, Windows


def windows_of(size: tuple[int, ...], window: Any = None, stride: Any = None, edges: str = "cover") -> Windows:
    return Geometry(window, stride, edges, len(size)).windows(size)


def part_of(length: int, part: str) -> int:
    """The part of a length in decimals, halves up, at least 1."""
    return max(1, int((Decimal(part) * length).quantize(Decimal(1), ROUND_HALF_UP)))


def test_auto_is_a_fifth_and_a_tenth_of_the_axis() -> None:
    for length in range(1, 300):
        windows = windows_of((length,), "auto")
        assert windows.window == (part_of(length, "0.2"),)
        assert windows.stride == (part_of(length, "0.1"),)


@pytest.mark.parametrize(
    ("length", "window", "stride"),
    [
        (1, 1, 1),
        (2, 1, 1),
        (5, 1, 1),
        (7, 1, 1),
        (8, 2, 1),
        (14, 3, 1),
        (15, 3, 2),
        (25, 5, 3),
        (28, 6, 3),
        (224, 45, 22),
    ],
)
def test_auto_by_hand(length: int, window: int, stride: int) -> None:
    windows = windows_of((length,), "auto", "auto")
    assert (windows.window, windows.stride) == ((window,), (stride,))


@pytest.mark.parametrize(
    ("length", "window", "stride"),
    [(1, 1, 1), (2, 2, 1), (3, 3, 1), (32, 3, 1), (63, 3, 1), (64, 2, 2), (95, 2, 2), (96, 3, 3), (224, 7, 7)],
)
def test_by_default_a_window_is_3_wide_or_a_32nd_part(length: int, window: int, stride: int) -> None:
    windows = windows_of((length,))
    assert (windows.window, windows.stride) == ((window,), (stride,))


@pytest.mark.parametrize("size", [(30,), (30, 70), (20, 30, 70)])
@pytest.mark.parametrize(
    ("window", "stride"), [(None, None), ("auto", None), ("auto", "auto"), (4, 2), ("auto", 2), (4, "auto"), (None, 2)]
)
def test_each_axis_is_as_if_it_were_alone(size: tuple[int, ...], window: Any, stride: Any) -> None:
    alone = [windows_of((length,), window, stride) for length in size]
    together = windows_of(size, window, stride)
    assert together.window == tuple(one.window[0] for one in alone)
    assert together.stride == tuple(one.stride[0] for one in alone)
    assert together.size == size


@pytest.mark.parametrize("given", [4, np.int64(4), (4, 4), [4, 4], (np.int32(4), 4)])
def test_one_number_is_for_all_axes(given: Any) -> None:
    wanted = Windows((10, 23), (4, 4), (4, 4))
    assert windows_of((10, 23), given, given) == wanted
    assert all(type(length) is int for length in (*windows_of((10, 23), given, given).window, *wanted.stride))


@pytest.mark.parametrize(
    ("size", "window", "stride"), [((7,), (3,), (2,)), ((5, 7), (3, 4), (1, 2)), ((4, 5, 7), (1, 3, 7), (4, 2, 1))]
)
@pytest.mark.parametrize("kind", [tuple, list])
def test_a_number_for_each_axis_is_that_of_the_axis(size: Any, window: Any, stride: Any, kind: type) -> None:
    assert windows_of(size, kind(window), kind(stride)) == Windows(size, window, stride)


@pytest.mark.parametrize(
    ("window", "stride", "wanted"),
    [
        (4, None, (1, 1)),  # a window of one's own moves by 1
        ((4, 7), None, (1, 1)),
        ("auto", None, (3, 7)),
        (None, None, (1, 2)),
        (4, "auto", (3, 7)),
        (None, "auto", (3, 7)),
        (None, (2, 1), (2, 1)),
        ("auto", 5, (5, 5)),
    ],
)
def test_the_stride_goes_with_the_window_unless_it_is_given(window: Any, stride: Any, wanted: tuple[int, int]) -> None:
    assert windows_of((30, 70), window, stride).stride == wanted


def test_a_stride_alone_leaves_the_window_as_by_default() -> None:
    assert windows_of((30, 70), None, 5).window == (3, 2)


@pytest.mark.parametrize("edges", EDGES)
def test_edges_reach_the_windows(edges: str) -> None:
    assert windows_of((11, 7), (4, 3), (3, 2), edges) == Windows((11, 7), (4, 3), (3, 2), edges)


def test_one_geometry_makes_windows_for_any_size() -> None:
    geometry = Geometry("auto", None, "cover", 2)
    assert geometry.windows((10, 20)) == Windows((10, 20), (2, 4), (1, 2))
    assert geometry.windows((50, 5)) == Windows((50, 5), (10, 1), (5, 1))
    assert geometry.windows((10, 20)) == Windows((10, 20), (2, 4), (1, 2))


@pytest.mark.parametrize(
    ("window", "stride", "recorded"),
    [
        (None, None, {"window": None, "stride": None}),
        ("auto", 2, {"window": "auto", "stride": [2, 2]}),
        ((np.int64(3), 4), "auto", {"window": [3, 4], "stride": "auto"}),
    ],
)
def test_a_summary_records_what_was_given(window: Any, stride: Any, recorded: dict[str, Any]) -> None:
    assert Geometry(window, stride, "full", 2).recorded == recorded | {"edges": "full"}


@pytest.mark.parametrize("edges", ["cover", "full"])
@pytest.mark.parametrize(
    ("size", "window", "message"),
    [
        ((5, 7), 6, "image of 5 x 7, got 6 x 6"),
        ((5, 7), (5, 8), "image of 5 x 7, got 5 x 8"),
        ((5,), 6, "image of 5, got 6"),
        ((4, 5, 7), (4, 6, 1), "image of 4 x 5 x 7, got 4 x 6 x 1"),
    ],
)
def test_whole_windows_must_fit(size: tuple[int, ...], window: Any, message: str, edges: str) -> None:
    with pytest.raises(ValueError, match=f'`window` must fit into the {message}; edges="clip" cuts windows off$'):
        windows_of(size, window, edges=edges)
    assert (
        windows_of(size, window, edges="clip").window == Geometry(window, None, "clip", len(size)).windows(size).window
    )


def test_a_window_as_large_as_the_image_fits() -> None:
    assert list(windows_of((5, 7), (5, 7), 1)) == [np.s_[0:5, 0:7]]


def test_a_clipped_window_may_be_larger_than_the_image() -> None:
    assert list(windows_of((3,), 5, 1, "clip")) == [np.s_[0:3,], np.s_[0:3,], np.s_[0:3,]]


@pytest.mark.parametrize("name", ["window", "stride"])
@pytest.mark.parametrize(
    ("axes", "given", "error", "message"),
    [
        (2, 0, ValueError, " must be at least 1, got 0"),
        (2, -3, ValueError, " must be at least 1, got -3"),
        (2, 2.0, TypeError, " must be a whole number, got float 2.0"),
        (2, True, TypeError, " must be a whole number, got bool True"),
        (2, "Auto", TypeError, " must be a whole number, got str 'Auto'"),
        (2, np.array([2, 3]), TypeError, r" must be a whole number, got ndarray array\(\[2, 3\]\)"),
        (2, (3,), ValueError, r" must be one number or \(h, w\), got \(3,\)"),
        (2, [3, 4, 5], ValueError, r" must be one number or \(h, w\), got \[3, 4, 5\]"),
        (2, (), ValueError, r" must be one number or \(h, w\), got \(\)"),
        (1, (3, 4), ValueError, r" must be one number or 1 of them, got \(3, 4\)"),
        (3, (3, 4), ValueError, r" must be one number or 3 of them, got \(3, 4\)"),
    ],
)
def test_other_windows_and_strides_are_refused(
    name: str, axes: int, given: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"`{name}`{message}"):
        Geometry(given, None, "cover", axes) if name == "window" else Geometry(None, given, "cover", axes)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ((3, 0), ValueError, r"`window\[1\]` must be at least 1, got 0"),
        ((3.5, 2), TypeError, r"`window\[0\]` must be a whole number, got float 3.5"),
        ((3, "auto"), TypeError, r"`window\[1\]` must be a whole number, got str 'auto'"),
    ],
)
def test_the_number_that_is_wrong_is_named(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Geometry(given, None, "cover", 2)


def test_unknown_edges_are_refused_with_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match="`edges` must be one of cover, full, clip, got 'clipped'; did you mean 'clip'"
    ):
        Geometry(3, 1, "clipped", 2)
