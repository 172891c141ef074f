"""How many images fit, by hand, and what the parts that hold many images take."""

from __future__ import annotations

import os
import platform
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mindspore import nn
from networks import LinearNetwork, SmallCnn
from numpy.typing import NDArray

from explainer.benchmark import Infidelity, Robustness
from explainer.explanation import RISE, Gradient, IntegratedGradients, Occlusion, SmoothGrad
from explainer.memory import VARIABLE, give_back, images_per_pass, passes, pieces
from explainer.perturb.engine import Request, evaluated
from explainer.perturb.fills import fill_of
from explainer.resizing import resized

FloatArray = NDArray[Any]


@pytest.mark.parametrize(
    ("batch_size", "shape", "megabytes", "count"),
    [
        (32, (3, 32, 32), None, 32),
        (32, (3, 224, 224), None, 32),  # 106 would fit
        (200, (3, 224, 224), None, 106),
        (32, (3, 600, 700), None, 12),
        (32, (3, 650, 700), None, 10),  # 11 would fit
        (32, (3, 1500, 2000), None, 1),
        (32, (3, 9000, 9000), None, 1),  # larger than the bound by itself
        (1, (3, 9000, 9000), None, 1),
        (5, (2, 5, 7), "0.00112", 4),  # 4 x 280 bytes
        (4, (2, 5, 7), "0.00112", 4),
        (3, (2, 5, 7), "0.00112", 3),  # what the user asks for may be odd
        (5, (2, 5, 7), "0.00111", 2),
        (5, (2, 5, 7), " 1e3 ", 5),
        (5, (70,), "1e-9", 1),
        (10**18, (3, 100, 100), "", 532),  # 533 would fit
    ],
)
def test_as_many_images_go_together_as_are_asked_for_and_fit(
    batch_size: int, shape: tuple[int, ...], megabytes: str | None, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if megabytes is not None:
        monkeypatch.setenv(VARIABLE, megabytes)
    assert images_per_pass(batch_size, shape) == count


@pytest.mark.parametrize("given", ["many", "0", "-1", "nan", "inf", "64MB", "1,5"])
def test_a_bound_that_is_no_number_above_zero_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, given)
    with pytest.raises(ValueError, match=f"`EXPLAINER_BATCH_MB` in the environment must be .* got '{given}'; leave it"):
        Gradient(SmallCnn())(np.ones((1, 2, 5, 7), np.float32), 1)


@pytest.mark.parametrize(
    ("count", "found"),
    [(0, []), (1, [(0, 1)]), (4, [(0, 4)]), (5, [(0, 4), (4, 5)]), (9, [(0, 4), (4, 8), (8, 9)])],
)
def test_images_that_do_not_fit_together_go_one_part_after_another(
    count: int, found: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "0.00112")
    assert [(part.start, part.stop) for part in passes(count, (2, 5, 7))] == found


# What arrays take at most, told by NumPy to tracemalloc; MindSpore's own are not seen.

IMAGE = np.random.default_rng(0).standard_normal((1, 3, 120, 160)).astype(np.float32)  # 230 kB


