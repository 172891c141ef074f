"""The search: by hand, against a slow replica written from the specification, and what it shows to the network."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from unit.counterfactual.seen import Output, Seen, evidence, ones, told

from explainer.counterfactual import EditStep, HierarchicalOcclusion, SearchResult, StopReason
from explainer.counterfactual.backgrounds import background_of
from explainer.errors import NoValidResultError, OriginalOutputError

FloatArray = NDArray[Any]
Box = tuple[int, int, int, int]


def search(
    output: Output, size: tuple[int, int], sizes: list[int], strides: list[int], **settings: Any
) -> SearchResult:
    return HierarchicalOcclusion(Seen(output), None, sizes, strides, **settings).search(ones(*size), 1, 0.0)


# By hand.

TWO = evidence(0.125, (7, 4, 0.5), (2, 1, 0.25))


def test_the_first_window_that_shows_the_most_is_taken() -> None:
    root, layer_outputs = search(TWO, (6, 9), [3], [2], threshold=0.5)
    step = (0, (6, 2, 3, 3), 0.625, 0.5, None, [])  # (6, 3, 3, 3) shows the pixel (7, 4) as well
    assert told(root) == (-1, (0, 0, 9, 6), 0.0, 0.0, "THRESHOLD_MET", [step])
    assert layer_outputs == [0.625]


def test_of_equal_windows_the_left_one_comes_before_the_upper_one() -> None:
    root, _ = search(evidence(0.125, (1, 6, 0.375), (6, 1, 0.375)), (8, 9), [3], [1], threshold=0.5)
    assert [step.box for step in root.children] == [(0, 4, 3, 3)]


def test_windows_are_added_until_the_threshold_is_reached() -> None:
    root, layer_outputs = search(TWO, (6, 9), [3], [2], threshold=0.75)
    assert [told(step) for step in root.children] == [
        (0, (6, 2, 3, 3), 0.625, 0.5, None, []),
        (0, (0, 0, 3, 3), 0.875, 0.25, None, []),
    ]
    assert layer_outputs == [0.875]


def test_masking_hides_what_lowers_the_output_most() -> None:
    root, layer_outputs = search(TWO, (6, 9), [3], [2], threshold=0.5, by_masking=True)
    assert [told(step) for step in root.children] == [(0, (6, 2, 3, 3), 0.375, -0.5, None, [])]
    assert layer_outputs == [0.375]


@pytest.mark.parametrize(("by_masking", "threshold"), [(False, 0.625), (True, 0.375)])
def test_an_output_at_the_threshold_meets_it(by_masking: bool, threshold: float) -> None:
    root, layer_outputs = search(TWO, (6, 9), [3], [2], threshold=threshold, by_masking=by_masking)
    assert (len(root.children), layer_outputs) == (1, [threshold])


@pytest.mark.parametrize("by_masking", [False, True])
def test_an_original_at_the_threshold_is_not_searched(by_masking: bool) -> None:
    with pytest.raises(OriginalOutputError, match=r"above the threshold 0\.875 .* got 0\.875 for the image itself"):
        search(TWO, (6, 9), [3], [2], threshold=0.875, by_masking=by_masking)


# Two boxes of 4 x 4 are needed; in the first two pixels count alike, in the second one more than the other.
PARTS = [(1, 1, 0.125), (3, 3, 0.125), (8, 4, 0.4375), (6, 6, 0.0625)]
FINER: dict[str, Any] = {"size": (8, 10), "sizes": [4, 2], "strides": [4, 2], "threshold": 0.8}


def test_the_boxes_of_a_box_reach_its_change_or_the_threshold() -> None:
    root, layer_outputs = search(evidence(0.125, *PARTS), **FINER)
    second = (1, (0, 0, 2, 2), 0.75, 0.125, None, [])
    assert told(root)[4:] == (
        "THRESHOLD_MET",
        [
            (0, (6, 4, 4, 4), 0.625, 0.5, "STEP_CHANGE_MET", [
                (1, (8, 4, 2, 2), 0.5625, 0.4375, None, []),
                (1, (6, 6, 2, 2), 0.625, 0.0625, None, []),
            ]),
            (0, (0, 0, 4, 4), 0.875, 0.25, "STEP_CHANGE_MET", [second, (1, (2, 2, 2, 2), 0.875, 0.125, None, [])]),
        ],
    )  # fmt: skip
    assert layer_outputs == [0.875, 0.875]


def test_a_box_is_left_as_soon_as_the_threshold_is_met() -> None:
    root, layer_outputs = search(evidence(0.125, *PARTS), **FINER | {"threshold": 0.75})
    (_, last) = root.children
    assert (last.stop_reason, last.network_output) == (StopReason.THRESHOLD_MET, 0.875)
    assert [step.box for step in last.children] == [(0, 0, 2, 2)]
    assert layer_outputs == [0.875, 0.75]


def test_by_masking_the_boxes_of_a_box_reach_its_fall() -> None:
    root, layer_outputs = search(evidence(0.125, *PARTS), **FINER | {"threshold": 0.13, "by_masking": True})
    assert [told(step)[:5] for step in root.children] == [
        (0, (6, 4, 4, 4), 0.375, -0.5, "STEP_CHANGE_MET"),
        (0, (0, 0, 4, 4), 0.125, -0.25, "STEP_CHANGE_MET"),
    ]
    assert [[child.network_output for child in step.children] for step in root.children] == [
        [0.4375, 0.375],
        [0.25, 0.125],
    ]
    assert layer_outputs == [0.125, 0.125]


def jealous(seen: FloatArray) -> float:
    """The second box (6, 4) adds something only beside a pixel of the first, (3, 3), that alone adds nothing."""
    return 0.125 + 0.25 * seen[1, 1] + 0.5 * seen[4, 8] * seen[3, 3]


def test_what_is_found_in_a_box_without_reaching_its_change_does_not_count() -> None:
    """The first box shrinks to one pixel, so the second adds nothing; that layer is not enough and is left out."""
    root, layer_outputs = search(jealous, **FINER)
    assert told(root)[4:] == (
        "THRESHOLD_MET",
        [
            (0, (0, 0, 4, 4), 0.375, 0.25, "STEP_CHANGE_MET", []),
            (0, (6, 4, 4, 4), 0.875, 0.5, "NO_NEW_STEP", []),
        ],
    )
    assert layer_outputs == [0.875]


def test_a_box_whose_search_does_not_count_stays_beside_finer_ones() -> None:
    """As above, but a third box makes up for it once the pixel of the first is hidden."""

    def output(seen: FloatArray) -> float:
        first, beside, second, third = seen[1, 1], seen[3, 3], seen[1, 5], seen[5, 8]
        return 0.125 + 0.25 * first + 0.1875 * second * beside + first * third * (0.375 - 0.25 * beside)

    root, layer_outputs = search(output, **FINER | {"threshold": 0.65})
    assert told(root)[4:] == (
        "THRESHOLD_MET",
        [
            (0, (0, 0, 4, 4), 0.375, 0.25, "STEP_CHANGE_MET", [(1, (0, 0, 2, 2), 0.375, 0.25, None, [])]),
            (0, (4, 0, 4, 4), 0.5625, 0.1875, "NO_NEW_STEP", []),
            (0, (6, 4, 4, 4), 0.6875, 0.125, "STEP_CHANGE_MET", [(1, (8, 4, 2, 2), 0.75, 0.375, None, [])]),
        ],
    )
    assert layer_outputs == [0.6875, 0.75]


def test_a_box_that_changes_nothing_for_the_better_is_not_searched() -> None:
    """Nothing helps until all four quarters are seen: only the last of them is searched, and has no smaller part."""
    root, layer_outputs = search(lambda seen: 0.125 + 0.75 * seen.all(), (4, 4), [2, 1], [2, 1])
    assert [(told(step)[3:5], len(step.children)) for step in root.children] == [
        ((0.0, None), 0),
        ((0.0, None), 0),
        ((0.0, None), 0),
        ((0.75, "STEP_CHANGE_MET"), 4),
    ]
    assert [step.box for step in root.children] == [(0, 0, 2, 2), (0, 2, 2, 2), (2, 0, 2, 2), (2, 2, 2, 2)]
    assert layer_outputs == [0.875, 0.875]


def test_a_layer_below_the_threshold_is_kept_when_a_deeper_one_meets_it() -> None:
    """The second box needs the pixel (3, 3) of the first, or (0, 0) hidden; the middle layer offers neither."""

    def output(seen: FloatArray) -> float:
        first, second, helped = seen[1, 1], seen[5, 8], seen[3, 3] or not seen[0, 0]
        return 0.125 + 0.25 * first + 0.5 * first * second * helped

    root, layer_outputs = search(output, (8, 10), [4, 2, 1], [4, 2, 1], threshold=0.8)
    third = (2, (1, 1, 1, 1), 0.375, 0.25, None, [])
    assert [told(step) for step in root.children] == [
        (0, (0, 0, 4, 4), 0.375, 0.25, "STEP_CHANGE_MET", [
            (1, (0, 0, 2, 2), 0.375, 0.25, "STEP_CHANGE_MET", [third])
        ]),
        (0, (6, 4, 4, 4), 0.875, 0.5, "NO_NEW_STEP", []),
    ]  # fmt: skip
    assert layer_outputs == [0.875, 0.375, 0.875]


def test_a_background_that_meets_the_threshold_leaves_nothing_to_be_found() -> None:
    with pytest.raises(NoValidResultError, match=r"the background alone meets the threshold 0\.5"):
        search(evidence(0.5, (7, 4, 0.25)), (6, 9), [3], [2])


def test_an_output_that_never_falls_to_the_threshold_leaves_nothing_to_be_found() -> None:
    with pytest.raises(NoValidResultError, match=r"stays above the threshold 0\.5 when every window is hidden"):
        search(evidence(0.625, (7, 4, 0.25)), (6, 9), [3], [2], by_masking=True)


# The slow replica.


class Replica:
    """The specification, step by step: every picture made from the beginning, every window asked about every time.

    Attributes:
        root: the tree; without children if nothing was found.
        layer_outputs: of each layer.
        asked: the pictures asked about.
        pictures: how many times one was asked about, as many as the reference shows without its padding.
    """

    def __init__(
        self,
        output: Output,
        size: tuple[int, int],
        sizes: list[int],
        strides: list[int],
        threshold: float,
        masking: bool,
    ) -> None:
        self.output, self.size, self.sizes, self.strides = output, size, sizes, strides
        self.threshold, self.masking = threshold, masking
        self.asked: set[bytes] = set()
        self.pictures = 0
        self.layer_outputs: list[float] = []
        height, width = size
        self.root = EditStep(-1, (0, 0, width, height))
        assert self.ask([] if masking else [self.root.box]) > threshold
        self.search()
        if self.root.children:
            self.cut()

    def ask(self, boxes: list[Box]) -> float:
        self.pictures += 1
        seen = np.ones(self.size, np.float32) if self.masking else np.zeros(self.size, np.float32)
        for x, y, w, h in boxes:
            for row in range(y, y + h):
                for column in range(x, x + w):
                    seen[row, column] = 0 if self.masking else 1
        self.asked.add(seen.tobytes())
        return float(np.float32(self.output(seen)))

    def as_good(self, value: float, target: float) -> bool:
        return value <= target if self.masking else value >= target

    def search(self) -> None:
        queue: list[tuple[EditStep, list[EditStep]]] = [(self.root, [])]
        while queue:
            parent, pre = queue.pop(0)
            found, sub_jobs, parent.stop_reason = self.job(parent, pre)
            if parent.stop_reason in (StopReason.THRESHOLD_MET, StopReason.STEP_CHANGE_MET):
                parent.children = found
                queue += sub_jobs

    def job(self, parent: EditStep, pre: list[EditStep]) -> Any:
        layer = parent.layer + 1
        workpiece: list[Box] = [leaf.box for step in pre for leaf in step.leaf_steps]
        start = last = self.ask(workpiece)
        found: list[EditStep] = []
        sub_jobs: list[tuple[EditStep, list[EditStep]]] = []
        while True:
            if self.as_good(last, self.threshold):
                return found, sub_jobs, StopReason.THRESHOLD_MET
            untaken = [box for box in self.windows(parent, layer) if box not in [step.box for step in found]]
            if not untaken:
                return found, sub_jobs, StopReason.NO_NEW_STEP
            outputs = [self.ask([*workpiece, box]) for box in untaken]
            new = min(outputs) if self.masking else max(outputs)
            step = EditStep(layer, untaken[outputs.index(new)], new, new - last)
            if layer < len(self.sizes) - 1 and step.step_change * (-1 if self.masking else 1) > 0:
                sub_jobs.append((step, [*pre, *found]))
            found.append(step)
            workpiece.append(step.box)
            if layer > 0 and self.as_good(new - start, parent.step_change):
                return found, sub_jobs, StopReason.STEP_CHANGE_MET
            last = new

    def windows(self, parent: EditStep, layer: int) -> list[tuple[int, int, int, int]]:
        left, top, width, height = parent.box
        window, stride = self.sizes[layer], self.strides[layer]
        return [
            (left + x, top + y, window, window)
            for x in positions(width, window, stride)
            for y in positions(height, window, stride)
        ]

    def cut(self) -> None:
        for layer in range(self.root.max_layer + 1):
            self.layer_outputs.append(self.ask([step.box for step in self.root.get_layer_or_leaf_steps(layer)]))
        while not self.as_good(self.layer_outputs[-1], self.threshold):
            self.layer_outputs.pop()
        for step in self.root.get_layer_steps(len(self.layer_outputs) - 1):
            step.children = []


def positions(length: int, window: int, stride: int) -> list[int]:
    count = ceil((length - window) / stride)
    if (count - 1) * stride + window < length:
        count += 1
    return [*(place * stride for place in range(count - 1)), length - window]


def additive(seed: int, size: tuple[int, int]) -> Output:
    """Whole parts of 1024, few different ones, so that many windows are equal; some of them speak against the label."""
    stream = np.random.default_rng(seed)
    parts = stream.integers(-2, 8, size) * (stream.random(size) < 0.4)
    parts = parts * (700 // parts.sum())
    return lambda seen: float(np.clip(100 + (parts * seen).sum(), 0, 1024)) / 1024


def moody(seed: int, size: tuple[int, int], low: int = 0, high: int = 61) -> Output:
    """Leaps from one value to another with whatever is seen; 0.75 for all, 0 for nothing."""
    parts = np.random.default_rng(seed).integers(0, 64, size)

    def output(seen: FloatArray) -> float:
        if seen.all() or not seen.any():
            return 0.75 * seen.all()
        return (int((parts * seen).sum()) * 2654435761 >> 7) % (high - low) / 64 + low / 64

    return output


def reluctant(seed: int, size: tuple[int, int]) -> Output:
    """Leaps below every threshold until all is seen."""
    return moody(seed, size, 0, 23)


def stubborn(seed: int, size: tuple[int, int]) -> Output:
    """Leaps above every threshold until nothing is seen."""
    return moody(seed, size, 41, 64)


KINDS = (additive, moody, reluctant, stubborn)
THRESHOLDS = (0.5, 0.375, 0.625)
SIZES = [((9, 13), [5, 3, 2], [3, 2, 1]), ((12, 8), [6, 3], [4, 3]), ((7, 7), [4, 2], [3, 1])]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("by_masking", [False, True], ids=["unmasking", "masking"])
@pytest.mark.parametrize(("size", "sizes", "strides"), SIZES, ids=str)
@pytest.mark.parametrize("batch_size", [64, 7])
def test_the_search_is_that_of_the_slow_replica(
    kind: Any, by_masking: bool, size: tuple[int, int], sizes: list[int], strides: list[int], batch_size: int
) -> None:
    for seed in range(6):
        output, threshold = kind(seed, size), THRESHOLDS[seed % 3]
        slow = Replica(output, size, sizes, strides, threshold, by_masking)
        network = Seen(output)
        occlusion = HierarchicalOcclusion(
            network, None, sizes, strides, threshold=threshold, by_masking=by_masking, batch_size=batch_size
        )
        found = occlusion.search_all(ones(*size), [1], 0.0)[1]
        if isinstance(found, SearchResult):
            assert told(found.root) == told(slow.root)
            assert found.layer_outputs == slow.layer_outputs
        else:
            assert isinstance(found, NoValidResultError)
            assert slow.root.is_leaf
        # No picture twice, none that is not needed, and so never more than the reference's.
        assert len(network.shown) == len(set(network.shown))
        assert set(network.shown) == slow.asked
        assert len(network.shown) <= slow.pictures
        assert max(len(batch) for batch in network.batches) <= batch_size


def test_the_replica_meets_every_reason_to_stop_and_every_depth() -> None:
    """So that the comparison above is one."""
    for by_masking, kinds in ((False, (additive, moody, reluctant)), (True, (additive, moody, stubborn))):
        reasons, depths = set(), set()
        for kind in kinds:
            for seed in range(6):
                slow = Replica(kind(seed, (9, 13)), (9, 13), *SIZES[0][1:], THRESHOLDS[seed % 3], by_masking)
                steps = [step for layer in (0, 1) for step in slow.root.get_layer_steps(layer)]
                reasons |= {(step.layer, step.stop_reason) for step in steps}
                depths.add(len(slow.layer_outputs))
        assert {(layer, reason) for layer in (0, 1) for reason in StopReason} <= reasons
        assert {1, 3} <= depths


# What is asked of the network.


def test_a_step_with_more_than_64_windows_records_the_box_that_was_shown() -> None:
    """The reference recorded another one; here the 96th of 121 is the best."""
    root, _ = search(evidence(0.125, (10, 9, 0.5)), (13, 13), [3], [1])
    assert [step.box for step in root.children] == [(8, 7, 3, 3)]


@pytest.mark.parametrize(("batch_size", "batches"), [(64, [1, 1, 15, 14]), (4, [1, 1, 4, 4, 4, 3, 4, 4, 4, 2])])
def test_windows_are_shown_in_full_batches(batch_size: int, batches: list[int]) -> None:
    """5 x 3 windows: the original, the background, and two steps."""
    network = Seen(evidence(0.125, (8, 4, 0.5), (0, 0, 0.25)))
    HierarchicalOcclusion(network, None, [3], [2], threshold=0.75, batch_size=batch_size).search(ones(7, 11), 1, 0.0)
    assert [len(batch) for batch in network.batches] == batches


def test_what_is_shown_is_the_image_on_its_background_in_all_channels() -> None:
    image = np.random.default_rng(1).random((3, 5, 6)).astype(np.float32) / 4 + 0.75
    network = Seen(lambda seen: 0.875 if (seen > 0.5).sum() > 8 else 0.0)
    (step,) = HierarchicalOcclusion(network, None, [3], [3]).search(image, 1, (0.125, 0.25, 0.375)).root.children
    original, background, windows = network.batches
    wanted = np.broadcast_to(np.float32([0.125, 0.25, 0.375]).reshape(3, 1, 1), image.shape).copy()
    np.testing.assert_array_equal(original[0], image)
    np.testing.assert_array_equal(background[0], wanted)
    wanted[:, 2:5, 3:6] = image[:, 2:5, 3:6]
    np.testing.assert_array_equal(windows[-1], wanted)
    assert step.box == (0, 0, 3, 3)


def test_the_automatic_mask_and_windows_are_those_of_the_short_side() -> None:
    image = np.random.default_rng(2).random((1, 60, 70)).astype(np.float32)
    network = Seen(lambda seen: 0.875 if seen[45, 58] == image[0, 45, 58] else 0.0)
    (step,) = HierarchicalOcclusion(network).search(image, 1).root.children
    assert step.box == (30, 18, 30, 30)  # strides of 6: the first that has the pixel
    np.testing.assert_array_equal(network.batches[1], background_of("gaussian:2", image[None]))


# Labels by their names.


def test_a_label_may_be_called_by_its_name() -> None:
    plain = HierarchicalOcclusion(Seen(TWO), None, [3], [2])
    named = plain.with_labels(["other", "this"])
    assert (plain.labels, named.labels) == (None, ("other", "this"))
    wanted = told(plain.search(ones(6, 9), 1, 0.0).root)
    assert told(named.search(ones(6, 9), "this", 0.0).root) == wanted
    found = named.search_all(ones(6, 9), ["this"], 0.0)
    assert list(found) == ["this"]
    assert told(found["this"].root) == wanted
    assert told(named.search(ones(6, 9), 1, 0.0).root) == wanted


def test_a_name_that_there_is_not_is_refused() -> None:
    plain = HierarchicalOcclusion(Seen(TWO), None, [3], [2])
    with pytest.raises(
        TypeError, match=r"`class_idx` must be whole numbers \(class ids\), got 'this'; names need `labels`"
    ):
        plain.search(ones(6, 9), "this", 0.0)
    with pytest.raises(
        ValueError, match="`class_idx` must be among the 2 class names, got 'thos'; did you mean 'this'"
    ):
        plain.with_labels(["other", "this"]).search(ones(6, 9), "thos", 0.0)
    with pytest.raises(ValueError, match="`labels` must name each of the network's 2 outputs, got 3 names"):
        plain.with_labels(["other", "this", "more"]).search(ones(6, 9), "this", 0.0)
