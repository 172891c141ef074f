"""Pictures: maps in 8 bits with their range, lossless PNG files, at most 1000 files to a folder."""

from __future__ import annotations

import math
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from explainer.records import SaliencyFile
from explainer.summary.images import (
    GreyMap,
    from_grey,
    image_path,
    png_of,
    read_png,
    saliency_path,
    to_grey,
)

STEADY = settings(deadline=None, derandomize=True, database=None, max_examples=200)
LARGEST = float(np.finfo(np.float32).max)
SMALLEST = float(np.finfo(np.float32).smallest_subnormal)
MAPS = arrays(np.float32, (5, 7), elements=st.floats(width=32, allow_nan=False, allow_infinity=False))


def ramp(low: float, high: float) -> np.ndarray:
    """(5, 7) float32 from low to high in even steps, shuffled."""
    steps = np.linspace(low, high, 35, dtype=np.float64).astype(np.float32)
    return np.random.default_rng(3).permutation(steps).reshape(5, 7)


def error_of(saliency: np.ndarray) -> tuple[float, float]:
    """The greatest error of a round trip, and what is promised of it."""
    stored = to_grey(saliency)
    back = from_grey(stored.grey, stored.low, stored.high)
    error = np.abs(back.astype(np.float64) - saliency.astype(np.float64)).max()
    # half a grey step, and half a unit in the last place for the rounding of the result to float32
    rounding = 2.0 ** (math.frexp(float(np.abs(saliency).max()))[1] - 25)
    return float(error), (stored.high - stored.low) / 510 * (1 + 1e-12) + max(rounding, SMALLEST / 2)


def test_grey_values_are_those_computed_by_hand():
    # (value + 2) / 5 * 255: 0, 51, 102, 127.5 -> 128 (to even), 204, 255
    stored = to_grey(np.float32([[-2, -1, 0], [0.5, 2, 3]]))
    assert stored.grey.tolist() == [[0, 51, 102], [128, 204, 255]]
    assert (stored.low, stored.high) == (-2.0, 3.0)
    assert stored.grey.dtype == np.uint8


def test_a_map_comes_back_from_grey_as_computed_by_hand():
    back = from_grey(np.uint8([[0, 51], [204, 255]]), -2.0, 3.0)
    assert back.tolist() == [[-2.0, -1.0], [2.0, 3.0]]
    assert back.dtype == np.float32


@STEADY
@given(saliency=MAPS)
def test_any_finite_map_comes_back_within_half_a_grey_step(saliency):
    error, promised = error_of(saliency)
    assert error <= promised


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0.0, 1e-30),
        (-1e-30, 2e-30),
        (-7.0, -3.0),
        (1e6, 1e6 + 3),
        (-LARGEST, LARGEST),
        (0.9 * LARGEST, LARGEST),
        (0.0, 40 * SMALLEST),
        (-SMALLEST, LARGEST),
    ],
)
def test_extreme_ranges_use_all_grey_values_and_come_back_within_half_a_step(low, high):
    saliency = ramp(low, high)
    stored = to_grey(saliency)
    assert (stored.grey.min(), stored.grey.max()) == (0, 255)
    assert (stored.low, stored.high) == (float(saliency.min()), float(saliency.max()))
    error, promised = error_of(saliency)
    assert error <= promised


@STEADY
@given(saliency=MAPS)
def test_a_pixel_that_is_larger_is_never_darker(saliency):
    order = np.argsort(saliency, axis=None, kind="stable")
    assert (np.diff(to_grey(saliency).grey.ravel()[order].astype(int)) >= 0).all()


@pytest.mark.parametrize("value", [0.0, -0.0, 3.5, -2.25, 1e-30, SMALLEST, LARGEST, -LARGEST])
def test_a_constant_map_is_black_flagged_and_comes_back_exactly(value):
    stored = to_grey(np.full((5, 7), value, np.float32))
    assert not stored.grey.any()
    assert SaliencyFile(3, "GradCAM", 1, "x.png", stored.low, stored.high).constant
    np.testing.assert_array_equal(
        from_grey(stored.grey, stored.low, stored.high), np.full((5, 7), value, np.float32), strict=True
    )


def test_two_values_one_float_apart_are_not_a_constant_map():
    saliency = np.full((5, 7), 1.0, np.float32)
    saliency[1, 2] = np.nextafter(np.float32(1), np.float32(2))
    stored = to_grey(saliency)
    assert not SaliencyFile(3, "GradCAM", 1, "x.png", stored.low, stored.high).constant
    np.testing.assert_array_equal(from_grey(stored.grey, stored.low, stored.high), saliency, strict=True)


def test_to_grey_leaves_the_map_as_it_is():
    saliency = ramp(-1, 2)
    before = saliency.copy()
    assert isinstance(to_grey(saliency), GreyMap)
    np.testing.assert_array_equal(saliency, before)