def peak_of(work: Callable[[], object]) -> int:
    """Bytes of arrays beyond those that were there, when it is done a second time: nothing is learned or compiled."""
    work()
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.fixture
def two_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two images go together."""
    monkeypatch.setenv(VARIABLE, str(2 * IMAGE.nbytes / 1e6))
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")


NETWORK, NETWORK_OF_TWENTY = (
    LinearNetwork(np.random.default_rng(1).standard_normal((classes, IMAGE.size)) / IMAGE.size) for classes in (2, 20)
)


def keeps() -> Iterator[Request]:
    return (Request(0, np.full(IMAGE.shape[2:], number % 2, np.float32)) for number in range(64))


@pytest.mark.usefixtures("two_images")
@pytest.mark.parametrize(
    ("fill", "images"),
    [(0.5, 8), ("mean", 8), ("blur:1", 9), ("noise", 9), ("local_mean", 16)],
)
def test_perturbed_images_take_some_batches_whatever_the_batch_size(fill: Any, images: int) -> None:
    """Two images and their masks, beside those before; by the fill some copies, of float64 too. 64 would be 64."""

    def ask(shown: FloatArray, indices: Any) -> FloatArray:
        return shown.sum(axis=(1, 2, 3))

    def work() -> None:
        for batch in evaluated(ask, IMAGE, keeps(), fill=fill_of("fill", fill), batch_size=1000):
            assert len(batch.outputs) == 2

    assert peak_of(work) < images * IMAGE.nbytes


@pytest.mark.usefixtures("two_images")
@pytest.mark.parametrize(
    ("explain", "images"),
    [
        (lambda: RISE(NETWORK, None, masks=64, score="logit")(IMAGE, 1), 11),
        (lambda: Occlusion(NETWORK, None, window=40, stride=10, score="logit")(IMAGE, 1), 7),
        (lambda: SmoothGrad(NETWORK, samples=40)(IMAGE, 1), 14),
        (lambda: IntegratedGradients(NETWORK, steps=40)(IMAGE, 1), 16),
        # Twenty maps, each a third of the image, and once more as they are put together.
        (lambda: Gradient(NETWORK_OF_TWENTY)(IMAGE, np.arange(20)[None]), 18),
        (lambda: IntegratedGradients(NETWORK_OF_TWENTY, steps=2)(IMAGE, np.arange(20)[None]), 32),
        (lambda: Infidelity(2, nn.Softmax()).evaluate(Gradient(NETWORK), IMAGE, 1, IMAGE[:, :1]), 7),
        (lambda: Robustness(2, nn.Softmax(), threshold=1).evaluate(Gradient(NETWORK), IMAGE, 1), 11),
    ],
    ids=["RISE", "Occlusion", "SmoothGrad", "IG", "Gradient, 20 labels", "IG, 20 labels", "Infidelity", "Robustness"],
)
def test_a_large_image_takes_some_images_of_memory_whatever_the_batch_size(
    explain: Callable[[], object], images: int
) -> None:
    assert peak_of(explain) < images * IMAGE.nbytes


def test_noise_for_many_images_takes_those_and_one_in_float64() -> None:
    images = np.repeat(IMAGE, 10, axis=0)
    assert peak_of(lambda: fill_of("fill", "noise")(images)) < 2.5 * images.nbytes


def test_many_maps_are_resized_one_by_one() -> None:
    maps = np.random.default_rng(0).random((20, 9, 12)).astype(np.float32)
    found = resized(maps, (90, 150))
    np.testing.assert_array_equal(found[7], resized(maps[7], (90, 150)))
    assert peak_of(lambda: resized(maps, (90, 150))) < 1.5 * found.nbytes


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries give memory back by themselves")
def test_what_is_free_below_what_is_still_held_goes_back_to_the_system() -> None:
    blocks = [bytes(2000) for _ in range(40_000)]
    held = blocks[-1]  # the last of the heap, which cannot shrink by itself
    blocks.clear()
    before = resident_megabytes()
    give_back()
    assert before - resident_megabytes() > 60
    del held


def resident_megabytes() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.parametrize(
    ("count", "batch_size", "sizes"),
    [
        (1, 32, [1]),
        (32, 32, [32]),
        (33, 32, [18, 15]),
        (64, 32, [32, 32]),
        (100, 32, [26, 26, 26, 22]),
        (100, 31, [26, 26, 26, 22]),
        (93, 31, [31, 31, 31]),
        (7, 4, [4, 3]),
        (5, 4, [3, 2]),
        (9, 8, [5, 4]),
        (9, 16, [9]),
    ],
)
def test_pieces_are_few_of_about_one_size_and_even(count: int, batch_size: int, sizes: list[int]) -> None:
    found = pieces(count, batch_size)
    assert [piece.stop - piece.start for piece in found] == sizes
    covered = [place for piece in found for place in range(count)[piece]]
    assert covered == list(range(count))
    assert len(found) == -(-count // batch_size) and max(sizes) <= batch_size
