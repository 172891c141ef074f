"""Maps as floats: exact, never infinite, plain NumPy files, and nothing else is taken for one."""

from __future__ import annotations

import os
import tracemalloc
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from explainer.summary.raw_maps import RAW_MAPS, content_of, from_raw, to_raw

STEADY = settings(deadline=None, derandomize=True, database=None, max_examples=200)
LARGEST = float(np.finfo(np.float32).max)
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
MAPS = arrays(np.float32, (5, 7), elements=FINITE)
MAP = np.float32([[-1, 0, 0.1], [2.5, 3, 1e-3]])
HEADER = 128


def back(saliency: np.ndarray, kind: str) -> np.ndarray:
    stored = to_raw(saliency, kind)
    return from_raw(stored.content, stored.exponent)


@STEADY
@given(MAPS)
def test_float32_comes_back_bit_by_bit(saliency: np.ndarray):
    np.testing.assert_array_equal(back(saliency, "float32"), saliency, strict=True)


@STEADY
@given(MAPS)
def test_float16_keeps_11_binary_digits_of_each_value_whatever_their_size(saliency: np.ndarray):
    found, wanted = (array.astype(np.float64) for array in (back(saliency, "float16"), saliency))
    # half a unit of the 11th digit; of values below 2 ** -29 of the largest, half of float16's smallest step, scaled;
    # and the rounding of float32 numbers below its normal ones
    bound = np.maximum(np.abs(wanted) * 2.0**-11, np.abs(wanted).max() * 2.0**-39) + 2.0**-149
    assert (np.abs(found - wanted) <= bound).all()


@pytest.mark.parametrize("largest", [LARGEST, 1e30, 70000.0, 65504.0, 32767.99, 1.0, 1e-6, 1e-40, 1e-45])
def test_no_map_becomes_infinite_or_zero_in_float16(largest: float):
    saliency = np.float32([[largest, -largest / 3, 0.0]])
    found = back(saliency, "float16")
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, saliency, rtol=2.0**-11, atol=2.0**-149)


def test_a_map_of_zeros_stays_one():
    stored = to_raw(np.zeros((2, 3), np.float32), "float16")
    assert stored.exponent == 0
    assert from_raw(stored.content, 0).tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize("kind", RAW_MAPS)
def test_a_file_is_what_numpy_itself_would_write(kind: str):
    stored = to_raw(MAP, kind)
    values = np.load(BytesIO(stored.content), allow_pickle=False)
    assert values.dtype == kind
    np.testing.assert_array_equal(values.astype(np.float32) * 2.0**stored.exponent, back(MAP, kind))
    written = BytesIO()
    np.save(written, values)
    assert written.getvalue() == stored.content


@pytest.mark.parametrize(("kind", "size"), [("float16", 128 + 2 * 6), ("float32", 128 + 4 * 6)])
def test_a_file_has_the_documented_size(kind: str, size: int):
    assert len(to_raw(MAP, kind).content) == size


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", RAW_MAPS)
def test_a_map_that_is_not_finite_is_refused(kind: str, value: float):
    with pytest.raises(ValueError, match="a map must be finite to be kept"):
        to_raw(np.float32([[1, value]]), kind)


def saved(array: np.ndarray, **options: bool) -> bytes:
    file = BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


GOOD = to_raw(MAP, "float32").content
OTHERS = {
    "nothing": b"",
    "half a header": GOOD[:64],
    "a header alone": GOOD[:128],
    "one byte less": GOOD[:-1],
    "one byte more": GOOD + b"x",
    "objects, which NumPy would unpickle": saved(np.array([[{}, 1]], object), allow_pickle=True),
    "numbers of another kind": saved(MAP.astype(np.float64)),
    "the other byte order": saved(MAP.astype(">f4")),
    "columns first": saved(np.asfortranarray(MAP)),
    "one axis": saved(MAP[0]),
    "three axes": saved(MAP[None]),
    "no pixel": saved(MAP[:0]),
    "another version": GOOD.replace(b"NUMPY\x01", b"NUMPY\x02"),
    "a longer header": GOOD.replace(b"v\0{", b"\xb6\0{"),
    "leading zeros": GOOD.replace(b"(2, 3), }  ", b"(02, 003), "),
    "code": GOOD.replace(b"False", b"bad()"),
    "NaN": to_raw(MAP, "float32").content[:-4] + np.float32(np.nan).tobytes(),
    "infinity": saved(np.full((2, 3), np.inf, np.float16)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_map_of_ours_is_refused(name: str):
    assert OTHERS[name] != GOOD
    with pytest.raises(OSError, match="map"):
        from_raw(OTHERS[name], 0)


@pytest.mark.parametrize("exponent", [127, 201, -201, 2**31 - 1, -(2**31)])
def test_an_exponent_that_would_make_it_infinite_or_was_never_written_is_refused(exponent: int):
    with pytest.raises(OSError, match="not finite with its exponent"):
        from_raw(GOOD, exponent)


def test_a_header_that_promises_more_takes_no_memory():
    promising = GOOD.replace(b"(2, 3), }" + b" " * 6, b"(99999, 9999), }"[:15].ljust(15))
    huge = GOOD.replace(b"(2, 3), }    ", b"(9999, 9999), }"[:13])
    tracemalloc.start()
    for content in (promising, huge, GOOD[:128]):
        with pytest.raises(OSError, match="map"):
            from_raw(content, 0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


def test_pixels_are_limited(tmp_path: Path):
    with pytest.raises(OSError, match="a map must have 1 to 5 pixels, got 3 x 2"):
        from_raw(GOOD, 0, most_pixels=5)
    assert from_raw(GOOD, 0, most_pixels=6).shape == (2, 3)
    path = tmp_path / "1_2.npy"
    path.write_bytes(GOOD)
    with pytest.raises(OSError, match="the map must have at most 148 bytes, got 152"):
        content_of(path, most_pixels=5)
    assert content_of(path, most_pixels=6) == GOOD


def test_a_pipe_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "1_2.npy")
    with pytest.raises(FileNotFoundError):
        content_of(tmp_path / "1_2.npy")