@pytest.mark.parametrize(("channels", "mode"), [((), "L"), ((3,), "RGB"), ((4,), "RGBA")])
def test_a_picture_becomes_a_png_of_its_mode_and_comes_back_pixel_by_pixel(tmp_path: Path, channels, mode):
    pixels = np.random.default_rng(5).integers(0, 256, (5, 7, *channels), np.uint8)
    path = tmp_path / "1.png"
    path.write_bytes(png_of(pixels))
    with Image.open(path) as image:
        assert (image.format, image.mode, image.size) == ("PNG", mode, (7, 5))
    np.testing.assert_array_equal(read_png(path), pixels, strict=True)


@pytest.mark.parametrize(
    ("sample_id", "folder"), [(0, 0), (1, 0), (999, 0), (1000, 1000), (1999, 1000), (2000, 2000), (1_234_567, 1234000)]
)
def test_a_folder_takes_a_thousand_samples(sample_id, folder):
    assert image_path("_explain_17", sample_id) == f"_explain_17/origin_images/{folder}/{sample_id}.png"
    assert (
        saliency_path("_explain_17", "GradCAM", sample_id, 3)
        == f"_explain_17/heatmap/GradCAM/{folder}/{sample_id}_3.png"
    )


def test_a_missing_picture_is_an_os_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        read_png(tmp_path / "1.png")


@pytest.mark.parametrize("kind", ["JPEG", "GIF", "TIFF", "BMP"])
def test_another_format_named_png_is_refused(tmp_path: Path, kind):
    Image.fromarray(np.zeros((5, 7), np.uint8)).save(tmp_path / "1.png", format=kind)
    with pytest.raises(OSError, match="cannot identify image file"):
        read_png(tmp_path / "1.png")


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"\x89PNG\r\n\x1a\n", b"\x1f\x8b\x08" + b"\x00" * 30])
def test_what_is_no_picture_is_refused(tmp_path: Path, content):
    (tmp_path / "1.png").write_bytes(content)
    with pytest.raises(OSError, match="cannot identify image file"):
        read_png(tmp_path / "1.png")


@pytest.mark.parametrize("mode", ["1", "P", "LA", "I;16"])
def test_a_png_of_a_mode_that_is_never_written_is_refused(tmp_path: Path, mode):
    """Its pixels would not be grey or colour values of 8 bits."""
    Image.new(mode, (7, 5)).save(tmp_path / "1.png")
    with pytest.raises(OSError, match=mode):
        read_png(tmp_path / "1.png")


def test_a_png_with_any_bit_flipped_is_read_or_is_an_os_error(tmp_path: Path):
    path = tmp_path / "1.png"
    path.write_bytes(png_of(np.random.default_rng(5).integers(0, 256, (5, 7), np.uint8)))
    whole = path.read_bytes()
    refused = 0
    for bit in range(len(whole) * 8):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            assert read_png(path).size > 0
        except OSError:
            refused += 1
    assert refused > len(whole)  # checksums find most of it


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG of these sizes that unpacks to zeros without end."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(8000, 8001), (64_000_001, 1)])
def test_a_picture_of_more_than_64_megapixels_is_refused_before_it_is_decoded(tmp_path: Path, width, height):
    (tmp_path / "1.png").write_bytes(png_that_claims(width, height))
    tracemalloc.start()
    with pytest.raises(OSError, match=f"must have at most 64,000,000 pixels, got {width} x {height}"):
        read_png(tmp_path / "1.png")
    assert tracemalloc.get_traced_memory()[1] < 2_000_000  # bytes
    tracemalloc.stop()


def test_a_picture_may_have_as_many_pixels_as_are_asked_for(tmp_path: Path):
    (tmp_path / "1.png").write_bytes(png_of(np.zeros((10, 11), np.uint8)))
    assert read_png(tmp_path / "1.png", most_pixels=110).shape == (10, 11)
    with pytest.raises(OSError, match="at most 109 pixels, got 11 x 10"):
        read_png(tmp_path / "1.png", most_pixels=109)


def test_a_file_that_is_too_long_for_its_largest_picture_is_not_read(tmp_path: Path):
    with (tmp_path / "1.png").open("wb") as file:
        file.truncate(5 * 64_000_000 + 1)  # a hole, which takes no room on the disk
    with pytest.raises(OSError, match="must have at most 320,000,000 bytes, got 320,000,001"):
        read_png(tmp_path / "1.png")


@pytest.mark.parametrize("channels", [(), (3,), (4,)])
def test_pixels_that_cannot_be_compressed_stay_far_below_the_longest_file(channels):
    pixels = np.random.default_rng(1).integers(0, 256, (300, 400, *channels), np.uint8)
    assert len(png_of(pixels)) < 4.1 * 300 * 400


def test_a_picture_of_more_pixels_than_pillow_allows_is_an_os_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A small file can hold a huge picture, which would fill the memory."""
    (tmp_path / "1.png").write_bytes(png_of(np.zeros((50, 70), np.uint8)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(OSError, match="pixels"):
        read_png(tmp_path / "1.png")
