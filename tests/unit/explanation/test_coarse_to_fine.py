"""Occlusion with `refine`: a slow loop over its windows, and what has to hold whatever the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mindspore import nn
from mindspore.dataset import NumpySlicesDataset
from networks import Counting, LinearNetwork, SmallCnn
from numpy.typing import NDArray
from replicas import TARGETS, Score, cnn_scores, normal_images, softmax

from explainer import ImageClassificationRunner, read_run
from explainer.explanation import Occlusion
from explainer.passes import Passes
from explainer.streams import sample_stream

FloatArray = NDArray[Any]
Pair = tuple[int, int]
Span = tuple[int, int]

ROUNDING = {"rtol": 0, "atol": 2e-6}  # differences of float32 probabilities, each off by some 1e-7
GEOMETRIES = [
    ((1, 1), (1, 1)),  # 5 x 7 windows
    ((2, 2), (1, 1)),  # 4 x 6 windows: on both axes the last is next to a first one
    ((1, 3), (1, 1)),  # 5 x 5: it is a first one by itself
    ((2, 3), (1, 2)),  # 4 x 3
    ((2, 4), (2, 2)),  # 3 x 3, the last ones of both axes aligned to the end
]


def spans_of(length: int, window: int, stride: int) -> list[Span]:
    """Stride by stride until the end is reached, the last step being as short as it must."""
    found = [0]
    while found[-1] + window < length:
        found.append(min(found[-1] + stride, length - window))
    return [(start, start + window) for start in found]


def fall(score: Score, image: FloatArray, rows: Span, columns: Span) -> FloatArray:
    hidden = image.copy()
    hidden[:, rows[0] : rows[1], columns[0] : columns[1]] = 0
    return score(image[None])[0] - score(hidden[None])[0]


def nearest_firsts(number: int, count: int) -> list[int]:
    """A first one is every second and the last; others have one on both sides."""
    return [number] if number % 2 == 0 or number == count - 1 else [number - 1, number + 1]


def slow(score: Score, image: FloatArray, window: Pair, stride: Pair, refine: float) -> tuple[FloatArray, FloatArray]:
    """The signed maps (L, H, W) and the errors (L,) of all scores."""
    rows, columns = (spans_of(*axis) for axis in zip(image.shape[1:], window, stride, strict=True))
    truth = {
        place: fall(score, image, rows[place[0]], columns[place[1]]) for place in np.ndindex(len(rows), len(columns))
    }
    firsts = {
        (row, column): [(i, j) for i in nearest_firsts(row, len(rows)) for j in nearest_firsts(column, len(columns))]
        for row, column in truth
    }
    estimates = {place: np.mean([truth[first] for first in nearest], axis=0) for place, nearest in firsts.items()}
    others = [place for place, nearest in firsts.items() if nearest != [place]]
    ranked = sorted(others, key=lambda place: -max(abs(estimates[place])))
    refined, left = ranked[: round(refine * len(others))], ranked[round(refine * len(others)) :]
    drawn = [others[number] for number in sample_stream(0, image).permutation(len(others))]
    checked = [place for place in drawn if place in left][:8]
    misses = [(estimates[place] - truth[place]) ** 2 for place in checked]
    errors = np.sqrt(np.mean(misses, axis=0) * (len(left) - len(checked)) / len(truth))
    for place in (*refined, *checked):
        estimates[place] = truth[place]
    sums, counts = np.zeros((len(score(image[None])[0]), *image.shape[1:])), np.zeros(image.shape[1:])
    for (row, column), drop in estimates.items():
        at = np.s_[rows[row][0] : rows[row][1], columns[column][0] : columns[column][1]]
        sums[(slice(None), *at)] += drop[:, None, None]
        counts[at] += 1
    return sums / counts, errors


@pytest.mark.parametrize("refine", [0, 0.1, 0.3, 0.6])
@pytest.mark.parametrize(("window", "stride"), GEOMETRIES)
def test_windows_are_estimated_from_their_neighbours_where_the_score_drops_little(
    window: Pair, stride: Pair, refine: float
) -> None:
    network, images = SmallCnn(), normal_images()
    scores = cnn_scores(network, softmax)

    def of_labels(labels: FloatArray) -> Score:
        return lambda shown: scores(shown)[:, labels]

    wanted = [
        slow(of_labels(labels), image, window, stride, refine) for image, labels in zip(images, TARGETS, strict=True)
    ]
    occlusion = Occlusion(network, nn.Softmax(), 8, window=window, stride=stride, refine=refine, signed=True)
    found = occlusion.explained(images, TARGETS)
    np.testing.assert_allclose(found.maps, [maps for maps, _ in wanted], **ROUNDING)
    np.testing.assert_allclose(found.standard_errors, [errors for _, errors in wanted], **ROUNDING)


def test_the_replica_s_maps_are_estimates_that_are_off() -> None:
    """So that the test above sees them."""
    scores, (image, *_) = cnn_scores(SmallCnn(), softmax), normal_images()
    rough, errors = slow(scores, image, (1, 1), (1, 1), 0.1)
    exact, _ = slow(scores, image, (1, 1), (1, 1), 0.6)  # all others are checked
    assert np.abs(rough - exact).max() > 1e-3
    assert errors.min() > 1e-3


@pytest.mark.parametrize("options", [{}, {"window": 2}, {"window": (2, 3), "stride": 2, "aggregate": "sum"}])
def test_all_of_the_windows_are_the_whole_map(options: dict[str, Any]) -> None:
    network, images = SmallCnn(), normal_images()
    whole = Occlusion(network, nn.Softmax(), 8, **options).explained(images, TARGETS)
    found = Occlusion(network, nn.Softmax(), 8, refine=1, **options).explained(images, TARGETS)
    np.testing.assert_array_equal(found.maps, whole.maps)
    assert whole.standard_errors is None
    assert found.standard_errors is None


def test_drops_that_grow_evenly_are_estimated_exactly() -> None:
    rows, columns = np.mgrid[:5, :7]
    ramps = np.stack([np.zeros((5, 7)), 3 * rows - 2 * columns, rows + columns + 1])[:, None]
    network = LinearNetwork(np.repeat(ramps, 2, axis=1).reshape(3, 70).astype(np.float32))
    occlusion = Occlusion(network, None, window=1, refine=0, signed=True, score="logit")
    found = occlusion.explained(np.ones((1, 2, 5, 7), np.float32), [[2, 1]])
    np.testing.assert_array_equal(found.maps, 2 * ramps[[2, 1], 0][None])
    np.testing.assert_array_equal(found.standard_errors, np.zeros((1, 2)))


def test_what_is_between_is_estimated_and_the_largest_estimate_is_refined() -> None:
    """Eighteen others among 37 windows: 8 are checked, 1 is refined, 9 are the mean of their neighbours."""
    contributions = np.zeros(37, np.float32)
    contributions[20], contributions[11:20:2] = 50, [5, 6, 7, 8, 9]
    network = LinearNetwork(np.stack([contributions, contributions]))
    occlusion = Occlusion(network, None, window=1, refine=1 / 18, score="logit", data_format="NW")
    (saliency,) = occlusion(np.ones((1, 37), np.float32), 1)[0]
    assert saliency[20] == 50
    assert saliency[19] == 9  # refined: the first of two whose estimate is 25
    assert saliency[21] in (25, 0)  # estimated, or checked
    off = saliency - contributions
    assert 1 <= np.count_nonzero(off) <= 5
    assert set(off[[21, 17, 15, 13, 11]]) <= {25, 0, -5, -6, -7, -8}


@pytest.mark.parametrize("batch_size", [1, 7])
def test_maps_and_errors_depend_on_neither_batch_nor_order(batch_size: int) -> None:
    network, images = SmallCnn(), normal_images()
    options: dict[str, Any] = {"window": 2, "refine": 0.3}
    whole = Occlusion(network, nn.Softmax(), 64, **options).explained(images, TARGETS)
    occlusion = Occlusion(network, nn.Softmax(), batch_size, **options)
    for order in ([2, 0, 1], [1]):
        found, wanted = occlusion.explained(images[order], TARGETS[order]), whole.of(order)
        np.testing.assert_allclose(found.maps, wanted.maps, **ROUNDING)
        np.testing.assert_allclose(found.standard_errors, wanted.standard_errors, **ROUNDING)


@pytest.mark.parametrize(
    ("refine", "hidden"), [(None, 35), (0, 12 + 8), (0.3, 12 + 7 + 8), (0.9, 12 + 21 + 2), (1, 35)]
)
def test_the_cost_is_told_before_it_is_paid(refine: float | None, hidden: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """35 windows, 12 of them first ones; 3 images in batches of 10."""
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")
    told: list[Pair] = []
    network, images = Counting(SmallCnn()), normal_images()
    options = {"window": 1, "refine": refine, "on_progress": lambda *done: told.append(done)}
    occlusion = Occlusion(network, nn.Softmax(), 10, **options)
    assert occlusion.passes((2, 5, 7)) == Passes(forwards=1 + hidden, known=1)
    cost = occlusion.cost(images)
    occlusion(images, TARGETS)
    number_of_classes, *batches = network.passes
    assert number_of_classes == 1
    assert (cost.windows, cost.passes) == (hidden, len(batches))
    assert sum(batches) == 3 + 3 * hidden
    assert told[-1] == (3 * hidden, 3 * hidden)


def test_what_has_no_window_between_others_is_whole() -> None:
    network, images = SmallCnn(), normal_images()
    found = Occlusion(network, nn.Softmax(), window=(4, 6), refine=0).explained(images, TARGETS)  # 2 x 2 windows
    np.testing.assert_array_equal(found.maps, Occlusion(network, nn.Softmax(), window=(4, 6))(images, TARGETS))
    np.testing.assert_array_equal(found.standard_errors, np.zeros((3, 2)))


def test_the_share_is_recorded_where_it_is_given() -> None:
    assert Occlusion(SmallCnn(), nn.Softmax(), refine=0.25).parameters["refine"] == 0.25
    assert "refine" not in Occlusion(SmallCnn(), nn.Softmax()).parameters


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"refine": -0.1}, ValueError, r"`refine` must lie in \[0, 1\], got -0.1"),
        ({"refine": 1.5}, ValueError, r"`refine` must lie in \[0, 1\], got 1.5"),
        ({"refine": np.nan}, ValueError, r"`refine` must lie in \[0, 1\], got nan"),
        ({"refine": True}, TypeError, "`refine` must be a number, got bool True"),
        ({"refine": "0.5"}, TypeError, "`refine` must be a number, got str '0.5'"),
        ({"refine": 1, "segments": np.zeros((5, 7), int)}, ValueError, "give no `segments`, `per_channel` or other"),
        ({"refine": 0.5, "per_channel": True}, ValueError, '`refine` is about windows .* become a "mean" or a "sum"'),
        *(
            ({"refine": 0.5, "aggregate": aggregate}, ValueError, "`refine` is about windows on all channels")
            for aggregate in ("gaussian", "grid", "nearest", "bicubic")
        ),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Occlusion(SmallCnn(), nn.Softmax(), **options)


def test_a_run_records_the_share_and_the_errors(tmp_path: Path) -> None:
    images = normal_images(channels=3)
    occlusion = Occlusion(SmallCnn(channels=3), nn.Softmax(), window=1, refine=0.25)
    data = NumpySlicesDataset((images, np.full(3, 2, np.int32)), ["image", "label"], shuffle=False).batch(2)
    runner = ImageClassificationRunner(tmp_path, (data, ["a", "b", "c", "d"]), occlusion.network, nn.Softmax())
    runner.register_saliency([occlusion])
    runner.run()
    run = read_run(tmp_path)
    assert run.metadata.parameters["explainers"]["Occlusion"]["refine"] == 0.25
    assert len(run.samples) == 3
    for number, sample in run.samples.items():
        labels = [entry.label for entry in sample.maps]
        errors = occlusion.explained(images[number][None], [labels]).standard_errors
        np.testing.assert_allclose([[entry.standard_error for entry in sample.maps]], errors, rtol=1e-4)
